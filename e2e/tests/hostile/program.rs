//! All attacks, one after the other, on one program: what a pod with a limit of memory goes through.
//!
//! `HOSTILE_PROGRAM` is the wardle example, built as it is for an image; `HOSTILE_CGROUP`, where it is said, the directory
//! of a cgroup that it runs in, whose limit it is to live under.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use annex_e2e::attack::{self, OwnThread, Victim};
use annex_e2e::images::catalog::MIMALLOC_PURGE_DELAY;

use crate::LIMITS;
use crate::callers::NAMESPACE;
use crate::memory;
use crate::surroundings::Surroundings;

/// As many as the scenario on a cluster has.
const OBJECTS: usize = 2_000;
/// As long as it does.
const HOLD: Duration = Duration::from_secs(8);
const STARTS: Duration = Duration::from_secs(30);

/// A program that is ended with this.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs HOSTILE_PROGRAM, a release build of wardle"]
fn a_program_lives_through_all_attacks() {
    let _alone = crate::alone();
    attack::many_files().unwrap();
    let others = crate::runtime(1);
    let faults = others.block_on(siege());
    others.shutdown_background();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

async fn siege() -> Vec<String> {
    let surroundings = Surroundings::make().await;
    let address = free_address();
    let mut program = Program(command(&surroundings, address).spawn().unwrap());
    let callers = surroundings.callers(address);
    let since = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(since.elapsed() < STARTS, "the program does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    attack::fill(&callers.owner(), NAMESPACE, OBJECTS).await.unwrap();
    let process = program.0.id().to_string();
    println!("with {OBJECTS} objects: {}", memory::told(&process));
    let attackers = OwnThread::new().unwrap();
    let mut faults = Vec::new();
    for attack in attack::ALL {
        let victim = Victim::begin(callers.kubelet(), callers.users(), NAMESPACE.to_owned(), LIMITS).await;
        let mut arena = callers.arena();
        arena.scale.hold = HOLD;
        let told = attackers.begin(attack, arena).await;
        let seen = victim.end().await;
        if program.0.try_wait().unwrap().is_some() {
            faults.push(format!("{}: the program has ended", attack.name));
            break;
        }
        println!(
            "{}: {told:?}\n    {seen}\n    {}",
            attack.name,
            memory::told(&process)
        );
        memory::forget_most(&process);
        faults.extend(told.err().map(|error| format!("{}: {error}", attack.name)));
        faults.extend(
            seen.unharmed()
                .err()
                .map(|error| format!("{}: {error}", attack.name)),
        );
    }
    faults
}

fn free_address() -> SocketAddr {
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    std::net::TcpListener::bind(any).unwrap().local_addr().unwrap()
}

fn command(surroundings: &Surroundings, address: SocketAddr) -> Command {
    let program = std::env::var_os("HOSTILE_PROGRAM").unwrap();
    let mut command = match std::env::var("HOSTILE_CGROUP") {
        Ok(cgroup) => {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", r#"echo $$ > "$0/cgroup.procs" && exec "$@""#, &cgroup])
                .arg(program);
            shell
        }
        Err(_) => Command::new(program),
    };
    let flag = |name: &str, value: &std::path::Path| format!("--{name}={}", value.display());
    let kubeconfig = &surroundings.kubeconfig;
    let data = surroundings.directory.path().join("data");
    let (name, value) = MIMALLOC_PURGE_DELAY.split_once('=').unwrap();
    command
        .env(name, value)
        .args([
            flag("tls-cert-file", &surroundings.pair.certificates),
            flag("tls-private-key-file", &surroundings.pair.key),
            flag("client-ca-file", &surroundings.proxies_file),
            flag("requestheader-client-ca-file", &surroundings.proxies_file),
            "--requestheader-allowed-names=front-proxy-client".to_owned(),
            "--authentication-skip-lookup=true".to_owned(),
            "--authentication-token-webhook-cache-ttl=1s".to_owned(),
            flag("kubeconfig", kubeconfig),
            flag("authentication-kubeconfig", kubeconfig),
            flag("authorization-kubeconfig", kubeconfig),
            flag("data-dir", &data),
            // There are no namespaces in what stands for the cluster.
            "--disable-admission-plugins=NamespaceLifecycle".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", address.port()),
        ])
        .stdin(Stdio::null());
    command
}
