//! Plugins over a Rust type: what their functions see, change and refuse.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::admission::Admission as _;
use crate::authz::Authorized;
use crate::registry::{Current, Registry};
use crate::request::options::{CreateOptions, DeleteOptions, GetOptions, UpdateOptions};
use crate::request::{RequestInfo, Verb};
use crate::resource::typed;
use crate::storage::memory::MemoryStore;

mod stored {
    use super::*;

    #[derive(Clone, Deserialize, Serialize, JsonSchema)]
    pub(super) struct Lamp {
        pub(super) metadata: ObjectMeta,
        pub(super) power: String,
    }

    crate::kind!(Lamp: "example.com", "v1alpha1", "lamps", Namespaced);
}

/// A lamp in the hub version.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
struct Lamp {
    metadata: ObjectMeta,
    watts: i64,
}

crate::kind!(Lamp: "example.com", "v1", "lamps", Namespaced);

impl From<stored::Lamp> for Lamp {
    fn from(lamp: stored::Lamp) -> Self {
        Self {
            metadata: lamp.metadata,
            watts: lamp.power.parse().unwrap_or_default(),
        }
    }
}

impl From<Lamp> for stored::Lamp {
    fn from(lamp: Lamp) -> Self {
        Self {
            metadata: lamp.metadata,
            power: lamp.watts.to_string(),
        }
    }
}

fn lamps() -> Resource {
    typed::resource::<stored::Lamp>()
        .hub::<Lamp>()
        .status()
        .build()
        .unwrap()
}

fn registry(plugin: impl admission::Admission) -> Registry {
    let store = Arc::new(MemoryStore::new());
    Registry::new(Arc::new(lamps()), store, Arc::new(plugin)).unwrap()
}

fn info(verb: Verb, name: &str, subresource: &str) -> RequestInfo {
    RequestInfo {
        is_resource: true,
        path_verb: None,
        verb,
        path: String::new(),
        method: String::new(),
        group: "example.com".into(),
        version: "v1".into(),
        namespace: "a".into(),
        resource: "lamps".into(),
        subresource: subresource.into(),
        subpath: String::new(),
        name: name.into(),
        label_selector: String::new(),
        field_selector: String::new(),
    }
}

fn request(verb: Verb, name: &str) -> Authorized {
    Authorized::in_test(User::anonymous(), info(verb, name, ""))
}

fn lamp(metadata: &Value, watts: i64) -> Object {
    let object =
        json!({"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": metadata, "watts": watts});
    Object(object.as_object().unwrap().clone())
}

async fn create(registry: &Registry, object: Object) -> Result<Object, ApiError> {
    let request = request(Verb::Create, "");
    let created = registry
        .create(&request, object, &CreateOptions::default(), &mut Vec::new())
        .await?;
    registry.decode(&created.entry, "v1")
}

async fn patch(registry: &Registry, name: &str, watts: i64) -> Result<Object, ApiError> {
    let mut change = |current: Option<Current<'_>>| {
        let mut object = current.map(|current| current.object.clone()).unwrap();
        object.0.insert("watts".into(), watts.into());
        Ok(object)
    };
    let request = request(Verb::Patch, name);
    let updated = registry
        .update(&request, &mut change, &UpdateOptions::default(), &mut Vec::new())
        .await?;
    registry.decode(&updated.entry, "v1")
}

fn message<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
    result.unwrap_err().status().message
}

