{{/*
What config.registries and config.tls come to, worked out once: a YAML document with

  rules    registries[] of the config file
  caPaths  tls.caCertificatePaths of the config file
  tokens   literal tokens, for the chart's own Secret
  env      variables of the Pod, by name
  volumes, mounts  of the Pod

Secrets are mounted as folders, which the kubelet keeps up to date: a rotated token, pull Secret or
certificate is seen without a restart. A mount with subPath never changes.
*/}}
{{- define "kube-autorollout.plan" -}}
{{- $plan := dict "rules" list "caPaths" list "tokens" dict "env" dict "volumes" list "mounts" list }}
{{- $text := toJson .Values.config }}
{{- range $index, $rule := .Values.config.registries }}
{{- include "kube-autorollout.planRule" (dict "plan" $plan "index" $index "rule" $rule) }}
{{- include "kube-autorollout.planVariable" (dict "plan" $plan "secret" ($rule.secret | default dict) "text" $text) }}
{{- end }}
{{- range .Values.env }}{{- $_ := unset $plan.env .name }}{{- end }}
{{- include "kube-autorollout.planTokens" (dict "plan" $plan "secretName" (printf "%s-tokens" (include "kube-autorollout.fullname" .))) }}
{{- include "kube-autorollout.planCertificates" (dict "plan" $plan "tls" (.Values.config.tls | default dict) "volumeMounts" .Values.volumeMounts) }}
{{- toYaml $plan }}
{{- end }}

{{/* A copy of a map without its null values: `username:` with nothing behind it is the same as absent. */}}
{{- define "kube-autorollout.withoutNulls" -}}
{{- $kept := dict }}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}{{- $_ := set $kept $key $value }}{{- end }}
{{- end }}
{{- toYaml $kept }}
{{- end }}

{{- define "kube-autorollout.planRule" -}}
{{- $plan := .plan }}
{{- $where := printf "config.registries[%d].secret" .index }}
{{- $rule := include "kube-autorollout.withoutNulls" .rule | fromYaml }}
{{- if hasKey $rule "secret" }}
{{- $secret := include "kube-autorollout.withoutNulls" $rule.secret | fromYaml }}
{{- $guess := "" }}
{{- if or $secret.token $secret.key $secret.tokenFile }}{{- $guess = "Opaque" }}{{- else if $secret.mountPath }}{{- $guess = "ImagePullSecret" }}{{- end }}
{{- $type := $secret.type | default $guess }}
{{- if eq $type "None" }}
{{- $_ := set $rule "secret" (dict "type" "None") }}
{{- else if eq $type "ImagePullSecret" }}
{{- $mountPath := $secret.mountPath | default (printf "/etc/kube-autorollout/registries/%d" .index) }}
{{- if $secret.name }}
{{- include "kube-autorollout.planPullSecret" (dict "plan" $plan "where" $where "index" .index "name" $secret.name "mountPath" (clean $mountPath)) }}
{{- else if not $secret.mountPath }}
{{- fail (printf "%s: type ImagePullSecret needs name, the Secret to mount, or mountPath, a folder that you mount" $where) }}
{{- end }}
{{- $_ := set $rule "secret" (dict "type" "ImagePullSecret" "mountPath" $mountPath) }}
{{- else if eq $type "Opaque" }}
{{- $rendered := pick $secret "username" "tokenFile" }}
{{- $_ := set $rendered "type" "Opaque" }}
{{- if and $secret.tokenFile (or $secret.token (and $secret.name $secret.key)) }}
{{- fail (printf "%s: tokenFile is set beside %s; only one of them can be meant" $where (ternary "token" "name and key" (not (empty $secret.token)))) }}
{{- end }}
{{- if $secret.token }}
{{- $text := regexReplaceAll "(\\r?\\n)+$" $secret.token "" }}
{{- if not (trim $text) }}{{- fail (printf "%s: token is empty" $where) }}{{- end }}
{{- if regexMatch "[[:cntrl:]]" $text }}{{- fail (printf "%s: token holds a line break or another control character" $where) }}{{- end }}
{{- if regexMatch "\\$\\{[^}]*\\}" $secret.token }}
{{- $_ := set $rendered "token" $secret.token }}
{{- else }}
{{- $file := printf "registry-%d" .index }}
{{- $_ := set $plan.tokens $file $secret.token }}
{{- $_ := set $rendered "tokenFile" (printf "/etc/kube-autorollout/tokens/%s" $file) }}
{{- end }}
{{- else if and $secret.name $secret.key }}
{{- $volume := printf "registry-%d" .index }}
{{- $folder := printf "/etc/kube-autorollout/registries/%d" .index }}
{{- $items := list (dict "key" $secret.key "path" "token") }}
{{- $_ := set $plan "volumes" (append $plan.volumes (dict "name" $volume "secret" (dict "secretName" $secret.name "items" $items))) }}
{{- $_ := set $plan "mounts" (append $plan.mounts (dict "name" $volume "mountPath" $folder "readOnly" true)) }}
{{- $_ := set $rendered "tokenFile" (printf "%s/token" $folder) }}
{{- else if not $secret.tokenFile }}
{{- fail (printf "%s: type Opaque needs name and key, a Secret and its key, or token, or tokenFile" $where) }}
{{- end }}
{{- $_ := set $rule "secret" $rendered }}
{{- else }}
{{- fail (printf "%s: type %q is none of ImagePullSecret, Opaque, None, and neither token, key nor mountPath tells which is meant" $where $type) }}
{{- end }}
{{- end }}
{{- $_ := set $plan "rules" (append $plan.rules $rule) }}
{{- end }}

