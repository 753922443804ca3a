//! A lister over a watch cache: what it finds, when it answers, and what it keeps.

use serde_json::{Value, json};

use super::*;
use crate::admission::NoAdmission;
use crate::endpoint::testing::flunders;
use crate::kubernetes::testing::eventually;
use crate::object::Object;
use crate::resource::Policy;
use crate::storage::cache::{Cache, Options};
use crate::storage::memory::MemoryStore;
use crate::storage::{Key, Prefix, Storage};

/// A registry of flunders over a cache, and a lister of them.
struct Fixture {
    store: Arc<MemoryStore>,
    /// The lister does not keep it.
    _registry: Arc<Registry>,
    lister: Lister<Object>,
}

fn decode(json: Bytes) -> Result<Object, serde_json::Error> {
    serde_json::from_slice(&json).map(Object)
}

fn lister(registries: &Registries) -> Lister<Object> {
    let resource = GroupResource::new("wardle.example.com", "flunders");
    Lister::new(registries.clone(), resource, "v1beta1".into(), decode)
}

/// One that keeps so many bytes.
async fn fixture(kept: usize) -> Fixture {
    let store = Arc::new(MemoryStore::new());
    let prefix = Prefix::resource("wardle.example.com", "flunders").unwrap();
    let cache = Cache::start(store.clone(), prefix, Options::default());
    cache.wait_ready().await;
    let resource = Arc::new(flunders(Policy::default()));
    let registry = Arc::new(Registry::new(resource, cache, Arc::new(NoAdmission)).unwrap());
    let registries = Registries::default();
    let weak = Arc::downgrade(&registry);
    registries.started(Kept::new(kept), move |resource| {
        weak.upgrade()
            .filter(|registry| registry.resource().group_resource() == *resource)
    });
    Fixture {
        store,
        _registry: registry,
        lister: lister(&registries),
    }
}

fn key(path: &str) -> Key {
    Key::parse(&format!("/wardle.example.com/flunders/{path}")).unwrap()
}

fn stored(name: &str, reference: &str, label: &str) -> Bytes {
    let object = json!({
        "kind": "Flunder", "apiVersion": "wardle.example.com/v1alpha1",
        "metadata": {"name": name, "labels": {"l": label}}, "spec": {"reference": reference}, "status": {},
    });
    object.to_string().into()
}

impl Fixture {
    async fn write(&self, path: &str, label: &str) -> Entry {
        let name = path.rsplit('/').next().unwrap();
        let written = self.store.create(&key(path), stored(name, "x", label)).await;
        written.unwrap()
    }

    async fn list(&self, namespace: &str, selector: &str) -> Vec<Arc<Object>> {
        let selector = LabelSelector::parse(selector).unwrap();
        self.lister.list(namespace, &selector).await.unwrap()
    }

    async fn names(&self, namespace: &str, selector: &str) -> Vec<String> {
        let listed = self.list(namespace, selector).await;
        listed.iter().map(|object| object.name().to_owned()).collect()
    }

    /// Waits until the cache has so many objects.
    async fn until(&self, count: usize) {
        eventually("the cache follows", || {
            futures::executor::block_on(self.names("", "")).len() == count
        })
        .await;
    }
}

#[tokio::test]
async fn objects_are_found_by_name_namespace_and_labels() {
    let fixture = fixture(1 << 20).await;
    for (path, label) in [("a/one", "1"), ("a/two", "2"), ("b/three", "1")] {
        fixture.write(path, label).await;
    }
    fixture.until(3).await;
    assert_eq!(fixture.names("", "").await, ["one", "two", "three"]);
    assert_eq!(fixture.names("a", "").await, ["one", "two"]);
    assert_eq!(fixture.names("", "l=1").await, ["one", "three"]);
    assert_eq!(fixture.names("a", "l=1").await, ["one"]);
    assert_eq!(fixture.names("nowhere", "").await, Vec::<String>::new());
    let found = fixture.lister.get("a", "two").await.unwrap().unwrap();
    assert_eq!(found.api_version(), "wardle.example.com/v1beta1");
    assert_eq!(found.0["spec"]["flunderReference"], "x");
    assert_ne!(found.resource_version(), "");
    assert!(fixture.lister.get("b", "two").await.unwrap().is_none());
}

#[tokio::test]
async fn an_object_is_decoded_once_as_long_as_it_stays() {
    let fixture = fixture(1 << 20).await;
    let entry = fixture.write("a/one", "1").await;
    fixture.until(1).await;
    let first = fixture.list("", "").await.remove(0);
    let second = fixture.lister.get("a", "one").await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let changed = stored("one", "y", "1");
    let write = fixture.store.update(entry.key(), entry.revision(), changed).await;
    let entry = write.unwrap();
    let reference = || {
        let found = futures::executor::block_on(fixture.lister.get("a", "one"));
        found
            .unwrap()
            .map(|object| object.0["spec"]["flunderReference"].clone())
    };
    eventually("the change is seen", || reference() == Some("y".into())).await;
    fixture.store.delete(entry.key(), entry.revision()).await.unwrap();
    eventually("the deletion is seen", || reference().is_none()).await;
}

