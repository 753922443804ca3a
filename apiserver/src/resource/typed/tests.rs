use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::object::Object;

mod v1 {
    use super::*;

    #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
    pub(super) struct Lamp {
        pub(super) metadata: ObjectMeta,
        pub(super) watts: i64,
    }

    crate::kind!(Lamp: "example.com", "v1", "lamps", Namespaced);
}

mod v1alpha1 {
    use super::*;

    #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
    pub(super) struct Lamp {
        pub(super) metadata: ObjectMeta,
        #[serde(default)]
        pub(super) bulb: String,
    }

    crate::kind!(Lamp: "example.com", "v1alpha1", "lamps", Namespaced);
}

impl From<v1alpha1::Lamp> for v1::Lamp {
    fn from(lamp: v1alpha1::Lamp) -> Self {
        Self {
            metadata: lamp.metadata,
            watts: lamp.bulb.trim_end_matches('W').parse().unwrap_or(-1),
        }
    }
}

impl From<v1::Lamp> for v1alpha1::Lamp {
    fn from(lamp: v1::Lamp) -> Self {
        Self {
            metadata: lamp.metadata,
            bulb: format!("{}W", lamp.watts),
        }
    }
}

fn lamps() -> Resource {
    resource::<v1alpha1::Lamp>()
        .hub::<v1::Lamp>()
        .default(|lamp: &mut v1alpha1::Lamp| {
            if lamp.bulb.is_empty() {
                lamp.bulb = "60W".into();
            }
        })
        .validate(|lamp| match lamp.watts {
            ..0 => vec![FieldError::invalid("watts", lamp.watts, "must not be negative")],
            _ => vec![],
        })
        .prepare_for_update(|new, old| new.watts = new.watts.max(old.watts))
        .short_names(["lp"])
        .build()
        .unwrap()
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(fields) => Object(fields),
        _ => panic!("no object"),
    }
}

#[test]
fn a_resource_is_described_by_its_types() {
    let lamps = lamps();
    assert_eq!(
        (lamps.group.as_str(), lamps.scope),
        ("example.com", Scope::Namespaced)
    );
    let names: Vec<_> = lamps
        .versions
        .iter()
        .map(|version| version.name.as_str())
        .collect();
    assert_eq!(names, ["v1", "v1alpha1"]);
    assert_eq!(
        (lamps.storage_version.as_str(), lamps.hub_of("v1alpha1")),
        ("v1alpha1", "v1")
    );
    assert_eq!(lamps.names.singular, "lamp");
    assert_eq!(lamps.names.list_kind, "LampList");
    assert_eq!(
        lamps.versions[0].schema.document["properties"]["watts"]["type"],
        "integer"
    );
    assert_ne!(
        lamps.versions[0].schema.fingerprint,
        lamps.versions[1].schema.fingerprint
    );
}

#[test]
fn a_conversion_goes_through_the_hub_and_keeps_metadata() {
    let strategy = Arc::clone(&lamps().strategy);
    let old = object(json!({
        "apiVersion": "example.com/v1alpha1", "kind": "Lamp", "bulb": "40W",
        "metadata": {"name": "a", "labels": {"x": "y"}, "managedFields": [{"fieldsV1": {"f:x": {}}}], "newer": 1},
    }));
    let new = strategy.convert(old.clone(), "v1").unwrap();
    assert_eq!(new.api_version(), "example.com/v1");
    assert_eq!(new.0["watts"], 40);
    assert_eq!(new.0["metadata"], old.0["metadata"]);
    assert_eq!(strategy.convert(new, "v1alpha1").unwrap(), old);
    assert!(strategy.convert(old, "v2").is_err());
}

