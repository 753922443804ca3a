//! Breadth-first over all states, each once; the first that breaks an invariant is told with the shortest trace to it.

use std::rc::Rc;

use super::{
    actions::{Action, event_records},
    hash::Set,
    invariants::{Ends, forgive_no_more, is_safe},
    pass::{Reload, step},
    pool::Pool,
    state::State,
};

/// How much may happen on one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) faults: u8,
    pub(super) requests: u8,
}

/// How many states were visited, and from how many it was looked how they end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Visited {
    pub(super) states: usize,
    pub(super) ends: usize,
}

struct Node {
    state: Rc<State>,
    from: usize,
    by: Option<Action>,
}

/// Visits every state that `start` leads to.
///
/// # Errors
/// An invariant does not hold: how it came to that.
pub(super) fn search(start: State, bounds: Bounds, reload: Reload) -> Result<Visited, String> {
    let pool = Pool::new();
    let mut ends = Ends::new(&pool, reload);
    let start = State {
        faults_left: bounds.faults,
        requests_left: bounds.requests,
        ..start
    };
    let start = Rc::new(start.canonical());
    let mut known = Set::from_iter([Rc::clone(&start)]);
    let mut nodes = vec![Node {
        state: start,
        from: 0,
        by: None,
    }];
    let mut next = 0;
    while let Some(node) = nodes.get(next) {
        let state = Rc::clone(&node.state);
        if !is_safe(&state, &pool) {
            return Err(format!("a served leaf is refused\n{}", trace(&nodes, next)));
        }
        if let Err(why) = ends.check(&state) {
            return Err(format!("{why}\n{}", trace(&nodes, next)));
        }
        let steps = (0..2).filter_map(|who| Some((Action::Step(who), step(&state, who, &pool, reload)?.0)));
        for (action, mut after) in steps.chain(event_records(&state, &pool, reload)) {
            forgive_no_more(&mut after, &pool);
            let after = Rc::new(after.canonical());
            if !known.insert(Rc::clone(&after)) {
                continue;
            }
            nodes.push(Node {
                state: after,
                from: next,
                by: Some(action),
            });
        }
        next += 1;
    }
    Ok(Visited {
        states: nodes.len(),
        ends: ends.len(),
    })
}

fn trace(nodes: &[Node], last: usize) -> String {
    let mut steps = Vec::new();
    let mut at = last;
    while let Some(action) = nodes[at].by {
        let state = &nodes[at].state;
        let passes: Vec<_> = state
            .operators
            .iter()
            .map(|operator| operator.pass.map(|pass| pass.next))
            .collect();
        steps.push(format!("{action:?} -> {passes:?}"));
        at = nodes[at].from;
    }
    steps.reverse();
    let steps: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| format!("{:3} {step}", index + 1))
        .collect();
    format!("{}\n{:?}", steps.join("\n"), nodes[last].state)
}
