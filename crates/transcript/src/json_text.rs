//! A text in JSON, character by character: one of a hundred megabytes is measured and cut where it stands.

use std::borrow::Cow;

/// The characters of a text whose JSON was found to be valid. Half a surrogate pair is a replacement character.
#[derive(Clone)]
pub(super) struct Characters<'a> {
    rest: &'a str,
}

impl<'a> Characters<'a> {
    /// `None` when it is no text.
    pub(super) fn of(json: &'a str) -> Option<Self> {
        let rest = json.strip_prefix('"')?.strip_suffix('"')?;
        Some(Self { rest })
    }

    /// All of it; as it stands, where nothing in it is escaped.
    pub(super) fn text(self) -> Cow<'a, str> {
        match memchr::memchr(b'\\', self.rest.as_bytes()) {
            None => self.rest.into(),
            Some(_) => Cow::Owned(self.collect()),
        }
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

#[cfg(test)]
mod tests {
    use super::Characters;

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
}