#[test]
fn a_conversion_may_change_labels_and_annotations() {
    #[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
    struct Marked {
        metadata: ObjectMeta,
    }
    crate::kind!(Marked: "example.com", "v1", "marked", Namespaced);

    let marks = |label: Option<&'static str>| {
        resource::<Marked>()
            .prepare_for_create(move |marked| {
                let labels = marked.metadata.labels.take().unwrap_or_default();
                marked.metadata.annotations = Some(labels);
                marked.metadata.labels = label.map(|label| [("x".to_owned(), label.to_owned())].into());
            })
            .build()
            .unwrap()
    };
    let after = |label: Option<&'static str>, metadata: Value| {
        let mut object = object(json!({"metadata": metadata}));
        marks(label).strategy.prepare_for_create(&mut object);
        object.0["metadata"].clone()
    };
    let before = json!({"labels": {"x": "y"}, "annotations": {"x": "z", "w": ""}, "name": "a", "newer": 1});
    assert_eq!(
        after(Some("y"), before.clone()),
        json!({"labels": {"x": "y"}, "annotations": {"x": "y"}, "name": "a", "newer": 1})
    );
    assert_eq!(after(Some("q"), before.clone())["labels"], json!({"x": "q"}));
    assert_eq!(
        after(None, before),
        json!({"annotations": {"x": "y"}, "name": "a", "newer": 1})
    );
    assert_eq!(after(None, json!({"labels": null})), json!({"annotations": {}}));
}

#[test]
fn a_type_writes_what_it_knows() {
    let strategy = Arc::clone(&lamps().strategy);
    let sent = object(json!({"metadata": {"name": "a"}, "other": 1}));
    let mut normal = strategy.normalize("v1alpha1", sent).unwrap();
    assert_eq!(normal.0.get("other"), None);
    assert_eq!(normal.0["bulb"], "");
    strategy.default_fields("v1alpha1", &mut normal);
    assert_eq!(normal.0["bulb"], "60W");
    assert_eq!(normal.api_version(), "example.com/v1alpha1");
    assert!(strategy.normalize("v1", object(json!({"metadata": {}}))).is_err());
}

#[test]
fn what_a_client_sent_is_normalized_and_completed_at_once_and_keeps_its_metadata() {
    let strategy = Arc::clone(&lamps().strategy);
    let managed = json!([{"manager": "m", "fieldsV1": {"f:bulb": {}}}]);
    let metadata = json!({"name": "a", "annotations": {"x": "y"}, "managedFields": managed, "newer": 1});
    for bulb in ["", "40W"] {
        let sent = object(json!({"metadata": metadata, "bulb": bulb, "other": 1}));
        let mut one_by_one = strategy.normalize("v1alpha1", sent.clone()).unwrap();
        strategy.default_fields("v1alpha1", &mut one_by_one);
        let at_once = strategy.normalize_and_default("v1alpha1", sent).unwrap();
        assert_eq!(at_once, one_by_one);
        assert_eq!(at_once.0["metadata"], metadata);
    }
    let mut unreadable = object(json!({"metadata": metadata, "bulb": 1}));
    let before = unreadable.clone();
    strategy.default_fields("v1alpha1", &mut unreadable);
    assert_eq!(unreadable, before);
    assert!(strategy.normalize_and_default("v1alpha1", before).is_err());
}

