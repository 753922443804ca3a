//! `metav1.DeleteOptions`: from the query, or from a body, which then is all that counts.

use serde::Deserialize;
use serde_json::Value;

use super::query::Query;
use super::write::{dry_run, invalid};
use crate::decode::{GO_SCHEME, GO_TYPE_META, go_kind};
use crate::status::{ApiError, FieldError, FieldErrorKind, Quoted};

/// The option for objects that cannot be read.
pub(crate) const IGNORE_STORE_READ_ERROR: &str = "ignoreStoreReadErrorWithClusterBreakingPotential";

/// Kinds that are known beside DeleteOptions.
const OTHER_OPTIONS: [&str; 6] = [
    "CreateOptions",
    "GetOptions",
    "ListOptions",
    "PatchOptions",
    "UpdateOptions",
    "Status",
];

/// What becomes of the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They stay, without this owner.
    Orphan,
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
}

/// What must hold of an object for it to be deleted or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preconditions {
    /// It has this uid.
    pub uid: Option<String>,
    /// It has this resourceVersion.
    pub resource_version: Option<String>,
}

/// The options of a delete, and the second half of those of a deletecollection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Do everything but store it.
    pub dry_run: bool,
    /// How long the object is given to stop. Objects that stop by themselves are not served here: nothing reads it.
    pub grace_period_seconds: Option<i64>,
    /// What must hold.
    pub preconditions: Preconditions,
    /// What becomes of dependents; `None`: what the object's finalizers say already, else what is usual for the kind.
    pub propagation_policy: Option<Propagation>,
    /// The same as it was said before there was `propagation_policy`.
    pub orphan_dependents: Option<bool>,
    /// The object cannot be read, and is to be deleted all the same (KEP-3926).
    pub ignore_store_read_error: bool,
}

/// The options as they come over the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wire {
    dry_run: Option<Vec<String>>,
    grace_period_seconds: Option<i64>,
    preconditions: Option<Preconditions>,
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    ignore_store_read_error_with_cluster_breaking_potential: Option<bool>,
}

impl DeleteOptions {
    /// Reads and checks the query of a DELETE without a body.
    ///
    /// # Errors
    /// 400: a parameter cannot be read. 422 of kind DeleteOptions.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let query = Query::parse(query);
        let given = |key| {
            query
                .first(key)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let wire = Wire {
            dry_run: Some(query.list("dryRun")),
            grace_period_seconds: query.number("gracePeriodSeconds")?,
            preconditions: Some(Preconditions {
                uid: given("uid"),
                resource_version: given("resourceVersion"),
            }),
            propagation_policy: query.first("propagationPolicy").map(str::to_owned),
            orphan_dependents: query.flag("orphanDependents"),
            ignore_store_read_error_with_cluster_breaking_potential: query
                .flag("ignoreStoreReadErrorWithClusterBreakingPotential"),
        };
        wire.check()
    }

    /// Reads and checks a body: a `DeleteOptions` of whatever group and version. `body` is its JSON, already parsed.
    ///
    /// # Errors
    /// 400: it is no DeleteOptions. 422 of kind DeleteOptions.
    pub fn from_body(body: Value) -> Result<Self, ApiError> {
        if body.is_null() {
            return Wire::default().check();
        }
        if !body.is_object() {
            let found = go_kind(&body);
            return Err(ApiError::BadRequest(format!(
                "couldn't get version/kind; json parse error: json: cannot unmarshal {found} into Go value of type {GO_TYPE_META}"
            )));
        }
        let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
        let (kind, version) = (text("kind"), text("apiVersion"));
        if OTHER_OPTIONS.contains(&kind) {
            return Err(ApiError::BadRequest(
                "decoded object cannot be converted to DeleteOptions".into(),
            ));
        }
        if !matches!(kind, "" | "DeleteOptions") {
            let version = if version.is_empty() { "v1" } else { version };
            return Err(ApiError::BadRequest(format!(
                "no kind {} is registered for version {} in scheme {GO_SCHEME:?}",
                Quoted(kind),
                Quoted(version)
            )));
        }
        if let Some(message) = mistyped(&body) {
            return Err(ApiError::BadRequest(message));
        }
        serde_json::from_value::<Wire>(body)
            .map_err(|error| {
                ApiError::BadRequest(format!(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal into DeleteOptions: {error}"
                ))
            })?
            .check()
    }
}

