//! Tells which kube-apiservers do not reach a server that the operator reaches.

use std::time::Instant;

use annex_crds::v1alpha1::Reason;

use super::{IMPATIENT, Pass};
use crate::aggregated_server::{
    context::Memory,
    endpoints::Report,
    finding::Finding,
    pass_result::PassResult,
    reach::{Round, doubt},
};

impl Pass<'_> {
    /// Where one kube-apiserver does not reach the server, its API is not available, whatever the condition that all of them write
    /// says at the moment.
    pub(super) fn tell_who_does_not_reach(
        &self,
        reports: &[Report],
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let answered = reports
            .iter()
            .any(|report| report.endpoint.ready && report.trusted());
        let registered: Vec<_> = outcome
            .apis
            .iter()
            .filter(|api| api.registered)
            .filter_map(|api| {
                let name = api.plan.claim.api_service_name();
                let live = self.surroundings.api_services.get(&name)?;
                Some((name, doubt::availability(live)?, api.plan.claim.group_version()))
            })
            .collect();
        let seen = registered
            .iter()
            .map(|(name, availability, _)| (name.as_str(), *availability));
        let in_doubt = memory.doubt.look(seen, Instant::now());
        // The proxy asks no server that is said to be unavailable.
        let asked = registered
            .iter()
            .find(|(_, availability, _)| availability.is_available)
            .or_else(|| registered.first());
        let (Some((_, _, group_version)), true) = (asked, answered) else {
            self.ctx.reach.forget(&self.names.uid);
            return;
        };
        let path = format!("/apis/{group_version}");
        let (verdict, round) = self.ctx.reach.look(&self.names.uid, &path, in_doubt);
        match round {
            Round::None => {}
            Round::Waits => outcome.look_again_at(self.now + IMPATIENT),
            Round::UnderWay => outcome.hurry = true,
        }
        if verdict.is_clean() {
            return;
        }
        // It goes back and forth between those who reach it and those who do not.
        let back_and_forth = |finding: &Finding| {
            finding.group_version.is_some()
                && matches!(
                    finding.reason,
                    Reason::ControlPlaneUnreachable | Reason::NotAvailable
                )
        };
        outcome.findings.retain(|finding| !back_and_forth(finding));
        outcome.findings.extend(verdict.findings());
        for api in &mut outcome.apis {
            api.available = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc, time::Duration};

    use jiff::Timestamp;

    use super::*;
    use crate::{
        aggregated_server::{
            certificates::Policy,
            dereference::Surroundings,
            endpoints::{Endpoint, Origin, Presented},
            pass_result::ClaimResult,
            reach::{Reach, verdict::Answer},
            status,
            testing::{context, names, server, surroundings},
            validate,
        },
        fake_client::{self, fake_client},
        pki::testing as pki,
    };

    const AVAILABLE_SINCE: [&str; 2] = ["2027-01-01T12:00:00Z", "2027-01-01T12:00:05Z"];

    fn with_api_service(since: &str) -> Surroundings {
        let yaml = format!(
            "status: {{ conditions: [{{ type: Available, status: 'True', lastTransitionTime: '{since}' }}] }}"
        );
        let name = "v1alpha1.wardle.example.com".to_owned();
        Surroundings {
            api_services: BTreeMap::from([(name, serde_saphyr::from_str(&yaml).unwrap())]),
            ..surroundings()
        }
    }

    /// The condition says True each time that somebody looks; only that it changed in between shows that one kube-apiserver fails.
    #[tokio::test(start_paused = true)]
    async fn the_one_that_does_not_reach_the_server_is_named_though_the_condition_says_that_all_is_well() {
        let mut ctx = context(fake_client(|_| fake_client::Answer::status(500, "InternalError")));
        ctx.reach = Reach::new(Arc::new(|path| {
            assert_eq!(path, "/apis/wardle.example.com/v1alpha1");
            let second = Answer::Unreached(Reason::ControlPlaneUnreachable);
            let answers = vec![
                ("10.0.0.1:6443".to_owned(), Answer::Reached),
                ("10.0.0.2:6443".to_owned(), second),
            ];
            Box::pin(async move { Some(answers) })
        }));
        let (server, names) = (server(), names());
        let report = Report {
            handshake: Ok(Presented {
                leaf: pki::authority(&["wardle"]).certificate().clone(),
                trust: Ok(()),
            }),
            ..Report::unasked(
                Endpoint {
                    address: "10.0.0.9:8443".parse().unwrap(),
                    pod: None,
                    ready: true,
                    origin: Origin::Backend,
                },
                crate::probe::tls::HandshakeError::NoAnswerYet,
            )
        };
        let mut memory = Memory::default();
        let mut told = Vec::new();
        for since in [AVAILABLE_SINCE[0], AVAILABLE_SINCE[1], AVAILABLE_SINCE[1]] {
            let pass = Pass {
                ctx: &ctx,
                server: &server,
                policy: Policy::new(&server, &names),
                surroundings: with_api_service(since),
                plans: validate::plan_apis(&server),
                now: Timestamp::UNIX_EPOCH,
                names: names.clone(),
            };
            let mut outcome = PassResult {
                observed: true,
                apis: vec![ClaimResult {
                    plan: pass.plans[0].clone(),
                    registered: true,
                    available: true,
                }],
                ..PassResult::default()
            };
            outcome.findings.push(Finding::about(
                Reason::ControlPlaneUnreachable,
                "wardle.example.com/v1alpha1",
                "what the aggregator said at this moment",
            ));
            if told.is_empty() {
                outcome.findings.clear();
            }
            pass.tell_who_does_not_reach(std::slice::from_ref(&report), &mut memory, &mut outcome);
            if told.len() == 1 {
                // The round waits for its turn: nobody knows for how long.
                assert_eq!((outcome.hurry, outcome.due), (false, Some(pass.now + IMPATIENT)));
            }
            let status = status::compute(&server, &outcome, pass.now);
            let available = status.conditions.iter().find(|c| c.type_ == "Available").unwrap();
            told.push(format!("{} {}", available.status, available.message));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(told[0].starts_with("True"), "{told:?}");
        assert_eq!(
            told[2],
            "False 1 of 2 control planes get no answer from the server: 10.0.0.2:6443"
        );
    }
}
