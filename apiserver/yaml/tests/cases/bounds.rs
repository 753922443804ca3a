//! What is bounded here.

use annex_yaml::{Error, Limits, MAX_DEPTH, MOST_SHOWN, read};

fn error(text: &str, limits: &Limits) -> String {
    read(text.as_bytes(), limits).unwrap_err().to_string()
}

#[test]
fn aliases_write_out_no_more_nodes_than_is_allowed() {
    let text = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(99), "*a,".repeat(10));
    let limits = |aliased_nodes| Limits {
        aliased_nodes,
        ..Limits::default()
    };
    // Each time the list, and what is in it.
    assert!(read(text.as_bytes(), &limits(1000)).is_ok());
    assert_eq!(
        error(&text, &limits(999)),
        "yaml: document contains excessive aliasing"
    );
}

#[test]
fn aliases_write_out_no_more_text_than_is_allowed() {
    let text = format!("a: &a {}\nb: [*a, *a, *a]\n", "x".repeat(100));
    let limits = |aliased_bytes| Limits {
        aliased_bytes,
        ..Limits::default()
    };
    assert!(read(text.as_bytes(), &limits(300)).is_ok());
    assert_eq!(
        error(&text, &limits(299)),
        "yaml: document contains excessive aliasing"
    );
}

#[test]
fn what_nests_too_deeply_is_refused_where_it_does() {
    let deep = "- ".repeat(MAX_DEPTH);
    assert!(read(deep.as_bytes(), &Limits::default()).is_ok());
    let deeper = format!("a:\n\n {deep}");
    assert_eq!(
        error(&deeper, &Limits::default()),
        format!("yaml: line 2: exceeded max depth of {MAX_DEPTH}")
    );
}

#[test]
fn of_what_a_client_wrote_an_error_shows_little() {
    let long = "x".repeat(100_000);
    for text in [
        format!("[{long}]: a"),
        format!("{{~: {long}}}"),
        format!("!!int {long}"),
        format!("*{long}"),
        format!("&{long} [*{long}]"),
    ] {
        let error = error(&text, &Limits::default());
        assert!(error.len() < 2 * MOST_SHOWN, "{}", error.len());
    }
    let twice = format!("? {long}\n: 1\n? {long}\n: 2\n");
    let document = read(twice.as_bytes(), &Limits::default()).unwrap();
    let duplicates = document.duplicates.listed().concat();
    assert!(duplicates.len() < 2 * MOST_SHOWN, "{}", duplicates.len());
}

#[test]
fn errors_say_of_what_kind_they_are() {
    let of = |text: &str| read(text.as_bytes(), &Limits::default()).unwrap_err();
    assert!(matches!(of("a:\n- [b\n]]"), Error::Syntax { line: 2, .. }));
    assert!(matches!(of("*a"), Error::Value(_)));
    assert!(matches!(of(".nan"), Error::NoJson(_)));
}
