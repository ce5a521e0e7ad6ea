{{/*
values.metrics with what `helm upgrade --reuse-values` leaves out filled in, as YAML. Whatever is switched on
needs the web server.
*/}}
{{- define "kube-autorollout.metrics" -}}
{{- $defaults := dict
      "service" (dict "enabled" false "annotations" dict)
      "serviceMonitor" (dict "enabled" false "labels" dict "interval" "30s")
      "prometheusRule" (dict "enabled" false "labels" dict "noSuccessMinutes" 15)
      "dashboard" (dict "enabled" false "labels" dict "annotations" dict) }}
{{- $metrics := mergeOverwrite $defaults (deepCopy (.Values.metrics | default dict)) }}
{{- $port := dig "webserver" "port" 8080 .Values.config | int }}
{{- range $what := list "service" "serviceMonitor" "prometheusRule" }}
{{- if and (not $port) (get $metrics $what).enabled }}
{{- fail (printf "metrics.%s needs config.webserver.port, which is 0" $what) }}
{{- end }}
{{- end }}
{{- toYaml $metrics }}
{{- end }}
