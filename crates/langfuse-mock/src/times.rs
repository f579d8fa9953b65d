//! Nanoseconds and dates, read as loosely as the server does and kept as milliseconds.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

use super::javascript::{parse, to_text};

/// The greatest distance from 1970 that a JavaScript date can hold, in milliseconds.
const LATEST_MS: i128 = 8_640_000_000_000_000;

/// Start and end of a span: a missing or unreadable edge takes the other's time, both missing the server's clock.
pub(crate) fn span_edges(span: &Value, now_ms: i64) -> (i64, i64) {
    let start = nanoseconds(&span["startTimeUnixNano"]);
    let end = nanoseconds(&span["endTimeUnixNano"]);
    (start.or(end).unwrap_or(now_ms), end.or(start).unwrap_or(now_ms))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a double of nanoseconds, checked against the range of dates"
)]
fn nanoseconds(value: &Value) -> Option<i64> {
    let milliseconds = match value {
        Value::String(text) => big_integer(text.trim())? / 1_000_000,
        Value::Number(number) => (number.as_f64()? / 1e6) as i128,
        Value::Object(halves) => {
            let half = |name: &str| halves.get(name)?.as_f64().map(|half| half as i128);
            let (high, low) = (half("high")?, half("low")?);
            ((high << 32) | (low & 0xFFFF_FFFF)) / 1_000_000
        }
        _ => return None,
    };
    i64::try_from(milliseconds).ok().filter(|_| milliseconds.abs() <= LATEST_MS)
}

/// `BigInt(text)`: decimal with a sign, or hexadecimal, octal, binary without one; blank text is not a time.
fn big_integer(text: &str) -> Option<i128> {
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return i128::from_str_radix(digits, radix)
                .ok()
                .filter(|_| !digits.starts_with(['+', '-']));
        }
    }
    text.parse().ok()
}

/// The time of the first token in milliseconds: a date, or one wrapped in JSON text as old SDKs sent it.
pub(crate) fn completion_start(value: &Value) -> Option<i64> {
    date(value).or_else(|| date(&parse(&to_text(value))?))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "milliseconds, checked against the range of dates"
)]
fn date(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            number.as_f64().filter(|ms| ms.abs() <= 8.64e15).map(|ms| ms as i64)
        }
        Value::Bool(bool) => Some(i64::from(*bool)),
        Value::String(text) => {
            let date_time =
                OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| without_zone(text))?;
            i64::try_from(date_time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
        }
        _ => None,
    }
}

/// Without a zone the server's own applies: UTC, as its images run.
fn without_zone(text: &str) -> Option<OffsetDateTime> {
    let day = format_description!("[year]-[month]-[day]");
    let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let fraction = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond]");
    Date::parse(text, day)
        .map(Date::midnight)
        .or_else(|_| PrimitiveDateTime::parse(text, seconds))
        .or_else(|_| PrimitiveDateTime::parse(text, fraction))
        .ok()
        .map(PrimitiveDateTime::assume_utc)
}
