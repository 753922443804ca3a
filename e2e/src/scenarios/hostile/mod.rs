//! Attacks on a server of the library and on the operator, and what the others notice of them: nothing.
//!
//! The attackers are this machine, which reaches pods as any pod does, and ServiceAccounts with one right each. Beside
//! each attack a user works through the aggregator, and the server is probed as the kubelet probes it.

mod accounts;
mod pods;

use std::net::SocketAddr;
use std::time::Duration;

use super::{Failure, Lane, Scenario, World, ensure, stage, world};
use crate::attack::{self, Arena, Attack, Limits, OwnThread, Scale, Target, User, Victim};
use crate::{install, progress};

/// The scenarios of this folder.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "hostile",
    long: false,
    // What it measures is the patience of others, and it holds the operator's ports.
    lane: Lane::Alone,
    // Pods are asked directly, and one has a limit of memory.
    needs_node: true,
    run: |world| Box::pin(run(world)),
}];

const NAME: &str = "hostile";

/// Objects that are there: lists of them are some 8 MB long.
const OBJECTS: usize = 2_000;

const SCALE: Scale = Scale {
    connections: 2_000,
    hold: Duration::from_secs(8),
};

/// A probe has a second, as the kubelet gives it; more often than it does, so that each attack meets some.
const LIMITS: Limits = Limits {
    period: Duration::from_secs(1),
    probe: Duration::from_secs(1),
    request: Duration::from_secs(10),
};

/// Silent connections to each of the operator's ports, and how long they stay: as long as the liveness probe needs to
/// fail for good.
const ADMIN_CONNECTIONS: usize = 200;
const ADMIN_HOLD: Duration = Duration::from_secs(45);

/// All attacks on one server, one after the other, and the one on the operator beside them.
async fn run(world: &World) -> Result<(), Failure> {
    attack::many_files()?;
    stage::made(world, NAME, &server()).await?;
    let attackers = OwnThread::new()?;
    let (outcome, operator) = tokio::join!(
        server_under_attack(world, &attackers),
        operator_under_attack(world, &attackers)
    );
    outcome?;
    operator?;
    stage::cleared(world, NAME).await
}

/// Wardle with its objects on a volume, no more memory than many a server is given, and a request for CPU: without one it would have
/// a fiftieth of what the attacked operator has beside it, whatever it did.
fn server() -> String {
    let yaml = world::embedded_server(NAME, NAME, "");
    // Room for its history, too.
    yaml.replace("size: 64Mi", "size: 256Mi").replace(
        "terminationGracePeriodSeconds: 5\n",
        "terminationGracePeriodSeconds: 5
        containers:
        - name: server
          resources: { requests: { cpu: 500m }, limits: { memory: 256Mi } }\n",
    )
}

async fn server_under_attack(world: &World, attackers: &OwnThread) -> Result<(), Failure> {
    accounts::make(world, NAME).await?;
    let address = pods::address(world, NAME, &format!("{NAME}-0"), 8443).await?;
    let authority = accounts::published_authority(world, NAME).await?;
    let server = Target::new(address, &format!("{NAME}.{NAME}.svc"), &authority)?;
    let aggregator = accounts::aggregator(world).await?;
    let user = aggregator.with_token(&accounts::token(world, NAME, "user").await?)?;
    attack::fill(&user, NAME, OBJECTS).await?;
    let siege = Siege {
        world,
        attackers,
        victims: OwnThread::new()?,
        arena: arena(world, &server).await?,
        server,
        user,
    };
    let mut harmed = Vec::new();
    for attack in attack::ALL {
        if let Err(error) = siege.withstood(attack).await {
            harmed.push(format!("{}: {error}", attack.name));
            // What comes next meets a server that works, or fails for its own reason.
            if let Err(error) = world.ready(NAME).await {
                harmed.push(format!("and then: {error}"));
                break;
            }
        }
    }
    ensure(harmed.is_empty(), || harmed.join("\n    "))
}

async fn arena(world: &World, server: &Target) -> Result<Arena, Failure> {
    let who = async |name: &str| -> Result<Target, Failure> {
        Ok(server
            .clone()
            .with_token(&accounts::token(world, NAME, name).await?)?)
    };
    Ok(Arena {
        stranger: server.clone(),
        namespace: NAME.to_owned(),
        creator: who("creator").await?,
        patcher: who("patcher").await?,
        reader: who("reader").await?,
        reader_of_one: who("reader-of-one").await?,
        scale: SCALE,
    })
}

/// Everybody who takes part.
struct Siege<'a> {
    world: &'a World,
    attackers: &'a OwnThread,
    /// One for the victims, too: hyper's client takes a GOAWAY that comes with the answer for the request's failure, if another
    /// thread reads it while this one still hands the request over.
    victims: OwnThread,
    arena: Arena,
    server: Target,
    user: Target,
}

impl Siege<'_> {
    async fn withstood(&self, attack: &'static Attack) -> Result<(), Failure> {
        let calm = pods::Calm::read(self.world, NAME).await?;
        let users = vec![User {
            name: "user",
            target: self.user.clone(),
        }];
        let victim = Victim::begin(self.server.clone(), users, NAME.to_owned(), LIMITS);
        let victim = self.victims.spawn(victim).await?;
        let told = self.attackers.begin(attack, self.arena.clone()).await;
        let seen = victim.end().await;
        let words = match &told {
            Ok(words) => words.clone(),
            Err(error) => error.to_string(),
        };
        progress::say(format!("    {}: {words}\n        {seen}", attack.name));
        told?;
        seen.unharmed()?;
        calm.lasts(self.world, NAME).await
    }
}

/// Whoever reaches the operator's ports cannot have it restarted.
async fn operator_under_attack(world: &World, attackers: &OwnThread) -> Result<(), Failure> {
    let namespace = install::NAMESPACE;
    let ports: Vec<SocketAddr> = pods::ports(world, namespace).await?;
    ensure(!ports.is_empty(), || {
        "the operator's pods have no port".to_owned()
    })?;
    let calm = pods::Calm::read(world, namespace).await?;
    let count = ports.len();
    let opened = attackers
        .spawn(attack::hold_admin_port(ports, ADMIN_CONNECTIONS, ADMIN_HOLD))
        .await?;
    progress::say(format!(
        "    the operator's {count} port(s): {opened} silent connections in {} s",
        ADMIN_HOLD.as_secs()
    ));
    ensure(opened >= ADMIN_CONNECTIONS, || {
        format!("only {opened} connections to the operator were made")
    })?;
    calm.lasts(world, namespace).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attacked_server_has_its_limit_of_memory() {
        let server: serde_json::Value = serde_saphyr::from_str(&server()).unwrap();
        let spec = &server["spec"];
        let container = &spec["workload"]["template"]["spec"]["containers"][0];
        assert_eq!(container["resources"]["limits"]["memory"], "256Mi");
        assert_eq!(spec["storage"]["embedded"]["size"], "256Mi");
    }
}
