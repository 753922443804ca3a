use super::*;

fn refused(pattern: &str) -> String {
    Pattern::new(pattern).unwrap_err().to_string()
}

#[test]
fn a_pattern_is_refused_in_the_words_of_go() {
    assert_eq!(refused("(a"), "error parsing regexp: missing closing ): `(a`");
    assert_eq!(
        refused("x(?i)[a-Z]"),
        "error parsing regexp: invalid character class range: `a-Z`"
    );
    assert_eq!(
        refused("a**"),
        "error parsing regexp: invalid nested repetition operator: `**`"
    );
}

#[test]
fn a_pattern_too_large_for_this_library_says_so() {
    assert_eq!(
        Pattern::new(&"a".repeat(MAX_LENGTH + 1)).unwrap_err(),
        Error::Length(MAX_LENGTH + 1)
    );
    assert!(Pattern::new(&"a".repeat(MAX_LENGTH)).is_ok());
    assert_eq!(Pattern::new(r"\pL{1000}").unwrap_err(), Error::Size);
    // Before anything is compiled.
    for many in [
        r"\pL".repeat(10_000),
        format!("[{}]", r"\pL".repeat(10_000)),
        format!("(?i)[{}]", r"\PL".repeat(10_000)),
    ] {
        assert_eq!(Pattern::new(&many).unwrap_err(), Error::Size);
    }
    assert!(
        Pattern::new("^(?:.{1000}){1}$")
            .unwrap()
            .is_match(&"é".repeat(1000))
    );
}

#[test]
fn what_go_finds_too_large_is_refused_so() {
    for pattern in [
        format!("({}){{1000}}", "(xx?)".repeat(1000)),
        "(xx?){1000}".repeat(1000),
    ] {
        assert!(refused(&pattern).starts_with("error parsing regexp: expression too large: `"));
    }
}

#[test]
fn alternatives_of_characters_and_sets_are_one_set() {
    let pattern = vec!["é"; MAX_LENGTH / 3].join("|");
    assert!(Pattern::new(&pattern).unwrap().is_match("é"));
    assert!(Pattern::new(r"^(?:a|\d|(?i:k)|é)$").unwrap().is_match("\u{212A}"));
}

#[test]
fn a_pattern_of_the_greatest_depth_needs_no_more_stack_than_a_thread_of_tokio_has() {
    let nested = |levels: usize| format!("{}a{}", "(?:".repeat(levels), ")*b".repeat(levels));
    let pattern = nested(63);
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let compiled = thread.spawn(move || Pattern::new(&pattern).map(drop)).unwrap();
    assert_eq!(compiled.join().unwrap(), Ok(()));
    assert_eq!(Pattern::new(&nested(64)).unwrap_err(), Error::Depth(129));
    assert!(refused(&nested(500)).starts_with("error parsing regexp: expression nests too deeply: `"));
}

#[test]
fn half_of_a_surrogate_pair_is_in_no_text() {
    assert!(!Pattern::new(r"^\x{D800}").unwrap().is_match("\u{FFFD}"));
    assert!(
        Pattern::new(r"^[\x{D800}-\x{E000}]")
            .unwrap()
            .is_match("\u{E000}")
    );
}
