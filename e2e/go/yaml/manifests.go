package main

// Manifests as people write them.
var manifests = []string{`apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
  labels: {app: web, tier: "front"}
  annotations:
    kubernetes.io/change-cause: 'image: nginx:1.25 -> nginx:1.27'
    prometheus.io/scrape: "true"
    prometheus.io/port: "9090"
spec:
  replicas: 3
  revisionHistoryLimit: 0x0a
  selector:
    matchLabels:
      app: web
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: "nginx:1.27"
        args: [--port=80, "--debug", -v]
        command:
        - /bin/sh
        - -c
        - |
          set -e
          echo "hello: world" # no comment
          exec nginx -g 'daemon off;'
        env:
        - {name: A, value: "yes"}
        - name: B
          valueFrom:
            fieldRef: {fieldPath: metadata.name}
        resources:
          limits: &limits
            cpu: 100m
            memory: 64Mi
          requests:
            <<: *limits
            cpu: 0.5
        volumeMounts:
        - mountPath: /etc/nginx/conf.d
          name: config
          readOnly: yes
      securityContext:
        fsGroup: 65532
        runAsNonRoot: true
      volumes:
      - name: config
        configMap:
          name: web
          defaultMode: 0644
`, `# What the server is told.
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  on: "1"
  nginx.conf: |
    server {
      listen 80;

      location / { root /usr/share/nginx/html; }
    }
  folded: >-
    one long line
    that goes on

    and another
      indented
    one
  empty: ""
  quoted: "tab\tnew\nline \u00e9 \
    continued"
  single: 'it''s
    two lines'
  plain: a value
    that goes on
  number: 12
  kept: |+
    end

binaryData:
  key: !!binary |
    SGVsbG8sIHdvcmxk
    IQ==
immutable: false
---
apiVersion: v1
kind: Secret
metadata:
  name: second
`, `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: lamps.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {plural: lamps, singular: lamp, kind: Lamp, shortNames: [lp], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            properties:
              color: {type: string, pattern: '^#[0-9a-f]{6}$', default: "#ffffff"}
              watts: {type: integer, minimum: 0, maximum: 1_000}
              factor: {type: number, default: 1.0}
              since: {type: string, format: date-time, default: 2001-01-01T00:00:00Z}
              mode: {type: string, enum: [on, off, auto, ~]}
              any:
                x-kubernetes-preserve-unknown-fields: true
          status: {type: object, nullable: true, default: null}
    subresources: {status: {}}
`, `{
  "apiVersion": "v1", "kind": "Service",
  "metadata": {"name": "web", "labels": {"a/b": "c\td"}},
  "spec": {
    "ports": [{"port": 80, "targetPort": "http", "protocol": "TCP"}, {"port": 443, "nodePort": null}],
    "selector": {"app": "web"}, "sessionAffinity": "None", "factor": -1.5e3, "empty": {}, "list": []
  }
}
`, `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
    name:   wide
spec:
    podSelector: {}
    policyTypes: [ Ingress , Egress ]
    ingress:
      -   from:
            -   ipBlock:
                    cidr: 10.0.0.0/8
                    except: [10.1.0.0/16, '10.2.0.0/16',]
            -   namespaceSelector:
                    matchExpressions:
                        - {key: a, operator: In, values: [x, "y", z]}
          ports:
            - port: 443
              protocol: TCP
    egress:
      - {}
? complex
: - a
  - ? b
    : c
anchored: &x {a: &y 1, b: *y}
again: *x
`}
