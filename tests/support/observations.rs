//! `GET /api/public/v2/observations`: stored rows as the API shows them. Absent texts are empty there, not null.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::api::Answer;
use super::rows::Row;

/// The rows that the query asks for, newest first as the server lists them, up to its limit; no cursor.
pub fn list(rows: &[Row], query: &str) -> Answer {
    let query: BTreeMap<String, String> = query.split('&').filter_map(parameter).collect();
    let limit = query
        .get("limit")
        .map_or(Ok(50), |limit| limit.parse::<usize>());
    let Some(limit) = limit.ok().filter(|limit| *limit <= 1000) else {
        return Answer::json(
            400,
            &json!({"message": "Invalid request data", "error": "InvalidRequestError"}),
        );
    };
    let text = |value: Option<&String>| value.cloned().unwrap_or_default();
    let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
    let mut found: Vec<&Row> = rows
        .iter()
        .filter(|row| {
            is("traceId", &row.trace_id) && is("name", &row.name) && is("type", &row.kind)
        })
        .filter(|row| {
            is("sessionId", &text(row.session_id.as_ref()))
                && is("userId", &text(row.user_id.as_ref()))
        })
        .filter(|row| is("level", &row.level) && is("environment", &row.environment))
        .filter(|row| is("parentObservationId", &text(row.parent_span_id.as_ref())))
        .filter(|row| {
            query
                .get("fromStartTime")
                .is_none_or(|from| date_time(row.start_ms) >= *from)
        })
        .filter(|row| {
            query
                .get("toStartTime")
                .is_none_or(|to| date_time(row.start_ms) < *to)
        })
        .collect();
    found.sort_by_key(|row| std::cmp::Reverse(row.start_ms));
    found.truncate(limit);
    let data: Vec<Value> = found.into_iter().map(observation).collect();
    Answer::json(200, &json!({"data": data, "meta": {}}))
}

fn observation(row: &Row) -> Value {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    json!({
        "id": row.span_id,
        "traceId": row.trace_id,
        "projectId": "mock-project",
        "parentObservationId": row.parent_span_id,
        "isRootObservation": row.parent_span_id.is_none(),
        "type": row.kind,
        "name": row.name,
        "startTime": date_time(row.start_ms),
        "endTime": date_time(row.end_ms),
        "completionStartTime": row.completion_start_ms.map(date_time),
        "level": row.level,
        "statusMessage": text(&row.status_message),
        "environment": row.environment,
        "release": text(&row.release),
        "version": text(&row.version),
        "sessionId": text(&row.session_id),
        "userId": text(&row.user_id),
        "traceName": text(&row.trace_name),
        "tags": row.tags,
        "input": row.input,
        "output": row.output,
        "metadata": row.metadata,
        "providedModelName": row.model,
        "modelParameters": row.model_parameters,
        "usageDetails": row.usage,
        "costDetails": row.cost,
        "totalCost": row.total_cost().unwrap_or_default(),
        "usagePricingTierName": row.tier,
    })
}

fn date_time(ms: i64) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let date_time = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).ok();
    let date_time = date_time.map(|time| time + time::Duration::milliseconds(ms.rem_euclid(1000)));
    date_time
        .and_then(|time| time.format(format).ok())
        .unwrap_or_default()
}

/// One `name=value` of a query, with its escapes undone.
fn parameter(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=')?;
    Some((unescape(name), unescape(value)))
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = text_of(tail.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_of(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}
