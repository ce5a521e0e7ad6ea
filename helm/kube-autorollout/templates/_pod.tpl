{{/* What the poller's Pod and the test's have in common. */}}
{{- define "kube-autorollout.environment" -}}
- name: CONFIG_FILE
  value: /etc/kube-autorollout/config/config.yaml
- name: LOG_LEVEL
  value: {{ .Values.config.logLevel | default "info" | lower | quote }}
- name: LOG_FORMAT
  value: {{ .Values.logFormat | default "json" | quote }}
{{- range $name, $source := (include "kube-autorollout.plan" . | fromYaml).env }}
- name: {{ $name }}
  valueFrom:
    {{- toYaml $source | nindent 4 }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kube-autorollout.volumeMounts" -}}
- name: config
  mountPath: /etc/kube-autorollout/config
  readOnly: true
{{- with concat (include "kube-autorollout.plan" . | fromYaml).mounts (.Values.volumeMounts | default list) }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kube-autorollout.volumes" -}}
- name: config
  configMap:
    name: {{ include "kube-autorollout.fullname" . }}-config
{{- with concat (include "kube-autorollout.plan" . | fromYaml).volumes (.Values.volumes | default list) }}
{{ toYaml . }}
{{- end }}
{{- end }}
