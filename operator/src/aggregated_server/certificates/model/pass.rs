//! A pass, one request at a time: what `SecretsApplier::keep`, `Rotation::advance` and `Registrar` carry out, without the API server.

use super::{
    pool::{ForAuthority, ForServing, Got, Kept, Pool},
    state::{Asked, AuthoritySecret, Bundle, Ca, Leaf, Next, Pass, Service, ServingSecret, State, Template},
};
use crate::aggregated_server::certificates::IssueCause;

/// A write of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    Authority,
    /// Why, of which authority, and what the pass had read of the AggregatedServer and the clock.
    Leaf(IssueCause, Ca, Asked, u8),
    Other,
}

/// How pods come by a new leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reload {
    Hot,
    Restart,
}

/// The next request of operator `who`; what it wrote, if it was a write that took place. None where it has nothing to do.
pub(super) fn step(state: &State, who: usize, pool: &Pool, reload: Reload) -> Option<(State, Option<Write>)> {
    let mut after = state.clone();
    let written = match state.operators[who].pass {
        Some(pass) => advance(&mut after, who, pass, pool, reload),
        None if who == 0 => {
            after.operators[0].pass = Some(begin(state));
            None
        }
        None => return None,
    };
    Some((after, written))
}

/// It reads what is published first, see `dereference::read`.
fn begin(state: &State) -> Pass {
    Pass {
        next: Next::ReadSecrets,
        now: state.clock,
        asked: state.asked,
        services: state.services,
        serving: None,
        serving_fresh: true,
        authority: None,
        authority_fresh: true,
        signs: None,
        widening: false,
        written: None,
        publish: Bundle::default(),
    }
}

fn advance(state: &mut State, who: usize, mut pass: Pass, pool: &Pool, reload: Reload) -> Option<Write> {
    let mut wrote = None;
    match pass.next {
        Next::ReadSecrets => {
            (pass.serving, pass.serving_fresh) = (state.serving, true);
            (pass.authority, pass.authority_fresh) = (state.authority, true);
            pass.next = Next::WriteAuthority;
            if let ForAuthority::Nothing { follows } = for_authority(&pass, pool) {
                signs(&mut pass, follows, pool);
            }
        }
        Next::WriteAuthority => {
            let ForAuthority::Successor { follows } = for_authority(&pass, pool) else {
                unreachable!("it is written only where there is one to be made");
            };
            if !pass.authority_fresh {
                return end(state, who);
            }
            let made = AuthoritySecret {
                current: new_authority(state, &pass),
                previous: follows,
                handled: pass.asked.ca,
            };
            state.put_authority(Some(made));
            pass.authority = Some(made);
            signs(&mut pass, follows, pool);
            wrote = Some(Write::Authority);
        }
        Next::Ask => {
            let wanted = bundle(&pass, pool);
            let got = pool.got(pass.services, wanted, state.operators[who].widened);
            if let Got::Unpublished | Got::Ask(_) = got {
                state.operators[who].widened = None;
            }
            pass.widening = got != Got::Known;
            if let Got::Ask(newest) = got
                && have_seen(state, pass.services[newest], newest, wanted)
            {
                state.operators[who].widened = Some((wanted, false));
            }
            to_serving(&mut pass, pool);
        }
        Next::WriteServing => {
            if !pass.serving_fresh {
                return end(state, who);
            }
            let published = bundle(&pass, pool);
            let secret = match pool.for_serving(serving_key(&pass), pass.widening) {
                ForServing::Issue(cause) => {
                    wrote = Some(Write::Leaf(cause, signing(&pass).current, pass.asked, pass.now));
                    ServingSecret {
                        leaf: new_leaf(state, &pass),
                        bundle: published,
                        handled: pass.asked.leaf,
                    }
                }
                ForServing::Republish => {
                    wrote = Some(Write::Other);
                    let there = pass.serving.expect("it was read");
                    ServingSecret {
                        bundle: published,
                        ..there
                    }
                }
                ForServing::Nothing => unreachable!("it is written only where there is something to write"),
            };
            let restored = state.serving_restored && wrote == Some(Write::Other);
            state.put_serving(Some(secret), restored);
            pass.written = Some(secret);
            pass.next = Next::WriteTemplate;
        }
        Next::WriteTemplate => {
            state.template = pass.written.map(|secret| new_template(state, secret.leaf));
            wrote = Some(Write::Other);
            pass.next = Next::Probe;
        }
        Next::Probe => {
            let presented = state.pods.map(|pod| pod.map(|pod| pod.leaf));
            let kept = kept(&pass);
            pass.publish = bundle(&pass, pool);
            if pool.narrows(kept, presented) {
                pass.publish = Bundle::new([signing(&pass).current]);
                pass.next = if pool.narrowing_writes(kept) {
                    Next::Narrow
                } else {
                    Next::Register(0)
                };
            } else {
                pass.next = Next::Register(0);
            }
        }
        Next::Narrow => {
            if pass.authority_fresh {
                let narrowed = AuthoritySecret {
                    previous: Bundle::default(),
                    ..signing(&pass)
                };
                state.put_authority(Some(narrowed));
                wrote = Some(Write::Other);
            } else {
                pass.publish = bundle(&pass, pool);
            }
            pass.next = Next::Register(0);
        }
        Next::Register(which) => {
            let index = usize::from(which);
            if register(state, &pass, index, pool) {
                wrote = Some(Write::Other);
            }
            pass.next = Next::Register(which + 1);
        }
    }
    skip(state, &mut pass, pool, reload);
    if pass.next == Next::Register(2) {
        return end(state, who).or(wrote);
    }
    state.operators[who].pass = Some(pass);
    wrote
}

