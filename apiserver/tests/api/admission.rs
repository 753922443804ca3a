//! A server with plugins of its own, which read its objects.

use annex_apiserver::admission::{Admission, Attributes};
use annex_apiserver::config::Config;
use annex_apiserver::kind;
use annex_apiserver::request::GroupResource;
use annex_apiserver::request::selector::LabelSelector;
use annex_apiserver::resource::typed;
use annex_apiserver::server::{Builder, Server, StartError};
use annex_apiserver::status::ApiError;
use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::client::{Answer, Client};
use crate::fixture::{PATIENCE, Served, serve_built};

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
struct Room {
    metadata: ObjectMeta,
}

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
struct Booking {
    metadata: ObjectMeta,
    room: String,
    #[serde(default)]
    guest: String,
}

kind!(Room: "hotel.example.com", "v1", "rooms", Cluster);
kind!(Booking: "hotel.example.com", "v1", "bookings", Namespaced);

const ROOMS: &str = "/apis/hotel.example.com/v1/rooms";
const BOOKINGS: &str = "/apis/hotel.example.com/v1/namespaces/ns/bookings";

fn hotel() -> Builder {
    Server::builder("hotel")
        .resource(typed::resource::<Room>().build())
        .resource(typed::resource::<Booking>().build())
}

/// A hotel that knows its guests, and takes no booking of a room that is not there, or that is booked.
fn with_plugins() -> Server {
    let mut server = hotel();
    let rooms = server.lister::<Room>();
    let bookings = server.object_lister(GroupResource::new("hotel.example.com", "bookings"), "v1");
    let guests = typed::Admission::new().mutate_create(|request, mut booking: Booking| async move {
        if !booking.guest.is_empty() {
            return Ok(None);
        }
        booking.guest = request.user.name;
        Ok(Some(booking))
    });
    let check = typed::Admission::new().validate_create(move |request, booking: Booking| {
        let (rooms, bookings) = (rooms.clone(), bookings.clone());
        async move {
            if !rooms.wait_for_ready().await || !bookings.wait_for_ready().await {
                return Err(request.not_ready());
            }
            if rooms.get("", &booking.room).await?.is_none() {
                return Err(request.forbidden("there is no such room"));
            }
            let booked = bookings
                .list(&request.namespace, &LabelSelector::default())
                .await?;
            if booked
                .iter()
                .any(|other| other.0["room"] == booking.room.as_str())
            {
                return Err(request.forbidden("it is booked"));
            }
            Ok::<(), ApiError>(())
        }
    });
    server
        .admission("Guests", guests)
        .admission("Rooms", check)
        .build()
}

fn booking(name: &str, room: &str) -> Value {
    json!({"apiVersion": "hotel.example.com/v1", "kind": "Booking", "metadata": {"name": name}, "room": room})
}

/// Posts until the answer has this code: a plugin sees other objects a little later.
async fn until(client: &mut Client, code: u16, path: &str, body: &Value) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = client.post(&format!("{path}?dryRun=All"), body).await;
        if answer.code == code {
            return client.post(path, body).await;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", answer.json());
        sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn plugins_change_objects_and_decide_by_others() {
    let served: Served = serve_built(with_plugins(), |_| {}).await;
    let mut client = served.client().await;
    let refused = client.post(BOOKINGS, &booking("one", "attic")).await;
    assert_eq!(
        refused.json()["message"],
        r#"bookings.hotel.example.com "one" is forbidden: there is no such room"#
    );
    let sniffed = |answer: &Answer| answer.headers.contains_key("x-content-type-options");
    let unauthorized = served.stranger().await.get(BOOKINGS).await;
    assert_eq!((unauthorized.code, sniffed(&unauthorized)), (403, true));
    assert!(!sniffed(&refused), "as Go has it");
    let room = json!({"apiVersion": "hotel.example.com/v1", "kind": "Room", "metadata": {"name": "attic"}});
    assert_eq!(client.post(ROOMS, &room).await.code, 201);
    let created = until(&mut client, 201, BOOKINGS, &booking("one", "attic")).await;
    assert_eq!(created.code, 201);
    assert_ne!(created.json()["guest"], "");
    let again = until(&mut client, 403, BOOKINGS, &booking("two", "attic")).await;
    assert_eq!(
        again.json()["message"],
        r#"bookings.hotel.example.com "two" is forbidden: it is booked"#
    );
    served.running.shutdown().await;
}

/// Warns of whatever it is asked about, and takes no booking of the cellar.
struct Talkative;

#[async_trait]
impl Admission for Talkative {
    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        attributes.warn(format!("{} asked", attributes.operation().name()));
        attributes.warn("twice said is once heard");
        Ok(())
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        attributes.warn("twice said is once heard");
        attributes.warn(format!("{} heard", attributes.name()));
        match attributes.object() {
            Some(object) if object.0.get("room").is_some_and(|room| room == "cellar") => {
                Err(attributes.forbidden("it is flooded"))
            }
            _ => Ok(()),
        }
    }
}

fn talkative() -> Server {
    let typed = typed::Admission::new().mutate_update(|request, _: Booking, _| async move {
        request.warn("a booking changes");
        Ok(None)
    });
    let server = hotel().admission("Talkative", Talkative);
    server.admission("Typed", typed).build()
}

