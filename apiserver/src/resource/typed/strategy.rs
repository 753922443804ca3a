//! What is done to objects of a typed resource.

use serde_json::Value;

use super::version::{Erased, Kind, Unmanaged, read, replaced_by};
use crate::object::Object;
use crate::resource::{ConversionError, Strategy};
use crate::status::FieldError;

type Judge<H> = Box<dyn Fn(&H) -> Vec<FieldError> + Send + Sync>;
type JudgeChange<H> = Box<dyn Fn(&H, &H) -> Vec<FieldError> + Send + Sync>;
type Prepare<H> = Box<dyn Fn(&mut H) + Send + Sync>;
type PrepareChange<H> = Box<dyn Fn(&mut H, &H) + Send + Sync>;
type Warn<H> = Box<dyn Fn(&H) -> Vec<String> + Send + Sync>;

/// What is asked about a changed object.
pub(super) enum OnUpdate<H> {
    /// What is asked about a new one.
    Validate,
    /// Nothing: it is not even read.
    Accept,
    Judge(JudgeChange<H>),
}

/// The rules of a resource, in its hub version.
pub(super) struct Rules<H> {
    pub(super) validate: Option<Judge<H>>,
    pub(super) validate_update: OnUpdate<H>,
    pub(super) prepare_for_create: Option<Prepare<H>>,
    pub(super) prepare_for_update: Option<PrepareChange<H>>,
    pub(super) validate_status_update: Option<JudgeChange<H>>,
    pub(super) prepare_for_status_update: Option<PrepareChange<H>>,
    pub(super) warnings: Option<Warn<H>>,
}

impl<H> Default for Rules<H> {
    fn default() -> Self {
        Self {
            validate: None,
            validate_update: OnUpdate::Validate,
            prepare_for_create: None,
            prepare_for_update: None,
            validate_status_update: None,
            prepare_for_status_update: None,
            warnings: None,
        }
    }
}

/// Versions and rules.
pub(super) struct Typed<H> {
    versions: Vec<(String, Box<dyn Erased<H>>)>,
    rules: Rules<H>,
}

impl<H: Kind> Typed<H> {
    pub(super) fn new(versions: Vec<Box<dyn Erased<H>>>, rules: Rules<H>) -> Self {
        let versions = versions.into_iter().map(|version| (version.version(), version));
        Self {
            versions: versions.collect(),
            rules,
        }
    }

    fn version(&self, name: &str) -> Result<&dyn Erased<H>, ConversionError> {
        self.versions
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, version)| &**version)
            .ok_or_else(|| {
                let kind = H::kind(&());
                ConversionError(format!("{kind} has no version {name:?}"))
            })
    }

    /// Lets a rule that looks at the old object too change an object of the hub version.
    fn prepare_changed(&self, rule: Option<&PrepareChange<H>>, object: &mut Object, old: &Object) {
        if let Some(rule) = rule
            && let Ok(old) = read::<H>(old)
        {
            self.change(object, |new| rule(new, &old));
        }
    }

    /// Lets a rule change an object of the hub version. What cannot be read is left as it is; validation says so.
    fn change(&self, object: &mut Object, rule: impl FnOnce(&mut H)) {
        let Ok(mut value) = read::<H>(object) else {
            return;
        };
        rule(&mut value);
        *object = replaced_by(std::mem::take(object), value);
    }
}

/// What a rule says to a change.
fn judge_change<H: Kind>(
    rule: impl Fn(&H, &H) -> Vec<FieldError>,
    object: &Object,
    old: &Object,
) -> Vec<FieldError> {
    match (read::<H>(object), read::<H>(old)) {
        (Ok(object), Ok(old)) => rule(&object, &old),
        (Err(error), _) | (_, Err(error)) => unreadable(error),
    }
}

/// An object of the hub version that its own type does not understand: a fault that a client must see.
fn unreadable(error: ConversionError) -> Vec<FieldError> {
    vec![FieldError::invalid("", Value::Null, error.0)]
}

impl<H: Kind> Strategy for Typed<H> {
    fn normalize(&self, version: &str, object: Object) -> Result<Object, ConversionError> {
        self.version(version)?.normalize(object)
    }

    fn default_fields(&self, version: &str, object: &mut Object) {
        if let Ok(version) = self.version(version) {
            version.default_fields(object);
        }
    }

    fn normalize_and_default(&self, version: &str, object: Object) -> Result<Object, ConversionError> {
        self.version(version)?.normalize_and_default(object)
    }

    fn convert(&self, object: Object, to: &str) -> Result<Object, ConversionError> {
        let from = object.api_version().rsplit('/').next().unwrap_or_default();
        if from == to {
            return Ok(object);
        }
        let from = self.version(from)?;
        let mut object = Unmanaged::new(object);
        let hub = from.to_hub(&object)?;
        self.version(to)?.of_hub(hub, object.take_metadata())
    }

    fn prepares(&self) -> bool {
        let rules = &self.rules;
        rules.prepare_for_create.is_some()
            || rules.prepare_for_update.is_some()
            || rules.prepare_for_status_update.is_some()
    }

    fn prepare_for_create(&self, object: &mut Object) {
        if let Some(rule) = &self.rules.prepare_for_create {
            self.change(object, rule);
        }
    }

    fn prepare_for_update(&self, object: &mut Object, old: &Object) {
        self.prepare_changed(self.rules.prepare_for_update.as_ref(), object, old);
    }

    fn prepare_for_status_update(&self, object: &mut Object, old: &Object) {
        self.prepare_changed(self.rules.prepare_for_status_update.as_ref(), object, old);
    }

    fn validate(&self, object: &Object) -> Vec<FieldError> {
        let Some(rule) = &self.rules.validate else {
            return Vec::new();
        };
        read::<H>(object).map_or_else(unreadable, |object| rule(&object))
    }

    fn validate_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        match &self.rules.validate_update {
            OnUpdate::Validate => self.validate(object),
            // Nothing looks at the objects, so that nothing has to read them.
            OnUpdate::Accept if self.rules.prepare_for_update.is_none() => Vec::new(),
            // What the rule that prepares could not read it has not prepared.
            OnUpdate::Accept => judge_change(|_: &H, _: &H| Vec::new(), object, old),
            OnUpdate::Judge(rule) => judge_change(rule, object, old),
        }
    }

    fn validate_status_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        let rule = self.rules.validate_status_update.as_ref();
        rule.map_or_else(Vec::new, |rule| judge_change(rule, object, old))
    }

    fn warnings(&self, object: &Object) -> Vec<String> {
        let Some(rule) = &self.rules.warnings else {
            return Vec::new();
        };
        read::<H>(object).map_or_else(|_| Vec::new(), |object| rule(&object))
    }
}
