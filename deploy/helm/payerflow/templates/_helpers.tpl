{{- define "payerflow.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "payerflow.selector" -}}
app.kubernetes.io/name: payerflow
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "payerflow.labels" -}}
{{ include "payerflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "payerflow.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{- /* The pod's own rights: none. */ -}}
{{- define "payerflow.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "payerflow.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* What every process is told. A dict of root, and kafka: the secret of its principal. */ -}}
{{- define "payerflow.env" -}}
- name: PAYERFLOW_ENGINE_DATA_DIR
  value: /data
- name: PAYERFLOW_SECURITY_SECRET_FILE
  value: /secrets/deployment/secret
{{- if .kafka }}
- name: PAYERFLOW_BROKER_SASL_PASSWORD_FILE
  value: /secrets/kafka/password
{{- end }}
{{- if .root.Values.secrets.kafkaCA }}
- name: PAYERFLOW_BROKER_TLS_CA
  value: /secrets/kafka-ca/ca.crt
{{- end }}
{{- end -}}

{{- define "payerflow.mounts" -}}
- name: config
  mountPath: /config
  readOnly: true
- name: deployment-secret
  mountPath: /secrets/deployment
  readOnly: true
{{- if .kafka }}
- name: kafka-secret
  mountPath: /secrets/kafka
  readOnly: true
{{- end }}
{{- if .root.Values.secrets.kafkaCA }}
- name: kafka-ca
  mountPath: /secrets/kafka-ca
  readOnly: true
{{- end }}
- name: tmp
  mountPath: /tmp
{{- end -}}

{{- define "payerflow.volumes" -}}
- name: config
  configMap:
    name: {{ include "payerflow.name" .root }}
- name: deployment-secret
  secret:
    secretName: {{ .root.Values.secrets.deployment }}
    defaultMode: 0400
{{- if .kafka }}
- name: kafka-secret
  secret:
    secretName: {{ .kafka }}
    defaultMode: 0400
{{- end }}
{{- if .root.Values.secrets.kafkaCA }}
- name: kafka-ca
  secret:
    secretName: {{ .root.Values.secrets.kafkaCA }}
{{- end }}
- name: tmp
  emptyDir: {}
{{- end -}}

{{- /* A set of processes with a volume each: root, part, count, command, kafka, spec (resources, storage). */ -}}
{{- define "payerflow.set" -}}
{{- $name := include "payerflow.name" .root -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}-{{ .part }}
  labels:
    {{- include "payerflow.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
spec:
  serviceName: {{ $name }}-{{ .part }}
  {{- if .count }}
  replicas: {{ .count }}
  {{- end }}
  # Each finds its own way into the groups: none waits for the one before it.
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      {{- include "payerflow.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .part }}
  template:
    metadata:
      labels:
        {{- include "payerflow.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .part }}
      annotations:
        checksum/config: {{ .root.Values.config | toYaml | sha256sum }}
        prometheus.io/scrape: "true"
        prometheus.io/port: "8080"
        prometheus.io/path: /metrics
    spec:
      automountServiceAccountToken: false
      # A service named payerflow would put names into the environment that the configuration does not know.
      enableServiceLinks: false
      # SIGTERM commits, hands the partitions over and ends; 10 s are for requests under way.
      terminationGracePeriodSeconds: 45
      securityContext:
        {{- include "payerflow.podSecurity" .root | nindent 8 }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .spec.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .spec.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .spec.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if .spec.topologySpread }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "payerflow.selector" .root | nindent 14 }}
              app.kubernetes.io/component: {{ .part }}
      {{- end }}
      containers:
        - name: payerflow
          image: {{ include "payerflow.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [{{ .command }}, --config, /config/payerflow.yaml]
          env:
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            - name: POD_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
            - name: PAYERFLOW_HTTP_ADDR
              value: ":8080"
            - name: PAYERFLOW_PEERS_LISTEN
              value: ":8082"
            - name: PAYERFLOW_PEERS_ADVERTISE
              value: $(POD_NAME).{{ $name }}-{{ .part }}.$(POD_NAMESPACE).svc:8082
            - name: PAYERFLOW_PEERS_TLS_CA
              value: /secrets/peers/ca.crt
            - name: PAYERFLOW_PEERS_TLS_CERT
              value: /secrets/peers/tls.crt
            - name: PAYERFLOW_PEERS_TLS_KEY
              value: /secrets/peers/tls.key
            {{- with .spec.goMemLimit }}
            - name: GOMEMLIMIT
              value: {{ . }}
            {{- end }}
            {{- with .more }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
            {{- include "payerflow.env" . | nindent 12 }}
          ports:
            - name: http
              containerPort: 8080
            - name: peers
              containerPort: 8082
          # A restore takes as long as it takes: it is alive all the while.
          livenessProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 10
            failureThreshold: 6
          startupProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 2
            failureThreshold: 60
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 3
            failureThreshold: 2
          resources:
            {{- toYaml .spec.resources | nindent 12 }}
          securityContext:
            {{- include "payerflow.containerSecurity" .root | nindent 12 }}
          volumeMounts:
            - name: data
              mountPath: /data
            - name: peers
              mountPath: /secrets/peers
              readOnly: true
            {{- include "payerflow.mounts" . | nindent 12 }}
      volumes:
        - name: peers
          secret:
            secretName: {{ .root.Values.secrets.peers }}
            defaultMode: 0400
        {{- include "payerflow.volumes" . | nindent 8 }}
  # A volume outlives its pod: what is lost with one is restored from the changelogs.
  persistentVolumeClaimRetentionPolicy:
    whenDeleted: Retain
    whenScaled: Retain
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .spec.storage.className }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .spec.storage.size }}
---
# The names by which they reach one another, before they are ready too.
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}-{{ .part }}
  labels:
    {{- include "payerflow.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "payerflow.selector" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
  ports:
    - name: peers
      port: 8082
      targetPort: peers
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}-{{ .part }}
  labels:
    {{- include "payerflow.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
spec:
  maxUnavailable: {{ .spec.maxUnavailable | default 1 }}
  selector:
    matchLabels:
      {{- include "payerflow.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .part }}
{{- end -}}
