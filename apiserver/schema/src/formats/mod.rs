//! The formats of strings: kube-openapi's `strfmt`, each with what is peculiar to it.

mod address;
mod email;
mod numbers;
mod time;
mod uri;

use std::sync::LazyLock;

use crate::pattern::Pattern;

const HOSTNAME: &str = r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$";
const BYTE: &str = r"^(?:[A-Za-z0-9+\/]{4})*(?:[A-Za-z0-9+\/]{2}==|[A-Za-z0-9+\/]{3}=|[A-Za-z0-9+\/]{4})$";
const RGB: &str = r"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$";
const UUID: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
const UUID3: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
const UUID4: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$";
const UUID5: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$";
const SHORT_NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const LONG_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A pattern that is compiled once. What cannot be compiled would match nothing; a test compiles all of them.
macro_rules! matches {
    ($pattern:expr, $text:expr) => {{
        static COMPILED: LazyLock<Option<Pattern>> = LazyLock::new(|| Pattern::new($pattern).ok());
        COMPILED.as_ref().is_some_and(|pattern| pattern.is_match($text))
    }};
}

/// The names of the formats, without dashes, which do not count.
const NAMES: [&str; 26] = [
    "bsonobjectid",
    "byte",
    "cidr",
    "creditcard",
    "date",
    "datetime",
    "duration",
    "email",
    "hexcolor",
    "hostname",
    "ipv4",
    "ipv6",
    "isbn",
    "isbn10",
    "isbn13",
    "k8slongname",
    "k8sshortname",
    "mac",
    "password",
    "rgbcolor",
    "ssn",
    "uri",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
];

/// Whether there is a format of this name.
pub(crate) fn is_known(name: &str) -> bool {
    !name.is_empty() && NAMES.contains(&&*name.replace('-', ""))
}

/// Whether a text has the format. An unknown format has none.
pub(crate) fn matches(name: &str, text: &str) -> bool {
    match &*name.replace('-', "") {
        "bsonobjectid" => text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit()),
        "byte" => matches!(BYTE, text),
        "cidr" => address::is_cidr(text),
        "creditcard" => numbers::is_credit_card(text),
        "date" => time::is_date(text),
        "datetime" => time::is_date_time(text),
        "duration" => time::is_duration(text),
        "email" => email::is_email(text),
        "hexcolor" => matches!("^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", text),
        "hostname" => {
            matches!(HOSTNAME, text) && text.len() <= 255 && text.split('.').all(|label| label.len() <= 63)
        }
        "ipv4" => address::is_ip_sloppy(text) && text.contains('.'),
        "ipv6" => address::is_ip(text) && text.contains(':'),
        "isbn" => numbers::is_isbn10(text) || numbers::is_isbn13(text),
        "isbn10" => numbers::is_isbn10(text),
        "isbn13" => numbers::is_isbn13(text),
        "k8slongname" => text.len() <= 253 && matches!(LONG_NAME, text),
        "k8sshortname" => text.len() <= 63 && matches!(SHORT_NAME, text),
        "mac" => address::is_mac(text),
        "password" => true,
        "rgbcolor" => matches!(RGB, text),
        "ssn" => text.len() == 11 && matches!(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$", text),
        "uri" => uri::is_request_uri(text),
        "uuid" => matches!(UUID, text),
        "uuid3" => matches!(UUID3, text),
        "uuid4" => matches!(UUID4, text),
        "uuid5" => matches!(UUID5, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [
            HOSTNAME,
            BYTE,
            RGB,
            UUID,
            UUID3,
            UUID4,
            UUID5,
            SHORT_NAME,
            LONG_NAME,
            numbers::CREDIT_CARD,
        ] {
            assert!(Pattern::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn dashes_in_names_do_not_count() {
        assert!(is_known("date-time") && is_known("k8s-short-name") && !is_known("-") && !is_known(""));
        assert!(matches("i-p-v-4", "1.2.3.4"));
    }
}
