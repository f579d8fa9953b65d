//! Deserializes fields that are missing, null or of another type in some release: such a field is `None`, and its row is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// All kinds of JSON values except texts and objects.
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

/// A field that is `None` unless it has the wanted type. The whole row would be lost by an `Option<T>` of a changed type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tolerant<T>(pub Option<T>);

impl<T> Deref for Tolerant<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<T> DerefMut for Tolerant<T> {
    fn deref_mut(&mut self) -> &mut Option<T> {
        &mut self.0
    }
}

impl<'de, T: Read<'de>> Deserialize<'de> for Tolerant<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

/// How the values of a type are read.
pub(super) trait Read<'de>: Deserialize<'de> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        field(deserializer)
    }
}

impl Read<'_> for bool {}
impl Read<'_> for f64 {}
impl Read<'_> for usize {}
impl<'de, T: Deserialize<'de>> Read<'de> for Vec<T> {}
impl<'de, T: Deserialize<'de>> Read<'de> for BTreeMap<String, T> {}

/// No release writes a negative or broken number, or one without measure.
impl<'de> Read<'de> for u64 {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let number: Option<Self> = field(deserializer)?;
        Ok(number.filter(|number| *number <= MAX_NUMBER))
    }
}

/// A text is read once: most of a transcript is text.
impl<'de> Read<'de> for String {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        text(deserializer)
    }
}

/// `None` unless the value has the wanted type.
pub(super) fn field<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// No count of tokens or milliseconds is larger. A larger one is a defect of its writer.
const MAX_NUMBER: u64 = 1_000_000_000_000;

/// The same for a text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Text)
}

/// Like [`field`], for an object with fields of any type. It is read in one pass.
pub(super) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(Object(PhantomData))
}

/// A count. Some providers write it as a string or a fraction.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    let text = raw.get().trim_matches('"').trim();
    let count = text.parse().ok().or_else(|| {
        let number = text.parse::<f64>().ok()?.round();
        // Exact as a float, and larger than in any session.
        let is_count = (0.0..=9_007_199_254_740_992.0).contains(&number);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        is_count.then_some(number as u64)
    });
    Ok(count.filter(|count| *count <= MAX_NUMBER))
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

/// Any value but null, unparsed. Borrowed: it may be a hundred megabytes.
pub(super) fn raw<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok((raw.get() != "null").then_some(raw))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Counted {
        #[serde(default, deserialize_with = "super::count")]
        tokens: Option<u64>,
    }

    #[test]
    fn reads_counts_that_are_texts_or_fractions() {
        for (written, count) in [
            ("50", Some(50)),
            ("\"50\"", Some(50)),
            ("49.6", Some(50)),
            ("\"49.6\"", Some(50)),
            ("1e3", Some(1000)),
            ("null", None),
            ("-1", None),
            ("1e30", None),
            ("\"many\"", None),
            ("[1]", None),
        ] {
            let row = format!("{{\"tokens\":{written}}}");
            let read: Counted = serde_json::from_str(&row).unwrap();
            assert_eq!(read.tokens, count, "{written}");
        }
    }
}
