//! Who may act as whom.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use http::{HeaderName, Request};
use serde_json::{Value, json};

use super::*;
use crate::authz;
use crate::kubernetes::testing::{Answer, FakeCluster};
use crate::request::Verb;

/// A cluster where only these permissions exist, and what was asked of it, both as `verb group/resource/sub ns/name`.
struct Rules {
    authorizer: Authorizer,
    asked: Arc<Mutex<Vec<String>>>,
    _cluster: FakeCluster,
}

fn question(spec: &Value) -> String {
    let of = |attributes: &Value, key: &str| attributes[key].as_str().unwrap_or_default().to_owned();
    if spec["resourceAttributes"].is_null() {
        let attributes = &spec["nonResourceAttributes"];
        return format!("{} {}", of(attributes, "verb"), of(attributes, "path"));
    }
    let attributes = &spec["resourceAttributes"];
    format!(
        "{} {}/{}/{} {}/{}",
        of(attributes, "verb"),
        of(attributes, "group"),
        of(attributes, "resource"),
        of(attributes, "subresource"),
        of(attributes, "namespace"),
        of(attributes, "name")
    )
}

fn rules(allowed: &[&str]) -> Rules {
    let allowed: BTreeSet<String> = allowed.iter().map(|rule| (*rule).to_owned()).collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let cluster = FakeCluster::new(move |request| {
        let mut review = request.body.clone();
        let question = question(&review["spec"]);
        review["status"] = json!({"allowed": allowed.contains(&question)});
        seen.lock().unwrap().push(question);
        Answer::ok(review)
    });
    Rules {
        authorizer: authz::build(authz::Options::default(), Some(cluster.client.clone())).unwrap(),
        asked,
        _cluster: cluster,
    }
}

impl Rules {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn act(&self, requestor: User, headers: &[(&str, &str)]) -> Result<User, ApiError> {
        impersonate(&self.authorizer, &mut request(headers), requestor, &info()).await
    }
}

fn request(headers: &[(&str, &str)]) -> Parts {
    let mut parts = Request::new(()).into_parts().0;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        parts.headers.append(name, value.parse().unwrap());
    }
    parts
}

fn info() -> RequestInfo {
    RequestInfo {
        is_resource: true,
        path_verb: None,
        verb: Verb::Get,
        path: "/apis/g/v1/namespaces/ns/things/x".into(),
        method: "get".into(),
        group: "g".into(),
        version: "v1".into(),
        namespace: "ns".into(),
        resource: "things".into(),
        subresource: String::new(),
        subpath: String::new(),
        name: "x".into(),
        label_selector: String::new(),
        field_selector: String::new(),
    }
}

fn user(name: &str) -> User {
    User {
        name: name.into(),
        ..User::default()
    }
}

fn text(error: &ApiError) -> (u16, String) {
    let status = error.status();
    (status.code, status.message)
}

#[tokio::test]
async fn without_the_headers_nothing_is_asked() {
    let rules = rules(&[]);
    let actual = rules.act(user("me"), &[("accept", "x")]).await.unwrap();
    assert_eq!(actual, user("me"));
    assert!(rules.asked().is_empty());
}

