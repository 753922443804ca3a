//! What holds in every state, and what comes of every state when no more faults happen.

use std::rc::Rc;

use super::{
    actions::{Action, happen, is_accepted, stays_accepted},
    hash::Map,
    pass::{Reload, Write, step},
    pool::Pool,
    state::{Operator, State},
};

/// Forgives what was forgiven no longer than until it is accepted once.
pub(super) fn forgive_no_more(state: &mut State, pool: &Pool) {
    let accepted = state
        .pods
        .map(|pod| pod.is_some_and(|pod| pod.excused && stays_accepted(state, pod.leaf, pool)));
    for (pod, accepted) in state.pods.iter_mut().zip(accepted) {
        if let Some(pod) = pod.as_mut().filter(|_| accepted) {
            pod.excused = false;
        }
    }
}

/// Every leaf that a pod serves, and that is valid by the clock, is accepted by every control plane. Excused is what a fault
/// has made unavoidable, see `actions::serve`, and a leaf whose authority had ended when the clock was ahead: nobody trusted it
/// then, it was dropped, and the clock went back.
pub(super) fn is_safe(state: &State, pool: &Pool) -> bool {
    state.pods.iter().flatten().all(|pod| {
        pod.excused
            || !pool.is_valid(pod.leaf, state.clock)
            || pool.has_ended(pod.leaf.ca, state.latest)
            || is_accepted(state, pod.leaf, pool)
    })
}

/// How many passes a rotation, another one behind it, and a look at the end take at the very most.
const PASSES: usize = 40;

/// What becomes of states when one operator goes on alone, without faults: each state that was looked at, with the writes of
/// authorities and leaves that lie before it.
pub(super) struct Ends<'a> {
    pool: &'a Pool,
    reload: Reload,
    known: Map<State, Rc<[Write]>>,
}

impl<'a> Ends<'a> {
    pub(super) fn new(pool: &'a Pool, reload: Reload) -> Self {
        Self {
            pool,
            reload,
            known: Map::default(),
        }
    }

    /// How many states were looked at.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Goes on until nothing is written any more.
    ///
    /// # Errors
    /// It does not come to an end, or not to the right one, or writes more than there is cause for.
    pub(super) fn check(&mut self, state: &State) -> Result<(), String> {
        let mut path: Vec<(State, Option<Write>)> = Vec::new();
        let mut state = alone(state);
        let rest = loop {
            if let Some(rest) = self.known.get(&state) {
                break Rc::clone(rest);
            }
            if path.len() > PASSES * 12 {
                return Err(format!("no end of it: {state:?}"));
            }
            let between_passes = state.operators[0].pass.is_none();
            if between_passes {
                let (after, quiet) = self.whole_pass(&state);
                let got = self.all_get_there(after.clone());
                if quiet && got == state {
                    self.is_right(&state)?;
                    path.push((state, None));
                    break Rc::from([]);
                }
            }
            // The world gets there between two passes.
            let here = if between_passes {
                self.all_get_there(state.clone())
            } else {
                state.clone()
            };
            let Some((after, write)) = step(&here, 0, self.pool, self.reload) else {
                return Err("the operator that leads has nothing to do".to_owned());
            };
            path.push((state, write.filter(|write| *write != Write::Other)));
            state = alone(&after);
        };
        let mut writes = rest.to_vec();
        for (state, write) in path.into_iter().rev() {
            if let Some(write) = write {
                writes.insert(0, write);
                is_caused(&writes)?;
            }
            self.known.insert(state, Rc::from(writes.as_slice()));
        }
        Ok(())
    }

    fn whole_pass(&self, state: &State) -> (State, bool) {
        let mut state = state.clone();
        let mut quiet = true;
        loop {
            let Some((after, write)) = step(&state, 0, self.pool, self.reload) else {
                return (state, false);
            };
            quiet &= write.is_none();
            state = after.canonical();
            if state.operators[0].pass.is_none() {
                return (state, quiet);
            }
        }
    }

    fn all_get_there(&self, mut state: State) -> State {
        for which in 0..2 {
            happen(&mut state, Action::Cache(which), self.pool, self.reload);
            happen(&mut state, Action::Proxy(which), self.pool, self.reload);
            // Of its own accord a pod is not restarted.
            let rolled = state.pods[which].is_none_or(|pod| pod.template != state.template);
            if self.reload == Reload::Hot || rolled {
                happen(&mut state, Action::Serve(which), self.pool, self.reload);
            }
        }
        happen(&mut state, Action::Wait, self.pool, self.reload);
        alone(&state)
    }

    /// One authority in the Secret, in every APIService, at every control plane; every pod serves the Secret's leaf.
    fn is_right(&self, state: &State) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("it ends with {what}: {state:?}"));
        let (Some(authority), Some(serving)) = (state.authority, state.serving) else {
            return wrong("a Secret missing");
        };
        if !authority.previous.is_empty() {
            return wrong("an old authority in the Secret");
        }
        let one = |bundle: super::state::Bundle| bundle.iter().eq([authority.current]);
        let services = state
            .services
            .iter()
            .map(|service| service.map(|service| service.bundle));
        let proxies = state.control_planes.iter().flat_map(|plane| plane.proxy);
        if !services.chain(proxies).all(|bundle| bundle.is_some_and(one)) || !one(serving.bundle) {
            return wrong("another bundle than that of the one authority");
        }
        if !state
            .pods
            .iter()
            .all(|pod| pod.is_some_and(|pod| pod.leaf == serving.leaf))
        {
            return wrong("a pod that serves another leaf");
        }
        if !self.pool.is_valid(serving.leaf, state.clock) || !is_accepted(state, serving.leaf, self.pool) {
            return wrong("a leaf that is refused");
        }
        Ok(())
    }
}

/// Between two authorities that are made there is at most one leaf of each authority for each cause; and a rotation is followed by one other at most.
fn is_caused(writes: &[Write]) -> Result<(), String> {
    let mut of_this_authority = Vec::new();
    let mut authorities = 0;
    for write in writes {
        match write {
            Write::Authority => {
                authorities += 1;
                of_this_authority.clear();
            }
            write if of_this_authority.contains(write) => {
                return Err(format!("{write:?} is written twice: {writes:?}"));
            }
            write => of_this_authority.push(*write),
        }
    }
    if authorities > 2 {
        return Err(format!("too many authorities: {writes:?}"));
    }
    Ok(())
}

/// Without the other operator, and whatever makes no difference to this one.
fn alone(state: &State) -> State {
    let mut state = state.clone();
    state.operators[1] = Operator::default();
    state.backup = (None, None);
    (state.latest, state.serving_restored) = (0, false);
    (state.faults_left, state.requests_left) = (0, 0);
    for pod in state.pods.iter_mut().flatten() {
        pod.excused = false;
    }
    state.canonical()
}
