//! Semantic versions: Kubernetes' `semver`, as `blang/semver` reads them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::Guard::Types;
use super::{Decl, native};
use crate::value::{Fail, Outcome, Value, fail, no_overload, quote};

pub(super) const DECLS: &[Decl] = &[
    Decl {
        function: "semver",
        guard: Types,
        overloads: &[
            ("string_to_semver", "(string) -> kubernetes.Semver", semver),
            (
                "string_bool_to_semver",
                "(string, bool) -> kubernetes.Semver",
                semver,
            ),
        ],
    },
    Decl {
        function: "isSemver",
        guard: Types,
        overloads: &[
            ("is_semver_string", "(string) -> bool", is_semver),
            ("is_semver_string_bool", "(string, bool) -> bool", is_semver),
        ],
    },
    Decl {
        function: "isGreaterThan",
        guard: Types,
        overloads: &[(
            "semver_is_greater_than",
            "kubernetes.Semver.(kubernetes.Semver) -> bool",
            is_greater,
        )],
    },
    Decl {
        function: "isLessThan",
        guard: Types,
        overloads: &[(
            "semver_is_less_than",
            "kubernetes.Semver.(kubernetes.Semver) -> bool",
            is_less,
        )],
    },
    Decl {
        function: "compareTo",
        guard: Types,
        overloads: &[(
            "semver_compare_to",
            "kubernetes.Semver.(kubernetes.Semver) -> int",
            compare_to,
        )],
    },
    Decl {
        function: "major",
        guard: Types,
        overloads: &[("semver_major", "kubernetes.Semver.() -> int", major)],
    },
    Decl {
        function: "minor",
        guard: Types,
        overloads: &[("semver_minor", "kubernetes.Semver.() -> int", minor)],
    },
    Decl {
        function: "patch",
        guard: Types,
        overloads: &[("semver_patch", "kubernetes.Semver.() -> int", patch)],
    },
];

/// A version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Semver {
    numbers: [u64; 3],
    prerelease: Vec<Part>,
    build: Vec<String>,
}

/// A part of what is before a release; numbers come before words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        for (at, part) in self.prerelease.iter().enumerate() {
            let separator = if at == 0 { '-' } else { '.' };
            match part {
                Part::Number(number) => write!(f, "{separator}{number}")?,
                Part::Word(word) => write!(f, "{separator}{word}")?,
            }
        }
        for (at, part) in self.build.iter().enumerate() {
            write!(f, "{}{part}", if at == 0 { '+' } else { '.' })?;
        }
        Ok(())
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0')
}

fn number(text: &str) -> Result<u64, String> {
    let wrong = if text.is_empty() {
        "invalid syntax"
    } else {
        "value out of range"
    };
    text.parse()
        .map_err(|_| format!("strconv.ParseUint: parsing {}: {wrong}", quote(text)))
}

fn component(text: &str, name: &str, title: &str) -> Result<u64, String> {
    if !is_number(text) {
        return Err(format!(
            "Invalid character(s) found in {name} number {}",
            quote(text)
        ));
    }
    if has_leading_zero(text) {
        return Err(format!(
            "{title} number must not contain leading zeroes {}",
            quote(text)
        ));
    }
    number(text)
}

impl Semver {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let major = component(major, "major", "Major")?;
        let minor = component(minor, "minor", "Minor")?;
        let (rest, build) = rest
            .split_once('+')
            .map_or((rest, None), |(rest, build)| (rest, Some(build)));
        let (patch, prerelease) = rest
            .split_once('-')
            .map_or((rest, None), |(patch, pre)| (patch, Some(pre)));
        let patch = component(patch, "patch", "Patch")?;
        let prerelease = prerelease
            .into_iter()
            .flat_map(|parts| parts.split('.'))
            .map(part);
        let prerelease = prerelease.collect::<Result<_, _>>()?;
        let mut kept = Vec::new();
        for part in build.into_iter().flat_map(|parts| parts.split('.')) {
            if part.is_empty() {
                return Err("Build meta data is empty".to_owned());
            }
            if !is_word(part) {
                return Err(format!(
                    "Invalid character(s) found in build meta data {}",
                    quote(part)
                ));
            }
            kept.push(part.to_owned());
        }
        Ok(Self {
            numbers: [major, minor, patch],
            prerelease,
            build: kept,
        })
    }

    /// Reads a version that may begin with `v`, have leading zeros and be shorter than three numbers.
    fn parse_normalized(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text.splitn(3, '.').map(str::to_owned).collect();
        for part in parts.iter_mut().filter(|part| part.len() > 1) {
            let trimmed = part.trim_start_matches('0');
            let zero = if trimmed.starts_with(|c: char| c.is_ascii_digit()) {
                ""
            } else {
                "0"
            };
            *part = format!("{zero}{trimmed}");
        }
        if parts.len() < 3 {
            if parts.last().is_some_and(|last| last.contains(['+', '-'])) {
                return Err("short version cannot contain PreRelease/Build meta data".to_owned());
            }
            parts.resize(3, "0".to_owned());
        }
        Self::parse(&parts.join("."))
    }

    /// The order of two versions; builds do not count.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => self.prerelease.cmp(&other.prerelease),
            }
        })
    }
}

fn part(text: &str) -> Result<Part, String> {
    if text.is_empty() {
        return Err("Prerelease is empty".to_owned());
    }
    if is_number(text) {
        if has_leading_zero(text) {
            return Err(format!(
                "Numeric PreRelease version must not contain leading zeroes {}",
                quote(text)
            ));
        }
        return number(text).map(Part::Number);
    }
    if is_word(text) {
        return Ok(Part::Word(text.to_owned()));
    }
    Err(format!(
        "Invalid character(s) found in prerelease {}",
        quote(text)
    ))
}

fn read(args: &[Value<'_>]) -> Option<Result<Semver, String>> {
    match args {
        [Value::String(text)] | [Value::String(text), Value::Bool(false)] => Some(Semver::parse(text)),
        [Value::String(text), Value::Bool(true)] => Some(Semver::parse_normalized(text)),
        _ => None,
    }
}

fn semver<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match read(args) {
        Some(Ok(version)) => Ok(Value::Semver(Arc::new(version))),
        Some(Err(error)) => fail(error),
        None => no_overload(),
    }
}

fn is_semver<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    read(args).map_or_else(no_overload, |read| Ok(Value::Bool(read.is_ok())))
}

#[expect(clippy::cast_possible_wrap, reason = "Go converts so")]
fn int<'a>(number: u64) -> Result<Value<'a>, Fail> {
    Ok(Value::Int(number as i64))
}

native!(fn major(Value::Semver(version)) int(version.numbers[0]));
native!(fn minor(Value::Semver(version)) int(version.numbers[1]));
native!(fn patch(Value::Semver(version)) int(version.numbers[2]));
native!(fn is_greater(Value::Semver(ours), Value::Semver(theirs)) Ok(Value::Bool(ours.compare(theirs).is_gt())));
native!(fn is_less(Value::Semver(ours), Value::Semver(theirs)) Ok(Value::Bool(ours.compare(theirs).is_lt())));
native!(fn compare_to(Value::Semver(ours), Value::Semver(theirs)) Ok(Value::Int(ours.compare(theirs) as i64)));
