{{/*
Names are fixed, not made from the release's: two operators in one cluster would fight over the same objects, and a
second release fails on these names before it can start one.
*/}}
{{- define "annex.name" -}}
annex-operator
{{- end }}

{{/* ServiceAccount whose tokens the operator sends to servers that it probes. */}}
{{- define "annex.probeServiceAccount" -}}
annex-probe
{{- end }}

{{/* Labels by which Deployment, Service and budget select the operator's pods; immutable, so the fewest. */}}
{{- define "annex.selectorLabels" -}}
app.kubernetes.io/name: annex
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Labels of every object of this chart. */}}
{{- define "annex.labels" -}}
{{ include "annex.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: annex
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Reference of the operator's image. */}}
{{- define "annex.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* The spread constraints, with the pods' selector where none is given. */}}
{{- define "annex.topologySpreadConstraints" -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "annex.selectorLabels" . | fromYaml)) -}}
{{- range .Values.topologySpreadConstraints }}
- {{ merge (deepCopy .) (hasKey . "labelSelector" | ternary dict $selector) | toYaml | nindent 2 | trim }}
{{- end }}
{{- end }}
