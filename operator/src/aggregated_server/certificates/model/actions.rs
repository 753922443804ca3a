//! What happens besides the passes: kubelets and watch caches get there, requests of people, and faults.

use super::{
    pass::Reload,
    pool::{Pool, TODAY},
    state::{
        Asked, AuthoritySecret, Bundle, Ca, ControlPlane, DAYS, Day, Leaf, Next, Operator, Pass, Pod,
        Service, Services, ServingSecret, State, Template,
    },
};

/// One step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The next request of the operator that leads (0), or of the late one.
    Step(usize),
    /// A control plane's watch cache gets to the newest write.
    Cache(usize),
    /// Its proxy gets to its watch cache.
    Proxy(usize),
    /// The time that proxies are given passes.
    Wait,
    /// A pod comes to serve what the Secret holds: its kubelet has brought it, or it was restarted.
    Serve(usize),
    /// `annex.dev/rotate-ca`
    AskForAuthority,
    /// `annex.dev/rotate-leaf`
    AskForLeaf,
    /// `spec` asks for other DNS names.
    AskForNames,
    /// The operator's process ends where it stands.
    Crash,
    /// The other operator takes the lead; this one is late.
    HandOver,
    /// The clock of all is set.
    Clock(Day),
    /// A backup is taken of both Secrets.
    Backup,
    /// Secrets are put back from the backup.
    Restore {
        authority: bool,
        serving: bool,
    },
    DeleteAuthority,
    DeleteServing,
}

/// What people may ask for.
const REQUESTS: [Action; 3] = [Action::AskForAuthority, Action::AskForLeaf, Action::AskForNames];

/// Which faults there are.
const FAULTS: [Action; 8 + DAYS as usize] = [
    Action::Crash,
    Action::HandOver,
    Action::Backup,
    Action::Restore {
        authority: true,
        serving: false,
    },
    Action::Restore {
        authority: false,
        serving: true,
    },
    Action::Restore {
        authority: true,
        serving: true,
    },
    Action::DeleteAuthority,
    Action::DeleteServing,
    Action::Clock(0),
    Action::Clock(1),
    Action::Clock(2),
    Action::Clock(3),
    Action::Clock(4),
    Action::Clock(5),
];

/// Whatever may happen in `state` besides the passes, with what it leads to.
pub(super) fn event_records(state: &State, pool: &Pool, reload: Reload) -> Vec<(Action, State)> {
    let mut actions = Vec::with_capacity(24);
    for which in 0..2 {
        actions.extend([Action::Cache(which), Action::Proxy(which), Action::Serve(which)]);
    }
    actions.push(Action::Wait);
    if state.requests_left > 0 {
        actions.extend(REQUESTS);
    }
    if state.faults_left > 0 {
        actions.extend(FAULTS);
    }
    let possible = actions
        .into_iter()
        .filter(|action| is_possible(state, *action, reload));
    let happen = |action| {
        let mut after = state.clone();
        happen(&mut after, action, pool, reload);
        (action, after)
    };
    possible.map(happen).collect()
}

/// Whether it would change anything.
fn is_possible(state: &State, action: Action, reload: Reload) -> bool {
    match action {
        Action::Cache(which) => state.control_planes[which].cache != state.services,
        Action::Proxy(which) => {
            let plane = &state.control_planes[which];
            plane.proxy != bundles(&plane.cache)
        }
        Action::Wait => is_waiting(state),
        Action::Serve(which) => state.serving.is_some_and(|secret| {
            state.pods[which]
                .is_none_or(|pod| (pod.leaf, pod.template) != (secret.leaf, template(state, reload)))
        }),
        Action::Step(_) | Action::AskForAuthority | Action::AskForLeaf | Action::AskForNames => true,
        Action::Crash => state.operators[0] != Operator::default(),
        Action::HandOver => state.operators[0].pass.is_some() && state.operators[1].pass.is_none(),
        Action::Clock(day) => day != state.clock,
        Action::Backup => state.backup != (state.authority, state.serving),
        Action::Restore { authority, serving } => {
            (!authority || state.backup.0.is_some() && state.backup.0 != state.authority)
                && (!serving || state.backup.1.is_some() && state.backup.1 != state.serving)
        }
        Action::DeleteAuthority => state.authority.is_some(),
        Action::DeleteServing => state.serving.is_some(),
    }
}

/// Lets it happen, where it is possible.
pub(super) fn happen(state: &mut State, action: Action, pool: &Pool, reload: Reload) {
    if !is_possible(state, action, reload) {
        return;
    }
    if REQUESTS.contains(&action) {
        state.requests_left -= 1;
    } else if FAULTS.contains(&action) {
        state.faults_left -= 1;
    }
    match action {
        Action::Step(_) => {}
        Action::Cache(which) => state.control_planes[which].cache = state.services,
        Action::Proxy(which) => proxy(&mut state.control_planes[which]),
        Action::Wait => {
            state.control_planes.iter_mut().for_each(proxy);
            let memories = state.operators.iter_mut();
            for (_, waited) in memories.filter_map(|operator| operator.widened.as_mut()) {
                *waited = true;
            }
        }
        Action::Serve(which) => serve(state, which, pool, reload),
        Action::AskForAuthority => state.asked.ca += 1,
        Action::AskForLeaf => state.asked.leaf += 1,
        Action::AskForNames => state.asked.names = 1 - state.asked.names,
        Action::Crash => state.operators[0] = Operator::default(),
        Action::HandOver => state.operators = [Operator::default(), state.operators[0]],
        Action::Clock(day) => {
            state.clock = day;
            state.latest = state.latest.max(day);
        }
        Action::Backup => state.backup = (state.authority, state.serving),
        Action::Restore { authority, serving } => {
            if authority {
                state.put_authority(state.backup.0);
            }
            if serving {
                state.put_serving(state.backup.1, true);
            }
        }
        Action::DeleteAuthority => state.put_authority(None),
        Action::DeleteServing => state.put_serving(None, false),
    }
}

