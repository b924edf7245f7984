{{- define "nereid.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "nereid.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" }}
{{- else if contains (include "nereid.name" .) .Release.Name }}
{{- .Release.Name | trunc 54 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "nereid.name" .) | trunc 54 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- define "nereid.selector" -}}
app.kubernetes.io/name: {{ include "nereid.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "nereid.labels" -}}
{{ include "nereid.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: inference
app.kubernetes.io/part-of: nereid
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}
{{- define "nereid.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "nereid.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}
{{- define "nereid.image" -}}
{{- with .Values.server.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}
{{/* Longer than the delay and the timeout together, so that Kubernetes does not end what still drains. */}}
{{- define "nereid.gracePeriod" -}}
{{- add .Values.server.shutdownDelay .Values.server.exitTimeout 5 }}
{{- end }}
{{/* The port of the object store, for the network policy. */}}
{{- define "nereid.s3Port" -}}
{{- $url := urlParse (default "https://s3.amazonaws.com" .Values.models.s3.endpoint) }}
{{- if regexMatch ":[0-9]+$" $url.host }}{{ regexFind "[0-9]+$" $url.host }}{{ else }}{{ ternary 80 443 (eq $url.scheme "http") }}{{ end }}
{{- end }}
{{/* Settings that contradict each other end here, before anything is installed. */}}
{{- define "nereid.check" -}}
{{- $m := .Values.models }}
{{- if and (eq $m.source "pvc") (not $m.pvc.claimName) }}{{ fail "models.source is pvc: name the claim in models.pvc.claimName" }}{{ end }}
{{- if and (eq $m.source "hostPath") (not $m.hostPath.path) }}{{ fail "models.source is hostPath: give the folder in models.hostPath.path" }}{{ end }}
{{- if and (eq $m.source "ociImage") (not $m.ociImage.reference) }}{{ fail "models.source is ociImage: give the image in models.ociImage.reference" }}{{ end }}
{{- if and (eq $m.source "s3") (not $m.s3.path) }}{{ fail "models.source is s3: give bucket/prefix in models.s3.path" }}{{ end }}
{{- if and (eq $m.source "ociImage") (semverCompare "<1.31-0" .Capabilities.KubeVersion.Version) }}{{ fail (printf "models.source ociImage needs Kubernetes 1.31 with the feature gate ImageVolume; this is %s" .Capabilities.KubeVersion.Version) }}{{ end }}
{{- if eq .Values.server.flavor "triton" }}
{{- if .Values.apiKeys.secretName }}{{ fail "apiKeys are Nereid's, and server.flavor is triton: leave apiKeys.secretName empty" }}{{ end }}
{{- if eq .Values.server.image.repository "nereid" }}{{ fail "server.flavor is triton: name its image in server.image.repository, as nvcr.io/nvidia/tritonserver" }}{{ end }}
{{- if not (or .Values.server.image.tag .Values.server.image.digest) }}{{ fail "server.flavor is triton: give server.image.tag or server.image.digest, as the chart's appVersion is Nereid's" }}{{ end }}
{{- end }}
{{- range .Values.server.extraArgs }}
{{- if regexMatch "^--(http|grpc|metrics)-port\\b|^--(shutdown-delay|exit-timeout-secs)\\b" . }}{{ fail (printf "server.extraArgs: the chart itself gives %s; ports in the container are fixed, service.ports are those of the service, and times are server.shutdownDelay and server.exitTimeout" (regexFind "^--[a-z-]+" .)) }}{{ end }}
{{- end }}
{{- with .Values.rollingUpdate }}
{{- if and (has (toString .maxSurge) (list "0" "0%")) (has (toString .maxUnavailable) (list "0" "0%")) }}{{ fail "rollingUpdate: maxSurge and maxUnavailable are both 0, so no pod could ever be replaced; make one of them 1" }}{{ end }}
{{- end }}
{{- with .Values.autoscaling }}
{{- if and (ne .kind "none") (gt (int .minReplicas) (int .maxReplicas)) }}{{ fail (printf "autoscaling: minReplicas %d is more than maxReplicas %d" (int .minReplicas) (int .maxReplicas)) }}{{ end }}
{{- if and (ne .kind "none") (eq .metric "cpu") (not (dig "cpu" "" ($.Values.resources.requests | default dict))) }}{{ fail "autoscaling.metric cpu is a share of resources.requests.cpu: give that" }}{{ end }}
{{- end }}
{{- with .Values.gateway }}
{{- if and .enabled (not .parentRefs) }}{{ fail "gateway.enabled: name the Gateway in gateway.parentRefs, as [{name: public}]" }}{{ end }}
{{- if and .enabled (not .hostnames) (not .grpcHostnames) }}{{ fail "gateway.enabled: give gateway.hostnames for HTTP, gateway.grpcHostnames for gRPC, or both" }}{{ end }}
{{- range .grpcHostnames }}
{{- if has . $.Values.gateway.hostnames }}{{ fail (printf "gateway: %s is among hostnames and grpcHostnames; a Gateway takes a host name either for HTTP or for gRPC" .) }}{{ end }}
{{- end }}
{{- end }}
{{- if and .Values.tls.mutual (not .Values.tls.secretName) }}{{ fail "tls.mutual needs tls.secretName, a secret with tls.crt, tls.key and ca.crt" }}{{ end }}
{{- end }}
