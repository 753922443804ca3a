//! How long admission takes, of each plugin and of each step. Go: `pkg/admission/metrics`; its summary of the steps, which is
//! alpha and says the same, is left out.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{Admission, Attributes, InitializationError, Operation};
use crate::resource::Resource;
use crate::status::ApiError;

/// From 5 ms to 2.5 s, as Go.
const DURATIONS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of admission. Clones are one.
#[derive(Clone, Debug)]
pub(crate) struct AdmissionMetrics {
    controllers: Histograms<ControllerLabels>,
    steps: Histograms<StepLabels>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabels {
    name: Arc<str>,
    r#type: &'static str,
    operation: &'static str,
    rejected: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    r#type: &'static str,
    operation: &'static str,
    rejected: &'static str,
}

/// Changing admission, or validating.
#[derive(Clone, Copy)]
enum Step {
    Admit,
    Validate,
}

impl AdmissionMetrics {
    /// Nothing measured yet.
    pub(crate) fn new() -> Self {
        Self {
            controllers: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            steps: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
        }
    }

    /// Registers them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "apiserver_admission_controller_admission_duration_seconds",
            "How long an admission plugin takes, by its name, and by type (admit or validate), operation and outcome",
            self.controllers.clone(),
        );
        registry.register(
            "apiserver_admission_step_admission_duration_seconds",
            "How long all admission plugins take together, by type (admit or validate), operation and outcome",
            self.steps.clone(),
        );
    }

    /// `plugin`, measured under this name. Both types are measured of each plugin: a method that it does not implement takes no time.
    pub(crate) fn of_controller(&self, name: &str, plugin: Arc<dyn Admission>) -> Arc<dyn Admission> {
        let (controllers, name) = (self.controllers.clone(), Arc::from(name));
        Arc::new(Measured {
            plugin,
            observe: move |step: Step, operation: Operation, rejected: bool, seconds: f64| {
                let labels = ControllerLabels {
                    name: Arc::clone(&name),
                    r#type: step.name(),
                    operation: operation.name(),
                    rejected: text(rejected),
                };
                controllers.get_or_create(&labels).observe(seconds);
            },
        })
    }

    /// All plugins together, measured as steps.
    pub(crate) fn of_steps(&self, plugins: Arc<dyn Admission>) -> Arc<dyn Admission> {
        let steps = self.steps.clone();
        Arc::new(Measured {
            plugin: plugins,
            observe: move |step: Step, operation: Operation, rejected: bool, seconds: f64| {
                let labels = StepLabels {
                    r#type: step.name(),
                    operation: operation.name(),
                    rejected: text(rejected),
                };
                steps.get_or_create(&labels).observe(seconds);
            },
        })
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Validate => "validate",
        }
    }
}

fn text(rejected: bool) -> &'static str {
    if rejected { "true" } else { "false" }
}

/// A plugin whose answers are measured.
struct Measured<O> {
    plugin: Arc<dyn Admission>,
    observe: O,
}

/// One answer of a plugin, which is observed when this is dropped: also of a plugin that has not answered in time, whose request is over.
struct Measurement<'a, O: Fn(Step, Operation, bool, f64)> {
    observe: &'a O,
    step: Step,
    operation: Operation,
    began: Instant,
    rejected: bool,
}

impl<'a, O: Fn(Step, Operation, bool, f64)> Measurement<'a, O> {
    fn begin(observe: &'a O, step: Step, operation: Operation) -> Self {
        Self {
            observe,
            step,
            operation,
            began: Instant::now(),
            rejected: true,
        }
    }
}

impl<O: Fn(Step, Operation, bool, f64)> Drop for Measurement<'_, O> {
    fn drop(&mut self) {
        let seconds = self.began.elapsed().as_secs_f64();
        (self.observe)(self.step, self.operation, self.rejected, seconds);
    }
}

#[async_trait]
impl<O> Admission for Measured<O>
where
    O: Fn(Step, Operation, bool, f64) + Send + Sync + 'static,
{
    fn handles(&self, operation: Operation) -> bool {
        self.plugin.handles(operation)
    }

    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let mut measured = Measurement::begin(&self.observe, Step::Admit, attributes.operation());
        let answer = self.plugin.admit(attributes).await;
        measured.rejected = answer.is_err();
        answer
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        let mut measured = Measurement::begin(&self.observe, Step::Validate, attributes.operation());
        let answer = self.plugin.validate(attributes).await;
        measured.rejected = answer.is_err();
        answer
    }

    fn validate_initialization(&self, resources: &[Arc<Resource>]) -> Result<(), InitializationError> {
        self.plugin.validate_initialization(resources)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use prometheus_client::encoding::text;

    use super::*;
    use crate::authz::Authorized;
    use crate::endpoint::testing::{FLUNDERS, authorized, flunders};
    use crate::resource::Policy;

    /// Never answers.
    struct Silent;

    #[async_trait]
    impl Admission for Silent {
        async fn admit(&self, _: &mut Attributes<'_>) -> Result<(), ApiError> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn who_has_not_answered_in_time_is_measured_as_a_refusal() {
        let metrics = AdmissionMetrics::new();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let plugin = metrics.of_controller("Silent", Arc::new(Silent));
        let (resource, request): (_, Authorized) =
            (flunders(Policy::default()), authorized("POST", FLUNDERS));
        let mut attributes = Attributes::new(Operation::Create, &resource, request.info(), request.user());
        assert!(plugin.admit(&mut attributes).now_or_never().is_none());
        let mut text = String::new();
        text::encode(&mut text, &registry).unwrap();
        let line = r#"admission_duration_seconds_count{name="Silent",type="admit",operation="CREATE",rejected="true"} 1"#;
        assert!(text.contains(line), "{text}");
    }
}
