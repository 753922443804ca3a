{{/* Labels of every object of this chart. */}}
{{- define "annex-crds.labels" -}}
app.kubernetes.io/name: annex-crds
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: annex
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Name of the objects that make up the uninstallation's check. */}}
{{- define "annex-crds.checkName" -}}
annex-check-uninstall
{{- end }}

{{/*
Annotations of the check's objects. They are no part of the release: each is made before the deletion starts and is
gone after it, whether the check allowed or refused it, and what a killed helm left behind goes at the next attempt.
*/}}
{{- define "annex-crds.hookAnnotations" -}}
helm.sh/hook: pre-delete
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end }}

{{/* Reference of the operator's image. */}}
{{- define "annex-crds.image" -}}
{{- $image := .Values.uninstallCheck.image -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}
