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

{{/* Reference of the image of annex-apiserver. */}}
{{- define "annex.serverImage" -}}
{{ .Values.serverImage.repository }}:{{ .Values.serverImage.tag | default .Chart.AppVersion }}
{{- with .Values.serverImage.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* The spread constraints, with the pods' selector where none is given. */}}
{{- define "annex.topologySpreadConstraints" -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "annex.selectorLabels" . | fromYaml)) -}}
{{- range .Values.topologySpreadConstraints }}
- {{ merge (deepCopy .) (hasKey . "labelSelector" | ternary dict $selector) | toYaml | nindent 2 | trim }}
{{- end }}
{{- end }}

{{/* Rules for a namespace in which servers run. */}}
{{- define "annex.serverRules" -}}
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# The claim of a StatefulSet's volume: read by name, and asked to grow. It is made and deleted by Kubernetes.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, patch]
- apiGroups: [""]
  resources: [services, serviceaccounts, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
# Those of a namespace whose endpoints do not answer in time are named.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}

{{/* Keys and certificates: read by name, created, or updated with a resourceVersion; their deletion is the garbage collector's. */}}
{{- define "annex.secretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, update]
{{- end }}

{{/* Binds the operator to a Role of the namespace. Takes a dict: root, role, namespace. */}}
{{- define "annex.roleBinding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .role }}
  namespace: {{ .namespace }}
  labels:
    {{- include "annex.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ .role }}
subjects:
  - kind: ServiceAccount
    name: {{ include "annex.name" .root }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}
