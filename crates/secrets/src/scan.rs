//! The single pass over a text, which tries rules where they may begin.

use std::ops::Range;

use super::alphabet::byte;
use super::assignments::{at_element, at_separator};
use super::hit::Hit;
use super::patterns::Patterns;
use super::rules::{RULES, classified};
use super::{cells, stdin};

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret<'a> {
    /// Its place, in bytes.
    pub range: Range<usize>,
    /// Its kind: `github-token`, `password`, or the name of the matching pattern.
    pub kind: &'a str,
    /// Quotes for both sides of a replacement: the local quote if the secret is a JSON number, otherwise empty.
    pub quote: &'a str,
}

/// The secrets in a text, in order and without overlap: those of the built-in rules that `patterns` do not allow, and
/// the matches of `patterns`. Ranges are in bytes and on character boundaries.
pub fn find<'a>(text: &'a str, patterns: &'a Patterns) -> Vec<Secret<'a>> {
    let mut secrets = Vec::new();
    built_in(text, patterns, &mut secrets);
    if !patterns.is_empty() {
        own(text, patterns, &mut secrets);
    }
    literals(text, patterns, &mut secrets);
    secrets
}

fn literals<'a>(text: &str, patterns: &'a Patterns, secrets: &mut Vec<Secret<'a>>) {
    let found = patterns.literals(text);
    let found: Vec<_> =
        found.map(|range| Secret { range, kind: "langfuse-key", quote: "" }).collect();
    if found.is_empty() {
        return;
    }
    let mut all = std::mem::take(secrets);
    all.extend(found);
    all.sort_by_key(|secret| secret.range.start);
    all.into_iter().for_each(|secret| join(secrets, Some(secret)));
}

fn built_in<'a>(text: &'a str, patterns: &Patterns, secrets: &mut Vec<Secret<'a>>) {
    let mut at = 0;
    while let Some((place, first)) = next_place(text.as_bytes(), at) {
        let hit = at_place(text, place, first).filter(|hit| !is_allowed(text, hit, patterns));
        at = place + 1;
        if let Some(hit) = hit {
            at = at.max(hit.end);
            push(secrets, text, classified(text, hit));
        }
    }
}

/// The next position from `at` on where a rule may begin, with its byte. Most of a hook's masking time is spent here.
fn next_place(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    let rules = &*RULES;
    let mut pairs = bytes.get(at..)?.windows(2);
    let begins = |pair: &[u8]| matches!(*pair, [first, second] if rules.may_begin([first, second]));
    let place = at + pairs.position(begins)?;
    Some((place, byte(bytes, place)))
}

fn at_place(text: &str, at: usize, first: u8) -> Option<Hit> {
    let assigned = match first {
        b'=' | b':' | 0xef => at_separator(text, at),
        b'>' => at_element(text, at),
        b'|' => stdin::at_pipe(text, at).or_else(|| cells::at_bar(text, at)),
        _ => None,
    };
    assigned.or_else(|| RULES.find(text, at))
}

fn is_allowed(text: &str, hit: &Hit, patterns: &Patterns) -> bool {
    text.get(hit.start..hit.end).is_none_or(|secret| secret.is_empty() || patterns.allow(secret))
}

/// Adds a secret in order. One that overlaps the previous secret is joined with it.
fn push<'a>(secrets: &mut Vec<Secret<'a>>, text: &'a str, hit: Hit) {
    let mut start = hit.start;
    while let Some(last) = secrets.last().filter(|last| last.range.end > start) {
        start = start.min(last.range.start);
        secrets.pop();
    }
    let needs_quotes = hit.is_number && start == hit.start;
    secrets.push(Secret {
        range: start..hit.end,
        kind: hit.kind,
        quote: if needs_quotes { quote_around(text, start) } else { "" },
    });
}

/// Adds the matches of the user's patterns. A match that overlaps a built-in rule's secret is joined with it.
fn own<'a>(text: &str, patterns: &'a Patterns, secrets: &mut Vec<Secret<'a>>) {
    for own in patterns.iter() {
        let found = own.find(text).map(|range| Secret { range, kind: own.kind(), quote: "" });
        // Both the matches of a pattern and the secrets are in order.
        let before = std::mem::take(secrets);
        let (mut before, mut found) = (before.into_iter().peekable(), found.peekable());
        loop {
            let is_next = match (before.peek(), found.peek()) {
                (Some(before), Some(found)) => before.range.start <= found.range.start,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let next = if is_next { before.next() } else { found.next() };
            join(secrets, next);
        }
    }
}

fn join<'a>(secrets: &mut Vec<Secret<'a>>, next: Option<Secret<'a>>) {
    let Some(next) = next else { return };
    match secrets.last_mut() {
        Some(last) if next.range.start < last.range.end => {
            last.range.end = last.range.end.max(next.range.end);
        }
        _ => secrets.push(next),
    }
}

/// The quote that JSON uses here, from the name before the number.
fn quote_around(text: &str, at: usize) -> &str {
    let head = text.get(..at).unwrap_or_default().trim_end_matches([' ', '\t', ':', '=', '>']);
    let bytes = head.as_bytes();
    let quote = head.len().saturating_sub(1);
    let mut start = quote;
    while start > 0 && byte(bytes, start - 1) == b'\\' {
        start -= 1;
    }
    head.get(start..).unwrap_or("\"")
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::Patterns;

    fn found(text: &str, patterns: Option<&str>) -> Vec<(String, String, String)> {
        let patterns = Patterns::new(patterns);
        find(text, &patterns)
            .into_iter()
            .map(|secret| {
                let value = text[secret.range].to_owned();
                (secret.kind.to_owned(), value, secret.quote.to_owned())
            })
            .collect()
    }

    fn one(kind: &str, value: &str, quote: &str) -> Vec<(String, String, String)> {
        vec![(kind.to_owned(), value.to_owned(), quote.to_owned())]
    }

    #[test]
    fn a_value_of_a_kind_of_its_own_has_that_kind_under_any_name() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        for text in [
            format!("PASSWORD={token}"),
            format!("Authorization: Bearer {token}"),
            format!("https://u:{token}@host"),
        ] {
            assert_eq!(found(&text, None), one("github-token", &token, ""), "{text}");
        }
        assert_eq!(found("PASSWORD=hünter2\n", None), one("password", "hünter2", ""));
    }

    #[test]
    fn a_number_of_json_needs_the_quotes_around_it() {
        assert_eq!(found(r#"{"password": 12345}"#, None), one("password", "12345", "\""));
        assert_eq!(found(r#"{\"password\":12345}"#, None), one("password", "12345", "\\\""));
    }

    #[test]
    fn finds_literals_anywhere_even_if_a_pattern_allows_them() {
        let literals = vec!["plain-key".to_owned(), "key-of-ours".to_owned()];
        let patterns = Patterns::new(Some("!plain")).with_literals(literals);
        let places = |text: &str| {
            let found = find(text, &patterns).into_iter().map(|found| found.range);
            found.map(|range| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert_eq!(places("xplain-keyx plain-key-of-ours"), [(1, 10), (12, 29)]);
        assert_eq!(places("PASSWORD=plain-key"), [(9, 18)]);
        assert_eq!(places("plain key"), []);
    }

    #[test]
    fn a_pattern_that_meets_a_rule_finds_one_secret_with_it() {
        let both = found("PASSWORD=hunter2-ACME-1 ACME-2", Some("2-ACME-\\d+ ACME"));
        assert_eq!(both, one("password", "hunter2-ACME-1 ACME", ""));
        assert_eq!(found("PASSWORD=hunter2", Some("!^hunter")), []);
    }
}
