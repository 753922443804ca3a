//! Nobody gets more than Kubernetes grants: neither through the aggregator, nor past it with a forged identity.

use std::collections::BTreeMap;

use annex_crds::v1alpha1::Reason;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _, api::PostParams, core::ObjectMeta};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

use super::{super::stage, super::world::World, keys};
use crate::scenarios::{Failure, ensure, failure};

/// Who asks, in the tests' own namespace.
const READER: &str = "reader";
/// A name that the server must neither believe nor repeat.
const FORGED: &str = "forged-administrator";

/// One server, asked by many.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let name = "safety";
    stage::sample(world, name).await?;
    grant(world, name).await?;
    through_the_aggregator(world, name).await?;
    past_the_aggregator(world, name).await?;
    let proved = Some(Reason::IdentityProved.as_str());
    world.condition(name, "BypassProtected", "True", proved).await?;
    keys::are_where_they_belong(world, name).await?;
    stage::cleared(world, name).await
}

/// One ServiceAccount that may list flunders, so that a refusal is not the answer to everything.
async fn grant(world: &World, namespace: &str) -> Result<(), Failure> {
    for line in [
        format!("-n {namespace} create serviceaccount {READER}"),
        format!("-n {namespace} create role {READER} --verb=list --resource=flunders.wardle.example.com"),
        format!(
            "-n {namespace} create rolebinding {READER} --role={READER} --serviceaccount={namespace}:{READER}"
        ),
    ] {
        world.kubectl(&line).await?;
    }
    Ok(())
}

async fn through_the_aggregator(world: &World, namespace: &str) -> Result<(), Failure> {
    let list = format!("-n {namespace} get flunders");
    let reader = format!("{list} --as=system:serviceaccount:{namespace}:{READER}");
    world
        .eventually("the reader's right to reach the server", async || {
            let listed = world.kubectl(&reader).await;
            listed.map(|_| ()).map_err(|error| error.to_string())
        })
        .await?;
    let refusal = world.kubectl_fails(&format!("{list} --as=mallory")).await?;
    let words = format!(
        "Error from server (Forbidden): flunders.wardle.example.com is forbidden: User \"mallory\" cannot list resource \"flunders\" in API group \"wardle.example.com\" in the namespace \"{namespace}\""
    );
    ensure(refusal.contains(&words), || {
        format!("a user without rights was told: {refusal}")
    })
}

/// A pod asks the server itself: forged headers, a certificate of an authority of its own, a token of nobody.
async fn past_the_aggregator(world: &World, namespace: &str) -> Result<(), Failure> {
    identity(world, namespace).await?;
    let pod = pod(namespace);
    world.apply(&pod).await?;
    let wait = format!("-n {namespace} wait --for=condition=Ready --timeout=120s pod/attacker");
    world.kubectl(&wait).await?;
    let token = world
        .kubectl(&format!("-n {namespace} create token {READER}"))
        .await?;
    let forged_headers = [
        format!("--header=X-Remote-User:{FORGED}"),
        "--header=X-Remote-Group:system:masters".to_owned(),
    ];
    let certificate = ["--cert=/identity/tls.crt", "--key=/identity/tls.key"].map(str::to_owned);
    let asks: [(&str, Vec<String>, u16); 6] = [
        (
            "with a token that may",
            vec![format!("--token={}", token.trim())],
            200,
        ),
        ("with nothing", Vec::new(), 403),
        ("with forged headers", forged_headers.to_vec(), 403),
        ("with another authority's certificate", certificate.to_vec(), 401),
        (
            "with another authority's certificate and forged headers",
            [certificate, forged_headers].concat(),
            401,
        ),
        (
            "with a token of nobody",
            vec!["--token=eyJhbGciOiJub25lIn0.e30.".to_owned()],
            401,
        ),
    ];
    for (how, arguments, code) in asks {
        let answer = ask(world, namespace, &arguments).await?;
        check(how, code, &answer)?;
    }
    Ok(())
}

fn check(how: &str, code: u16, answer: &str) -> Result<(), Failure> {
    let wrong = |what: &str| format!("asked past the aggregator {how}, {what}: {answer}");
    ensure(answer.starts_with(&format!("HTTP {code}\n")), || {
        wrong(&format!("the server should answer {code}"))
    })?;
    ensure(!answer.contains(FORGED), || {
        wrong("the server repeats a forged name")
    })?;
    ensure(code != 403 || answer.contains("\\\"system:anonymous\\\""), || {
        wrong("the server sees somebody else than system:anonymous")
    })
}

async fn ask(world: &World, namespace: &str, arguments: &[String]) -> Result<String, Failure> {
    let url = format!(
        "--url=https://{namespace}.{namespace}.svc/apis/wardle.example.com/v1alpha1/namespaces/{namespace}/flunders"
    );
    let program = [
        "-n",
        namespace,
        "exec",
        "attacker",
        "--",
        "/annex-e2e-server",
        "request",
        "--ca=/ca/ca.crt",
        &url,
    ];
    let words: Vec<&str> = program
        .into_iter()
        .chain(arguments.iter().map(String::as_str))
        .collect();
    Ok(world.tools.kubectl(&words).await?)
}

/// A client certificate for the forged name in the group of administrators, of an authority that nobody trusts.
async fn identity(world: &World, namespace: &str) -> Result<(), Failure> {
    let named = |common_name: &str| {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, common_name);
        name.push(DnType::OrganizationName, "system:masters");
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params
    };
    let authority_key = KeyPair::generate()?;
    let mut authority = named("nobody's authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(authority, &authority_key);
    let key = KeyPair::generate()?;
    let mut client = named(FORGED);
    client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = client.signed_by(&key, &issuer)?;
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some("identity".to_owned()),
            ..ObjectMeta::default()
        },
        string_data: Some(BTreeMap::from([
            ("tls.crt".to_owned(), certificate.pem()),
            ("tls.key".to_owned(), key.serialize_pem()),
        ])),
        ..Secret::default()
    };
    let secrets = Api::<Secret>::namespaced(world.client.clone(), namespace);
    let made = secrets.create(&PostParams::default(), &secret).await?;
    ensure(made.name_any() == "identity", || {
        "the identity was not made".to_owned()
    })
    .map_err(|error| failure(error.to_string()))
}

/// It knows the published bundle, as any client may.
fn pod(namespace: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{ name: attacker, namespace: {namespace} }}
spec:
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  containers:
  - name: attacker
    image: localhost/annex-e2e-server:dev
    args: [wait]
    volumeMounts:
    - {{ name: identity, mountPath: /identity }}
    - {{ name: ca, mountPath: /ca }}
  volumes:
  - {{ name: identity, secret: {{ secretName: identity }} }}
  - {{ name: ca, configMap: {{ name: {namespace}-ca }} }}
"
    )
}