#[tokio::test]
async fn what_there_is_no_room_for_is_decoded_anew() {
    let fixture = fixture(0).await;
    fixture.write("a/one", "1").await;
    fixture.until(1).await;
    let first = fixture.list("", "").await.remove(0);
    let second = fixture.list("", "").await.remove(0);
    assert_eq!(first, second);
    assert!(!Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn room_is_free_again_when_objects_are_gone() {
    let kept = Kept::new(1 << 10);
    let all = kept.room(1 << 10).unwrap();
    assert!(kept.room(1).is_none());
    drop(all);
    assert!(kept.room(1 << 10).is_some());
    assert!(kept.room(usize::MAX).is_none());
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_told_and_never_left_out() {
    let fixture = fixture(1 << 20).await;
    fixture.write("a/one", "1").await;
    fixture.until(1).await;
    let broken =
        json!({"kind": "Flunder", "apiVersion": "elsewhere.example.com/v1", "metadata": {"name": "two"}});
    let two = key("a/two");
    let written = fixture.store.create(&two, broken.to_string().into()).await;
    written.unwrap();
    let listed = || futures::executor::block_on(fixture.lister.list("", &LabelSelector::default()));
    eventually("the cache follows", || listed().is_err()).await;
    let status = listed().unwrap_err().status();
    assert_eq!(status.code, 500);
    assert!(
        status.message.contains("/wardle.example.com/flunders/a/two"),
        "{}",
        status.message
    );
}

#[tokio::test(start_paused = true)]
async fn before_a_server_has_started_nothing_waits_for_ever() {
    let registries = Registries::default();
    let early = lister(&registries);
    assert!(!early.is_ready());
    let error = early.list("", &LabelSelector::default()).await.unwrap_err();
    assert_eq!(error.status().code, 429);
    assert_eq!(early.get("a", "b").await.unwrap_err().status().code, 429);
    let begun = Instant::now();
    assert!(!early.wait_for_ready().await);
    assert!((PATIENCE..PATIENCE + LOOK * 2).contains(&begun.elapsed()));
}

#[tokio::test]
async fn a_lister_waits_for_the_start_and_keeps_no_registry() {
    let store = Arc::new(MemoryStore::new());
    let resource = Arc::new(flunders(Policy::default()));
    let registry = Arc::new(Registry::new(resource, store, Arc::new(NoAdmission)).unwrap());
    let registries = Registries::default();
    let early = lister(&registries);
    let waiting = tokio::spawn({
        let early = early.clone();
        async move { early.wait_for_ready().await }
    });
    tokio::task::yield_now().await;
    let weak = Arc::downgrade(&registry);
    registries.started(Kept::new(0), move |_| weak.upgrade());
    assert!(waiting.await.unwrap());
    assert_eq!(early.list("", &LabelSelector::default()).await.unwrap(), []);
    let gone = Arc::downgrade(&registry);
    drop(registry);
    assert!(gone.upgrade().is_none());
    assert!(!early.is_ready());
}

#[tokio::test]
async fn what_is_looked_for_is_decoded_for_the_moment() {
    let fixture = fixture(0).await;
    for path in ["a/one", "a/two", "b/three"] {
        fixture.write(path, "1").await;
    }
    fixture.until(3).await;
    let (mut seen, all) = (Vec::new(), LabelSelector::default());
    let found = fixture.lister.find("", &all, |object| {
        seen.push(Arc::downgrade(object));
        assert_eq!(seen.iter().filter(|seen| seen.strong_count() > 0).count(), 1);
        (object.name() == "two").then(|| object.name().to_owned())
    });
    assert_eq!(found.await.unwrap().as_deref(), Some("two"));
    assert_eq!(seen.len(), 2, "the third is not looked at");
    let none = fixture.lister.find::<()>("b", &all, |_| None).await;
    assert_eq!(none.unwrap(), None);
}

#[test]
fn another_type_is_another_decoding() {
    let cache = crate::object::EncodingCache::default();
    cache.keep_decoded(1, Arc::new(Value::Null));
    assert_eq!(cache.decoded::<Value>(1).as_deref(), Some(&Value::Null));
    assert_eq!(cache.decoded::<u8>(1), None);
    cache.keep_decoded(1, Arc::new(Value::Bool(true)));
    assert_eq!(cache.decoded::<Value>(1).as_deref(), Some(&Value::Bool(true)));
    let encoded: Result<_, ()> = cache.get_or_make(1, || Ok("bytes".into()));
    assert_eq!(
        (encoded.unwrap(), cache.get(1)),
        ("bytes".into(), Some("bytes".into()))
    );
    assert!(cache.decoded::<Value>(1).is_some());
}
