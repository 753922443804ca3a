//! The registry on a store in memory: cases of k8s.io/apiserver's `registry/generic/registry/store_test.go` and
//! `registry/rest/resttest`, by verb.

mod admission;
mod create;
mod delete;
mod field_managers;
mod finalize;
mod fixture;
mod list;
mod read;
mod stored;
mod update;
mod watch;

/// A server's tasks move between threads, so every verb must be able to.
#[test]
fn every_verb_can_be_spawned() {
    use crate::request::Verb;
    use crate::request::options::{CreateOptions, DeleteOptions, GetOptions, ListOptions, UpdateOptions};

    fn spawnable<F: Future + Send>(_: F) {}
    let shop = fixture::shop();
    let (registry, request) = (&shop.registry, fixture::request(Verb::Get, "v1", "a"));
    let list = ListOptions::default();
    spawnable(registry.get("shop", "a", &GetOptions::default()));
    spawnable(registry.list("v1", "shop", &list));
    spawnable(registry.watch("v1", "shop", &list));
    spawnable(registry.create(
        &request,
        fixture::paint("a", "red"),
        &CreateOptions::default(),
        &mut Vec::new(),
    ));
    spawnable(registry.update(
        &request,
        &mut |_| Ok(fixture::paint("a", "red")),
        &UpdateOptions::default(),
        &mut Vec::new(),
    ));
    spawnable(registry.delete(&request, &DeleteOptions::default()));
    spawnable(registry.delete_collection(&request, &list, &DeleteOptions::default()));
}
