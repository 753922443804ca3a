//! An etcd for servers that share one.

use super::{Failure, World};

/// Makes a namespace with [`plain`] in it, and waits until that is ready.
pub(super) async fn started(world: &World, namespace: &str) -> Result<(), Failure> {
    world.delete("namespace", namespace).await?;
    world.namespace(namespace).await?;
    world.apply(&plain(namespace)).await?;
    let line = format!("-n {namespace} rollout status deployment/etcd --timeout=180s");
    world.kubectl(&line).await.map(drop)
}

/// One member without certificates, which keeps its data as long as its pod lives; Service `etcd` leads to it.
pub(super) fn plain(namespace: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: etcd, namespace: {namespace} }}
spec:
  selector: {{ matchLabels: {{ app: etcd }} }}
  template:
    metadata: {{ labels: {{ app: etcd }} }}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: etcd
        image: localhost/etcd:v3.6.16
        args: [--data-dir=/data, --listen-client-urls=http://0.0.0.0:2379, --advertise-client-urls=http://etcd:2379]
        readinessProbe: {{ tcpSocket: {{ port: 2379 }}, periodSeconds: 1 }}
        volumeMounts: [{{ name: data, mountPath: /data }}]
      volumes:
      - {{ name: data, emptyDir: {{}} }}
---
apiVersion: v1
kind: Service
metadata: {{ name: etcd, namespace: {namespace} }}
spec:
  selector: {{ app: etcd }}
  ports: [{{ port: 2379 }}]
"
    )
}
