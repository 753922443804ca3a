//! Cases of k8s.io/apimachinery's `internalversion/validation/validation_test.go` and `defaults_test.go`.

use super::*;

fn message(query: &str) -> String {
    let status = ListOptions::parse(query).expect_err(query).status();
    assert_eq!(status.code, 422, "{query}");
    status.message
}

#[test]
fn parameters_are_read() {
    let query = "labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&limit=500&continue=t&timeoutSeconds=7\
                 &allowWatchBookmarks=true&pretty=true";
    let options = ListOptions::parse(query).unwrap();
    assert_eq!(options.label_selector.to_string(), "a=b");
    assert_eq!(options.field_selector.exact("metadata.name"), Some("x"));
    assert_eq!(options.limit, Some(500));
    assert_eq!(options.timeout_seconds, Some(7));
    assert!(options.allow_watch_bookmarks && !options.watch);
    assert_eq!(ListOptions::parse("limit=0&limit=7").unwrap().limit, None);
}

#[test]
fn what_cannot_be_read_is_a_bad_request() {
    for query in [
        "limit=x",
        "timeoutSeconds=1s",
        "labelSelector=a%3D%3D%3D",
        "fieldSelector=a",
    ] {
        assert_eq!(ListOptions::parse(query).expect_err(query).status().code, 400);
    }
}

#[test]
fn what_cannot_be_together_in_a_list_is_invalid() {
    let unless = "resourceVersionMatch is forbidden unless resourceVersion is provided";
    assert!(message("resourceVersionMatch=NotOlderThan").contains(unless));
    assert!(
        message("resourceVersionMatch=Exact&resourceVersion=1&continue=x")
            .contains("when continue is provided")
    );
    assert!(
        message("resourceVersionMatch=Exact&resourceVersion=0")
            .contains(r#"Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0""#)
    );
    assert_eq!(
        message("resourceVersionMatch=foo&resourceVersion=1"),
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported value: \"foo\": supported values: \
         \"Exact\", \"NotOlderThan\", \"\""
    );
    assert!(message("sendInitialEvents=false").contains("sendInitialEvents is forbidden for list"));
}

#[test]
fn what_cannot_be_together_in_a_watch_is_invalid() {
    assert!(message("watch=1&sendInitialEvents=true").contains(
        "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    ));
    assert!(
        message("watch=1&resourceVersionMatch=NotOlderThan")
            .contains("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
    );
    let exact = message("watch=1&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=0");
    assert!(exact.contains(r#"Unsupported value: "Exact": supported values: "NotOlderThan""#));
    message("watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=x");
}

#[test]
fn a_watch_without_a_revision_begins_with_the_state() {
    for query in ["watch=1", "watch=1&resourceVersion=0"] {
        let options = ListOptions::parse(query).unwrap();
        assert_eq!(options.send_initial_events, Some(true));
        assert_eq!(
            options.resource_version_match,
            Some(ResourceVersionMatch::NotOlderThan)
        );
    }
    assert_eq!(
        ListOptions::parse("watch=1&resourceVersion=7")
            .unwrap()
            .send_initial_events,
        None
    );
    assert_eq!(ListOptions::parse("").unwrap().send_initial_events, None);
}

#[test]
fn a_watch_of_one_object_selects_its_name() {
    let mut options = ListOptions::default();
    options.restrict_to("a").unwrap();
    options.restrict_to("a").unwrap();
    assert_eq!(options.field_selector.to_string(), "metadata.name=a");
    let error = options.restrict_to("b").unwrap_err().status();
    assert_eq!(
        error.message,
        "fieldSelector metadata.name doesn't match requested name"
    );
    assert_eq!(error.code, 400);
}
