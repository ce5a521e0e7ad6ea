{{/* What the poller's Pod and the test's have in common. */}}
{{- define "kube-autorollout.environment" -}}
- name: CONFIG_FILE
  value: /etc/kube-autorollout/config/config.yaml
- name: LOG_LEVEL
  value: {{ include "kube-autorollout.logLevel" . | quote }}
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

{{/*
The predecessor takes filters for the parts of a Rust program: `info,kube=debug`. What counts here is the level of its own
part, or else the one for all. It can be silent, too; ours says errors at least.
*/}}
{{- define "kube-autorollout.logLevel" -}}
{{- $all := "info" }}
{{- $own := "" }}
{{- range $filter := splitList "," (.Values.config.logLevel | default "info" | lower) }}
{{- $parts := splitList "=" $filter }}
{{- if eq (len $parts) 1 }}{{- $all = trim $filter }}
{{- else if eq (trim (first $parts)) "kube_autorollout" }}{{- $own = trim (last $parts) }}{{- end }}
{{- end }}
{{- $own | default $all | replace "off" "error" }}
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
