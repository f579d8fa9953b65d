//! Reading fields that may be absent, null or of another type in some release: such a field is none, its row stays.

use std::fmt;
use std::marker::PhantomData;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What JSON has beside texts and objects.
macro_rules! others_are_none {
    () => {
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("any value")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            IgnoredAny.visit_seq(seq).map(|_| None)
        }
    };
}

/// `None` unless the value has the wanted type. The whole row would be lost by a plain `Option<T>` of a changed type.
pub(super) fn field<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// The same for a text, which is read once: most of a transcript is text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Text)
}

/// The same for an object whose own fields may be of any type, so that it can be read where it stands.
pub(super) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(Object(PhantomData))
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Option<String>;

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(map).map(|_| None)
    }

    others_are_none!();
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = Option<T>;

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    others_are_none!();
}

/// Any value but null, as it was written. Borrowed: it may be a hundred megabytes.
pub(super) fn raw<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok((raw.get() != "null").then_some(raw))
}

/// Made once: that takes as long as to look through 10 KB.
static UNICODE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\\u"));

/// Replaces lone surrogate escapes by U+FFFD. Claude Code writes them for broken input, and a strict JSON reader
/// refuses the whole row for one (docs/claude-code.md, "Rows").
pub(super) fn replace_surrogates(line: &str) -> std::borrow::Cow<'_, str> {
    let bytes = line.as_bytes();
    let mut mended: Option<String> = None;
    let (mut copied, mut read) = (0, 0);
    // Not each escape is looked at: a row of code has one at each end of a line.
    for escape in UNICODE.find_iter(bytes) {
        let half = surrogate(bytes, escape).filter(|_| escape >= read);
        let Some(half) = half.filter(|_| !is_escaped(bytes, escape)) else {
            continue;
        };
        if half == Half::High && surrogate(bytes, escape + 6) == Some(Half::Low) {
            read = escape + 12;
            continue;
        }
        let text = mended.get_or_insert_with(String::new);
        text.push_str(line.get(copied..escape).unwrap_or_default());
        text.push_str("\\ufffd");
        copied = escape + 6;
    }
    match mended {
        None => line.into(),
        Some(mut text) => {
            text.push_str(line.get(copied..).unwrap_or_default());
            text.into()
        }
    }
}

/// Whether the backslash there is the second one of a pair.
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
    use super::replace_surrogates;

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
            let mended = replace_surrogates(written);
            assert_eq!(serde_json::from_str::<String>(&mended).unwrap(), read, "{written}");
        }
    }
}
