//! Certificates are kept, against an API server that takes every write.

use k8s_openapi::{ByteString, kube_aggregator::pkg::apis::apiregistration::v1::APIServiceSpec};
use kube::core::ObjectMeta;

use super::*;
use crate::{
    aggregated_server::{
        certificates::{
            Replacement,
            testing::{at, policy},
        },
        testing::{context, names, surroundings},
    },
    fake_client::{Answer, fake_client},
};

fn authority() -> Authority {
    let first = Replacement {
        why: "test",
        previous: Vec::new(),
    };
    Authority::issue(&policy(), first, at(0)).unwrap()
}

fn pem(authority: &Authority) -> ByteString {
    let certificate = authority.current.certificate().clone();
    ByteString(bundle::to_pem(&[certificate]).into_bytes())
}

fn api_service(authority: &Authority) -> APIService {
    APIService {
        metadata: ObjectMeta {
            name: Some("v1alpha1.wardle.example.com".into()),
            owner_references: Some(vec![names().owner_reference()]),
            ..ObjectMeta::default()
        },
        spec: Some(APIServiceSpec {
            ca_bundle: Some(pem(authority)),
            ..APIServiceSpec::default()
        }),
        status: None,
    }
}

fn serving_secret(authority: &Authority) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(names().serving_secret),
            namespace: Some(names().namespace),
            resource_version: Some("1".into()),
            owner_references: Some(vec![names().owner_reference()]),
            ..ObjectMeta::default()
        },
        data: Some([(leaf::CA_KEY.to_owned(), pem(authority))].into()),
        ..Secret::default()
    }
}

/// Whoever may write in the hosting namespace must not bring in an authority of their own where the Secret of the true
/// one is lost.
#[tokio::test]
async fn a_bundle_in_the_hosting_namespace_is_not_believed() {
    let context = context(fake_client(|request| Answer::ok(request.body)));
    let (own, planted) = (authority(), authority());
    let surroundings = Surroundings {
        serving_secret: Some(serving_secret(&planted)),
        api_services: [("v1alpha1.wardle.example.com".to_owned(), api_service(&own))].into(),
        ..surroundings()
    };
    let (names, policy) = (names(), policy());
    let keeper = Keeper {
        ctx: &context,
        names: &names,
        policy: &policy,
        surroundings: &surroundings,
        now: at(1),
    };
    let kept = keeper
        .keep(&mut Memory::default(), &mut Outcome::default())
        .await
        .unwrap();
    let trusted: Vec<&str> = kept
        .bundle
        .iter()
        .map(|certificate| certificate.fingerprint.as_str())
        .collect();
    assert_eq!(kept.bundle.len(), 2);
    assert!(trusted.contains(&own.current.certificate().fingerprint.as_str()));
    assert!(!trusted.contains(&planted.current.certificate().fingerprint.as_str()));
}

/// A spoilt Secret is repaired in the pass that finds it; its reason must outlive that.
#[tokio::test]
async fn what_is_repaired_at_once_is_told_for_a_while() {
    let context = context(fake_client(|request| Answer::ok(request.body)));
    let (names, policy) = (names(), policy());
    let first = surroundings();
    let keeper = |surroundings, now| Keeper {
        ctx: &context,
        names: &names,
        policy: &policy,
        surroundings,
        now,
    };
    let kept = keeper(&first, at(0))
        .keep(&mut Memory::default(), &mut Outcome::default())
        .await
        .unwrap();
    let spoilt = Surroundings {
        authority_secret: Some(kept.authority_secret.clone()),
        serving_secret: Some(serving_secret(&kept.authority)),
        ..surroundings()
    };
    let now = at(1);
    let mut outcome = Outcome::default();
    let kept = keeper(&spoilt, now)
        .keep(&mut Memory::default(), &mut outcome)
        .await
        .unwrap();
    assert_eq!(outcome.findings[0].reason, Reason::ServingSecretInvalid);
    let told = |not_serving: &[String], seconds| {
        let later = now + SignedDuration::from_secs(seconds);
        let findings = findings(&kept, not_serving, later);
        findings
            .iter()
            .any(|finding| finding.reason == Reason::ServingSecretInvalid)
    };
    assert!(told(&[], 0) && told(&[], 9));
    assert!(!told(&[], 10));
    assert!(told(&["pod a".to_owned()], 3600));
    // A clock that was ahead once keeps nothing for ever.
    assert!(!told(&[], -60));
}

#[test]
fn an_owner_that_the_server_has_not_discovered_yet_is_waited_out() {
    let error = |code: u16, message: &str| {
        let status = serde_json::from_value(
            serde_json::json!({ "status": "Failure", "code": code, "message": message }),
        );
        KeysError::Write {
            namespace: "annex-system".into(),
            name: "wardle-ca".into(),
            source: kube::Error::Api(Box::new(status.unwrap())),
        }
    };
    let unknown = "secrets \"x\" is forbidden: cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion annex.dev/v1alpha1 Kind AggregatedServer: no matches";
    assert!(error(403, unknown).is_race());
    assert!(error(409, "somebody else wrote").is_race());
    assert!(!error(403, "secrets \"x\" is forbidden: User \"bob\" cannot create").is_race());
}
