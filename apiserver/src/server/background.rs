//! The background tasks of a server, for `/readyz` and for metrics.

use annex_leader_election::ElectionMonitor;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

use super::health::Check;
use super::served::Now;
use super::tasks::election;
use crate::background::BackgroundTask;

/// The name of the check.
const CHECK: &str = "background-tasks";

/// The background tasks of a server: the library's, and the author's own, of each of which a check of its own tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Background {
    library: Vec<BackgroundTask>,
    own: Vec<BackgroundTask>,
    /// What is served, whose caches have tasks.
    served: Now,
    election: Option<ElectionMonitor>,
}

impl Background {
    /// These tasks.
    pub(super) fn of(
        library: impl IntoIterator<Item = BackgroundTask>,
        own: impl IntoIterator<Item = BackgroundTask>,
    ) -> Self {
        Self {
            library: library.into_iter().collect(),
            own: own.into_iter().collect(),
            served: Now::new(),
            election: None,
        }
    }

    /// With the caches of what is served.
    pub(super) fn serving(self, served: Now) -> Self {
        Self { served, ..self }
    }

    /// The library's tasks, as they are now.
    fn of_library(&self) -> Vec<BackgroundTask> {
        let served = self.served.upgrade();
        let caches = served
            .map(|served| served.load().background())
            .unwrap_or_default();
        self.library.iter().cloned().chain(caches).collect()
    }

    /// With the election of who runs tasks of the leader.
    pub(super) fn electing(self, election: Option<&ElectionMonitor>) -> Self {
        Self {
            election: election.cloned(),
            ..self
        }
    }

    /// Says which of the library's fail. A restart of the process would not help more than that of the task.
    pub(super) fn check(&self) -> Check {
        let background = self.clone();
        Check::of_readiness(CHECK, move || {
            let failures: Vec<String> = background
                .of_library()
                .iter()
                .filter_map(|task| Some(format!("{}: {}", task.name(), task.failure()?)))
                .collect();
            async move {
                if failures.is_empty() {
                    Ok(())
                } else {
                    Err(format!("tasks were started again: {}", failures.join(", ")))
                }
            }
        })
    }

    /// Registers how often each was started again, and who leads.
    pub(super) fn register(&self, registry: &mut Registry) {
        if let Some(monitor) = &self.election {
            election::register(registry, monitor.clone());
        }
        registry.register_collector(Box::new(self.clone()));
    }
}

impl Collector for Background {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut family = encoder.encode_descriptor(
            "annex_background_task_restarts",
            "How often a background task panicked and was started again",
            None,
            MetricType::Counter,
        )?;
        // The author's tasks are called as their checks are, so that no name is there twice.
        let tasks = self.of_library();
        let library = tasks.iter().map(|task| (task.name().to_owned(), task));
        let own = self
            .own
            .iter()
            .map(|task| (format!("poststarthook/{}", task.name()), task));
        for (name, task) in library.chain(own) {
            let counter = ConstCounter::new(task.restarts());
            counter.encode(family.encode_family(&[("task", name.as_str())])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::health::{Endpoint, Health, Outcome};

    #[tokio::test]
    async fn a_server_with_a_task_that_fails_is_not_ready_and_says_which() {
        let task = BackgroundTask::new("test");
        let background = Background::of([task.clone()], [BackgroundTask::new("other")]);
        let health = Health::new(vec![background.check()]);
        let ask = async || health.ask_one(Endpoint::Readyz, CHECK).await;
        assert_eq!(ask().await, Some(Outcome::Well));
        assert_eq!(health.ask_one(Endpoint::Livez, CHECK).await, None);
        task.panicked(&"oh");
        let Some(Outcome::Sick(why)) = ask().await else {
            panic!("it is sick");
        };
        assert_eq!(why, "tasks were started again: test: oh");
        let mut registry = Registry::default();
        background.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"annex_background_task_restarts_total{task="poststarthook/other"} 0"#,
            r#"annex_background_task_restarts_total{task="test"} 1"#,
        ] {
            assert!(text.contains(line), "{text}");
        }
        task.is_well();
        assert_eq!(ask().await, Some(Outcome::Well));
    }
}
