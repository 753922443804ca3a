//! Each mode's answers, and what all modes share.

use super::*;

const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

fn api(mode: Mode) -> Api {
    Api::new(mode, "g.example.com", "v1", Duration::from_secs(20))
}

fn get(path: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn ask(mode: Mode, path: &str) -> (StatusCode, Value) {
    let answer = api(mode).answer(&get(path, &[]), false);
    (answer.status, serde_json::from_str(&answer.body).expect("JSON"))
}

#[test]
fn discovery_names_the_group_the_version_and_the_resource() {
    let (status, groups) = ask(Mode::Serve, "/apis");
    assert_eq!(
        (status, &groups["kind"]),
        (StatusCode::OK, &json!("APIGroupList"))
    );
    assert_eq!(
        groups["groups"][0]["preferredVersion"]["groupVersion"],
        "g.example.com/v1"
    );
    assert_eq!(ask(Mode::Serve, "/apis/g.example.com").1["kind"], "APIGroup");
    let resources = ask(Mode::Serve, "/apis/g.example.com/v1/").1;
    assert_eq!(resources["groupVersion"], "g.example.com/v1");
    assert_eq!(resources["resources"][0]["verbs"], json!(["get", "list"]));
}

#[test]
fn an_obeyed_header_is_all_that_it_takes() {
    let status = |path: &str, headers: &[(&str, &str)]| {
        api(Mode::ObeyedHeader).answer(&get(path, headers), false).status
    };
    let path = "/apis/g.example.com/v1";
    assert_eq!(status(path, &[]), StatusCode::UNAUTHORIZED);
    assert_eq!(status(path, &[("x-remote-user", "anybody")]), StatusCode::OK);
    assert_eq!(status("/readyz", &[]), StatusCode::OK);
}

#[test]
fn the_resource_echoes_who_the_front_proxy_says_is_calling() {
    let headers = [
        ("x-remote-user", "jane"),
        ("x-remote-group", "a"),
        ("x-remote-group", "b"),
    ];
    let answer = api(Mode::Serve).answer(&get("/apis/g.example.com/v1/echoes/self", &headers), true);
    let echo: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(
        (&echo["user"], &echo["groups"]),
        (&json!("jane"), &json!(["a", "b"]))
    );
    let list = ask(Mode::Serve, "/apis/g.example.com/v1/echoes?limit=500").1;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        ask(Mode::Serve, "/apis/g.example.com/v1/echoes/other").0,
        StatusCode::NOT_FOUND
    );
}

#[test]
fn aggregated_discovery_is_not_acceptable_unless_plain_json_is_too() {
    let status = |accept: &str| {
        api(Mode::Serve)
            .answer(&get("/apis", &[("accept", accept)]), false)
            .status
    };
    assert_eq!(status(V2), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(status(&format!("{V2},application/json")), StatusCode::OK);
    assert_eq!(
        status("application/vnd.kubernetes.protobuf,application/json"),
        StatusCode::OK
    );
    assert_eq!(status("*/*"), StatusCode::OK);
}

#[test]
fn what_is_not_there_is_404_and_what_writes_or_watches_is_405() {
    for path in [
        "/",
        "/openapi/v2",
        "/openapi/v3",
        "/apis/other",
        "/apis/g.example.com/v2",
        "/livez/ping",
    ] {
        assert_eq!(ask(Mode::Serve, path).0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(
        ask(Mode::Serve, "/apis/g.example.com/v1/echoes?watch=1").0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let mut post = get("/apis/g.example.com/v1/echoes", &[]);
    post.method = Method::POST;
    assert_eq!(
        api(Mode::Serve).answer(&post, false).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[test]
fn a_server_that_does_not_trust_the_front_proxy_answers_everybody_else() {
    let untrusting = api(Mode::UntrustingFrontProxy);
    let path = "/apis/g.example.com/v1";
    let status =
        |headers: &[(&str, &str)], certificate| untrusting.answer(&get(path, headers), certificate).status;
    assert_eq!(status(&[], false), StatusCode::OK);
    assert_eq!(status(&[("authorization", "Bearer x")], false), StatusCode::OK);
    assert_eq!(status(&[], true), StatusCode::UNAUTHORIZED);
    assert_eq!(
        status(&[("x-remote-user", "jane")], false),
        StatusCode::UNAUTHORIZED
    );
}

#[test]
fn another_version_is_served_instead_of_the_wanted_one() {
    assert_eq!(
        ask(Mode::OtherVersion, "/apis/g.example.com/v1").0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        ask(Mode::OtherVersion, "/apis/g.example.com/v9").0,
        StatusCode::OK
    );
    assert_eq!(
        ask(Mode::OtherVersion, "/apis/g.example.com").1["preferredVersion"]["version"],
        "v9"
    );
}

#[test]
fn only_the_group_versions_discovery_is_slow() {
    let slow = api(Mode::SlowDiscovery);
    let delay = |path: &str| slow.answer(&get(path, &[]), false).delay;
    assert_eq!(delay("/apis/g.example.com/v1"), Duration::from_secs(20));
    for path in [
        "/apis",
        "/apis/g.example.com",
        "/readyz",
        "/apis/g.example.com/v1/echoes",
    ] {
        assert_eq!(delay(path), Duration::ZERO, "{path}");
    }
}

#[test]
fn health_speaks_as_kubernetes_does() {
    let body = |mode, path: &str| {
        let answer = api(mode).answer(&get(path, &[]), false);
        (answer.status.as_u16(), answer.body)
    };
    assert_eq!(body(Mode::Serve, "/readyz"), (200, "ok".to_owned()));
    assert_eq!(
        body(Mode::Serve, "/livez?verbose"),
        (200, "[+]ping ok\n[+]etcd ok\nlivez check passed\n".to_owned())
    );
    let failed = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n".to_owned();
    assert_eq!(body(Mode::Unready, "/readyz?verbose"), (500, failed.clone()));
    assert_eq!(body(Mode::Unready, "/readyz"), (500, failed));
    assert_eq!(body(Mode::Unready, "/livez"), (200, "ok".to_owned()));
    assert_eq!(ask(Mode::Unready, "/apis/g.example.com/v1").0, StatusCode::OK);
}
