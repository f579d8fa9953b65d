//! Masks status messages. A message is the beginning of a longer text, the observation's input or output, and a
//! secret that is cut in two is found only in the whole text.

use serde_json::Value;

use super::Masker;
use crate::trace::{Content, Observation, Status};

/// The end of a truncated status message.
const CUT: char = '\u{2026}';

/// A run of this length without a space may be half a secret.
const LONG_WORD: usize = 12;

impl Masker<'_> {
    /// The masked status message. A truncated one is cut again from the masked whole text.
    pub(in crate::privacy) fn status(&mut self, observation: &Observation) -> Option<Status> {
        let status = observation.status.as_ref()?;
        let head = match status {
            Status::Quoted(text) if self.patterns.is_some() => text.strip_suffix(CUT),
            _ => None,
        };
        let Some(head) = head else {
            return Some(status.clone());
        };
        let whole = [&observation.output, &observation.input]
            .into_iter()
            .flatten()
            .find_map(|content| beginning_with(content, head));
        let Some(whole) = whole else {
            return Some(Status::Quoted(format!("{}{CUT}", without_last_word(head))));
        };
        let mut whole = whole.trim().to_owned();
        // Secrets are counted in the whole text, and in the status itself if they are whole there.
        let counted = std::mem::take(&mut self.tally);
        self.mask(&mut whole);
        self.tally = counted;
        let length = head.chars().count();
        let short: String = whole.chars().take(length).collect();
        Some(Status::Quoted(format!("{short}{CUT}")))
    }
}

fn beginning_with<'a>(content: &'a Content, head: &str) -> Option<&'a str> {
    let is_it = |text: &str| text.trim_start().starts_with(head);
    match content {
        Content::Text(text) => Some(&**text).filter(|text| is_it(text)),
        Content::Json(Value::Array(parts)) => {
            parts.iter().find_map(|part| part.get("text")?.as_str().filter(|text| is_it(text)))
        }
        Content::Json(value) => value.as_str().filter(|text| is_it(text)),
        Content::Placeholder(_) => None,
    }
}

/// Whether a word may be part of a secret: it has digits, capitals, or characters that tokens or passwords have.
fn may_be_cut(word: &str) -> bool {
    let bytes = word.trim_start().as_bytes();
    let capitals = bytes.iter().skip(1).any(u8::is_ascii_uppercase);
    let after_scheme = word.split_once("://").map_or(word, |(_, rest)| rest);
    capitals || bytes.iter().any(u8::is_ascii_digit) || after_scheme.contains(['_', '=', ':', '@'])
}

fn without_last_word(head: &str) -> &str {
    let end = head
        .char_indices()
        .rev()
        .find(|(_, letter)| letter.is_whitespace())
        .map_or(0, |(at, _)| at);
    let word = head.get(end..).unwrap_or_default();
    if word.len() > LONG_WORD && may_be_cut(word) {
        head.get(..end).unwrap_or_default()
    } else {
        head
    }
}

#[cfg(test)]
mod tests {
    use super::without_last_word;

    #[test]
    fn a_long_word_at_the_cut_goes() {
        assert_eq!(without_last_word("failed with ghp_0123456789"), "failed with");
        assert_eq!(without_last_word("failed with a word"), "failed with a word");
        for kept in ["see https://example.com/docs/err", "an internationalisation"] {
            assert_eq!(without_last_word(kept), kept);
        }
        assert_eq!(without_last_word("at https://me:hunter"), "at");
        assert_eq!(without_last_word("ghp_0123456789abcdef"), "");
    }
}
