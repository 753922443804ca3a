//! What is asked of control planes, and what follows from their answers.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Response, header::DATE};
use serde_json::{Value, json};

use super::*;
use crate::{
    aggregated_server::{
        build,
        certificates::{
            Authority, Replacement,
            testing::{at, policy},
        },
        testing::{names, server},
        validate::plan_apis,
    },
    fake_client::{Answer, fake_client},
    pki::bundle,
};

const PLANES: [&str; 2] = ["192.0.2.1:6443", "192.0.2.2:6443"];

fn authority() -> Certificate {
    let replacement = Replacement {
        why: "test",
        previous: Vec::new(),
    };
    let made = Authority::issue(&policy(), replacement, at(0)).unwrap();
    made.current.certificate().clone()
}

fn api_services(bundle: &[Certificate]) -> Vec<APIService> {
    let plans = plan_apis(&server()).into_iter().enumerate();
    plans
        .map(|(number, plan)| {
            let pem = bundle::to_pem(bundle);
            let mut service = build::api_service::api_service(&names(), &plan, 443, &pem, Default::default());
            service.metadata.resource_version = Some((7 + number).to_string());
            service
        })
        .collect()
}

/// A cluster whose `default/kubernetes` has these endpoints, and what each one answers to a read of an APIService.
struct Cluster {
    client: Client,
    clients: Clients,
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Cluster {
    fn of(addresses: &[&str]) -> Self {
        let hosts: Vec<Value> = addresses
            .iter()
            .map(|address| json!({ "addresses": [address.split_once(':').unwrap().0] }))
            .collect();
        let client = fake_client(move |request| {
            assert_eq!(
                request.path,
                "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
            );
            let ports = json!([{ "name": "https", "port": 6443 }]);
            let slice = json!({ "metadata": {}, "addressType": "IPv4", "ports": ports, "endpoints": hosts });
            Answer::ok(json!({ "metadata": {}, "items": [slice] }))
        });
        let answers: Arc<Mutex<BTreeMap<String, Answer>>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (given, seen) = (Arc::clone(&answers), Arc::clone(&asked));
        let clients: Clients = Arc::new(move |address| {
            let (address, given, seen) = (address.to_owned(), Arc::clone(&given), Arc::clone(&seen));
            Ok(fake_client(move |request| {
                let asked = format!("{address} {}?{}", request.path, request.query);
                seen.lock().unwrap().push(asked);
                given.lock().unwrap()[&address].clone()
            }))
        });
        Self {
            client,
            clients,
            answers,
            asked,
        }
    }

    fn answers(&self, address: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(address.to_owned(), answer);
    }

    async fn widening(
        &self,
        memory: &mut Memory,
        wanted: &[Certificate],
        services: &[APIService],
    ) -> Option<String> {
        let services: Vec<&APIService> = services.iter().collect();
        widening(&self.client, &self.clients, memory, wanted, &services).await
    }
}

/// Each control plane is asked for the newest write, not older than that; the proxies have their time after the last of them.
#[tokio::test(start_paused = true)]
async fn every_control_plane_must_have_seen_the_newest_write() {
    let cluster = Cluster::of(&PLANES);
    let (old, wanted) = (vec![authority()], vec![authority()]);
    let services = api_services(&wanted);
    let mut memory = Memory::default();
    cluster.answers(PLANES[0], Answer::ok(json!(services[1])));
    cluster.answers(PLANES[1], Answer::ok(json!(api_services(&old)[1])));
    let behind = cluster.widening(&mut memory, &wanted, &services).await;
    assert_eq!(
        behind.as_deref(),
        Some("control plane 192.0.2.2:6443 has not seen the new authority yet")
    );
    let newest = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.wardle.example.com";
    let asked = std::mem::take(&mut *cluster.asked.lock().unwrap());
    for (asked, plane) in asked.iter().zip(PLANES) {
        assert!(asked.starts_with(&format!("{plane} {newest}?")), "{asked}");
        assert!(asked.contains("resourceVersion=8"), "{asked}");
    }
    assert_eq!(asked.len(), 2);
    cluster.answers(PLANES[1], Answer::ok(json!(services[1])));
    for _ in 0..2 {
        let waits = cluster.widening(&mut memory, &wanted, &services).await;
        assert_eq!(waits, Some(proxies()));
    }
    assert_eq!(
        cluster.asked.lock().unwrap().len(),
        2,
        "who has seen it is not asked again"
    );
    tokio::time::advance(PROXY_DELAY).await;
    assert_eq!(cluster.widening(&mut memory, &wanted, &services).await, None);
    // What is wanted since has not been seen by anybody.
    let more = [wanted.clone(), old].concat();
    let unpublished = cluster.widening(&mut memory, &more, &services).await;
    assert!(
        unpublished
            .unwrap()
            .contains("does not publish the new authority yet")
    );
    assert_eq!(
        cluster.widening(&mut memory, &wanted, &services).await,
        Some(proxies())
    );
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_does_not_answer_is_named() {
    let cluster = Cluster::of(&PLANES);
    let wanted = vec![authority()];
    let services = api_services(&wanted);
    cluster.answers(PLANES[0], Answer::ok(json!(services[1])));
    for (answer, why) in [
        (
            Answer::Never,
            "control plane 192.0.2.2:6443 has not answered in time",
        ),
        (
            Answer::status(503, "ServiceUnavailable"),
            "control plane 192.0.2.2:6443 has not answered: ",
        ),
    ] {
        cluster.answers(PLANES[1], answer);
        let waits = cluster.widening(&mut Memory::default(), &wanted, &services).await;
        assert!(waits.as_ref().unwrap().starts_with(why), "{waits:?}");
    }
    let none = Cluster::of(&[]);
    let waits = none.widening(&mut Memory::default(), &wanted, &services).await;
    assert_eq!(waits.as_deref(), Some("no control plane is known"));
    // With nothing registered there is nobody to wait for.
    assert_eq!(none.widening(&mut Memory::default(), &wanted, &[]).await, None);
}

/// One that does not answer tells no time; two that do may not be an hour apart.
#[tokio::test(start_paused = true)]
async fn control_planes_are_asked_for_their_time() {
    let cluster = Cluster::of(&PLANES);
    let clock = Clock::default();
    let noon = "Fri, 01 Jan 2027 12:00:00 GMT";
    clock.observe(&http::HeaderMap::from_iter([(DATE, noon.parse().unwrap())]));
    let telling = |second: Option<&'static str>| -> Clients {
        Arc::new(move |address| {
            let date = if address == PLANES[0] { Some(noon) } else { second };
            Ok(Client::new(
                tower::service_fn(move |request: http::Request<Body>| async move {
                    assert_eq!(request.uri().path(), "/readyz");
                    let Some(date) = date else {
                        return std::future::pending().await;
                    };
                    let response = Response::builder().header(DATE, date);
                    Ok::<_, Infallible>(response.body(Body::empty()).unwrap())
                }),
                "default",
            ))
        })
    };
    for agrees in [Some(noon), Some("Fri, 01 Jan 2027 12:59:00 GMT"), None] {
        let differ = clocks_differ(&cluster.client, &telling(agrees), &clock)
            .await
            .unwrap();
        assert_eq!(differ, None, "{agrees:?}");
    }
    let ahead = telling(Some("Sat, 01 Jan 2028 12:00:00 GMT"));
    let differ = clocks_differ(&cluster.client, &ahead, &clock)
        .await
        .unwrap()
        .unwrap();
    assert!(differ.contains("192.0.2.2:6443"), "{differ}");
}

/// A listing that failed is no agreement, and is not kept.
#[tokio::test(start_paused = true)]
async fn who_could_not_list_control_planes_asks_again_the_next_time() {
    let asked = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&asked);
    let client = fake_client(move |_| {
        let mut asked = seen.lock().unwrap();
        *asked += 1;
        match *asked {
            1 => Answer::status(500, "InternalError"),
            _ => Answer::ok(json!({ "metadata": {}, "items": [] })),
        }
    });
    let ctx = crate::aggregated_server::testing::context(client);
    for times in [1, 2, 2] {
        assert_eq!(ctx.clocks_differ().await, None);
        assert_eq!(*asked.lock().unwrap(), times);
    }
}
