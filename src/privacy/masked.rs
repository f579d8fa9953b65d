//! Replaces each secret in a text by its kind and length.

use std::ops::Range;

use secrets::{Patterns, mask};

use super::tally::Tally;

/// A part of the text, with every overlapping secret masked; `None` if there is none.
pub(super) fn masked(
    text: &str,
    part: Range<usize>,
    patterns: &Patterns,
    tally: &mut Tally,
) -> Option<String> {
    let mut secrets = secrets::find(text, patterns);
    secrets.retain(|secret| secret.range.start < part.end && part.start < secret.range.end);
    if secrets.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(part.len());
    let mut rest = part.start;
    for secret in &secrets {
        let length = text.get(secret.range.clone())?.chars().count();
        let mask = mask(secret.kind, length);
        let before = text.get(rest..secret.range.start).unwrap_or_default();
        out.extend([before, secret.quote, &mask, secret.quote]);
        tally.add(secret.kind);
        rest = secret.range.end;
    }
    out.push_str(text.get(rest..part.end).unwrap_or_default());
    Some(out)
}

#[cfg(test)]
mod tests {
    use secrets::Patterns;

    use super::masked;
    use crate::privacy::tally::Tally;

    fn out(text: &str) -> String {
        masked(text, 0..text.len(), &Patterns::default(), &mut Tally::default())
            .unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn a_secret_becomes_its_kind_and_length() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        assert_eq!(out(&format!("use {token}.")), "use [masked: github-token, 40 chars].");
        assert_eq!(out("PASSWORD=hünter2\n"), "PASSWORD=[masked: password, 7 chars]\n");
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
    fn masking_twice_changes_nothing() {
        let text =
            format!("PASSWORD=hunter2 https://u:pw1@h Authorization: Bearer {}", "a1b2".repeat(8));
        let once = out(&text);
        assert_eq!(once.matches("[masked:").count(), 3, "{once}");
        assert_eq!(out(&once), once);
    }
}
