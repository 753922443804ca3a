//! Certificates are kept, against an API server that takes every write.

use k8s_openapi::{
    ByteString,
    kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec},
};
use kube::core::ObjectMeta;

use super::*;
use crate::{
    aggregated_server::{
        certificates::{
            Replacement, leaf,
            testing::{at, policy},
        },
        testing::{context, names, surroundings},
    },
    fake_client::{Answer, fake_client},
    pki::{Certificate, bundle},
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
    let keeper = SecretsApplier {
        paused: false,
        ctx: &context,
        names: &names,
        policy: &policy,
        surroundings: &surroundings,
        now: at(1),
    };
    let kept = keeper
        .keep(&mut Memory::default(), &mut PassResult::default())
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
    let keeper = |surroundings, now| SecretsApplier {
        paused: false,
        ctx: &context,
        names: &names,
        policy: &policy,
        surroundings,
        now,
    };
    let kept = keeper(&first, at(0))
        .keep(&mut Memory::default(), &mut PassResult::default())
        .await
        .unwrap();
    let spoilt = Surroundings {
        authority_secret: kept.authority_secret.clone(),
        serving_secret: Some(serving_secret(&kept.authority)),
        ..surroundings()
    };
    let now = at(1);
    let mut outcome = PassResult::default();
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
        CertificatesError::Write {
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

/// The Secret of an authority, as it is stored.
fn authority_secret(authority: &Authority) -> Secret {
    let mut secret = secrets::authority_secret(None, authority, &names());
    secret.metadata.resource_version = Some("1".into());
    secret
}

/// The serving Secret with a leaf of `authority` from day `day`, as it is stored.
fn leaf_secret(authority: &Authority, day: i64) -> Secret {
    let policy = policy();
    let leaf = issue_leaf(&authority.current, &policy.dns_names, at(day), policy.duration).unwrap();
    let bundle = authority.bundle();
    let mut secret = secrets::serving_secret(
        None,
        &leaf,
        IssueCause::First,
        &bundle,
        &policy,
        &names(),
        at(day),
    );
    secret.metadata.resource_version = Some("1".into());
    secret
}

/// The authority's Secret is from before a rotation, all else from after it.
fn restored(old: &Authority, new: &Authority, leaf_of: i64) -> Surroundings {
    Surroundings {
        authority_secret: Some(authority_secret(old)),
        serving_secret: Some(leaf_secret(new, leaf_of)),
        api_services: [("v1alpha1.wardle.example.com".to_owned(), api_service(new))].into(),
        ..surroundings()
    }
}

fn fingerprints(certificates: &[Certificate]) -> Vec<&str> {
    certificates
        .iter()
        .map(|certificate| certificate.fingerprint.as_str())
        .collect()
}

#[tokio::test]
async fn an_older_authority_that_is_put_back_widens_before_its_leaf_is_served() {
    let context = context(fake_client(|request| Answer::ok(request.body)));
    let (names, policy) = (names(), policy());
    let (old, new) = (authority(), authority());
    let (old_ca, new_ca) = (old.current.certificate(), new.current.certificate());
    let both = [old_ca.fingerprint.as_str(), new_ca.fingerprint.as_str()];
    let keeper = |surroundings, now| SecretsApplier {
        paused: false,
        ctx: &context,
        names: &names,
        policy: &policy,
        surroundings,
        now,
    };
    let there = restored(&old, &new, 0);
    let kept = keeper(&there, at(1))
        .keep(&mut Memory::default(), &mut PassResult::default())
        .await
        .unwrap();
    assert_eq!(fingerprints(&kept.bundle), both);
    assert_eq!(
        kept.widening.as_deref(),
        Some("APIService v1alpha1.wardle.example.com does not publish the new authority yet")
    );
    assert!(kept.leaf_due && !kept.swapped);
    assert!(kept.leaf.unwrap().signed_by(new_ca, &policy, at(1)));

    // The model's trace: the leaf is put back too, and has expired, while endpoints serve a good one of the authority after it.
    let both_put_back = Surroundings {
        serving_secret: Some(leaf_secret(&old, 0)),
        ..there.clone()
    };
    for surroundings in [&there, &both_put_back] {
        let kept = keeper(surroundings, at(31))
            .keep(&mut Memory::default(), &mut PassResult::default())
            .await
            .unwrap();
        assert!(kept.widening.is_some() && kept.leaf_due && !kept.swapped);
        assert_eq!(fingerprints(&kept.bundle), both);
    }

    // Where endpoints were seen to serve nothing that is trusted, there is nothing to wait for.
    let mut lost = Memory {
        trusted: Some(false),
        ..Memory::default()
    };
    let kept = keeper(&there, at(31))
        .keep(&mut lost, &mut PassResult::default())
        .await
        .unwrap();
    assert!(kept.swapped && kept.leaf.unwrap().signed_by(old_ca, &policy, at(31)));
}

/// What somebody spoils again and again is not issued again and again.
#[tokio::test]
async fn what_is_spoilt_again_and_again_is_issued_ever_more_slowly() {
    let context = context(fake_client(|request| Answer::ok(request.body)));
    let (names, policy) = (names(), policy());
    let own = authority();
    let mut there = restored(&own, &own, 0);
    there.serving_secret = Some(serving_secret(&own));
    let lost = Surroundings {
        authority_secret: None,
        ..restored(&own, &own, 0)
    };
    let mut memory = Memory::default();
    let mut outcomes = Vec::new();
    for surroundings in [&there, &lost] {
        let keeper = SecretsApplier {
            paused: false,
            ctx: &context,
            names: &names,
            policy: &policy,
            surroundings,
            now: at(1),
        };
        for _ in 0..13 {
            let mut outcome = PassResult::default();
            let kept = keeper.keep(&mut memory, &mut outcome).await;
            outcomes.push((kept.map(|kept| kept.held_back.is_some()), outcome));
        }
    }
    let issued = |outcome: &PassResult| {
        outcome
            .event_records
            .iter()
            .any(|event| event.action == "IssueCertificate")
    };
    assert!(outcomes[..12].iter().all(|(_, outcome)| issued(outcome)));
    let (held_back, outcome) = &outcomes[12];
    assert!(*held_back.as_ref().unwrap() && !issued(outcome));
    let words = &outcome.findings.last().unwrap().message;
    let expected = "Secret wardle/wardle-serving-cert was issued anew 12 times within an hour, for what is spoilt, removed or asked for again and again; the next time is 2027-01-16T08:00:04Z";
    assert_eq!(words, expected);
    assert!(outcomes[13..25].iter().all(|(kept, _)| kept.is_ok()));
    let (refused, _) = &outcomes[25];
    let refused = refused.as_ref().unwrap_err();
    assert_eq!(refused.reason(), Reason::CaSecretInvalid);
}

/// Of clocks that differ one refuses what the other takes.
#[tokio::test]
async fn nothing_is_issued_while_control_planes_do_not_agree_on_the_time() {
    let context = context(fake_client(|request| {
        assert_eq!(request.method, "GET", "{request:?}");
        Answer::status(404, "NotFound")
    }));
    context.assume_clocks("the clock of one is ahead").await;
    let (names, policy) = (names(), policy());
    let own = authority();
    let keep = async |surroundings: &Surroundings, now, outcome: &mut PassResult| {
        let keeper = SecretsApplier {
            paused: false,
            ctx: &context,
            names: &names,
            policy: &policy,
            surroundings,
            now,
        };
        keeper.keep(&mut Memory::default(), outcome).await
    };
    let refused = keep(&surroundings(), at(1), &mut PassResult::default()).await;
    assert_eq!(refused.err().unwrap().reason(), Reason::ClockSkewed);
    // What is there serves on, though both are due.
    let there = restored(&own, &own, 180);
    let mut outcome = PassResult::default();
    let kept = keep(&there, at(205), &mut outcome).await.unwrap();
    assert!(kept.leaf.is_some() && kept.held_back.is_some());
    let reasons: Vec<Reason> = outcome.findings.iter().map(|finding| finding.reason).collect();
    assert_eq!(reasons, [Reason::ClockSkewed, Reason::ClockSkewed]);
}

/// What came back from a backup names the server that was deleted.
#[tokio::test]
async fn secrets_of_an_earlier_server_of_the_name_are_taken_up() {
    let writes = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&writes);
    let uid = std::sync::Arc::new(std::sync::Mutex::new("0b9c"));
    let there = std::sync::Arc::clone(&uid);
    let context = context(fake_client(move |request| {
        if request.method == "GET" {
            return Answer::ok(
                serde_json::json!({ "metadata": { "name": "wardle", "uid": *there.lock().unwrap() } }),
            );
        }
        let metadata = &request.body["metadata"];
        let owners = metadata["ownerReferences"].as_array().unwrap();
        let owners: Vec<_> = owners
            .iter()
            .map(|owner| owner["uid"].as_str().unwrap().to_owned())
            .collect();
        let version = metadata["resourceVersion"].as_str().unwrap_or_default();
        seen.lock().unwrap().push(format!(
            "{} {} {version} {owners:?}",
            request.method, request.path
        ));
        Answer::ok(request.body)
    }));
    let (names, policy, own) = (names(), policy(), authority());
    let mut there = restored(&own, &own, 0);
    for secret in [&mut there.authority_secret, &mut there.serving_secret] {
        let metadata = &mut secret.as_mut().unwrap().metadata;
        metadata.owner_references = Some(vec![crate::aggregated_server::names::owner_reference(
            "wardle", "dead",
        )]);
    }
    let keeper = SecretsApplier {
        paused: false,
        ctx: &context,
        names: &names,
        policy: &policy,
        surroundings: &there,
        now: at(1),
    };
    let mut outcome = PassResult::default();
    let kept = keeper.keep(&mut Memory::default(), &mut outcome).await.unwrap();
    assert_eq!(kept.authority.current.certificate(), own.current.certificate());
    assert_eq!(
        *writes.lock().unwrap(),
        [
            "PUT /api/v1/namespaces/annex-system/secrets/wardle-ca 1 [\"0b9c\"]",
            "PUT /api/v1/namespaces/wardle/secrets/wardle-serving-cert 1 [\"0b9c\"]",
        ]
    );
    assert_eq!(outcome.event_records.len(), 2);
    // The other uid may be that of a successor, too.
    *uid.lock().unwrap() = "newer";
    let late = keeper
        .keep(&mut Memory::default(), &mut PassResult::default())
        .await;
    assert!(late.err().unwrap().is_race());
}

#[tokio::test]
async fn while_it_is_paused_nothing_is_written() {
    let context = context(fake_client(|request| {
        assert_eq!(request.method, "GET", "{request:?}");
        Answer::status(404, "NotFound")
    }));
    let (names, policy, own) = (names(), policy(), authority());
    let keep = async |surroundings: &Surroundings, now| {
        let keeper = SecretsApplier {
            paused: true,
            ctx: &context,
            names: &names,
            policy: &policy,
            surroundings,
            now,
        };
        keeper
            .keep(&mut Memory::default(), &mut PassResult::default())
            .await
    };
    // A first authority, one that nears its end with its leaf, and a leaf of no use.
    let refused = keep(&surroundings(), at(1)).await.err().unwrap();
    assert_eq!(refused.reason(), Reason::Paused);
    let due = keep(&restored(&own, &own, 180), at(205)).await.unwrap();
    assert!(due.leaf.is_some() && due.leaf_due && due.authority.previous.is_empty());
    let spoilt = Surroundings {
        serving_secret: Some(serving_secret(&own)),
        ..restored(&own, &own, 0)
    };
    let spoilt = keep(&spoilt, at(1)).await.unwrap();
    assert!(spoilt.leaf.is_none() && spoilt.held_back.is_some());
}

/// Right after the CRD's installation the API server does not know the owner's kind yet, and refuses for half a minute.
#[tokio::test]
async fn what_is_refused_does_not_count_as_issued() {
    let message = "secrets \"x\" is forbidden: cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion annex.dev/v1alpha1 Kind AggregatedServer: no matches";
    let context = context(fake_client(move |_| {
        Answer::Json(
            http::StatusCode::FORBIDDEN,
            serde_json::json!({ "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": message }),
        )
    }));
    let (names, policy, there) = (names(), policy(), surroundings());
    let keeper = SecretsApplier {
        paused: false,
        ctx: &context,
        names: &names,
        policy: &policy,
        surroundings: &there,
        now: at(1),
    };
    let mut memory = Memory::default();
    for _ in 0..30 {
        let refused = keeper.keep(&mut memory, &mut PassResult::default()).await;
        assert!(refused.err().unwrap().is_race());
    }
    assert_eq!(memory.authorities_issued.count(), 0);
}
