//! The two servers on loopback: a kube-apiserver of its own, without controllers, so that nobody but who plays changes anything, and
//! `annex-apiserver` without a cluster. They need nothing of a cluster, and are gone with what stands for them here.

use std::net::Ipv4Addr;
use std::path::Path;

use kube::Client;

use super::side::DEFINITIONS;
use crate::certs::{self, Authority};
use crate::loopback::{self, Program};
use crate::programs::{self, Program as GoProgram};
use crate::scenarios::Failure;
use crate::{client, files, kubeconfig, product};

/// What a certificate says a kube-apiserver is called.
const NAME: &str = "localhost";

/// Both, ready.
pub(super) struct Servers {
    /// Of the kube-apiserver, as its administrator.
    pub(super) kubernetes: Client,
    /// Of ours, as its only user.
    pub(super) ours: Client,
    /// Dropped, they are killed, before what they store is removed.
    _programs: [Program; 3],
    _directory: tempfile::TempDir,
}

/// Starts both, and waits until they are ready.
///
/// # Errors
/// A program cannot be built, or does not run.
pub(super) async fn start() -> Result<Servers, Failure> {
    let etcd = programs::path(GoProgram::Etcd).await?;
    let kube_apiserver = programs::path(GoProgram::KubeApiserver).await?;
    let annex_apiserver = product::annex_apiserver().await?;
    let directory = tempfile::Builder::new().prefix("twin-crd").tempdir()?;
    let at = directory.path();
    let (etcd, url) = loopback::start_etcd(&etcd, at, &["--unsafe-no-fsync"]).await?;
    let started = futures::future::try_join(
        start_kube_apiserver(&kube_apiserver, at, &url),
        start_ours(&annex_apiserver, at),
    );
    let ((kubernetes_program, kubernetes), (our_program, ours)) = started.await?;
    Ok(Servers {
        kubernetes,
        ours,
        _programs: [kubernetes_program, our_program, etcd],
        _directory: directory,
    })
}

async fn start_kube_apiserver(program: &Path, at: &Path, etcd: &str) -> Result<(Program, Client), Failure> {
    let port = loopback::free_port()?;
    let authority = Authority::new("annex-e2e-twin")?;
    let serving = authority.server(NAME, &[NAME], &[Ipv4Addr::LOCALHOST])?;
    let path = |name: &str| at.join("pki").join(name);
    files::write(&path("ca.crt"), authority.certificate())?;
    files::write(&path("tls.crt"), &serving.certificate)?;
    files::write(&path("tls.key"), &serving.key)?;
    certs::write_service_account_key(&path("service-account.key"), &path("service-account.pub"))?;
    let administrator = authority.client("kubernetes-admin", Some("system:masters"))?;
    let kubeconfig = at.join("kubernetes.kubeconfig");
    let server = format!("https://127.0.0.1:{port}");
    kubeconfig::write(
        &kubeconfig,
        NAME,
        &server,
        &authority.certificate(),
        &administrator,
    )?;
    let file = |flag: &str, name: &str| format!("--{flag}={}", path(name).display());
    let arguments = [
        format!("--etcd-servers={etcd}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        file("tls-cert-file", "tls.crt"),
        file("tls-private-key-file", "tls.key"),
        file("client-ca-file", "ca.crt"),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        file("service-account-key-file", "service-account.pub"),
        file("service-account-signing-key-file", "service-account.key"),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement".to_owned(),
    ];
    let mut program = Program::start(
        "kube-apiserver",
        program,
        &arguments,
        &at.join("kube-apiserver.log"),
    )?;
    let client = client::connect_without_retries(&kubeconfig).await?;
    program
        .ready(async || client::get(&client, "/readyz").await.map(drop))
        .await?;
    Ok((program, client))
}

async fn start_ours(program: &Path, at: &Path) -> Result<(Program, Client), Failure> {
    let (data, resources) = (at.join("annex"), at.join("definitions"));
    for (number, definition) in DEFINITIONS.iter().enumerate() {
        files::write(&resources.join(format!("{number}.yaml")), definition)?;
    }
    let arguments = [
        "--standalone".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", loopback::free_port()?),
        format!("--data-dir={}", data.display()),
        format!("--resources={}", resources.display()),
    ];
    let mut program = Program::start("annex-apiserver", program, &arguments, &at.join("annex.log"))?;
    let kubeconfig = data.join("kubeconfig");
    let connected = async || -> Result<Client, Failure> {
        let client = client::connect_without_retries(&kubeconfig).await?;
        client::get(&client, "/readyz").await?;
        Ok(client)
    };
    program.ready(async || connected().await.map(drop)).await?;
    Ok((program, connected().await?))
}
