//! What one operator writes of a rotation, in the order of the model, to be compared with the product's.

use super::{
    actions::{Action, happen},
    asked,
    pass::{Reload, step},
    pool::Pool,
    state::{Next, State},
};

/// More passes than a rotation takes.
const PASSES: usize = 20;

/// What happens between two passes, where nobody is late.
const BETWEEN: [Action; 7] = [
    Action::Cache(0),
    Action::Cache(1),
    Action::Proxy(0),
    Action::Proxy(1),
    Action::Wait,
    Action::Serve(0),
    Action::Serve(1),
];

/// An object that certificates are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The authority's Secret.
    Authority,
    /// The serving Secret.
    Serving,
    /// The APIService of a claim.
    APIService(u8),
}

/// The writes of a rotation of the authority that nothing disturbs.
pub(crate) fn of_a_rotation() -> Vec<Written> {
    let (pool, reload) = (Pool::new(), Reload::Hot);
    let (mut state, mut writes) = (asked(reload), Vec::new());
    for _ in 0..PASSES {
        state = pass(state, &pool, reload, &mut writes);
        for action in BETWEEN {
            happen(&mut state, action, &pool, reload);
        }
    }
    writes
}

fn pass(mut state: State, pool: &Pool, reload: Reload, writes: &mut Vec<Written>) -> State {
    loop {
        let next = state.operators[0].pass.map(|pass| pass.next);
        let Some((after, written)) = step(&state, 0, pool, reload) else {
            return state;
        };
        if written.is_some() {
            writes.extend(match next {
                Some(Next::WriteAuthority | Next::Narrow) => Some(Written::Authority),
                Some(Next::WriteServing) => Some(Written::Serving),
                Some(Next::Register(claim)) => Some(Written::APIService(claim)),
                _ => None,
            });
        }
        state = after;
        if state.operators[0].pass.is_none() {
            return state;
        }
    }
}
