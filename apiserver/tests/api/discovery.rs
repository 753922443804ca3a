//! What there is to ask for.

use serde_json::json;

use crate::fixture::serve;

#[tokio::test]
async fn groups_versions_and_resources_are_found() {
    let served = serve().await;
    let mut client = served.client().await;
    let version = json!({ "groupVersion": "test.example.com/v1", "version": "v1" });
    for path in ["/apis", "/apis/"] {
        let groups = client.get(path).await.json();
        assert_eq!(groups["kind"], "APIGroupList");
        assert_eq!(groups["groups"][0]["name"], "test.example.com");
        assert_eq!(
            groups["groups"][0]["serverAddressByClientCIDRs"],
            json!([{ "clientCIDR": "0.0.0.0/0", "serverAddress": format!(":{}", served.address.port()) }])
        );
    }
    assert_eq!(
        client.get("/apis/test.example.com/").await.json(),
        json!({
            "kind": "APIGroup",
            "apiVersion": "v1",
            "name": "test.example.com",
            "versions": [version],
            "preferredVersion": version,
        })
    );
    assert_eq!(
        client.get("/apis/test.example.com/v1").await.json()["resources"][0]["shortNames"],
        json!(["th"])
    );
}

#[tokio::test]
async fn everything_at_once_is_tagged() {
    let served = serve().await;
    let mut client = served.client().await;
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let whole = client.ask("GET", "/apis", &[("accept", accept)], None).await;
    assert_eq!(whole.header("content-type"), accept);
    assert_eq!(
        (whole.header("vary"), whole.header("cache-control")),
        ("Accept", "public")
    );
    assert_eq!(
        whole.json()["items"][0]["versions"][0]["resources"][0]["resource"],
        "things"
    );
    let tag = whole.header("etag").to_owned();
    let again = client
        .ask(
            "GET",
            "/apis",
            &[("accept", accept), ("if-none-match", &tag)],
            None,
        )
        .await;
    assert_eq!(
        (again.code, again.body.as_str(), again.header("etag")),
        (304, "", tag.as_str())
    );
}

#[tokio::test]
async fn only_what_is_there_is_found_and_only_by_get() {
    let served = serve().await;
    let mut client = served.client().await;
    let status = client.get("/apis/test.example.com/v2").await;
    assert_eq!(
        (status.code, status.json()["kind"].as_str()),
        (404, Some("Status"))
    );
    for path in ["/api", "/apis/none", "/apis//test.example.com", "/nope"] {
        let index = client.get(path).await;
        assert_eq!(index.code, 404, "{path}");
        assert!(
            index.json()["paths"]
                .as_array()
                .unwrap()
                .contains(&"/apis/test.example.com/v1".into())
        );
    }
    assert_eq!(client.get("/").await.code, 200);
    for (method, path) in [
        ("POST", "/apis"),
        ("DELETE", "/apis/test.example.com"),
        ("HEAD", "/apis"),
    ] {
        assert_eq!(
            client.ask(method, path, &[], None).await.code,
            405,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn documents_are_written_as_the_client_likes() {
    let served = serve().await;
    let mut client = served.client().await;
    let path = "/apis/test.example.com";
    let yaml = client
        .ask("GET", path, &[("accept", "application/yaml")], None)
        .await;
    assert!(yaml.body.contains("name: test.example.com"), "{yaml:?}");
    let pretty = client.ask("GET", path, &[("user-agent", "curl/8")], None).await;
    assert!(pretty.body.starts_with("{\n"), "{pretty:?}");
    let refused = client.ask("GET", path, &[("accept", "text/html")], None).await;
    assert_eq!(refused.code, 406);
}
