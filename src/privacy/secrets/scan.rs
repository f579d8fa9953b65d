//! One pass over a text: where a rule may begin, it is asked; what is found is replaced by its kind and length.

use std::ops::Range;

use super::alphabet::byte;
use super::assignments::{at_element, at_separator};
use super::rules::{Hit, find, may_begin};
use crate::privacy::patterns::Patterns;
use crate::privacy::tally::Tally;

/// A secret to take out, with the name of its kind.
struct Finding<'a> {
    start: usize,
    end: usize,
    kind: &'a str,
    bare: bool,
}

/// A part of the text without the secrets of which something is in it; `None` where there are none.
pub(in crate::privacy) fn masked(
    text: &str,
    part: Range<usize>,
    patterns: &Patterns,
    tally: &mut Tally,
) -> Option<String> {
    let mut findings = Vec::new();
    built_in(text, patterns, &mut findings);
    if !patterns.is_empty() {
        own(text, patterns, &mut findings);
    }
    findings.retain(|finding| finding.start < part.end && part.start < finding.end);
    if findings.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(part.len());
    let mut rest = part.start;
    for finding in &findings {
        let secret = text.get(finding.start..finding.end)?;
        out.push_str(text.get(rest..finding.start).unwrap_or_default());
        let mask = mask(finding.kind, secret.chars().count());
        if finding.bare {
            let quote = quote_around(text, finding.start);
            out.extend([quote, &*mask, quote]);
        } else {
            out.push_str(&mask);
        }
        tally.add(finding.kind);
        rest = finding.end;
    }
    out.push_str(text.get(rest..part.end).unwrap_or_default());
    Some(out)
}

/// What stands in a secret's place.
pub(in crate::privacy) fn mask(kind: &str, length: usize) -> String {
    format!("[masked: {kind}, {length} chars]")
}

fn built_in<'a>(text: &str, patterns: &Patterns, findings: &mut Vec<Finding<'a>>) {
    let mut at = 0;
    while let Some((place, first)) = next_place(text.as_bytes(), at) {
        let hit = at_place(text, place, first).filter(|hit| !is_allowed(text, hit, patterns));
        at = place + 1;
        if let Some(hit) = hit {
            at = at.max(hit.end);
            push(findings, hit);
        }
    }
}

/// The next place from `at` on where a rule may begin, and the byte that stands there. Most of a hook's masking is this.
fn next_place(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    let mut pairs = bytes.get(at..)?.windows(2);
    let begins = |pair: &[u8]| matches!(*pair, [first, second] if may_begin([first, second]));
    let place = at + pairs.position(begins)?;
    Some((place, byte(bytes, place)))
}

fn at_place(text: &str, at: usize, first: u8) -> Option<Hit> {
    let assigned = match first {
        b'=' | b':' => at_separator(text, at),
        b'>' => at_element(text, at),
        _ => None,
    };
    assigned.or_else(|| find(text, at))
}

fn is_allowed(text: &str, hit: &Hit, patterns: &Patterns) -> bool {
    text.get(hit.start..hit.end)
        .is_none_or(|secret| secret.is_empty() || patterns.allow(secret))
}

/// In order; a shape that reaches back over an earlier finding is joined with it.
fn push(findings: &mut Vec<Finding<'_>>, hit: Hit) {
    let mut start = hit.start;
    while let Some(last) = findings.last().filter(|last| last.end > start) {
        start = start.min(last.start);
        findings.pop();
    }
    findings.push(Finding {
        start,
        end: hit.end,
        kind: hit.kind,
        bare: hit.bare && start == hit.start,
    });
}

/// The person's own patterns. Where one meets a built-in rule both are taken out as one.
fn own<'a>(text: &str, patterns: &'a Patterns, findings: &mut Vec<Finding<'a>>) {
    for own in patterns.iter() {
        let found = own.find(text).map(|range| Finding {
            start: range.start,
            end: range.end,
            kind: own.kind(),
            bare: false,
        });
        // What one pattern finds is in order, as the findings are.
        let before = std::mem::take(findings);
        let (mut before, mut found) = (before.into_iter().peekable(), found.peekable());
        loop {
            let is_next = match (before.peek(), found.peek()) {
                (Some(before), Some(found)) => before.start <= found.start,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let next = if is_next { before.next() } else { found.next() };
            join(findings, next);
        }
    }
}

fn join<'a>(findings: &mut Vec<Finding<'a>>, next: Option<Finding<'a>>) {
    let Some(next) = next else { return };
    match findings.last_mut() {
        Some(last) if next.start < last.end => last.end = last.end.max(next.end),
        _ => findings.push(next),
    }
}

/// The quote that JSON uses around here: of the name before the number.
fn quote_around(text: &str, at: usize) -> &str {
    let head = text
        .get(..at)
        .unwrap_or_default()
        .trim_end_matches([' ', '\t', ':', '=', '>']);
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
    use super::masked;
    use crate::privacy::patterns::Patterns;
    use crate::privacy::tally::Tally;

    fn out(text: &str) -> String {
        masked(
            text,
            0..text.len(),
            &Patterns::default(),
            &mut Tally::default(),
        )
        .unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn a_secret_becomes_its_kind_and_length() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        assert_eq!(
            out(&format!("use {token}.")),
            "use [masked: github-token, 40 chars]."
        );
        assert_eq!(
            out("PASSWORD=hünter2\n"),
            "PASSWORD=[masked: password, 7 chars]\n"
        );
    }

    #[test]
    fn a_number_in_json_becomes_a_text_in_json() {
        assert_eq!(
            out(r#"{"password": 12345, "a": 1}"#),
            r#"{"password": "[masked: password, 5 chars]", "a": 1}"#
        );
        assert_eq!(
            out(r#"{\"password\":12345}"#),
            r#"{\"password\":\"[masked: password, 5 chars]\"}"#
        );
    }

    #[test]
    fn what_was_masked_is_not_masked_again() {
        let text = format!(
            "PASSWORD=hunter2 https://u:pw1@h Authorization: Bearer {}",
            "a1b2".repeat(8)
        );
        let once = out(&text);
        assert_eq!(once.matches("[masked:").count(), 3, "{once}");
        assert_eq!(out(&once), once);
    }
}
