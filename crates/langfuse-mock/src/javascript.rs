//! The habits of JavaScript that decide what Langfuse stores: truth, numbers, text, `JSON.parse` and `JSON.stringify`.

use serde_json::{Map, Number, Value};

/// The members of an object that `json!` made.
pub(crate) fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The values of a list by their indexes, as `Object.entries` has them.
pub(crate) fn indexed(values: &[Value]) -> impl Iterator<Item = (String, &Value)> {
    values.iter().enumerate().map(|(index, value)| (index.to_string(), value))
}

/// Whether `value` counts as true.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(bool) => *bool,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// The first of `keys`, which have spaces between them, in `attributes` that counts as true.
pub(crate) fn first_truthy<'a>(
    attributes: &'a Map<String, Value>,
    keys: &str,
) -> Option<&'a Value> {
    keys.split(' ').filter_map(|key| attributes.get(key)).find(|value| truthy(value))
}

/// The first of `keys`, which have spaces between them, in `attributes` that is there and not null.
pub(crate) fn first_present<'a>(
    attributes: &'a Map<String, Value>,
    keys: &str,
) -> Option<&'a Value> {
    keys.split(' ').filter_map(|key| attributes.get(key)).find(|value| !value.is_null())
}

/// A number as JavaScript holds it: a double, written without a point when whole.
pub(crate) fn number(value: f64) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "whole and within 2^53, so exact")]
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// `Number(text)`: `None` where JavaScript says NaN.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    match text {
        "" => Some(0.0),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust also reads "inf" and "nan", which JavaScript does not.
        _ if text.contains(['n', 'N', 'i', 'I']) => None,
        _ => text.parse().ok(),
    }
}

/// `Number(value)` for any value.
pub(crate) fn to_number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(0.0),
        Value::Bool(bool) => Some(f64::from(u8::from(*bool))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => parse_number(text),
        Value::Array(_) | Value::Object(_) => parse_number(&to_text(value)),
    }
}

/// `parseInt(text, 10)`: the leading digits.
pub(crate) fn parse_int(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].chars().take_while(char::is_ascii_digit).count();
    if digits == 0 { None } else { text[..sign + digits].parse().ok() }
}

/// `String(value)`.
pub(crate) fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let parts: Vec<String> = values
                .iter()
                .map(|value| if value.is_null() { String::new() } else { to_text(value) })
                .collect();
            parts.join(",")
        }
        Value::Object(_) => "[object Object]".to_owned(),
        _ => stringify(value),
    }
}

/// The text itself, or the JSON of anything else: how Langfuse turns a value into a text column.
pub(crate) fn text_or_json(value: &Value) -> String {
    value.as_str().map_or_else(|| stringify(value), str::to_owned)
}

/// `JSON.stringify(value)`.
pub(crate) fn stringify(value: &Value) -> String {
    serde_json::to_string(&normal(value)).expect("a JSON value can be written")
}

/// `JSON.parse(text)`. Half a surrogate pair, which JavaScript keeps, becomes U+FFFD: Rust's text cannot hold it.
pub(crate) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .ok()
        .or_else(|| serde_json::from_str(&without_lone_surrogates(text)?).ok())
}

/// The value with its numbers as doubles and its members in JavaScript's order: index-like names first.
pub(crate) fn normal(value: &Value) -> Value {
    match value {
        Value::Number(exact) => exact.as_f64().map_or(Value::Null, number),
        Value::Array(values) => Value::Array(values.iter().map(normal).collect()),
        Value::Object(members) => {
            let mut indexes: Vec<(u32, &String)> =
                members.keys().filter_map(|name| Some((index(name)?, name))).collect();
            indexes.sort_unstable();
            let others = members.keys().filter(|name| index(name).is_none());
            let names = indexes.into_iter().map(|(_, name)| name).chain(others);
            Value::Object(names.map(|name| (name.clone(), normal(&members[name]))).collect())
        }
        other => other.clone(),
    }
}

fn index(name: &str) -> Option<u32> {
    name.parse().ok().filter(|index: &u32| index.to_string() == name)
}

fn without_lone_surrogates(text: &str) -> Option<String> {
    let escape = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let length = match (escape(at), escape(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push('\u{FFFD}');
                at += 6;
                continue;
            }
            (Some(_), _) => 6,
            // Any other escape is two characters, so that `\\ud800` is not taken for one.
            (None, _)
                if character == '\\' && text.len() > at + 1 && text.is_char_boundary(at + 2) =>
            {
                2
            }
            (None, _) => character.len_utf8(),
        };
        out.push_str(&text[at..at + length]);
        at += length;
    }
    Some(out)
}
