//! Which servers are to be reconciled, since an answer came late. Each is there once, so that there are never more of them
//! than servers.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use futures::{Stream, stream};
use tokio::sync::Notify;

use super::lock;

#[derive(Default)]
pub(super) struct Wakes {
    names: Mutex<BTreeSet<String>>,
    added: Notify,
}

impl Wakes {
    pub(super) fn wake(&self, name: &str) {
        lock(&self.names).insert(name.to_owned());
        self.added.notify_one();
    }

    async fn next(&self) -> String {
        loop {
            let name = lock(&self.names).pop_first();
            match name {
                Some(name) => return name,
                None => self.added.notified().await,
            }
        }
    }
}

/// The names, as they come.
pub(super) fn stream(wakes: Arc<Wakes>) -> impl Stream<Item = String> + Send {
    stream::unfold(wakes, |wakes| async move {
        let name = wakes.next().await;
        Some((name, wakes))
    })
}
