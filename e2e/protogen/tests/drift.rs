//! The generated code that is checked in is what the `.proto` files say.

#![allow(clippy::unwrap_used, reason = "what does not hold is a test that fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The generated files by their names; `mod.rs` is written by hand.
fn files(directory: &Path) -> BTreeMap<String, String> {
    fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .filter(|(name, _)| name != "mod.rs")
        .collect()
}

#[test]
fn the_code_that_is_checked_in_is_what_is_generated() {
    let fresh = tempfile::tempdir().unwrap();
    annex_protogen::generate(fresh.path()).unwrap();
    let generated = files(fresh.path());
    let kept = files(&annex_protogen::checked_in());
    assert_eq!(
        generated.keys().collect::<Vec<_>>(),
        kept.keys().collect::<Vec<_>>()
    );
    for (name, code) in &generated {
        assert!(
            kept[name] == *code,
            "{name} is not what is generated: run make generate"
        );
    }
}
