//! Judgements as people type them: `helpful=true`, `quality=4`, `tone=friendly`.

use crate::score::Value;

/// A name and what is said by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What is judged.
    pub name: String,
    /// How, as typed.
    pub value: String,
}

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Numeric,
    /// Yes or no.
    Boolean,
    /// One of some words.
    Categorical,
    /// Free text.
    Text,
}

/// The longest text that Langfuse takes, in the units that it counts.
const LONGEST_TEXT: usize = 500;

/// Reads `NAME=VALUE`.
///
/// # Errors
/// When one of them is missing: the text says what is understood.
pub fn parse(text: &str) -> Result<Judgement, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.is_empty() => Ok(Judgement {
            name: name.trim().to_owned(),
            value: value.to_owned(),
        }),
        _ => Err("give NAME=VALUE, e.g. quality=4 or helpful=true".to_owned()),
    }
}

/// Reads the name of a type.
///
/// # Errors
/// When it is none: the text says which there are.
pub fn kind(text: &str) -> Result<Kind, String> {
    match text {
        "numeric" => Ok(Kind::Numeric),
        "boolean" => Ok(Kind::Boolean),
        "categorical" => Ok(Kind::Categorical),
        "text" => Ok(Kind::Text),
        _ => Err("use numeric, boolean, categorical or text".to_owned()),
    }
}

impl Judgement {
    /// The value by its type, else by what it looks like.
    ///
    /// # Errors
    /// When it does not fit the type: the text says what would.
    pub fn value(&self, kind: Option<Kind>) -> Result<Value, String> {
        let text = || self.value.clone();
        let number = || serde_json::from_str::<f64>(&self.value).ok();
        let fails = |wanted: &str| format!("{}={}: {wanted}", self.name, self.value);
        match kind {
            Some(Kind::Numeric) => number()
                .map(Value::Numeric)
                .ok_or_else(|| fails("give a number")),
            Some(Kind::Boolean) => switch(&self.value)
                .or_else(|| {
                    number()
                        .filter(|it| [0.0, 1.0].contains(it))
                        .map(|it| it > 0.5)
                })
                .map(Value::Boolean)
                .ok_or_else(|| fails("give true or false")),
            Some(Kind::Categorical) => Ok(Value::Categorical(text())),
            Some(Kind::Text) if self.value.encode_utf16().count() > LONGEST_TEXT => Err(fails(
                "Langfuse takes no text of more than 500 characters; --comment may be longer",
            )),
            Some(Kind::Text) => Ok(Value::Text(text())),
            None => Ok(number()
                .map(Value::Numeric)
                .or_else(|| switch(&self.value).map(Value::Boolean))
                .unwrap_or_else(|| Value::Categorical(text()))),
        }
    }
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Judgement, Kind, kind, parse};
    use crate::score::Value;

    fn value(text: &str, kind: Option<Kind>) -> Result<Value, String> {
        parse(text).unwrap().value(kind)
    }

    #[test]
    fn a_name_and_a_value_are_wanted() {
        let read = parse(" why not =a=b").unwrap();
        let expected = Judgement {
            name: "why not".to_owned(),
            value: "a=b".to_owned(),
        };
        assert_eq!(read, expected);
        for text in ["", "quality", "quality=", "=4", " =4"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_what_it_looks_like() {
        let word = |word: &str| Ok(Value::Categorical(word.to_owned()));
        for (text, expected) in [
            ("a=4", Ok(Value::Numeric(4.0))),
            ("a=-0.5", Ok(Value::Numeric(-0.5))),
            ("a=1", Ok(Value::Numeric(1.0))),
            ("a=True", Ok(Value::Boolean(true))),
            ("a=false", Ok(Value::Boolean(false))),
            ("a=good", word("good")),
            ("a=NaN", word("NaN")),
            ("a=inf", word("inf")),
        ] {
            assert_eq!(value(text, None), expected, "{text}");
        }
    }

    #[test]
    fn a_type_is_held_to() {
        let word = || Ok(Value::Categorical("1".to_owned()));
        assert_eq!(value("a=1", Some(Kind::Categorical)), word());
        assert_eq!(value("a=1", Some(Kind::Boolean)), Ok(Value::Boolean(true)));
        assert_eq!(
            value("a=1", Some(Kind::Text)),
            Ok(Value::Text("1".to_owned()))
        );
        let long = format!("a={}", "é".repeat(501));
        for (text, kind) in [
            ("a=good", Kind::Numeric),
            ("a=inf", Kind::Numeric),
            ("a=2", Kind::Boolean),
            ("a=good", Kind::Boolean),
            (long.as_str(), Kind::Text),
        ] {
            assert!(value(text, Some(kind)).is_err(), "{text}");
        }
        assert!(value(&long, Some(Kind::Categorical)).is_ok());
    }

    #[test]
    fn types_have_names() {
        assert_eq!(kind("boolean"), Ok(Kind::Boolean));
        assert!(kind("bool").is_err());
    }
}
