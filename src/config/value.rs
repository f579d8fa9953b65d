//! Reads the values of variables. Every error is the end of a sentence that begins with the variable's name and
//! source.

use std::str::FromStr;
use std::time::Duration;

use base::Timestamp;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::shown;

/// The part of the content that is sent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Capture {
    /// All content, masked.
    #[default]
    Full,
    /// Prompts and answers, without input and output of tools.
    NoToolContent,
    /// No content: names, times, tokens.
    Metadata,
}

/// The part of a request that is sent beside its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestCapture {
    #[default]
    Off,
    /// The names of the tools.
    Tools,
    /// The system prompt and the definitions of the tools.
    Full,
}

impl FromStr for RequestCapture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "off" => Ok(Self::Off),
            "tools" => Ok(Self::Tools),
            "full" => Ok(Self::Full),
            _ => Err(format!("{} is not off, tools or full", quoted(text))),
        }
    }
}

/// The parent span of all turns in attached mode. Both ids are lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentSpan {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
}

/// Reads a switch. Unclear values are errors, because one of these variables is consent.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("{} is neither true nor false", quoted(text))),
    }
}

/// Whether a switch is on, however that is written.
pub fn is_on(text: &str) -> bool {
    switch(text) == Ok(true)
}

/// Reads seconds, fractions allowed, and clamps them.
pub(super) fn seconds(text: &str, least: f64, most: f64) -> Result<Duration, String> {
    let wrong = || format!("{} is not a number of seconds", quoted(text));
    let number: f64 = text.parse().map_err(|_| wrong())?;
    if !number.is_finite() || number <= 0.0 {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(number.clamp(least, most)).map_err(|_| wrong())
}

/// Reads a number of characters.
pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(format!("{} is not a whole number above 0", quoted(text))),
    }
}

/// Reads a time, and keeps it as written.
pub(super) fn time(text: &str) -> Result<String, String> {
    match Timestamp::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("{} is not a time", quoted(text))),
    }
}

impl FromStr for Capture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as ValueEnum>::from_str(text, true)
            .map_err(|_| format!("{} is not a capture mode", quoted(text)))
    }
}

/// Reads tags: a JSON array of strings, or tags with commas between them.
pub(super) fn tags(text: &str) -> Result<Vec<String>, String> {
    let tags: Vec<String> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|_| "is not a JSON array of strings".to_owned())?
    } else {
        text.split(',').map(str::to_owned).collect()
    };
    Ok(tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
}

/// Reads a JSON object; Langfuse filters by text, so scalars become their text and nested values their JSON.
pub(super) fn metadata(text: &str) -> Result<Vec<(String, String)>, String> {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        return Err("is not a JSON object".to_owned());
    };
    Ok(members
        .into_iter()
        .filter_map(|(key, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((key, text)),
            other => Some((key, other.to_string())),
        })
        .collect())
}

/// Reads a W3C traceparent.
pub(super) fn traceparent(text: &str) -> Result<ParentSpan, String> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next(), parts.next(), parts.next(), parts.next());
    let plain = version == Some("00") && parts.next().is_none();
    let flagged = flags.is_some_and(|flags| flags.len() == 2 && is_hex(flags));
    match (trace, span) {
        (Some(trace), Some(span)) if plain && flagged => parent(trace, span),
        _ => Err(format!("{} is not a traceparent", quoted(text))),
    }
}

/// Reads the two ids of a span.
pub(super) fn parent(trace: &str, span: &str) -> Result<ParentSpan, String> {
    Ok(ParentSpan { trace_id: id(trace, 32)?, span_id: id(span, 16)? })
}

fn id(text: &str, digits: usize) -> Result<String, String> {
    if text.len() != digits || !is_hex(text) {
        return Err(format!("{} is not {digits} hex digits", quoted(text)));
    }
    // The W3C specification calls an id of zeros invalid. Langfuse would put all such turns into one trace.
    if text.bytes().all(|digit| digit == b'0') {
        return Err(format!("{} is all zeros", quoted(text)));
    }
    Ok(text.to_ascii_lowercase())
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Checks the name of an environment. An invalid one is sent anyway: the rule is the server's.
pub(super) fn environment(text: &str) -> Result<(), String> {
    let name = text.to_ascii_lowercase();
    let good =
        |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'-' || one == b'_';
    if name.starts_with("langfuse") || name.len() > 40 || !name.bytes().all(good) {
        return Err(format!("{} is not a valid name of an environment", quoted(text)));
    }
    Ok(())
}

/// A value for a message: short, on one line, without secrets.
fn quoted(text: &str) -> String {
    let text = shown(text);
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("\"{}…\"", text.get(..at).unwrap_or_default()),
        None => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{count, environment, metadata, seconds, switch, tags, traceparent};
    use crate::config::Capture;

    #[test]
    fn a_switch_is_a_clear_yes_or_no() {
        for yes in ["true", "TRUE", "1", "yes", "On"] {
            assert_eq!(switch(yes), Ok(true));
        }
        for no in ["false", "0", "No", "off"] {
            assert_eq!(switch(no), Ok(false));
        }
        for unclear in ["ture", "2", "[true]", "null"] {
            assert!(switch(unclear).is_err());
        }
    }

    #[test]
    fn seconds_have_fractions_and_bounds() {
        assert_eq!(seconds("0.5", 0.1, 60.0), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("0.001", 0.1, 60.0), Ok(Duration::from_millis(100)));
        assert_eq!(seconds("1e300", 0.1, 60.0), Ok(Duration::from_secs(60)));
        for wrong in ["0", "-1", "NaN", "3s", "-inf", "inf"] {
            assert!(seconds(wrong, 0.1, 60.0).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tags_are_a_list_or_a_json_array() {
        let expected = Ok(vec!["a".to_owned(), "b c".to_owned()]);
        assert_eq!(tags(" a, b c ,,"), expected);
        assert_eq!(tags(r#"["a", " b c ", ""]"#), expected);
        assert!(tags("[1]").is_err());
        assert!(tags(r#"["a""#).is_err());
    }

    #[test]
    fn metadata_becomes_text_in_the_order_given() {
        let read =
            metadata(r#"{"team":"x","n":1.5,"ok":true,"none":null,"deep":{"a":[1]}}"#).unwrap();
        let read: Vec<_> = read.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(read, [("team", "x"), ("n", "1.5"), ("ok", "true"), ("deep", r#"{"a":[1]}"#)]);
        assert!(metadata("[]").is_err());
    }

    #[test]
    fn a_traceparent_is_checked_and_lower_cased() {
        let good = "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01";
        let parent = traceparent(good).unwrap();
        assert_eq!(parent.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parent.span_id, "b7ad6b7169203331");
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        ] {
            assert!(traceparent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_modes_and_environments_are_checked() {
        assert_eq!(count("20000"), Ok(20000));
        assert!(count("0").is_err() && count("-1").is_err() && count("1.5").is_err());
        assert_eq!("No-Tool-Content".parse(), Ok(Capture::NoToolContent));
        assert!("all".parse::<Capture>().is_err());
        assert!(environment("Production-1").is_ok());
        assert!(environment("langfuse-x").is_err() && environment("a b").is_err());
        assert!(environment(&"x".repeat(41)).is_err());
    }

    #[test]
    fn an_error_never_holds_a_key() {
        let error = switch("sk-lf-0a1b2c3d-0000-1111-2222-333344449f3a").unwrap_err();
        assert!(!error.contains("0a1b2c3d"), "{error}");
    }
}
