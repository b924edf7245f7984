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
{{/* Settings that contradict each other end here, before anything is installed. */}}
{{- define "nereid.check" -}}
{{- $m := .Values.models }}
{{- if and (eq $m.source "pvc") (not $m.pvc.claimName) }}{{ fail "models.source is pvc: name the claim in models.pvc.claimName" }}{{ end }}
{{- if and (eq $m.source "hostPath") (not $m.hostPath.path) }}{{ fail "models.source is hostPath: give the folder in models.hostPath.path" }}{{ end }}
{{- if and (eq $m.source "ociImage") (not $m.ociImage.reference) }}{{ fail "models.source is ociImage: give the image in models.ociImage.reference" }}{{ end }}
{{- if and (eq $m.source "s3") (not $m.s3.path) }}{{ fail "models.source is s3: give bucket/prefix in models.s3.path" }}{{ end }}
{{- if and (eq .Values.server.flavor "triton") .Values.apiKeys.secretName }}{{ fail "apiKeys are Nereid's, and server.flavor is triton" }}{{ end }}
{{- if and .Values.tls.mutual (not .Values.tls.secretName) }}{{ fail "tls.mutual needs tls.secretName, a secret with tls.crt, tls.key and ca.crt" }}{{ end }}
{{- end }}
