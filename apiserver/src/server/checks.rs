//! What can be wrong with a server.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::background::Background;
use super::health::{Check, Health};
use super::lifecycle::{Lifecycle, Stage};
use super::served::{self, Now};
use super::storage::Stores;
use crate::admission::NamespaceLifecycle;
use crate::config::Config;
use crate::storage::Storage;

/// The checks of a server, under the names that they have in Go, and its `own`. None of the library's keeps the storage open.
pub(super) fn of(
    now: Now,
    stores: &Stores,
    config: &Config,
    namespaces: Option<Arc<NamespaceLifecycle>>,
    background: &Background,
    life: Lifecycle,
    own: Vec<Check>,
) -> Health {
    let mut checks = vec![
        Check::new("ping", || async { Ok(()) }),
        // Lines of the log are written at once: there is nothing that could hang.
        Check::new("log", || async { Ok(()) }),
        // Called so whatever the storage is, for manifests that exclude it.
        storage_check(Check::new, "etcd", stores, config.storage.health_timeout),
        storage_check(
            Check::of_readiness,
            "etcd-readiness",
            stores,
            config.storage.ready_timeout,
        ),
        informer_check(namespaces),
        served::check(now),
        background.check(),
    ];
    checks.extend(own);
    checks.push(Check::of_readiness("shutdown", move || {
        let is_leaving = life.stage() >= Stage::Leaving;
        async move {
            if is_leaving {
                Err("process is shutting down".to_owned())
            } else {
                Ok(())
            }
        }
    }));
    Health::new(checks)
}

type BoxedRun = Box<dyn Fn() -> futures::future::BoxFuture<'static, Result<(), String>> + Send + Sync>;

fn storage_check(
    make: fn(&'static str, BoxedRun) -> Check,
    name: &'static str,
    stores: &Stores,
    timeout: Duration,
) -> Check {
    let backend = Arc::downgrade(stores.backend());
    make(
        name,
        Box::new(move || {
            let backend = Weak::clone(&backend);
            Box::pin(async move {
                let store = backend
                    .upgrade()
                    .ok_or_else(|| "the storage is closed".to_owned())?;
                answers(&*store, timeout).await
            })
        }),
    )
}

async fn answers(store: &dyn Storage, timeout: Duration) -> Result<(), String> {
    match tokio::time::timeout(timeout, store.check()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {timeout:?}")),
    }
}

fn informer_check(namespaces: Option<Arc<NamespaceLifecycle>>) -> Check {
    Check::of_readiness("informer-sync", move || {
        let namespaces = namespaces.clone();
        async move {
            match namespaces {
                Some(namespaces) if !namespaces.is_ready().await => {
                    Err("1 informers not started yet: [*v1.Namespace]".to_owned())
                }
                _ => Ok(()),
            }
        }
    })
}