fn end(state: &mut State, who: usize) -> Option<Write> {
    state.operators[who].pass = None;
    None
}

/// Goes past what sends no request.
fn skip(state: &State, pass: &mut Pass, pool: &Pool, reload: Reload) {
    if pass.next == Next::WriteTemplate {
        let leaf = pass.written.map(|secret| secret.leaf);
        let named = state.template.map(|template| template.leaf);
        if reload == Reload::Hot || named == leaf || !pool.restarts(kept(pass)) {
            pass.next = Next::Probe;
        }
    }
    while let Next::Register(which @ 0..2) = pass.next
        && !wants_registration(state, pass, usize::from(which), pool)
    {
        pass.next = Next::Register(which + 1);
    }
}

fn for_authority(pass: &Pass, pool: &Pool) -> ForAuthority {
    pool.for_authority(pass.authority, pass.services, pass.asked, pass.now)
}

/// The authority is known; the serving Secret comes next.
fn signs(pass: &mut Pass, follows: Bundle, pool: &Pool) {
    let stored = pass.authority.expect("it was read, or made");
    pass.signs = Some(AuthoritySecret {
        previous: follows,
        ..stored
    });
    if pool.serving(serving_key(pass)).1 {
        pass.next = Next::Ask;
    } else {
        to_serving(pass, pool);
    }
}

fn to_serving(pass: &mut Pass, pool: &Pool) {
    pass.written = pass.serving;
    pass.next = match pool.for_serving(serving_key(pass), pass.widening) {
        ForServing::Nothing => Next::WriteTemplate,
        ForServing::Issue(_) | ForServing::Republish => Next::WriteServing,
    };
}

fn signing(pass: &Pass) -> AuthoritySecret {
    pass.signs.expect("the authority is known")
}

fn bundle(pass: &Pass, pool: &Pool) -> Bundle {
    pool.bundle(signing(pass), pass.now)
}

fn serving_key(pass: &Pass) -> (Option<ServingSecret>, AuthoritySecret, Asked, u8) {
    (pass.serving, signing(pass), pass.asked, pass.now)
}

fn kept(pass: &Pass) -> Kept {
    Kept {
        authority: signing(pass),
        stored: pass.authority.expect("it was read, or made"),
        before: pass.serving,
        after: pass.written,
        widening: pass.widening,
        asked: pass.asked,
        now: pass.now,
    }
}

/// Whether each control plane answers a read that is not older than `newest` with `wanted` in it.
fn have_seen(state: &State, newest: Option<Service>, index: usize, wanted: Bundle) -> bool {
    let newest = newest.expect("the newest of what is there").revision;
    state.control_planes.iter().all(|plane| {
        let revisions = plane.cache.iter().flatten().map(|service| service.revision);
        let known = revisions.max().is_some_and(|revision| revision >= newest);
        let cached = plane.cache[index];
        known
            && cached.is_some_and(|cached| {
                wanted
                    .iter()
                    .all(|ca| cached.bundle.iter().any(|held| held == ca))
            })
    })
}

/// Whether the pass has a request to send for this APIService.
fn wants_registration(state: &State, pass: &Pass, index: usize, pool: &Pool) -> bool {
    match pass.services[index] {
        Some(read) => read.bundle != pass.publish,
        None => {
            let presented = state.pods.map(|pod| pod.map(|pod| pod.leaf));
            pool.registers(bundle(pass, pool), presented, pass.now)
        }
    }
}

/// Writes over the very version that was read.
fn register(state: &mut State, pass: &Pass, index: usize, pool: &Pool) -> bool {
    let live = state.services[index].map(|service| service.revision);
    let read = pass.services[index].map(|service| service.revision);
    if live != read || !wants_registration(state, pass, index, pool) {
        return false;
    }
    let passes = state
        .operators
        .iter()
        .filter_map(|operator| operator.pass.as_ref());
    let read = passes.flat_map(|pass| pass.services.iter()).flatten();
    let newest = state
        .services
        .iter()
        .flatten()
        .chain(read)
        .map(|service| service.revision);
    state.services[index] = Some(Service {
        bundle: pass.publish,
        revision: newest.max().map_or(0, |newest| newest + 1),
    });
    true
}

fn new_authority(state: &State, pass: &Pass) -> Ca {
    let used = state.authorities();
    let mut fresh = (0..).map(|number| Ca::new(pass.now, pass.asked.names, number));
    fresh.find(|ca| !used.contains(ca)).expect("few are in use")
}

fn new_leaf(state: &State, pass: &Pass) -> Leaf {
    let used = state.leaves();
    let mut fresh = (0..).map(|number| Leaf {
        ca: signing(pass).current,
        made: pass.now,
        number,
    });
    fresh.find(|leaf| !used.contains(leaf)).expect("few are in use")
}

fn new_template(state: &State, leaf: Leaf) -> Template {
    let mut fresh = (0..).map(|version| Template { leaf, version });
    let unused = |template: &Template| !state.templates().any(|used| used == *template);
    fresh.find(unused).expect("few are in use")
}
