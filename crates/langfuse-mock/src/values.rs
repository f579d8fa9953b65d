//! OTLP attribute lists as plain values. A value that makes the server's worker throw loses the whole request after
//! its 200.

use serde_json::{Map, Value};

use super::javascript::{normal, number, parse_number, stringify, to_text};

/// The worker threw: nothing of the request is stored, although the sender got a 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

/// A list of `{key, value}` as one object. The last value of a key wins.
pub(crate) fn attributes(list: Option<&Value>) -> Result<Map<String, Value>, Lost> {
    let mut attributes = Map::new();
    for entry in list.and_then(Value::as_array).into_iter().flatten() {
        if entry.is_null() {
            return Err(Lost);
        }
        let value = plain(entry.get("value").ok_or(Lost)?)?;
        let key = entry.get("key").map_or_else(|| "undefined".to_owned(), to_text);
        if key != "__proto__" {
            attributes.insert(key, value);
        }
    }
    Ok(attributes)
}

/// An OTLP value as a plain one. An unknown kind becomes its own JSON text.
fn plain(value: &Value) -> Result<Value, Lost> {
    if value.is_null() {
        return Err(Lost);
    }
    if let Some(text) = value.get("stringValue") {
        return Ok(text.clone());
    }
    if let Some(double) = value.get("doubleValue") {
        let finite = double.as_str().and_then(parse_number).filter(|double| double.is_finite());
        return Ok(finite.map_or_else(|| normal(double), number));
    }
    if let Some(bool) = value.get("boolValue") {
        return Ok(bool.clone());
    }
    if let Some(values) = value.get("arrayValue").and_then(|array| array.get("values")) {
        return values.as_array().ok_or(Lost)?.iter().map(plain).collect();
    }
    let integer = value.get("intValue").and_then(integer);
    Ok(integer.map_or_else(|| Value::String(stringify(value)), number))
}

fn integer(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => parse_number(text),
        // The halves of a 64-bit number, as protobuf libraries write them.
        Value::Object(halves) => {
            let low = halves.get("low").and_then(Value::as_f64)?;
            match halves.get("high").and_then(Value::as_f64)? {
                -1.0 if (low - -1.0).abs() < f64::EPSILON => Some(-1.0),
                high => Some(high * 4_294_967_296.0 + low),
            }
        }
        _ => None,
    }
}
