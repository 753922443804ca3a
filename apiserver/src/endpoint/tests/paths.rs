use super::super::testing::{FISCHERS, FLUNDERS, TestServer, flunder};
use super::super::{Endpoints, serve};
use crate::endpoint::testing::authorized;

const NOT_FOUND: &str = "the server could not find the requested resource";
const NOT_ALLOWED: &str = "the server does not allow this method on the requested resource";

#[tokio::test]
async fn what_nobody_serves_is_404_and_what_is_not_done_there_405() {
    let server = TestServer::new();
    server.create("a").await;
    let flunder_a = &format!("{FLUNDERS}/a");
    let status = &format!("{FLUNDERS}/a/status");
    for (method, path, code) in [
        (
            "GET",
            "/apis/wardle.example.com/v1alpha1/namespaces/default/others",
            404,
        ),
        (
            "GET",
            "/apis/wardle.example.com/v2/namespaces/default/flunders",
            404,
        ),
        (
            "GET",
            "/apis/other.example.com/v1alpha1/namespaces/default/flunders",
            404,
        ),
        ("GET", status, 404),
        ("PUT", status, 404),
        ("GET", "/apis/wardle.example.com/v1alpha1/flunders/a", 404),
        ("DELETE", "/apis/wardle.example.com/v1alpha1/flunders/a", 404),
        (
            "GET",
            "/apis/wardle.example.com/v1alpha1/namespaces/default/fischers",
            404,
        ),
        ("GET", "/apis/wardle.example.com/v1beta1/fischers", 404),
        ("POST", "/apis/wardle.example.com/v1alpha1/flunders", 405),
        ("DELETE", "/apis/wardle.example.com/v1alpha1/flunders", 405),
        ("POST", flunder_a, 405),
        ("PUT", FLUNDERS, 405),
        ("PATCH", FLUNDERS, 405),
        ("OPTIONS", FLUNDERS, 405),
        ("POST", "/apis/wardle.example.com/v1alpha1/watch/flunders", 405),
    ] {
        let reply = server.send(method, path, &[], flunder("a").to_string()).await;
        let expected = if code == 404 { NOT_FOUND } else { NOT_ALLOWED };
        assert_eq!(reply.error(), (code, expected.into()), "{method} {path}");
        assert_eq!(reply.json()["details"], serde_json::json!({}), "{method} {path}");
    }
    for (path, code) in [
        ("/apis/wardle.example.com/v1alpha1/flunders", 200),
        (FLUNDERS, 200),
        (flunder_a, 200),
        (FISCHERS, 200),
    ] {
        assert_eq!(server.get(path).await.code, code, "{path}");
    }
}

#[tokio::test]
async fn until_all_resources_are_there_a_path_is_503_and_never_404() {
    let mut server = TestServer::new();
    let registries = server.endpoints.registries();
    server.endpoints = server.endpoints.replaced(registries[..1].to_vec(), false);
    assert_eq!(server.get(FISCHERS).await.code, 200);
    let reply = server.get(FLUNDERS).await;
    assert_eq!(
        reply.error(),
        (
            503,
            "the request has been made before all known HTTP paths have been installed, please try again"
                .into()
        )
    );
    assert_eq!(reply.header("retry-after"), Some("5"));
    assert_eq!(reply.json()["reason"], "ServiceUnavailable");
    assert_eq!(
        reply.json()["details"],
        serde_json::json!({"retryAfterSeconds": 5})
    );
    server.endpoints = server.endpoints.replaced(registries[..1].to_vec(), true);
    assert_eq!(server.get(FLUNDERS).await.code, 404);
    server.endpoints = server.endpoints.replaced(registries, true);
    assert_eq!(server.get(FLUNDERS).await.code, 200);
}

#[test]
fn an_answer_can_be_worked_on_by_any_thread() {
    fn is_send<T: Send>(_: T) {}
    let endpoints = Endpoints::new(0);
    let request = authorized("GET", FLUNDERS);
    let (parts, ()) = http::Request::new(()).into_parts();
    let body = http_body_util::Full::new(bytes::Bytes::new());
    is_send(serve(&endpoints, &request, &parts, body));
}