#[tokio::test]
async fn the_verb_impersonate_is_enough_and_the_headers_are_gone() {
    let rules = rules(&[
        "impersonate /users/ /alice",
        "impersonate /groups/ /devs",
        "impersonate authentication.k8s.io/uids/ /7",
        "impersonate authentication.k8s.io/userextras/scopes /a",
        "impersonate authentication.k8s.io/userextras/acme.com/project /b",
    ]);
    let mut parts = request(&[
        ("Impersonate-User", "alice"),
        ("Impersonate-Group", "devs"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-Scopes", "a"),
        ("Impersonate-Extra-acme.com%2Fproject", "b"),
        ("Accept", "x"),
    ]);
    let actual = impersonate(&rules.authorizer, &mut parts, user("me"), &info())
        .await
        .unwrap();
    assert_eq!((actual.name.as_str(), actual.uid.as_str()), ("alice", "7"));
    assert_eq!(actual.groups, ["devs", "system:authenticated"]);
    assert_eq!(actual.extra["scopes"], ["a"]);
    assert_eq!(actual.extra["acme.com/project"], ["b"]);
    assert_eq!(parts.headers.keys().collect::<Vec<_>>(), ["accept"]);
}

#[tokio::test]
async fn each_part_needs_its_own_permission() {
    let all = [
        "impersonate /users/ /alice",
        "impersonate /groups/ /devs",
        "impersonate authentication.k8s.io/uids/ /7",
        "impersonate authentication.k8s.io/userextras/scopes /a",
    ];
    let headers = [
        ("Impersonate-User", "alice"),
        ("Impersonate-Group", "devs"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-Scopes", "a"),
    ];
    for missing in all {
        let allowed: Vec<_> = all.into_iter().filter(|rule| *rule != missing).collect();
        let error = rules(&allowed).act(user("me"), &headers).await.unwrap_err();
        assert_eq!(text(&error).0, 403, "without {missing}");
    }
}

#[tokio::test]
async fn a_refusal_tells_what_was_asked_first() {
    let error = rules(&[])
        .act(user("me"), &[("Impersonate-User", "alice")])
        .await
        .unwrap_err();
    let expected = r#"things.g "x" is forbidden: User "me" cannot impersonate-on:user-info:get resource "things" in API group "g" in the namespace "ns""#;
    assert_eq!(text(&error), (403, expected.to_owned()));
    let error = rules(&["impersonate-on:user-info:get g/things/ ns/x"])
        .act(user("me"), &[("Impersonate-User", "alice")])
        .await
        .unwrap_err();
    let expected = r#"users.authentication.k8s.io "alice" is forbidden: User "me" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope"#;
    assert_eq!(text(&error), (403, expected.to_owned()));
}

#[tokio::test]
async fn parts_without_a_user_make_no_sense() {
    let cases = [
        (
            ("Impersonate-Group", "g"),
            r#"Groups:[]string{"g"}, Extra:map[string][]string(nil)}"#,
        ),
        (
            ("Impersonate-Uid", "1"),
            r#"UID:"1", Groups:[]string(nil), Extra:map[string][]string(nil)}"#,
        ),
        (
            ("Impersonate-Extra-A", "v"),
            r#"Extra:map[string][]string{"a":[]string{"v"}}}"#,
        ),
    ];
    for (header, told) in cases {
        let error = rules(&[]).act(user("me"), &[header]).await.unwrap_err();
        let (code, message) = text(&error);
        assert_eq!(code, 400);
        assert!(
            message.starts_with("requested &user.DefaultInfo{Name:\"\", UID:"),
            "{message}"
        );
        assert!(
            message.ends_with(&format!("{told} without impersonating a user name")),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_service_account_comes_with_its_groups() {
    let name = "system:serviceaccount:ns:robot";
    for rule in [
        vec!["impersonate /serviceaccounts/ ns/robot"],
        vec![
            "impersonate-on:serviceaccount:get g/things/ ns/x",
            "impersonate:serviceaccount authentication.k8s.io/serviceaccounts/ ns/robot",
        ],
    ] {
        let actual = rules(&rule)
            .act(user("me"), &[("Impersonate-User", name)])
            .await
            .unwrap();
        let groups = [
            "system:serviceaccounts",
            "system:serviceaccounts:ns",
            "system:authenticated",
        ];
        assert_eq!(
            (actual.name.as_str(), actual.groups),
            (name, groups.map(str::to_owned).to_vec())
        );
    }
    let rules = rules(&[
        "impersonate /serviceaccounts/ ns/robot",
        "impersonate /groups/ /g",
    ]);
    let headers = [("Impersonate-User", name), ("Impersonate-Group", "g")];
    let actual = rules.act(user("me"), &headers).await.unwrap();
    assert_eq!(
        actual.groups,
        ["g", "system:authenticated"],
        "given groups are all there are"
    );
}

#[tokio::test]
async fn nobody_and_somebody_unauthenticated_stay_so() {
    let rules = rules(&[
        "impersonate /users/ /system:anonymous",
        "impersonate /users/ /alice",
        "impersonate /groups/ /system:unauthenticated",
    ]);
    let actual = rules
        .act(user("me"), &[("Impersonate-User", "system:anonymous")])
        .await
        .unwrap();
    assert_eq!(actual, User::anonymous());
    let headers = [
        ("Impersonate-User", "alice"),
        ("Impersonate-Group", "system:unauthenticated"),
    ];
    let actual = rules.act(user("me"), &headers).await.unwrap();
    assert_eq!(actual.groups, ["system:unauthenticated"]);
}

#[tokio::test]
async fn a_constrained_mode_allows_what_it_names_and_no_more() {
    let rules = rules(&[
        "impersonate-on:user-info:get g/things/ ns/x",
        "impersonate:user-info authentication.k8s.io/users/ /alice",
        "impersonate:user-info authentication.k8s.io/groups/ /*",
        "impersonate:user-info authentication.k8s.io/groups/ /system:masters",
    ]);
    let alice = ("Impersonate-User", "alice");
    assert_eq!(rules.act(user("me"), &[alice]).await.unwrap().name, "alice");
    let groups = ["a", "b", "c", "d"].map(|group| ("Impersonate-Group", group));
    let many: Vec<_> = std::iter::once(alice).chain(groups).collect();
    assert!(
        rules.act(user("me"), &many).await.is_ok(),
        "one permission for all groups"
    );
    let error = rules
        .act(user("me"), &[alice, ("Impersonate-Group", "system:masters")])
        .await;
    let (code, message) = text(&error.unwrap_err());
    assert_eq!(code, 403);
    assert!(
        message.ends_with("impersonating the system:masters group is not allowed"),
        "{message}"
    );
    let mut other = info();
    other.verb = Verb::Delete;
    let answer = impersonate(&rules.authorizer, &mut request(&[alice]), user("me"), &other).await;
    assert!(answer.is_err(), "only for get");
}

#[tokio::test]
async fn a_node_is_acted_as_by_whoever_may_and_by_its_own_pods() {
    let node = ("Impersonate-User", "system:node:n1");
    let arbitrary = rules(&[
        "impersonate-on:arbitrary-node:get g/things/ ns/x",
        "impersonate:arbitrary-node authentication.k8s.io/nodes/ /n1",
    ]);
    let actual = arbitrary.act(user("me"), &[node]).await.unwrap();
    assert_eq!(actual.groups, ["system:nodes", "system:authenticated"]);

    let associated = rules(&[
        "impersonate-on:associated-node:get g/things/ ns/x",
        "impersonate:associated-node authentication.k8s.io/nodes/ /*",
    ]);
    let on = |node: &str| User {
        extra: [(
            "authentication.kubernetes.io/node-name".to_owned(),
            vec![node.to_owned()],
        )]
        .into(),
        ..user("system:serviceaccount:ns:agent")
    };
    assert_eq!(
        associated.act(on("n1"), &[node]).await.unwrap().name,
        "system:node:n1"
    );
    assert!(associated.act(on("n2"), &[node]).await.is_err());
    assert!(associated.act(user("me"), &[node]).await.is_err());
}

#[tokio::test]
async fn masters_may_act_as_anybody_and_nothing_is_asked() {
    let rules = rules(&[]);
    let masters = User {
        groups: vec![User::MASTERS.into()],
        ..user("root")
    };
    let headers = [
        ("Impersonate-User", "alice"),
        ("Impersonate-Group", "system:masters"),
    ];
    let actual = rules.act(masters, &headers).await.unwrap();
    assert_eq!(actual.groups, ["system:masters", "system:authenticated"]);
    assert!(rules.asked().is_empty());
}

/// An authorizer of a cluster that answers so, and the cluster.
fn reviewed_by(handler: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> (Authorizer, FakeCluster) {
    let cluster = FakeCluster::new(move |request| handler(&request.body));
    let authorizer = authz::build(authz::Options::default(), Some(cluster.client.clone())).unwrap();
    (authorizer, cluster)
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_neither_a_permission_nor_a_denial() {
    let constrained = "impersonate-on:user-info:get g/things/ ns/x";
    // The first review, one of a later mode, and one for all groups at once.
    for unanswered in [
        constrained,
        "impersonate /users/ /alice",
        "impersonate:user-info authentication.k8s.io/groups/ /*",
    ] {
        let (authorizer, _cluster) = reviewed_by(move |review| {
            let (mut review, question) = (review.clone(), question(&review["spec"]));
            if question == unanswered {
                return Answer::status(403, "Forbidden", "no reviews here");
            }
            let is_allowed = unanswered.ends_with("/*");
            review["status"] = json!({"allowed": is_allowed});
            Answer::ok(review)
        });
        let groups = ["a", "b", "c", "d"].map(|group| ("Impersonate-Group", group));
        let headers: Vec<_> = std::iter::once(("Impersonate-User", "alice"))
            .chain(groups)
            .collect();
        let acted = impersonate(&authorizer, &mut request(&headers), user("me"), &info()).await;
        let expected = (500, "Internal error occurred: no reviews here".to_owned());
        assert_eq!(text(&acted.unwrap_err()), expected, "{unanswered}");
    }
    let (authorizer, _cluster) = reviewed_by(|_| Answer::Never);
    let headers = [("Impersonate-User", "alice")];
    let acted = impersonate(&authorizer, &mut request(&headers), user("me"), &info()).await;
    assert_eq!(text(&acted.unwrap_err()).0, 500, "a timeout");
}

#[tokio::test(start_paused = true)]
async fn too_many_reviews_of_one_user_are_429_and_not_403() {
    let (authorizer, _cluster) = reviewed_by(|_| Answer::Never);
    let (mallory, asked) = (user("mallory"), info());
    let names: Vec<RequestInfo> = (0..600)
        .map(|number| RequestInfo {
            name: number.to_string(),
            ..asked.clone()
        })
        .collect();
    let reviews = names.iter().map(|info| authorizer.allows(&mallory, info));
    let mut attack = Box::pin(futures::future::join_all(reviews));
    assert!((&mut attack).now_or_never().is_none());
    let headers = [("Impersonate-User", "alice")];
    let acted = impersonate(&authorizer, &mut request(&headers), mallory.clone(), &asked).await;
    let error = acted.unwrap_err();
    assert_eq!((text(&error).0, error.retry_after()), (429, Some(1)));
}

#[tokio::test]
async fn more_than_a_request_may_ask_for_is_refused_before_anything_is_asked() {
    for (header, what) in [
        ("Impersonate-Group", "groups"),
        ("Impersonate-Extra-A", "extra values"),
    ] {
        let values: Vec<String> = (0..=100).map(|number| format!("v{number}")).collect();
        let headers: Vec<(&str, &str)> = std::iter::once(("Impersonate-User", "alice"))
            .chain(values.iter().map(|value| (header, value.as_str())))
            .collect();
        let rules = rules(&[]);
        let error = rules.act(user("me"), &headers).await.unwrap_err();
        let expected = format!("impersonating 101 {what} is not possible: a request may ask for at most 100");
        assert_eq!(text(&error), (400, expected));
        assert!(rules.asked().is_empty());
        // One fewer is asked about.
        let error = rules.act(user("me"), &headers[..101]).await.unwrap_err();
        assert_eq!(text(&error).0, 403);
    }
}
