//! JSON strings, read character by character: a text of a hundred megabytes is measured and cut without a copy.

use std::borrow::Cow;

use serde_json::Value;

use super::scan;

/// The characters of a text in valid JSON. A lone surrogate becomes U+FFFD.
#[derive(Clone)]
pub(super) struct Characters<'a> {
    rest: &'a str,
}

impl<'a> Characters<'a> {
    /// `None` if the value is something else.
    pub(super) fn of(json: &'a str) -> Option<Self> {
        let rest = json.strip_prefix('"')?.strip_suffix('"')?;
        Some(Self { rest })
    }

    /// The whole text, borrowed if it has no escape.
    pub(super) fn text(self) -> Cow<'a, str> {
        if scan::has_escape(self.rest) { Cow::Owned(self.collect()) } else { self.rest.into() }
    }

    fn hexadecimal(&mut self) -> Option<u16> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        u16::from_str_radix(digits, 16).ok()
    }

    fn unicode(&mut self) -> Option<char> {
        let unit = self.hexadecimal()?;
        let mut after = self.clone();
        let is_first_half = (0xD800..0xDC00).contains(&unit);
        let next = match after.rest.strip_prefix("\\u").filter(|_| is_first_half) {
            Some(rest) => {
                after.rest = rest;
                after.hexadecimal()
            }
            None => None,
        };
        match char::decode_utf16([unit].into_iter().chain(next)).next()? {
            Ok(character) => {
                if next.is_some() {
                    self.rest = after.rest;
                }
                Some(character)
            }
            Err(_) => Some(char::REPLACEMENT_CHARACTER),
        }
    }
}

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let first = characters.next()?;
        let escaped = if first == '\\' { characters.next() } else { None };
        self.rest = characters.as_str();
        match escaped {
            None => Some(first),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.unicode(),
            Some(itself) => Some(itself),
        }
    }
}

/// The bytes of a line as JSON text. Invalid UTF-8 and lone surrogates become U+FFFD.
pub(super) fn of_line(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    // An owned line is large, and freed as soon as it is converted. The strict reading comes first: it is several
    // times faster than the lossy one.
    let text = match bytes {
        Cow::Borrowed(bytes) => match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(bytes),
        },
        Cow::Owned(bytes) => Cow::Owned(lossy(bytes)),
    };
    if let Cow::Owned(replaced) = replace_surrogates(&text) {
        return Cow::Owned(replaced);
    }
    text
}

/// Bytes as text, without a copy where they are UTF-8.
pub(super) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The JSON with only the last value of each repeated name; `None` if it is invalid.
pub(super) fn without_duplicates(json: &str) -> Option<String> {
    serde_json::from_str::<Value>(json).ok().map(|value| value.to_string())
}

/// Replaces lone surrogate escapes by U+FFFD. Claude Code writes them for broken input (docs/claude-code.md, "Rows"),
/// and a strict JSON reader rejects the whole row for one.
pub fn replace_surrogates(line: &str) -> Cow<'_, str> {
    let bytes = line.as_bytes();
    let mut replaced: Option<String> = None;
    let (mut copied, mut read) = (0, 0);
    // Not every escape is checked: a row of code has one at each end of a line.
    for escape in scan::unicode_escapes(bytes) {
        let half = surrogate(bytes, escape).filter(|_| escape >= read);
        let Some(half) = half.filter(|_| !is_escaped(bytes, escape)) else {
            continue;
        };
        if half == Half::High && surrogate(bytes, escape + 6) == Some(Half::Low) {
            read = escape + 12;
            continue;
        }
        let text = replaced.get_or_insert_with(String::new);
        text.push_str(line.get(copied..escape).unwrap_or_default());
        text.push_str("\\ufffd");
        copied = escape + 6;
    }
    match replaced {
        None => line.into(),
        Some(mut text) => {
            text.push_str(line.get(copied..).unwrap_or_default());
            text.into()
        }
    }
}

/// Whether the backslash at `at` is the second one of a pair.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}

#[derive(PartialEq)]
enum Half {
    High,
    Low,
}

/// Which half of a surrogate pair the escape at `at` is, if any.
fn surrogate(bytes: &[u8], at: usize) -> Option<Half> {
    let escape = bytes.get(at..at.checked_add(6)?)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::High),
        0xDC00..=0xDFFF => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Characters, replace_surrogates};

    #[test]
    fn characters_are_those_that_a_json_reader_gives() {
        for json in [
            r#""""#,
            r#""plain ü 🦀""#,
            r#""\" \\ \/ \b \f \n \r \t""#,
            r#""\u00fc\u0041\ud83e\udd80\ud83e\udd80x""#,
            r#""back\\u0041\\""#,
        ] {
            let expected: String = serde_json::from_str(json).unwrap();
            let read = Characters::of(json).unwrap();
            assert_eq!(read.clone().collect::<String>(), expected, "{json}");
            assert_eq!(read.text(), expected, "{json}");
        }
        for json in ["1", "null", "[\"a\"]"] {
            assert!(Characters::of(json).is_none(), "{json}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_a_replacement_character() {
        for (json, expected) in [
            (r#""a\ud83eb""#, "a\u{fffd}b"),
            (r#""\ud83e\ud83e\udd80""#, "\u{fffd}\u{1f980}"),
            (r#""\udd80\u0041""#, "\u{fffd}A"),
            (r#""\ud83e\u0041""#, "\u{fffd}A"),
        ] {
            assert_eq!(Characters::of(json).unwrap().text(), expected, "{json}");
        }
    }

    #[test]
    fn lone_halves_become_replacement_characters_and_pairs_stay() {
        for (written, read) in [
            (r#""a\ud83db""#, "a\u{fffd}b"),
            (r#""\ude00x""#, "\u{fffd}x"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""back\\ud83d slash""#, r"back\ud83d slash"),
            (r#""two\\\ud83d""#, "two\\\u{fffd}"),
            (r#""\ud83d\\ude00""#, "\u{fffd}\\ude00"),
            (r#""\n\u0041\uD83D\uDE00\udE00""#, "\nA\u{1f600}\u{fffd}"),
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""plain \n""#, "plain \n"),
        ] {
            let replaced = replace_surrogates(written);
            assert_eq!(serde_json::from_str::<String>(&replaced).unwrap(), read, "{written}");
        }
    }
}
