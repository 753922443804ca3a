//! The columns of a resource's Table, and the cells of a row.

use annex_schema::field::json_path_text;
use jiff::Timestamp;
use serde_json::{Number, Value, json};

use super::age;
use super::json_path::JsonPath;
use crate::object::as_go_writes;
use crate::resource::{CREATED_DESCRIPTION, Column, DefaultColumn, Version};

/// What ObjectMeta's documentation says of `name`.
const NAME_DESCRIPTION: &str = "Name must be unique within a namespace. Is required when creating resources, although \
some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily \
intended for creation idempotence and configuration definition. Cannot be updated. More info: \
https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

/// The columns of a version.
#[derive(Debug)]
pub(crate) struct Columns {
    /// `columnDefinitions`, encoded.
    definitions: String,
    /// What stands beside the name; `None`: the creation's time, as Go's default table has it.
    printed: Option<Vec<Printed>>,
}

#[derive(Debug)]
struct Printed {
    type_: String,
    /// `None`: a path that could not be read; the cells stay empty.
    path: Option<JsonPath>,
}

impl Columns {
    /// The columns of `version`; `default`: the one that it has where it says none.
    pub(crate) fn of(version: &Version, default: DefaultColumn) -> Self {
        let name = definition("Name", "string", "name", NAME_DESCRIPTION, 0);
        if version.columns.is_empty() && default == DefaultColumn::Age {
            let age = Column {
                name: "Age".into(),
                type_: "date".into(),
                format: String::new(),
                description: CREATED_DESCRIPTION.into(),
                priority: 0,
                json_path: ".metadata.creationTimestamp".into(),
            };
            return Self {
                definitions: json!([name, described(&age)]).to_string(),
                printed: Some(vec![printed(&age)]),
            };
        }
        if version.columns.is_empty() {
            let created = definition("Created At", "date", "", CREATED_DESCRIPTION, 0);
            return Self {
                definitions: json!([name, created]).to_string(),
                printed: None,
            };
        }
        let definitions = std::iter::once(name).chain(version.columns.iter().map(described));
        Self {
            definitions: Value::from_iter(definitions).to_string(),
            printed: Some(version.columns.iter().map(printed).collect()),
        }
    }

    /// `columnDefinitions`, as JSON.
    pub(super) fn definitions(&self) -> &str {
        &self.definitions
    }

    /// Go's default table has no list where it has no rows; one with printed columns has an empty one.
    pub(super) fn no_rows(&self) -> &'static str {
        if self.printed.is_some() { "[]" } else { "null" }
    }

    /// Whether the cells need more of an object than its metadata.
    pub(super) fn look_inside(&self) -> bool {
        self.printed.is_some()
    }

    /// The cells of `object` (of which its metadata may be all there is, see [`Columns::look_inside`]) at the time `now`.
    pub(super) fn cells(&self, object: &Value, now: Timestamp) -> Value {
        let name = object
            .pointer("/metadata/name")
            .cloned()
            .unwrap_or_else(|| "".into());
        let Some(printed) = &self.printed else {
            return json!([name, created_at(object)]);
        };
        std::iter::once(name)
            .chain(printed.iter().map(|column| cell(column, object, now)))
            .collect()
    }
}

fn definition(name: &str, type_: &str, format: &str, description: &str, priority: i32) -> Value {
    json!({"name": name, "type": type_, "format": format, "description": description, "priority": priority})
}

fn described(column: &Column) -> Value {
    let fallback;
    let description = if column.description.is_empty() {
        fallback = format!(
            "Custom resource definition column (in JSONPath format): {}",
            column.json_path
        );
        &fallback
    } else {
        &column.description
    };
    definition(
        &column.name,
        &column.type_,
        &column.format,
        description,
        column.priority,
    )
}

fn printed(column: &Column) -> Printed {
    Printed {
        type_: column.type_.clone(),
        path: JsonPath::parse(&column.json_path),
    }
}

/// An object without a time, such as a bookmark's, has Go's zero time.
fn created_at(object: &Value) -> Value {
    object
        .pointer("/metadata/creationTimestamp")
        .filter(|time| time.is_string())
        .cloned()
        .unwrap_or_else(|| "0001-01-01T00:00:00Z".into())
}

fn cell(column: &Printed, object: &Value, now: Timestamp) -> Value {
    let Some(value) = column.path.as_ref().and_then(|path| path.first(object)) else {
        return Value::Null;
    };
    match (column.type_.as_str(), value) {
        ("string", value) => json_path_text(value).into(),
        ("integer", Value::Number(number)) => {
            number.as_i64().or_else(|| number.as_f64().map(truncated)).into()
        }
        ("number", Value::Number(number)) => {
            // A float64, whatever it was.
            let float = number.as_f64().and_then(Number::from_f64);
            let float = float.as_ref().unwrap_or(number);
            as_go_writes(float).map_or_else(|| value.clone(), Value::Number)
        }
        ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(time)) => date(time, now).into(),
        _ => Value::Null,
    }
}

/// As Go converts on amd64: what an int64 cannot hold is its least.
#[expect(clippy::cast_possible_truncation, reason = "the range is looked at")]
fn truncated(number: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}

