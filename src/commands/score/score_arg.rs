//! Scores as arguments: `helpful=true`, `quality=4`, `tone=friendly`.

use std::ffi::OsStr;

use clap::ValueEnum;

use crate::commands::session_ref::{self, SessionRef};
use crate::score::{MAX_TEXT_UTF16, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct ScoreArg {
    pub name: String,
    /// The value as typed.
    pub value: String,
}

/// A word of the command line: the session, or a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) enum ScoreWord {
    Session(SessionRef),
    Score(ScoreArg),
}

/// Parses a score, or a session: the path of a transcript may contain a `=`.
///
/// # Errors
/// When it is neither.
pub(in crate::commands) fn parse_word(text: &str) -> Result<ScoreWord, String> {
    if text.contains('=') && !text.contains(".jsonl") {
        parse(text).map(ScoreWord::Score)
    } else {
        session_ref::parse(OsStr::new(text)).map(ScoreWord::Session)
    }
}

/// Langfuse's types of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::commands) enum ScoreType {
    Numeric,
    Boolean,
    Categorical,
    Text,
}

/// Parses `NAME=VALUE`.
///
/// # Errors
/// When the name or the value is missing.
pub(in crate::commands) fn parse(text: &str) -> Result<ScoreArg, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.is_empty() => {
            Ok(ScoreArg { name: name.trim().to_owned(), value: value.to_owned() })
        }
        _ => Err("give NAME=VALUE, e.g. quality=4 or helpful=true".to_owned()),
    }
}

impl ScoreArg {
    /// The value of the given type, else of the type that its form suggests.
    ///
    /// # Errors
    /// When the value doesn't fit the type.
    pub(in crate::commands) fn value(
        &self,
        score_type: Option<ScoreType>,
    ) -> Result<Value, String> {
        let text = || self.value.clone();
        let number = || serde_json::from_str::<f64>(&self.value).ok();
        let error = |wanted: &str| format!("{}={}: {wanted}", self.name, self.value);
        match score_type {
            Some(ScoreType::Numeric) => {
                number().map(Value::Numeric).ok_or_else(|| error("give a number"))
            }
            Some(ScoreType::Boolean) => parse_bool(&self.value)
                .or_else(|| number().filter(|it| [0.0, 1.0].contains(it)).map(|it| it > 0.5))
                .map(Value::Boolean)
                .ok_or_else(|| error("give true or false")),
            Some(ScoreType::Categorical) => Ok(Value::Categorical(text())),
            Some(ScoreType::Text) if self.value.encode_utf16().count() > MAX_TEXT_UTF16 => {
                Err(error("a text has at most 500 characters; use --comment for longer ones"))
            }
            Some(ScoreType::Text) => Ok(Value::Text(text())),
            None => Ok(number()
                .map(Value::Numeric)
                .or_else(|| parse_bool(&self.value).map(Value::Boolean))
                .unwrap_or_else(|| Value::Categorical(text()))),
        }
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{ScoreArg, ScoreType, parse};
    use crate::score::Value;

    fn value(text: &str, score_type: Option<ScoreType>) -> Result<Value, String> {
        parse(text).unwrap().value(score_type)
    }

    #[test]
    fn requires_a_name_and_a_value() {
        let read = parse(" why not =a=b").unwrap();
        let expected = ScoreArg { name: "why not".to_owned(), value: "a=b".to_owned() };
        assert_eq!(read, expected);
        for text in ["", "quality", "quality=", "=4", " =4"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_form_of_a_value_suggests_its_type() {
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
    fn rejects_values_of_another_type() {
        let word = || Ok(Value::Categorical("1".to_owned()));
        assert_eq!(value("a=1", Some(ScoreType::Categorical)), word());
        assert_eq!(value("a=1", Some(ScoreType::Boolean)), Ok(Value::Boolean(true)));
        assert_eq!(value("a=1", Some(ScoreType::Text)), Ok(Value::Text("1".to_owned())));
        let long = format!("a={}", "é".repeat(501));
        for (text, kind) in [
            ("a=good", ScoreType::Numeric),
            ("a=inf", ScoreType::Numeric),
            ("a=2", ScoreType::Boolean),
            ("a=good", ScoreType::Boolean),
            (long.as_str(), ScoreType::Text),
        ] {
            assert!(value(text, Some(kind)).is_err(), "{text}");
        }
        assert!(value(&long, Some(ScoreType::Categorical)).is_ok());
    }
}
