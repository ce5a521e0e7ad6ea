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

{{/*
values.resources. The API server refuses a request above its limit. Where one of both is the chart's default and the
other the user's, often still for the predecessor's 10 MB, the default gives way.
*/}}
{{- define "kube-autorollout.resources" -}}
{{- $resources := deepCopy (.Values.resources | default dict) }}
{{- $requests := $resources.requests | default dict }}
{{- $limits := $resources.limits | default dict }}
{{- range $what := list "cpu" "memory" }}
{{- $request := get $requests $what }}
{{- $limit := get $limits $what }}
{{- if and $request $limit (gt (include "kube-autorollout.quantity" $request | float64) (include "kube-autorollout.quantity" $limit | float64)) }}
{{- if eq (toString $limit) "256Mi" }}{{- $_ := set $limits $what $request }}{{- else }}{{- $_ := set $requests $what $limit }}{{- end }}
{{- end }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{/* A quantity of Kubernetes, `64Mi` or 67108864, as a number. */}}
{{- define "kube-autorollout.quantity" -}}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $text := toString . }}
{{- mulf (regexFind "^[0-9.]+(e[+-]?[0-9]+)?" $text | float64) (get $units (regexFind "[A-Za-z]*$" $text) | float64) }}
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
