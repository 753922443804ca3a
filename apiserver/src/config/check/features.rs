//! Feature gates. Go: `k8s.io/component-base/featuregate` and the `--feature-gates` of its compatibility registry: `GATE=BOOL`, or
//! `COMPONENT:GATE=BOOL`.

use super::Errors;
use crate::config::syntax::go_bool;
use crate::config::{Args, Features};

const FLAG: &str = "feature-gates";
const MANAGED_FIELDS_OPT_OUT: &str = "ManagedFieldsOptOut";

/// What is switched, and a warning of the gates that mean nothing here. A gate's last value counts.
pub(super) fn features(args: &Args, errors: &mut Errors) -> (Features, Option<String>) {
    let mut features = Features::default();
    let mut unknown = Vec::new();
    for given in super::given(&args.process.feature_gates) {
        let gate = given
            .split_once(':')
            .map_or(given.as_str(), |(_, gate)| gate)
            .trim();
        let Some((name, value)) = gate.split_once('=') else {
            errors.value(FLAG, format!("missing bool value for {gate}"));
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let is_on = match go_bool(value) {
            Ok(is_on) => is_on,
            Err(error) => {
                errors.value(FLAG, format!("invalid value of {name}={value}, err: {error}"));
                continue;
            }
        };
        match name {
            MANAGED_FIELDS_OPT_OUT => features.managed_fields_opt_out = is_on,
            other => unknown.push(other.to_owned()),
        }
    }
    let warning = format!(
        "--{FLAG}: gates that mean nothing to this server are ignored: {}",
        unknown.join(", ")
    );
    (features, (!unknown.is_empty()).then_some(warning))
}
