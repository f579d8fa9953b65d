//! The share of random keys that masking lets through: keys of each vendor, and values under the names of secrets. Random
//! values that are no secrets stay.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code: what cannot be must stop the test"
)]

mod generator;

use generator::{Generator, rows};
use secrets::{Patterns, find};

/// Keys of a template in every run of the tests, and how many of them may leave: one in a thousand, and chance.
const FEW: (usize, usize) = (500, 2);
/// The same in the run that takes minutes.
const MANY: (usize, usize) = (10_000, 10);

const VENDORS: &str = include_str!("vendors.tsv");
const NAMED: &str = include_str!("named.tsv");
const KEPT: &str = include_str!("kept.tsv");

/// Whether a part of a secret is left that is enough to know it by.
fn leaves(text: &str, secrets: &[String], patterns: &Patterns) -> bool {
    let mut rest = String::new();
    let mut from = 0;
    for found in find(text, patterns) {
        rest.extend([&text[from..found.range.start], "\u{fffd}"]);
        from = found.range.end;
    }
    rest.push_str(&text[from..]);
    let mut pieces = secrets.iter().flat_map(|secret| secret.as_bytes().windows(8));
    pieces.any(|piece| rest.contains(str::from_utf8(piece).unwrap()))
}

fn measure(table: &str, (number, most): (usize, usize)) {
    let patterns = Patterns::default();
    let mut wrong = Vec::new();
    for (kind, template) in rows(table) {
        let mut generator = Generator::new(template);
        let keys = (0..number).map(|_| generator.next(template));
        let left: Vec<String> = keys
            .filter(|(text, secrets)| leaves(text, secrets, &patterns))
            .map(|(text, _)| text)
            .collect();
        if left.len() > most {
            let samples = left[..left.len().min(4)].join("\n    ");
            wrong.push(format!("{} of {number}: {kind}: {template}\n    {samples}", left.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn few_random_keys_of_vendors_leave() {
    measure(VENDORS, FEW);
}

#[test]
fn few_random_values_under_names_of_secrets_leave() {
    measure(NAMED, FEW);
}

#[test]
fn masks_no_random_value_that_is_not_a_secret() {
    let patterns = Patterns::default();
    for (kind, template) in rows(KEPT) {
        let mut generator = Generator::new(template);
        for (text, _) in (0..FEW.0).map(|_| generator.next(template)) {
            assert!(find(&text, &patterns).is_empty(), "{kind}: {text}");
        }
    }
}

#[test]
#[ignore = "minutes in a debug build"]
fn misses_at_most_ten_of_ten_thousand_random_keys_per_vendor() {
    measure(VENDORS, MANY);
}

#[test]
#[ignore = "minutes in a debug build"]
fn misses_at_most_ten_of_ten_thousand_random_values_under_secret_names() {
    measure(NAMED, MANY);
}

#[test]
fn a_key_of_a_vendor_is_known_behind_the_sign_of_a_diff_and_an_escape() {
    let patterns = Patterns::default();
    let mut wrong = Vec::new();
    for before in [
        "-",
        "+",
        "@@ -1 +1 @@\n-",
        "\\n+",
        "%22",
        "%3D",
        "\\u0022",
        "\\u003d",
        "https://example.com/",
    ] {
        for (kind, template) in rows(VENDORS) {
            let mut generator = Generator::new(template);
            let (text, secrets) = generator.next(template);
            if leaves(&format!("{before}{text}"), &secrets, &patterns) {
                wrong.push(format!("{kind}: {before}{text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
