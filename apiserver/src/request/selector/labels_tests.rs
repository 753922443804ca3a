//! Cases of k8s.io/apimachinery's `labels/selector_test.go`.

use super::super::MOST_SELECTOR_BYTES;
use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn error(text: &str) -> String {
    LabelSelector::parse(text).expect_err(text).0
}

#[test]
fn selectors_are_written_as_they_were_read() {
    for text in [
        "x=a,y=b,z=c",
        "",
        "x!=a,y=b",
        "x=",
        "x= ",
        "x=,z= ",
        "x= ,z= ",
        "!x",
        "x>1",
        "x>1,z<5",
        "x==a",
    ] {
        let selector = LabelSelector::parse(text).expect(text);
        assert_eq!(selector.to_string(), text.replace(' ', ""));
    }
    let sets = LabelSelector::parse("z notin (b,a),x in (foo,,baz),y").unwrap();
    assert_eq!(sets.to_string(), "x in (,baz,foo),y,z notin (a,b)");
    assert_eq!(
        LabelSelector::parse("x in ()").unwrap().requirements()[0].values,
        [""]
    );
}

#[test]
fn order_does_not_matter() {
    assert_eq!(LabelSelector::parse("x=a,a=x"), LabelSelector::parse("a=x,x=a"));
}

#[test]
fn what_is_no_selector_is_refused_in_the_words_of_go() {
    for text in [
        "x=a||y=b", "x==a==b", "x<a", "x in (a", "x in a", ",", "x,", "=a", "x=!a",
    ] {
        error(text);
    }
    assert_eq!(error("!x=a"), "found '=', expected: ',' or 'end of string'");
    assert_eq!(
        error("x is a"),
        "unable to parse requirement: found 'is', expected: in, notin, =, ==, !=, gt, lt"
    );
    assert_eq!(
        error("x<a"),
        r#"unable to parse requirement: values[0]: Invalid value: "a": for 'Gt', 'Lt' operators, the value must be an integer"#
    );
    assert_eq!(
        error("(x"),
        "found '(', expected: !, identifier, or 'end of string'"
    );
    assert_eq!(error("x,"), "found '', expected: identifier after ','");
    assert_eq!(
        error("-x"),
        "unable to parse requirement: <nil>: Invalid value: \"-x\": name part must consist of alphanumeric \
         characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or \
         'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    );
    assert!(error("x=-").starts_with(
        r#"unable to parse requirement: values[0][x]: Invalid value: "-": a valid label must be an empty string or"#
    ));
}

#[test]
fn objects_match_by_their_labels() {
    type Case = (&'static str, &'static [(&'static str, &'static str)], bool);
    let cases: &[Case] = &[
        ("", &[("x", "y")], true),
        ("x=y", &[("x", "y")], true),
        ("x=y,z=w", &[("x", "y"), ("z", "w")], true),
        ("x!=y,z!=w", &[("x", "z"), ("z", "a")], true),
        ("notin=in", &[("notin", "in")], true),
        ("x", &[("x", "z")], true),
        ("!x", &[("y", "z")], true),
        ("x>1", &[("x", "2")], true),
        ("x<1", &[("x", "0")], true),
        ("x in (a,b)", &[("x", "b")], true),
        ("x notin (a,b)", &[], true),
        ("x=z", &[], false),
        ("x=y", &[("x", "z")], false),
        ("x=y,z=w", &[("x", "w"), ("z", "w")], false),
        ("x!=y,z!=w", &[("x", "z"), ("z", "w")], false),
        ("x", &[("y", "z")], false),
        ("!x", &[("x", "z")], false),
        ("x>1", &[("x", "0")], false),
        ("x>1", &[("x", "many")], false),
        ("x<1", &[("x", "2")], false),
        ("x in (a,b)", &[], false),
        ("x notin (a,b)", &[("x", "a")], false),
    ];
    for (text, pairs, expected) in cases {
        let selector = LabelSelector::parse(text).expect(text);
        assert_eq!(selector.matches(&labels(pairs)), *expected, "{text} {pairs:?}");
    }
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let text = "(".repeat(MOST_SELECTOR_BYTES + 1);
    assert_eq!(
        error(&text),
        "labelSelector: Too long: may not be more than 65536 bytes"
    );
    assert!(error(&text[1..]).starts_with("found '('"));
}

#[test]
fn many_wrong_values_are_listed_in_part() {
    let values: Vec<String> = (0..9000).map(|number| format!("-{number}")).collect();
    let message = error(&format!("x in ({})", values.join(",")));
    assert!(message.ends_with("too many errors: only the first 100 are listed]"));
    assert!(message.len() < 64 * 1024, "{}", message.len());
}
