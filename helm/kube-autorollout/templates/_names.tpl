{{/*
Names and labels as `helm create` lays them out. The predecessor's chart has the same ones, so that
`helm upgrade` can take its place: a Deployment's selector and a binding's Role cannot be changed.
*/}}
{{- define "kube-autorollout.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kube-autorollout.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name }}
{{- $generated := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- .Values.fullnameOverride | default $generated | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kube-autorollout.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kube-autorollout.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kube-autorollout.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "kube-autorollout.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "kube-autorollout.serviceAccountName" -}}
{{- $generated := ternary (include "kube-autorollout.fullname" .) "default" .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default $generated }}
{{- end }}

{{- define "kube-autorollout.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
