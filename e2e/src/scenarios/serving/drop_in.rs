//! wardle in the place of the Go sample-apiserver, without Annex's operator: the manifests and the flags of Kubernetes' own
//! conformance test of the aggregator (test/e2e/apimachinery/aggregator.go), and what that test asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, api::PostParams, core::ObjectMeta};
use serde_json::Value;

use crate::certs::Authority;
use crate::client;
use crate::scenarios::{Failure, World, ensure};

const NAME: &str = "serving-drop-in";
const API: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
const API_SERVICE: &str = "v1alpha1.wardle.example.com";

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    removed(world).await?;
    world.namespace(NAME).await?;
    let authority = Authority::new("sample-api's authority")?;
    secret(world, &authority).await?;
    world.apply(MANIFESTS).await?;
    let line = format!("-n {NAME} rollout status deployment/sample-apiserver-deployment --timeout=180s");
    world.kubectl(&line).await?;
    world.apply(&api_service(&authority)).await?;
    let line = format!("wait apiservice/{API_SERVICE} --for=condition=Available --timeout=120s");
    world.kubectl(&line).await?;
    // As the test does: what the condition says, the kube-apiserver's proxy learns a moment later.
    world
        .eventually("the API to be listed", async || {
            let listed = world.kubectl(&format!("get --raw {API}")).await;
            listed.map(drop).map_err(|error| error.to_string())
        })
        .await?;
    asked(world).await?;
    removed(world).await
}

/// What is cluster-scoped, or in kube-system, goes by name.
async fn removed(world: &World) -> Result<(), Failure> {
    world.delete("apiservice", API_SERVICE).await?;
    for kind in ["clusterrole", "clusterrolebinding"] {
        world.delete(kind, "serving-drop-in").await?;
    }
    world
        .delete("clusterrolebinding", "serving-drop-in-delegator")
        .await?;
    world
        .kubectl("-n kube-system delete rolebinding serving-drop-in-reader --ignore-not-found")
        .await?;
    world.delete("namespace", NAME).await
}

async fn secret(world: &World, authority: &Authority) -> Result<(), Failure> {
    let identity = authority.server("sample-api", &[&format!("sample-api.{NAME}.svc")], &[])?;
    let entry = |key: &str, text: &str| (key.to_owned(), ByteString(text.as_bytes().to_vec()));
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some("sample-apiserver-secret".to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(
            [
                entry("tls.crt", &identity.certificate),
                entry("tls.key", &identity.key),
            ]
            .into(),
        ),
        ..Secret::default()
    };
    let secrets = Api::<Secret>::namespaced(world.client.clone(), NAME);
    secrets.create(&PostParams::default(), &secret).await?;
    Ok(())
}

/// The test's own requests, in its order.
async fn asked(world: &World) -> Result<(), Failure> {
    let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
    let body = br#"{"apiVersion":"wardle.example.com/v1alpha1","kind":"Flunder","metadata":{"labels":{"sample-label":"true"},"name":"test-flunder"}}"#;
    // As the test sends it: without a content type.
    let request = http::Request::post(API).body(kube::client::Body::from(body.to_vec()))?;
    let code = client.send(request).await?.status();
    ensure(code == http::StatusCode::CREATED, || {
        format!("a creation was answered with {code}")
    })?;
    counted(world, 1).await?;
    // By its path: kubectl may remember a version that another server offered here a minute ago.
    let request = http::Request::delete(format!("{API}/test-flunder")).body(kube::client::Body::empty())?;
    let code = client.send(request).await?.status();
    ensure(code == http::StatusCode::OK, || {
        format!("a deletion was answered with {code}")
    })?;
    counted(world, 0).await?;
    let resources = world
        .kubectl("api-resources --namespaced --api-group=wardle.example.com -o name")
        .await?;
    ensure(resources.contains("flunders.wardle.example.com"), || {
        resources.clone()
    })?;
    let path = "jsonpath={.status.conditions[0].message}";
    let message = world
        .kubectl(&format!("get apiservice {API_SERVICE} -o {path}"))
        .await?;
    ensure(message == "all checks passed", || message.clone())?;
    // A client that prefers CBOR is told to fall back.
    let request = http::Request::post(API)
        .header("content-type", "application/cbor")
        .body(kube::client::Body::from(vec![0xa0]))?;
    let code = client.send(request).await?.status();
    ensure(code == http::StatusCode::UNSUPPORTED_MEDIA_TYPE, || {
        format!("CBOR was answered with {code}")
    })
}

async fn counted(world: &World, wanted: usize) -> Result<(), Failure> {
    let list: Value = serde_json::from_str(&world.kubectl(&format!("get --raw {API}")).await?)?;
    let found = list["items"].as_array().map(Vec::len);
    ensure(found == Some(wanted), || {
        format!("{wanted} flunder(s), and: {list}")
    })
}

fn api_service(authority: &Authority) -> String {
    format!(
        "
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{ name: {API_SERVICE} }}
spec:
  group: wardle.example.com
  version: v1alpha1
  groupPriorityMinimum: 2000
  versionPriority: 200
  service: {{ name: sample-api, namespace: {NAME}, port: 7443 }}
  caBundle: {}
",
        BASE64.encode(authority.certificate())
    )
}

const MANIFESTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: serving-drop-in }
rules:
- { apiGroups: [''], resources: [namespaces], verbs: [get, list, watch] }
- { apiGroups: [admissionregistration.k8s.io], resources: ['*'], verbs: [get, list, watch] }
- { apiGroups: [flowcontrol.apiserver.k8s.io], resources: [prioritylevelconfigurations, flowschemas], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: serving-drop-in }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: serving-drop-in }
subjects: [{ kind: ServiceAccount, name: default, namespace: serving-drop-in }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: serving-drop-in-delegator }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:auth-delegator' }
subjects: [{ kind: ServiceAccount, name: default, namespace: serving-drop-in }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: serving-drop-in-reader, namespace: kube-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader }
subjects: [{ kind: ServiceAccount, name: default, namespace: serving-drop-in }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: sample-apiserver-deployment, namespace: serving-drop-in }
spec:
  replicas: 1
  selector: { matchLabels: { apiserver: 'true' } }
  template:
    metadata: { labels: { apiserver: 'true' } }
    spec:
      containers:
      - name: sample-apiserver
        image: localhost/wardle:0.1.0
        args:
        - --etcd-servers=http://127.0.0.1:2379
        - --tls-cert-file=/apiserver.local.config/certificates/tls.crt
        - --tls-private-key-file=/apiserver.local.config/certificates/tls.key
        - --audit-log-path=-
        - --audit-log-maxage=0
        - --audit-log-maxbackup=0
        readinessProbe:
          httpGet: { scheme: HTTPS, port: 443, path: /readyz }
          periodSeconds: 1
        volumeMounts: [{ name: certificates, mountPath: /apiserver.local.config/certificates, readOnly: true }]
      - name: etcd
        image: localhost/etcd:v3.6.16
        command: [/etcd, '--listen-client-urls', 'http://127.0.0.1:2379', '--advertise-client-urls', 'http://127.0.0.1:2379']
      volumes:
      - { name: certificates, secret: { secretName: sample-apiserver-secret } }
---
apiVersion: v1
kind: Service
metadata: { name: sample-api, namespace: serving-drop-in }
spec:
  selector: { apiserver: 'true' }
  ports: [{ port: 7443, targetPort: 443 }]
";