fn is_waiting(state: &State) -> bool {
    let mut widened = state.operators.iter().filter_map(|operator| operator.widened);
    widened.any(|(_, waited)| !waited)
}

fn template(state: &State, reload: Reload) -> Option<Template> {
    state.template.filter(|_| reload == Reload::Restart)
}

fn bundles(services: &Services) -> [Option<Bundle>; 2] {
    services.map(|service| service.map(|service| service.bundle))
}

fn proxy(plane: &mut ControlPlane) {
    plane.proxy = bundles(&plane.cache);
}

fn serve(state: &mut State, which: usize, pool: &Pool, reload: Reload) {
    let Some(secret) = state.serving else { return };
    let old = state.pods[which];
    let excused = match old {
        Some(old) if old.leaf == secret.leaf => old.excused,
        _ => is_excused(state, secret.leaf, old, pool),
    };
    state.pods[which] = Some(Pod {
        leaf: secret.leaf,
        template: template(state, reload),
        excused,
    });
}

/// Whether somebody else than an operator has made it unavoidable that `leaf`, which a pod comes to serve in the place of
/// `old`, is refused:
///
/// 1. The Secret was put back by hand, and the leaf in it is not accepted everywhere any more, or an operator is about to
///    drop its authority, since it has asked all pods before any of them served it.
/// 2. What the pod has served so far has ended, or has not begun, by the clock, or is excused: its clients refuse it already.
fn is_excused(state: &State, leaf: Leaf, old: Option<Pod>, pool: &Pool) -> bool {
    let by_hand = state.serving_restored && !stays_accepted(state, leaf, pool);
    by_hand || old.is_some_and(|old| old.excused || !pool.is_valid(old.leaf, state.clock))
}

/// Whether every control plane accepts `leaf`, will with what is published and cached, and no pass is about to drop its authority.
pub(super) fn stays_accepted(state: &State, leaf: Leaf, pool: &Pool) -> bool {
    let drops = |pass: &Pass| {
        matches!(pass.next, Next::Narrow | Next::Register(_)) && !pass.publish.iter().any(|ca| ca == leaf.ca)
    };
    let mut passes = state
        .operators
        .iter()
        .filter_map(|operator| operator.pass.as_ref());
    let cached = state.control_planes.iter().flat_map(|plane| plane.cache.iter());
    let mut known = state.services.iter().chain(cached).flatten();
    !passes.any(drops)
        && known.all(|service| pool.accepts(service.bundle, leaf, state.clock))
        && is_accepted(state, leaf, pool)
}

/// Whether every control plane accepts `leaf`.
pub(super) fn is_accepted(state: &State, leaf: Leaf, pool: &Pool) -> bool {
    let proxies = state.control_planes.iter().flat_map(|plane| plane.proxy.iter());
    proxies
        .flatten()
        .all(|bundle| pool.accepts(*bundle, leaf, state.clock))
}

/// Nothing but the AggregatedServer.
pub(super) fn nothing() -> State {
    State {
        clock: TODAY,
        latest: TODAY,
        asked: Asked::default(),
        authority: None,
        serving: None,
        serving_restored: false,
        services: [None; 2],
        control_planes: [ControlPlane::default(); 2],
        pods: [None; 2],
        template: None,
        backup: (None, None),
        operators: [Operator::default(); 2],
        faults_left: 0,
        requests_left: 0,
    }
}

/// All is as it should be, and there is a backup of it.
pub(super) fn settled(reload: Reload) -> State {
    let ca = Ca::new(TODAY, 0, 0);
    let leaf = Leaf {
        ca,
        made: TODAY,
        number: 0,
    };
    let bundle = Bundle::new([ca]);
    let services = [0, 1].map(|revision| Some(Service { bundle, revision }));
    let template = (reload == Reload::Restart).then_some(Template { leaf, version: 0 });
    let pod = Pod {
        leaf,
        template,
        excused: false,
    };
    let authority = Some(AuthoritySecret {
        current: ca,
        previous: Bundle::default(),
        handled: 0,
    });
    let serving = Some(ServingSecret {
        leaf,
        bundle,
        handled: 0,
    });
    State {
        authority,
        serving,
        services,
        control_planes: [ControlPlane {
            cache: services,
            proxy: [Some(bundle); 2],
        }; 2],
        pods: [Some(pod); 2],
        template,
        backup: (authority, serving),
        ..nothing()
    }
}