#[tokio::test]
async fn plugins_warn_of_what_is_done_and_of_what_is_refused() {
    let served = serve_built(talkative(), |_| {}).await;
    let mut client = served.client().await;
    let warned = |answer: &Answer| -> Vec<String> {
        let values = answer.headers.get_all("warning").iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    let said =
        |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| format!("299 - \"{text}\"")).collect() };
    let created = client.post(BOOKINGS, &booking("one", "attic")).await;
    assert_eq!(created.code, 201);
    let twice = "twice said is once heard";
    assert_eq!(warned(&created), said(&["CREATE asked", twice, "one heard"]));
    let refused = client.post(BOOKINGS, &booking("two", "cellar")).await;
    assert_eq!(refused.code, 403);
    assert_eq!(warned(&refused), said(&["CREATE asked", twice, "two heard"]));
    let one = format!("{BOOKINGS}/one");
    let merge = [("content-type", "application/merge-patch+json")];
    let changed = client
        .ask("PATCH", &one, &merge, Some(&json!({"guest": "g"})))
        .await;
    assert_eq!(changed.code, 200);
    let all = said(&["UPDATE asked", twice, "a booking changes", "one heard"]);
    assert_eq!(warned(&changed), all);
    let deleted = client.ask("DELETE", &one, &[], None).await;
    assert_eq!(warned(&deleted), said(&["DELETE asked", twice, "one heard"]));
    assert_eq!(warned(&client.get(BOOKINGS).await), said(&[]));
    served.running.shutdown().await;
}

#[tokio::test]
async fn plugins_are_measured_by_name_and_all_together() {
    let served = serve_built(talkative(), |_| {}).await;
    let mut client = served.client().await;
    assert_eq!(client.post(BOOKINGS, &booking("one", "attic")).await.code, 201);
    assert_eq!(client.post(BOOKINGS, &booking("two", "cellar")).await.code, 403);
    let metrics = client.get("/metrics").await.body;
    let counted = |labels: &str, of: &str, count: u64| {
        let line = format!("apiserver_admission_{of}_admission_duration_seconds_count{{{labels}}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    };
    for (step, rejected, count) in [
        ("admit", "false", 2),
        ("validate", "false", 1),
        ("validate", "true", 1),
    ] {
        let labels = format!(r#"type="{step}",operation="CREATE",rejected="{rejected}""#);
        counted(&labels, "step", count);
        counted(&format!(r#"name="Talkative",{labels}"#), "controller", count);
    }
    assert!(
        !metrics.contains(r#"name="Typed""#),
        "it is not asked about what is created"
    );
    let bounds = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix("apiserver_admission_step_admission_duration_seconds_bucket{le=\"")?;
        rest.contains(r#"type="admit""#)
            .then(|| rest.split_once('"'))
            .flatten()
    });
    let bounds: Vec<&str> = bounds.map(|(bound, _)| bound).collect();
    assert_eq!(bounds, ["0.005", "0.025", "0.1", "0.5", "1.0", "2.5", "+Inf"]);
    served.running.shutdown().await;
}

#[tokio::test]
async fn a_plugin_is_switched_off_by_its_name() {
    let off = |config: &mut Config| config.disabled_admission_plugins = vec!["Rooms".into()];
    let served = serve_built(with_plugins(), off).await;
    let mut client = served.client().await;
    let created = client.post(BOOKINGS, &booking("one", "nowhere")).await;
    assert_eq!(created.code, 201);
    assert_ne!(created.json()["guest"], "");
}

#[tokio::test]
async fn plugins_that_do_not_fit_keep_a_server_from_starting() {
    let start = async |server: Server| {
        let directory = tempfile::tempdir().unwrap();
        let error = server.start(Config::for_tests(directory.path())).await.err();
        error.unwrap()
    };
    let plugin = typed::Admission::<Booking>::new;
    let error = start(hotel().admission("A", plugin()).admission("A", plugin()).build()).await;
    assert_eq!(error.to_string(), r#"admission plugin "A" is there twice"#);
    let error = start(hotel().admission("NamespaceLifecycle", plugin()).build()).await;
    assert_eq!(
        error.to_string(),
        r#"admission plugin "NamespaceLifecycle" is there twice"#
    );
    // What is switched off is not asked whether it fits.
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(directory.path());
    config.disabled_admission_plugins = vec!["A".into()];
    let rooms = Server::builder("rooms").resource(typed::resource::<Room>().build());
    let running = rooms.admission("A", plugin()).build().start(config).await;
    running.unwrap().shutdown().await;
    let rooms = Server::builder("rooms").resource(typed::resource::<Room>().build());
    let error = start(rooms.admission("A", plugin()).build()).await;
    assert!(matches!(error, StartError::Plugin { .. }), "{error}");
    let mut rooms = Server::builder("rooms").resource(typed::resource::<Room>().build());
    drop(rooms.lister::<Booking>());
    let error = start(rooms.build()).await;
    assert_eq!(
        error.to_string(),
        "an admission plugin reads bookings.hotel.example.com as v1, which are not stored here, or not served in this version"
    );
}
