//! What is wrong with a Gadget, beyond its metadata and what `/scale` shows.

use std::collections::BTreeSet;

use annex_apiserver::status::{FieldError, FieldErrorKind};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use crate::fields::{Part, Port, Strategy};
use crate::versions::v1::{Gadget, GadgetSpec, Limits};

const MOST_FEATURES: usize = 4;
const LONGEST_COLOR: usize = 16;
const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

pub(crate) fn validate(gadget: &Gadget) -> Vec<FieldError> {
    let spec = &gadget.spec;
    let mut errors = scalars(spec);
    errors.extend(spec.limits.as_ref().and_then(limits));
    errors.extend(features(&spec.common.features));
    errors.extend(ports(&spec.common.ports));
    errors.extend(parts(&spec.common.parts, &spec.common.main_part));
    errors.extend(strategy(&spec.common.strategy));
    errors
}

pub(crate) fn validate_update(gadget: &Gadget, old: &Gadget) -> Vec<FieldError> {
    let (class, before) = (&gadget.spec.common.class, &old.spec.common.class);
    let changed = || FieldError::invalid("spec.class", class.as_str(), "field is immutable");
    (class != before)
        .then(changed)
        .into_iter()
        .chain(validate(gadget))
        .collect()
}

pub(crate) fn validate_status_update(gadget: &Gadget, old: &Gadget) -> Vec<FieldError> {
    let status = &gadget.status;
    let mut errors = Vec::new();
    if status.observed_generation < old.status.observed_generation {
        let field = "status.observedGeneration";
        errors.push(FieldError::invalid(
            field,
            status.observed_generation,
            "must not go back",
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, condition) in status.conditions.iter().enumerate() {
        let at = format!("status.conditions[{index}]");
        let type_ = condition.type_.as_str();
        if type_.is_empty() {
            errors.push(FieldError::required(format!("{at}.type"), ""));
        } else if !seen.insert(type_) {
            errors.push(duplicate(format!("{at}.type"), type_));
        }
        let known = ["True", "False", "Unknown"];
        errors.extend(not_supported(format!("{at}.status"), &condition.status, &known));
    }
    errors
}

fn scalars(spec: &GadgetSpec) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if spec.color.len() > LONGEST_COLOR {
        let detail = format!("may not be more than {LONGEST_COLOR} bytes");
        errors.push(FieldError::new(
            FieldErrorKind::TooLong,
            "spec.color",
            Value::Null,
            detail,
        ));
    }
    let class = &spec.common.class;
    if class.is_empty() {
        errors.push(FieldError::required("spec.class", ""));
    } else {
        errors.extend(not_supported("spec.class", class, &["Small", "Medium", "Large"]));
    }
    let seconds = spec.common.min_ready_seconds;
    if seconds < 0 {
        errors.push(FieldError::invalid("spec.minReadySeconds", seconds, NOT_NEGATIVE));
    }
    errors
}

fn limits(limits: &Limits) -> Option<FieldError> {
    let (min, max) = limits.min.zip(limits.max)?;
    (min > max).then(|| FieldError::invalid("spec.limits.min", min, "must be less than or equal to max"))
}

fn features(features: &[String]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if features.len() > MOST_FEATURES {
        let detail = format!("must have at most {MOST_FEATURES} items");
        errors.push(FieldError::new(
            FieldErrorKind::TooMany,
            "spec.features",
            features.len(),
            detail,
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, feature) in features.iter().enumerate() {
        if !seen.insert(feature) {
            errors.push(duplicate(format!("spec.features[{index}]"), feature.as_str()));
        }
    }
    errors
}

fn ports(ports: &[Port]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{index}]");
        if !(1..=65535).contains(&port.port) {
            let detail = "must be between 1 and 65535, inclusive";
            errors.push(FieldError::invalid(format!("{at}.port"), port.port, detail));
        }
        errors.extend(not_supported(
            format!("{at}.protocol"),
            &port.protocol,
            &["TCP", "UDP"],
        ));
        if !seen.insert((port.port, &port.protocol)) {
            errors.push(duplicate(at, json!(port)));
        }
    }
    errors
}

fn parts(parts: &[Part], main: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, part) in parts.iter().enumerate() {
        let field = format!("spec.parts[{index}].name");
        if part.name.is_empty() {
            errors.push(FieldError::required(field, "a part has a name"));
        } else if !seen.insert(part.name.as_str()) {
            errors.push(duplicate(field, part.name.as_str()));
        }
    }
    if !main.is_empty() && !seen.contains(main) {
        errors.push(FieldError::new(
            FieldErrorKind::NotFound,
            "spec.mainPart",
            main,
            "",
        ));
    }
    errors
}

fn strategy(strategy: &Strategy) -> Vec<FieldError> {
    let max_surge = strategy
        .rolling
        .as_ref()
        .and_then(|rolling| rolling.max_surge.as_ref());
    let error = match (strategy.type_.as_str(), &strategy.rolling, max_surge) {
        ("Recreate", Some(_), _) => Some(FieldError::forbidden(
            "spec.strategy.rolling",
            "may not be specified when strategy `type` is 'Recreate'",
        )),
        ("Rolling", _, Some(IntOrString::Int(surge))) if *surge < 0 => {
            let field = "spec.strategy.rolling.maxSurge";
            Some(FieldError::invalid(field, *surge, NOT_NEGATIVE))
        }
        (type_, _, _) => not_supported("spec.strategy.type", type_, &["Recreate", "Rolling"]),
    };
    error.into_iter().collect()
}

fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> FieldError {
    FieldError::new(FieldErrorKind::Duplicate, field, value, "")
}

fn not_supported(field: impl Into<String>, value: &str, known: &[&str]) -> Option<FieldError> {
    if known.contains(&value) {
        return None;
    }
    let known: Vec<String> = known.iter().map(|known| format!("{known:?}")).collect();
    let detail = format!("supported values: {}", known.join(", "));
    Some(FieldError::new(
        FieldErrorKind::NotSupported,
        field,
        value,
        detail,
    ))
}
