//! What Go's `unicode` knows of characters: categories, scripts and cases, of Unicode 15.0.

mod tables;

use crate::runes::{MAX_RUNE, Runes};

/// The next case of a character; the last leads to the first, and what has no other cases to itself.
fn simple_fold(rune: u32) -> u32 {
    let found = tables::SIMPLE_FOLD.binary_search_by_key(&rune, |(from, _)| *from);
    found
        .ok()
        .and_then(|at| tables::SIMPLE_FOLD.get(at))
        .map_or(rune, |(_, next)| *next)
}

/// The other cases of a character.
pub(crate) fn cases(rune: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(simple_fold(rune)), |next| Some(simple_fold(*next)))
        .take_while(move |next| *next != rune)
}

/// The characters of a range that have other cases, each with each of them.
pub(crate) fn cases_within(low: u32, high: u32) -> impl Iterator<Item = (u32, u32)> {
    let begin = tables::SIMPLE_FOLD.partition_point(|(from, _)| *from < low);
    let those = tables::SIMPLE_FOLD.iter().skip(begin).map(|(from, _)| *from);
    those
        .take_while(move |from| *from <= high)
        .flat_map(|from| cases(from).map(move |other| (from, other)))
}

/// The least of a character's cases.
pub(crate) fn least_case(rune: u32) -> u32 {
    cases(rune).fold(rune, u32::min)
}

/// What `\p{NAME}` stands for. Go compares names without `_`, `-` and spaces and in one case, so that those of scripts of two words
/// are never found.
pub(crate) fn named(name: &str) -> Option<Runes> {
    let name = canonical(name);
    match &*name {
        "Any" => return Some(Runes::range(0, MAX_RUNE)),
        "Assigned" => return named("Cn").map(Runes::negated),
        "Ascii" => return Some(Runes::range(0, 0x7F)),
        _ => {}
    }
    if let Ok(at) = tables::CATEGORY_NAMES.binary_search_by_key(&&*name, |(known, _)| *known) {
        let (_, parts) = tables::CATEGORY_NAMES.get(at)?;
        return Some(runs(tables::CATEGORY_RUNS, |number| {
            tables::CATEGORIES
                .get(number)
                .is_some_and(|category| parts.contains(category))
        }));
    }
    let at = tables::SCRIPTS.binary_search(&&*name).ok()?;
    Some(runs(tables::SCRIPT_RUNS, |number| number == at))
}

/// The runs whose numbers are wanted.
fn runs(table: &[(u32, u8)], wanted: impl Fn(usize) -> bool) -> Runes {
    let ends = table.iter().skip(1).map(|(begin, _)| begin - 1).chain([MAX_RUNE]);
    let mut runes = Runes::default();
    for ((begin, number), end) in table.iter().zip(ends) {
        if wanted(usize::from(*number)) {
            runes.add(*begin, end);
        }
    }
    runes
}

fn canonical(name: &str) -> String {
    let kept = name.chars().filter(|c| !['_', '-', ' '].contains(c));
    kept.enumerate()
        .map(|(at, c)| {
            if at == 0 {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// Whether `strconv` prints a character as it is: letters, marks, numbers, punctuation and symbols.
#[must_use]
pub fn is_printable(c: char) -> bool {
    let after = tables::CATEGORY_RUNS.partition_point(|(begin, _)| *begin <= u32::from(c));
    let run = after.checked_sub(1).and_then(|at| tables::CATEGORY_RUNS.get(at));
    let category = run.and_then(|(_, number)| tables::CATEGORIES.get(usize::from(*number)));
    category.is_some_and(|category| category.starts_with(['L', 'M', 'N', 'P', 'S']))
}