#[test]
fn rules_run_in_the_hub_version() {
    let strategy = Arc::clone(&lamps().strategy);
    let lamp = |watts: i64| {
        object(
            json!({"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "a"}, "watts": watts}),
        )
    };
    assert_eq!(strategy.validate(&lamp(3)), vec![]);
    let messages: Vec<_> = strategy
        .validate(&lamp(-3))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(messages, ["watts: Invalid value: -3: must not be negative"]);
    // Without a rule of its own an update is judged as a creation.
    assert_eq!(strategy.validate_update(&lamp(-3), &lamp(3)).len(), 1);
    let refused = |_: &v1::Lamp| vec![FieldError::required("watts", "")];
    let accepting = resource().validate(refused).accept_updates().build().unwrap();
    assert_eq!(accepting.strategy.validate(&lamp(3)).len(), 1);
    assert_eq!(accepting.strategy.validate_update(&lamp(3), &lamp(3)), vec![]);
    // What a rule that prepares cannot read is not accepted.
    let preparing = resource()
        .accept_updates()
        .prepare_for_update(|_: &mut v1::Lamp, _| {})
        .build()
        .unwrap();
    let mut unreadable = lamp(3);
    unreadable.0["watts"] = json!("many");
    assert_eq!(preparing.strategy.validate_update(&lamp(3), &lamp(3)), vec![]);
    assert_eq!(preparing.strategy.validate_update(&lamp(3), &unreadable).len(), 1);
    let mut dimmed = lamp(1);
    strategy.prepare_for_update(&mut dimmed, &lamp(3));
    assert_eq!(dimmed.0["watts"], 3);
}

mod other {
    use super::*;

    #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
    pub(super) struct Torch {
        pub(super) metadata: ObjectMeta,
    }

    crate::kind!(Torch: "example.com", "v1", "torches", Namespaced);
}

impl From<v1::Lamp> for other::Torch {
    fn from(lamp: v1::Lamp) -> Self {
        Self {
            metadata: lamp.metadata,
        }
    }
}

impl From<other::Torch> for v1::Lamp {
    fn from(torch: other::Torch) -> Self {
        Self {
            metadata: torch.metadata,
            watts: 0,
        }
    }
}

#[test]
fn a_description_that_contradicts_itself_is_refused() {
    let no_version = resource::<v1::Lamp>()
        .default(|_: &mut v1alpha1::Lamp| {})
        .build();
    assert_eq!(
        no_version.unwrap_err().to_string(),
        "example.com/v1alpha1 lamps is none of the versions that were described before"
    );
    let twice = resource::<v1::Lamp>().version::<v1::Lamp>().build();
    assert_eq!(
        twice.unwrap_err().to_string(),
        "example.com/v1 lamps is described twice"
    );
    let other = resource::<v1::Lamp>().version::<other::Torch>().build();
    assert_eq!(
        other.unwrap_err().to_string(),
        "example.com/v1 torches (Torch) is no version of lamps.example.com (Lamp): group, names and scope must be the same"
    );
}

mod v2 {
    use super::*;

    #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
    pub(super) struct Lamp {
        pub(super) metadata: ObjectMeta,
        pub(super) kilowatts: i64,
    }

    crate::kind!(Lamp: "example.com", "v2", "lamps", Namespaced);
}

impl From<v2::Lamp> for v1::Lamp {
    fn from(lamp: v2::Lamp) -> Self {
        Self {
            metadata: lamp.metadata,
            watts: lamp.kilowatts * 1000,
        }
    }
}

impl TryFrom<v1::Lamp> for v2::Lamp {
    type Error = String;

    fn try_from(lamp: v1::Lamp) -> Result<Self, String> {
        if lamp.watts % 1000 != 0 {
            return Err(format!("{} W are no whole kilowatts", lamp.watts));
        }
        Ok(Self {
            metadata: lamp.metadata,
            kilowatts: lamp.watts / 1000,
        })
    }
}

#[test]
fn a_conversion_may_fail() {
    let lamps = resource::<v1::Lamp>().version::<v2::Lamp>().build().unwrap();
    let convert = |watts: i64| {
        let lamp = json!({
            "apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "a"}, "watts": watts,
        });
        let object = Object(lamp.as_object().unwrap().clone());
        let converted = lamps.strategy.convert(object, "v2");
        converted
            .map(|lamp| lamp.0["kilowatts"].clone())
            .map_err(|error| error.0)
    };
    assert_eq!(convert(2000), Ok(json!(2)));
    assert_eq!(
        convert(7),
        Err("cannot convert example.com/v2 Lamp: 7 W are no whole kilowatts".into())
    );
}