fn date(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => age::human(now.as_second() - time.as_second()),
        Err(_) => "<invalid>".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::schema::Schema;

    fn version(columns: &[(&str, &str, &str)]) -> Version {
        Version {
            name: "v1".into(),
            schema: Arc::new(Schema::new(json!({}))),
            columns: columns
                .iter()
                .map(|(name, type_, path)| Column {
                    name: (*name).into(),
                    type_: (*type_).into(),
                    format: String::new(),
                    description: String::new(),
                    priority: 0,
                    json_path: (*path).into(),
                })
                .collect(),
            selectable_fields: Vec::new(),
            subresources: crate::resource::Subresources::default(),
            deprecation_warning: None,
        }
    }

    fn now() -> Timestamp {
        "2024-01-01T00:10:00Z".parse().unwrap()
    }

    #[test]
    fn without_columns_there_are_name_and_creation() {
        let columns = Columns::of(&version(&[]), DefaultColumn::CreatedAt);
        let definitions: Value = serde_json::from_str(columns.definitions()).unwrap();
        assert_eq!(definitions[0]["format"], "name");
        assert_eq!(definitions[1]["name"], "Created At");
        assert_eq!(definitions[1]["type"], "date");
        let object = json!({"metadata": {"name": "a", "creationTimestamp": "2024-01-01T00:00:00Z"}});
        assert_eq!(
            columns.cells(&object, now()),
            json!(["a", "2024-01-01T00:00:00Z"])
        );
        assert_eq!(
            columns.cells(&json!({"metadata": {}}), now()),
            json!(["", "0001-01-01T00:00:00Z"])
        );
    }

    #[test]
    fn without_columns_a_custom_resource_has_its_age() {
        let columns = Columns::of(&version(&[]), DefaultColumn::Age);
        let definitions: Value = serde_json::from_str(columns.definitions()).unwrap();
        assert_eq!(
            (&definitions[1]["name"], &definitions[1]["type"]),
            (&json!("Age"), &json!("date"))
        );
        assert!(
            definitions[1]["description"]
                .as_str()
                .unwrap()
                .starts_with("CreationTimestamp is")
        );
        let object = json!({"metadata": {"name": "a", "creationTimestamp": "2024-01-01T00:00:00Z"}});
        assert_eq!(columns.cells(&object, now()), json!(["a", "10m"]));
        assert_eq!(columns.cells(&json!({"metadata": {}}), now()), json!(["", null]));
    }

    /// As client-go's JSONPath prints them, and Go converts them.
    #[test]
    fn cells_of_other_types_are_as_go_has_them() {
        let cell = |type_: &str, value: Value| {
            let columns = Columns::of(&version(&[("It", type_, ".spec.it")]), DefaultColumn::Age);
            let object = json!({"metadata": {"name": "a"}, "spec": {"it": value}});
            columns.cells(&object, now())[1].clone()
        };
        let hosts = json!(["<a>&\u{2028}"]);
        assert_eq!(cell("string", hosts), json!(r#"["\u003ca\u003e\u0026\u2028"]"#));
        assert_eq!(cell("string", json!(1e-7)), json!("1e-07"));
        assert_eq!(cell("string", json!(12_345_678.5)), json!("1.23456785e+07"));
        assert_eq!(cell("string", json!(true)), json!("true"));
        assert_eq!(cell("integer", json!(1e20)), json!(i64::MIN));
        assert_eq!(
            cell("number", json!(9_007_199_254_740_993_i64)).to_string(),
            "9007199254740992"
        );
    }

    #[test]
    fn cells_have_the_types_of_their_columns() {
        let columns = Columns::of(
            &version(&[
                ("Color", "string", ".spec.color"),
                ("List", "string", ".spec.list"),
                ("Size", "integer", ".spec.size"),
                ("Half", "number", ".spec.half"),
                ("Whole", "integer", ".spec.half"),
                ("On", "boolean", ".spec.on"),
                ("Wrong", "integer", ".spec.color"),
                ("Missing", "string", ".spec.missing"),
                ("Null", "string", ".spec.null"),
                ("Age", "date", ".metadata.creationTimestamp"),
                ("Never", "date", ".spec.color"),
                ("Unread", "string", "nonsense"),
            ]),
            DefaultColumn::Age,
        );
        let object = json!({
            "metadata": {"name": "a", "creationTimestamp": "2024-01-01T00:00:00Z"},
            "spec": {"color": "red", "list": [1, "x"], "size": 3, "half": 2.5, "on": true, "null": null},
        });
        assert_eq!(
            columns.cells(&object, now()),
            json!([
                "a",
                "red",
                "[1,\"x\"]",
                3,
                2.5,
                2,
                true,
                null,
                null,
                "<no value>",
                "10m",
                "<invalid>",
                null
            ])
        );
        let definitions: Value = serde_json::from_str(columns.definitions()).unwrap();
        assert_eq!(
            definitions[1]["description"],
            "Custom resource definition column (in JSONPath format): .spec.color"
        );
    }
}
