// What makes the data that annex-yaml is compared with.
module annex.dev/e2e/yaml

go 1.26.0

require sigs.k8s.io/yaml v1.6.0

// What Kubernetes 1.36 has.
require go.yaml.in/yaml/v2 v2.4.3 // indirect