{{/*
The predecessor passes Opaque Secrets as variables named after their key, so that any text of the config may name one:
`username: ${ROBOT}`. Those that are named are there still; of two rules with the same key the last one counts, as in a Pod.
*/}}
{{- define "kube-autorollout.planVariable" -}}
{{- if and .secret.name .secret.key }}
{{- if contains (printf "${%s}" .secret.key) .text }}
{{- $_ := set .plan.env .secret.key (dict "secretKeyRef" (dict "name" .secret.name "key" .secret.key)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Two rules may name the same Secret at the same place: one mount serves both. */}}
{{- define "kube-autorollout.planPullSecret" -}}
{{- $plan := .plan }}
{{- $mountPath := .mountPath }}
{{- $taken := "" }}
{{- range $mount := $plan.mounts }}
{{- if eq $mount.mountPath $mountPath }}
{{- range $volume := $plan.volumes }}{{- if eq $volume.name $mount.name }}{{- $taken = $volume.secret.secretName }}{{- end }}{{- end }}
{{- end }}
{{- end }}
{{- if and $taken (ne $taken .name) }}
{{- fail (printf "%s: mountPath %s is taken by Secret %s; each Secret needs a folder of its own" .where $mountPath $taken) }}
{{- else if not $taken }}
{{- $volume := printf "registry-%d" .index }}
{{- $_ := set $plan "volumes" (append $plan.volumes (dict "name" $volume "secret" (dict "secretName" .name))) }}
{{- $_ := set $plan "mounts" (append $plan.mounts (dict "name" $volume "mountPath" $mountPath "readOnly" true)) }}
{{- end }}
{{- end }}

{{/* Literal tokens do not belong into a ConfigMap, so they get a Secret of the chart's own. */}}
{{- define "kube-autorollout.planTokens" -}}
{{- $plan := .plan }}
{{- if $plan.tokens }}
{{- $_ := set $plan "volumes" (append $plan.volumes (dict "name" "tokens" "secret" (dict "secretName" .secretName))) }}
{{- $_ := set $plan "mounts" (append $plan.mounts (dict "name" "tokens" "mountPath" "/etc/kube-autorollout/tokens" "readOnly" true)) }}
{{- end }}
{{- end }}

{{/*
Certificates keep the paths that the user gave them. Those of one directory share a projected volume,
mounted as that directory, except where a folder would cover up something: a directory of the image
itself (/etc/ssl/certs holds the system's authorities) or another mount. There each file is mounted alone,
by subPath, and a new certificate needs a restart.
*/}}
{{- define "kube-autorollout.planCertificates" -}}
{{- $plan := .plan }}
{{- $paths := .tls.caCertificatePaths | default list }}
{{- $directories := dict }}
{{- $custom := .tls.customCaCertificates | default dict }}
{{- if $custom.enabled }}
{{- range $index, $entry := $custom.secrets }}
{{- $where := printf "config.tls.customCaCertificates.secrets[%d]" $index }}
{{- if not (and $entry.name $entry.subPath $entry.mountPath) }}
{{- fail (printf "%s: name, subPath (the key) and mountPath (the file in the Pod) are all needed" $where) }}
{{- end }}
{{- if not (isAbs $entry.mountPath) }}
{{- fail (printf "%s: mountPath %q is no absolute path" $where $entry.mountPath) }}
{{- end }}
{{- if has $entry.mountPath $paths }}
{{- fail (printf "%s: mountPath %s is there twice" $where $entry.mountPath) }}
{{- end }}
{{- $paths = append $paths $entry.mountPath }}
{{- $directory := clean (dir $entry.mountPath) }}
{{- $item := dict "name" $entry.name "key" $entry.subPath "path" (base $entry.mountPath) }}
{{- $_ := set $directories $directory (append (get $directories $directory | default list) $item) }}
{{- end }}
{{- end }}
{{- $_ := set $plan "caPaths" $paths }}
{{- $others := list }}
{{- range concat $plan.mounts (.volumeMounts | default list) }}{{- $others = append $others (clean .mountPath) }}{{- end }}
{{- $others = concat $others (keys $directories) }}
{{- range $index, $directory := keys $directories | sortAlpha }}
{{- $files := get $directories $directory }}
{{- $alone := or
      (has $directory (list "/" "/etc" "/home" "/media" "/mnt" "/opt" "/srv" "/tmp" "/var"))
      (regexMatch "^/(app|bin|boot|dev|lib|lib32|lib64|libx32|proc|root|run|sbin|sys|usr|var/run|etc/ssl|etc/pki|etc/ca-certificates|etc/kube-autorollout)(/|$)" $directory) }}
{{- $same := 0 }}
{{- range $other := $others }}
{{- if eq $other $directory }}{{- $same = add1 $same }}
{{- else if hasPrefix (printf "%s/" $directory) $other }}{{- $alone = true }}{{- end }}
{{- end }}
{{- if or $alone (gt (int $same) 1) }}
{{- range $number, $file := $files }}
{{- $volume := printf "ca-%d-%d" $index $number }}
{{- $items := list (dict "key" $file.key "path" $file.path) }}
{{- $_ := set $plan "volumes" (append $plan.volumes (dict "name" $volume "secret" (dict "secretName" $file.name "items" $items))) }}
{{- $_ := set $plan "mounts" (append $plan.mounts (dict "name" $volume "mountPath" (clean (printf "%s/%s" $directory $file.path)) "subPath" $file.path "readOnly" true)) }}
{{- end }}
{{- else }}
{{- $volume := printf "ca-%d" $index }}
{{- $sources := list }}
{{- range $file := $files }}
{{- $sources = append $sources (dict "secret" (dict "name" $file.name "items" (list (dict "key" $file.key "path" $file.path)))) }}
{{- end }}
{{- $_ := set $plan "volumes" (append $plan.volumes (dict "name" $volume "projected" (dict "sources" $sources))) }}
{{- $_ := set $plan "mounts" (append $plan.mounts (dict "name" $volume "mountPath" $directory "readOnly" true)) }}
{{- end }}
{{- end }}
{{- end }}