/// Whether a value is of a field's type.
type Fits = fn(&Value) -> bool;

/// The fields of Go's type: their struct and path, and their type.
const FIELDS: [(&str, &str, &str, Fits); 8] = [
    ("DeleteOptions", "gracePeriodSeconds", "int64", Value::is_i64),
    (
        "DeleteOptions",
        "preconditions",
        "v1.Preconditions",
        Value::is_object,
    ),
    (
        "Preconditions",
        "preconditions.uid",
        "types.UID",
        Value::is_string,
    ),
    (
        "Preconditions",
        "preconditions.resourceVersion",
        "string",
        Value::is_string,
    ),
    ("DeleteOptions", "orphanDependents", "bool", Value::is_boolean),
    (
        "DeleteOptions",
        "propagationPolicy",
        "v1.DeletionPropagation",
        Value::is_string,
    ),
    ("DeleteOptions", "dryRun", "[]string", Value::is_array),
    (
        "DeleteOptions",
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "bool",
        Value::is_boolean,
    ),
];

/// What Go's decoder says of the first field that has a value of another type; a null is no value.
fn mistyped(body: &Value) -> Option<String> {
    let found = FIELDS.iter().find_map(|(of, path, type_name, fits)| {
        let value = path.split('.').try_fold(body, |value, field| value.get(field))?;
        (!value.is_null() && !fits(value)).then_some((value, of, path, type_name))
    });
    let (value, of, path, type_name) = found?;
    let shown = match value {
        Value::Number(number) if *type_name == "int64" => format!("number {number}"),
        other => go_kind(other).to_owned(),
    };
    Some(format!(
        "json: cannot unmarshal {shown} into Go struct field {of}.{path} of type {type_name}"
    ))
}

impl Wire {
    fn check(self) -> Result<DeleteOptions, ApiError> {
        let mut errors = Vec::new();
        let policy = self.propagation_policy.as_deref();
        if self.orphan_dependents.is_some()
            && let Some(policy) = policy
        {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid("propagationPolicy", policy, detail));
        }
        let propagation_policy = policy.and_then(|policy| read_policy(policy, &mut errors));
        let dry_run = dry_run(&self.dry_run.unwrap_or_default(), &mut errors);
        let ignore_store_read_error =
            self.ignore_store_read_error_with_cluster_breaking_potential == Some(true);
        if ignore_store_read_error {
            let preconditions = self.preconditions.as_ref();
            let others = [
                (".dryRun", dry_run),
                (".propagationPolicy", self.propagation_policy.is_some()),
                (".orphanDependents", self.orphan_dependents.is_some()),
                (".gracePeriodSeconds", self.grace_period_seconds.is_some()),
                (
                    ".preconditions",
                    preconditions.is_some_and(|given| *given != Preconditions::default()),
                ),
            ];
            for (name, _) in others.into_iter().filter(|(_, is_given)| *is_given) {
                let detail = format!("cannot be set together with {name}");
                errors.push(FieldError::invalid(IGNORE_STORE_READ_ERROR, true, detail));
            }
        }
        invalid("DeleteOptions", errors)?;
        Ok(DeleteOptions {
            dry_run,
            grace_period_seconds: self.grace_period_seconds,
            preconditions: self.preconditions.unwrap_or_default(),
            propagation_policy,
            orphan_dependents: self.orphan_dependents,
            ignore_store_read_error,
        })
    }
}

