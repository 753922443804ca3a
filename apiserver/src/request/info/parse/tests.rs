use super::*;

fn parse(method: &str, url: &str) -> RequestInfo {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    RequestInfo::parse(&method, &url.parse().unwrap()).expect(url)
}

/// Method, URL; verb, namespace, resource, subresource, name.
type Row = (&'static str, &'static str, [&'static str; 5]);

fn check(rows: &[Row]) {
    for (method, url, expected) in rows {
        let info = parse(method, url);
        assert!(info.is_resource, "{method} {url}");
        assert_eq!(
            (info.group.as_str(), info.version.as_str()),
            ("g", "v"),
            "{method} {url}"
        );
        let found = [
            info.verb.as_str(),
            &info.namespace,
            &info.resource,
            &info.subresource,
            &info.name,
        ];
        assert_eq!(found, *expected, "{method} {url}");
    }
}

#[test]
fn methods_become_verbs_by_what_they_are_about() {
    check(&[
        ("GET", "/apis/g/v/namespaces/ns/r", ["list", "ns", "r", "", ""]),
        ("HEAD", "/apis/g/v/namespaces/ns/r", ["list", "ns", "r", "", ""]),
        ("GET", "/apis/g/v/r", ["list", "", "r", "", ""]),
        ("GET", "/apis/g/v/namespaces/ns/r/n", ["get", "ns", "r", "", "n"]),
        ("GET", "/apis/g/v/r/n", ["get", "", "r", "", "n"]),
        ("POST", "/apis/g/v/namespaces/ns/r", ["create", "ns", "r", "", ""]),
        (
            "PUT",
            "/apis/g/v/namespaces/ns/r/n",
            ["update", "ns", "r", "", "n"],
        ),
        (
            "PATCH",
            "/apis/g/v/namespaces/ns/r/n",
            ["patch", "ns", "r", "", "n"],
        ),
        (
            "DELETE",
            "/apis/g/v/namespaces/ns/r/n",
            ["delete", "ns", "r", "", "n"],
        ),
        (
            "DELETE",
            "/apis/g/v/namespaces/ns/r",
            ["deletecollection", "ns", "r", "", ""],
        ),
        ("OPTIONS", "/apis/g/v/namespaces/ns/r/n", ["", "ns", "r", "", "n"]),
    ]);
}

#[test]
fn a_watch_is_a_list_that_says_so() {
    check(&[
        ("GET", "/apis/g/v/r?watch", ["watch", "", "r", "", ""]),
        ("GET", "/apis/g/v/r?watch=true", ["watch", "", "r", "", ""]),
        ("GET", "/apis/g/v/r?watch=1&limit=x", ["watch", "", "r", "", ""]),
        ("GET", "/apis/g/v/r?watch=False", ["list", "", "r", "", ""]),
        ("GET", "/apis/g/v/r?watch=0", ["list", "", "r", "", ""]),
        (
            "GET",
            "/apis/g/v/namespaces/ns/r/n?watch=true",
            ["get", "ns", "r", "", "n"],
        ),
        (
            "DELETE",
            "/apis/g/v/r?watch=true",
            ["deletecollection", "", "r", "", ""],
        ),
    ]);
}

#[test]
fn the_old_prefix_is_a_watch_whatever_the_method() {
    check(&[
        ("GET", "/apis/g/v/watch/r", ["watch", "", "r", "", ""]),
        (
            "GET",
            "/apis/g/v/watch/namespaces/ns/r",
            ["watch", "ns", "r", "", ""],
        ),
        (
            "GET",
            "/apis/g/v/watch/namespaces/ns/r/n",
            ["watch", "ns", "r", "", "n"],
        ),
        ("GET", "/apis/g/v/proxy/r/n", ["", "", "r", "", "n"]),
    ]);
}

#[test]
fn namespaces_are_a_place_and_a_resource() {
    check(&[
        ("GET", "/apis/g/v/namespaces", ["list", "", "namespaces", "", ""]),
        (
            "GET",
            "/apis/g/v/namespaces/ns",
            ["get", "ns", "namespaces", "", "ns"],
        ),
        (
            "GET",
            "/apis/g/v/namespaces/ns/status",
            ["get", "ns", "namespaces", "status", "ns"],
        ),
        (
            "PUT",
            "/apis/g/v/namespaces/ns/finalize",
            ["update", "ns", "namespaces", "finalize", "ns"],
        ),
    ]);
}

#[test]
fn what_follows_the_name_is_the_subresource() {
    check(&[
        (
            "GET",
            "/apis/g/v/namespaces/ns/r/n/status",
            ["get", "ns", "r", "status", "n"],
        ),
        ("GET", "/apis/g/v/r/n/a/b", ["get", "", "r", "a", "n"]),
        ("GET", "/apis/g/v/r/n/", ["get", "", "r", "", "n"]),
    ]);
    for (url, subpath) in [
        ("/apis/g/v/r/n/a", ""),
        ("/apis/g/v/r/n/a/", ""),
        ("/apis/g/v/r/n/a/b", "b"),
        ("/apis/g/v/namespaces/ns/r/n/a/b//c%20d/", "b//c d"),
    ] {
        assert_eq!(parse("GET", url).subpath, subpath, "{url}");
    }
}

#[test]
fn a_selected_name_is_the_name() {
    check(&[
        (
            "GET",
            "/apis/g/v/r?fieldSelector=metadata.name%3Dn",
            ["list", "", "r", "", "n"],
        ),
        (
            "GET",
            "/apis/g/v/r?watch=1&fieldSelector=metadata.name==n,a!=b",
            ["watch", "", "r", "", "n"],
        ),
        (
            "GET",
            "/apis/g/v/r?fieldSelector=metadata.name!%3Dn",
            ["list", "", "r", "", ""],
        ),
        (
            "GET",
            "/apis/g/v/r?fieldSelector=metadata.name%3Da%2Fb",
            ["list", "", "r", "", ""],
        ),
        (
            "GET",
            "/apis/g/v/r?fieldSelector=nonsense",
            ["list", "", "r", "", ""],
        ),
        // As in Go: of a deletion the selector names nothing.
        (
            "DELETE",
            "/apis/g/v/r?fieldSelector=metadata.name%3Dn",
            ["deletecollection", "", "r", "", ""],
        ),
    ]);
}

#[test]
fn a_selector_that_is_long_is_not_searched_for_a_name() {
    let long = format!("metadata.name=n,a!={}", "x".repeat(1024));
    let info = parse("GET", &format!("/apis/g/v/r?fieldSelector={long}"));
    assert_eq!((info.name.as_str(), info.field_selector), ("", long));
}

#[test]
fn behind_a_verb_in_the_path_selectors_say_nothing() {
    let info = parse(
        "GET",
        "/apis/g/v/watch/r?labelSelector=a%3Db&fieldSelector=metadata.name%3Dn",
    );
    assert_eq!(info.path_verb, Some(PathVerb::Watch));
    assert_eq!(
        (
            info.name.as_str(),
            info.label_selector.as_str(),
            info.field_selector.as_str()
        ),
        ("", "", "")
    );
    assert_eq!(
        parse("GET", "/apis/g/v/proxy/r/n").path_verb,
        Some(PathVerb::Proxy)
    );
    assert_eq!(parse("GET", "/apis/g/v/r/watch").path_verb, None);
}

#[test]
fn raw_selectors_are_kept_where_they_mean_something() {
    let info = parse("GET", "/apis/g/v/r?labelSelector=a%3Db&fieldSelector=c%3Dd");
    assert_eq!(
        (info.label_selector.as_str(), info.field_selector.as_str()),
        ("a=b", "c=d")
    );
    let info = parse("GET", "/apis/g/v/r/n?labelSelector=a%3Db");
    assert_eq!(info.label_selector, "");
}

#[test]
fn what_is_shorter_or_elsewhere_is_no_resource() {
    for url in [
        "/",
        "/apis",
        "/apis/g",
        "/apis/g/v",
        "/apis/g/v/",
        "//apis/g",
        "/healthz/ping/a/b",
        "/version",
    ] {
        let info = parse("GET", url);
        assert!(!info.is_resource, "{url}");
        assert_eq!(
            (info.path.as_str(), info.method.as_str(), info.group.as_str()),
            (url, "get", "")
        );
    }
    // A legacy group is not served by an extension apiserver.
    assert!(!parse("GET", "/api/v1/namespaces/ns/pods").is_resource);
}

#[test]
fn escapes_are_read_before_the_path_is_split() {
    let info = parse("GET", "/apis/g/v/namespaces/ns/r/a%2Fb%20c");
    assert_eq!((info.name.as_str(), info.subresource.as_str()), ("a", "b c"));
    assert_eq!(parse("GET", "/apis/g/v/r/%C3%BC").name, "ü");
}

#[test]
fn urls_that_mean_nothing_are_refused() {
    let error = |url: &str| RequestInfo::parse(&Method::GET, &url.parse().unwrap()).unwrap_err();
    assert_eq!(error("/apis/g/v/r/%zz"), RequestInfoError::Escape);
    assert_eq!(error("/apis/g/v/r/%f"), RequestInfoError::Escape);
    assert_eq!(error("/apis/g/v/r/%ff"), RequestInfoError::Escape);
    assert_eq!(
        error("/apis/g/v/watch").to_string(),
        "unable to determine kind and namespace from url, /apis/g/v/watch"
    );
}