#[tokio::test]
async fn functions_change_and_refuse_by_what_they_are_given() {
    let plugin = Admission::new()
        .mutate_create(|request, mut lamp: Lamp| async move {
            assert_eq!(
                (request.namespace.as_str(), request.subresource.as_str()),
                ("a", "")
            );
            lamp.watts += 1;
            Ok(Some(lamp))
        })
        .mutate_update(|_, mut new, old| async move {
            new.watts = new.watts.max(old.watts);
            Ok(Some(new))
        })
        .validate_create(|request, lamp| async move {
            match lamp.watts {
                1000.. => Err(request.forbidden("too bright")),
                _ => Ok(()),
            }
        })
        .validate_update(|request, new, old| async move {
            match new.watts - old.watts {
                0..100 => Ok(()),
                _ => Err(request.forbidden("too sudden")),
            }
        })
        .validate_delete(|request, lamp| async move {
            match lamp.watts {
                0..50 => Ok(()),
                _ => Err(request.forbidden("still bright")),
            }
        });
    let registry = registry(plugin);
    let created = create(&registry, lamp(&json!({"name": "l"}), 40)).await.unwrap();
    assert_eq!(created.0["watts"], 41);
    assert_eq!(patch(&registry, "l", 7).await.unwrap().0["watts"], 41);
    assert_eq!(patch(&registry, "l", 60).await.unwrap().0["watts"], 60);
    let forbidden = |what: &str| format!(r#"lamps.example.com "l" is forbidden: {what}"#);
    assert_eq!(message(patch(&registry, "l", 500).await), forbidden("too sudden"));
    let delete = registry
        .delete(&request(Verb::Delete, "l"), &DeleteOptions::default())
        .await;
    assert_eq!(message(delete), forbidden("still bright"));
    let bright = create(&registry, lamp(&json!({"generateName": "g-"}), 999)).await;
    let bright = message(bright);
    assert!(
        bright.starts_with(r#"lamps.example.com "g-"#) && bright.ends_with("too bright"),
        "{bright}"
    );
    let left = registry.get("a", "l", &GetOptions::default()).await.unwrap();
    assert_eq!(registry.decode(&left, "v1").unwrap().0["watts"], 60);
}

/// The object that becomes of `object` where a plugin does `edit` to it, and whether it counts as changed.
async fn mutated(
    object: &Object,
    edit: impl Fn(Lamp) -> Option<Lamp> + Send + Sync + 'static,
) -> (Object, bool) {
    let plugin = Admission::new().mutate_create(move |_, lamp| std::future::ready(Ok(edit(lamp))));
    let (resource, info, user) = (lamps(), info(Verb::Create, "", ""), User::anonymous());
    let mut object = object.clone();
    let mut attributes = Attributes::new(Operation::Create, &resource, &info, &user)
        .of_name("a", "l")
        .of_object(Some(&mut object));
    plugin.admit(&mut attributes).await.unwrap();
    let is_changed = attributes.into_change().is_some();
    (object, is_changed)
}

#[tokio::test]
async fn what_is_not_changed_is_left_alone() {
    let metadata = json!({
        "name": "l", "unheard-of": {"a": 1}, "labels": {"a": "b"}, "finalizers": ["example.com/f"],
        "creationTimestamp": "2026-01-01T00:00:00.5Z",
        "managedFields": [{"manager": "m", "operation": "Update", "fieldsV1": {"f:watts": {}}, "time": "2026-01-01T00:00:00Z"}],
    });
    let sent = lamp(&metadata, 5);
    let (same, is_changed) = mutated(&sent, |_| None).await;
    assert_eq!((&same, is_changed), (&sent, false));
    let (brighter, is_changed) = mutated(&sent, |mut lamp| {
        lamp.watts = 6;
        Some(lamp)
    })
    .await;
    assert!(is_changed);
    assert_eq!(
        brighter,
        lamp(&metadata, 6),
        "not a field of the metadata is another"
    );
}

#[tokio::test]
async fn metadata_is_changed_field_by_field() {
    let metadata =
        json!({"name": "l", "unheard-of": 1, "labels": {"a": "b"}, "finalizers": ["example.com/f"]});
    let (changed, _) = mutated(&lamp(&metadata, 5), |mut lamp| {
        lamp.metadata.labels = None;
        lamp.metadata.finalizers = None;
        lamp.metadata.annotations = Some([("by".to_owned(), "plugin".to_owned())].into());
        Some(lamp)
    })
    .await;
    let expected = json!({"name": "l", "unheard-of": 1, "annotations": {"by": "plugin"}});
    assert_eq!(changed, lamp(&expected, 5));
}

#[tokio::test]
async fn other_resources_and_kinds_are_no_concern_of_it() {
    let plugin = Admission::new()
        .mutate_create(|_, _: Lamp| async { Err(ApiError::BadRequest("asked".into())) })
        .validate_create(|_, _| async { Err(ApiError::BadRequest("asked".into())) });
    let (info, user) = (info(Verb::Create, "", ""), User::anonymous());
    for (plural, kind) in [("lights", "Lamp"), ("lamps", "Switch")] {
        let mut resource = lamps();
        resource.names.plural = plural.into();
        let mut object = lamp(&json!({"name": "l"}), 5);
        object.set_type("example.com/v1", kind);
        let mut attributes = Attributes::new(Operation::Create, &resource, &info, &user)
            .of_name("a", "l")
            .of_object(Some(&mut object));
        plugin.admit(&mut attributes).await.unwrap();
        plugin.validate(&attributes).await.unwrap();
    }
}

#[test]
fn only_what_it_has_functions_for_is_handled() {
    let handled = |plugin: Admission<Lamp>| {
        let operations = [Operation::Create, Operation::Update, Operation::Delete];
        operations.map(|operation| plugin.handles(operation))
    };
    assert_eq!(handled(Admission::new()), [false; 3]);
    let nothing = || std::future::ready(Ok(()));
    assert_eq!(
        handled(Admission::new().validate_delete(move |_, _| nothing())),
        [false, false, true]
    );
    assert_eq!(
        handled(Admission::new().mutate_update(|_, _, _| std::future::ready(Ok(None)))),
        [false, true, false]
    );
    assert_eq!(
        handled(Admission::new().validate_create(move |_, _| nothing())),
        [true, false, false]
    );
}

#[tokio::test]
async fn a_write_of_the_status_is_told_by_its_subresource() {
    let plugin = Admission::new().validate_update(|request, _: Lamp, _| async move {
        assert_eq!(request.subresource, "status");
        Err(request.forbidden("no status"))
    });
    let registry = registry(plugin);
    create(&registry, lamp(&json!({"name": "l"}), 5)).await.unwrap();
    let request = Authorized::in_test(User::anonymous(), info(Verb::Patch, "l", "status"));
    let mut change =
        |current: Option<Current<'_>>| Ok(current.map(|current| current.object.clone()).unwrap());
    let updated = registry
        .update(&request, &mut change, &UpdateOptions::default(), &mut Vec::new())
        .await;
    assert_eq!(
        message(updated),
        r#"lamps.example.com "l" is forbidden: no status"#
    );
}

/// Writes into an object what its type does not know, and cannot say.
struct Careless(Value);

#[async_trait]
impl admission::Admission for Careless {
    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if let Some(object) = attributes.object_mut() {
            object.0.insert("color".into(), "red".into());
            object.0.insert("watts".into(), self.0.clone());
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_a_type_does_not_know_is_dropped_and_what_it_cannot_say_is_an_internal_error() {
    let created = create(&registry(Careless(6.into())), lamp(&json!({"name": "l"}), 5)).await;
    let created = created.unwrap();
    assert_eq!((created.0.get("color"), &created.0["watts"]), (None, &json!(6)));
    let failed = create(&registry(Careless("x".into())), lamp(&json!({"name": "l"}), 5)).await;
    let status = failed.unwrap_err().status();
    assert_eq!(status.code, 500, "{}", status.message);
}

#[test]
fn a_plugin_fits_a_server_whose_hub_it_is_over() {
    let served = [Arc::new(lamps())];
    let over_hub = Admission::<Lamp>::new();
    over_hub.validate_initialization(&served).unwrap();
    assert_eq!(
        over_hub.validate_initialization(&[]).unwrap_err().to_string(),
        "its functions are over lamps.example.com, which is not served"
    );
    let over_stored = Admission::<stored::Lamp>::new();
    assert_eq!(
        over_stored
            .validate_initialization(&served)
            .unwrap_err()
            .to_string(),
        "its functions are over v1alpha1 of lamps.example.com, whose hub version is v1"
    );
}