fn read_policy(text: &str, errors: &mut Vec<FieldError>) -> Option<Propagation> {
    match text {
        "Orphan" => Some(Propagation::Orphan),
        "Background" => Some(Propagation::Background),
        "Foreground" => Some(Propagation::Foreground),
        _ => {
            errors.push(FieldError::new(
                FieldErrorKind::NotSupported,
                "propagationPolicy",
                text,
                r#"supported values: "Foreground", "Background", "Orphan", "nil""#,
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_of_another_type_is_refused_as_go_refuses_it() {
        for (body, expected) in [
            (
                json!({"gracePeriodSeconds": "x"}),
                "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
            ),
            (
                json!({"gracePeriodSeconds": 1.5}),
                "json: cannot unmarshal number 1.5 into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
            ),
            (
                json!({"preconditions": {"uid": 5}}),
                "json: cannot unmarshal number into Go struct field Preconditions.preconditions.uid of type types.UID",
            ),
        ] {
            let error = DeleteOptions::from_body(body).unwrap_err().status();
            assert_eq!((error.code, error.message.as_str()), (400, expected));
        }
        let nulls = json!({"gracePeriodSeconds": null, "preconditions": null, "dryRun": null});
        assert!(DeleteOptions::from_body(nulls).is_ok());
    }

    #[test]
    fn the_query_and_the_body_say_the_same() {
        let query = "dryRun=All&gracePeriodSeconds=0&uid=u&resourceVersion=7&propagationPolicy=Orphan";
        let body = json!({
            "kind": "DeleteOptions", "apiVersion": "wardle.example.com/v1alpha1", "dryRun": ["All"],
            "gracePeriodSeconds": 0, "preconditions": {"uid": "u", "resourceVersion": "7"},
            "propagationPolicy": "Orphan",
        });
        let expected = DeleteOptions {
            dry_run: true,
            grace_period_seconds: Some(0),
            preconditions: Preconditions {
                uid: Some("u".into()),
                resource_version: Some("7".into()),
            },
            propagation_policy: Some(Propagation::Orphan),
            orphan_dependents: None,
            ignore_store_read_error: false,
        };
        assert_eq!(DeleteOptions::parse(query).unwrap(), expected);
        assert_eq!(DeleteOptions::from_body(body).unwrap(), expected);
        assert_eq!(DeleteOptions::parse("").unwrap(), DeleteOptions::default());
    }

    #[test]
    fn nothing_that_destroys_is_ignored() {
        let message = |query: &str| DeleteOptions::parse(query).unwrap_err().status().message;
        assert!(message("dryRun=true").contains(r#"dryRun: Unsupported value: ["true"]"#));
        assert!(message("propagationPolicy=None").contains(
            r#"propagationPolicy: Unsupported value: "None": supported values: "Foreground", "Background", "Orphan", "nil""#
        ));
        assert!(
            message("propagationPolicy=Orphan&orphanDependents=true")
                .contains("orphanDependents and deletionPropagation cannot be both set")
        );
        let ignore = format!("{IGNORE_STORE_READ_ERROR}=true");
        assert!(DeleteOptions::parse(&ignore).unwrap().ignore_store_read_error);
        for (with, name) in [
            ("dryRun=All", ".dryRun"),
            ("gracePeriodSeconds=0", ".gracePeriodSeconds"),
            ("propagationPolicy=Orphan", ".propagationPolicy"),
            ("orphanDependents=true", ".orphanDependents"),
            ("uid=u", ".preconditions"),
        ] {
            let message = message(&format!("{ignore}&{with}"));
            let expected =
                format!("{IGNORE_STORE_READ_ERROR}: Invalid value: true: cannot be set together with {name}");
            assert!(message.contains(&expected), "{message}");
        }
    }

    #[test]
    fn a_body_of_another_kind_is_refused() {
        for body in [json!({"kind": "Pod"}), json!({"dryRun": "All"}), json!([])] {
            assert_eq!(DeleteOptions::from_body(body).unwrap_err().status().code, 400);
        }
    }
}
