//! `GET /api/public/v2/observations`: stored rows as the API shows them. Absent texts are empty there, not null.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::pages::{self, Query};
use super::{Answer, Row};

/// Field groups that the query may name; `core` is always there.
const GROUPS: [(&str, &str); 9] = [
    ("core", "id traceId startTime endTime projectId parentObservationId type"),
    ("basic", "name level statusMessage version environment userId sessionId isRootObservation"),
    ("time", "completionStartTime"),
    ("io", "input output"),
    ("metadata", "metadata"),
    ("model", "providedModelName modelParameters"),
    ("usage", "usageDetails costDetails totalCost usagePricingTierName"),
    ("metrics", ""),
    ("trace_context", "tags release traceName"),
];

/// The requested rows, newest first as the server lists them, one page at a time.
pub(crate) fn list(rows: &[Row], query: &str) -> Answer {
    let query = pages::parameters(query);
    let limit = query.get("limit").map_or(Ok(50), |limit| limit.parse::<usize>());
    let Some(limit) = limit.ok().filter(|limit| *limit <= 1000) else {
        return Answer::invalid("Invalid request data");
    };
    let cursor = query.get("cursor");
    let after = cursor.and_then(|cursor| decode(cursor));
    if cursor.is_some() && after.is_none() {
        return Answer::invalid("Invalid request data");
    }
    let mut found: Vec<&Row> = rows.iter().filter(|row| is_asked_for(row, &query)).collect();
    found.sort_by_key(|row| std::cmp::Reverse(place(row)));
    if let Some(after) = after {
        found.retain(|row| place(row) < after);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let cursor = found.last().filter(|_| more).map(|last| encode(last));
    let fields = query.get("fields").map_or("core,basic", String::as_str);
    let data: Vec<Value> = found.into_iter().map(|row| only(observation(row), fields)).collect();
    let meta = cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
    Answer::json(200, &json!({"data": data, "meta": meta}))
}

/// `GET /api/public/observations`: the older tables, by numbered pages.
pub(crate) fn list_old(rows: &[Row], query: &str) -> Answer {
    let query = pages::parameters(query);
    let found: Vec<&Row> = rows.iter().filter(|row| is_asked_for(row, &query)).collect();
    pages::numbered(&found, &query, |row| observation(row))
}

fn is_asked_for(row: &Row, query: &Query) -> bool {
    let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
    let is_text =
        |name: &str, value: &Option<String>| is(name, value.as_deref().unwrap_or_default());
    let start = date_time(row.start_ms);
    is("traceId", &row.trace_id)
        && is("name", &row.name)
        && is("type", &row.kind)
        && is_text("sessionId", &row.session_id)
        && is_text("userId", &row.user_id)
        && is("level", &row.level)
        && is("environment", &row.environment)
        && is_text("parentObservationId", &row.parent_span_id)
        && query.get("fromStartTime").is_none_or(|from| start >= *from)
        && query.get("toStartTime").is_none_or(|to| start < *to)
}

/// The place of a row in the list.
fn place(row: &Row) -> (String, String, String) {
    (date_time(row.start_ms), row.trace_id.clone(), row.span_id.clone())
}

fn encode(last: &Row) -> String {
    let (start, trace, id) = place(last);
    STANDARD
        .encode(json!({"lastStartTimeTo": start, "lastTraceId": trace, "lastId": id}).to_string())
}

fn decode(cursor: &str) -> Option<(String, String, String)> {
    let cursor: Value = serde_json::from_slice(&STANDARD.decode(cursor).ok()?).ok()?;
    let text = |field: &str| Some(cursor[field].as_str()?.to_owned());
    Some((text("lastStartTimeTo")?, text("lastTraceId")?, text("lastId")?))
}

/// The observation with the fields of these groups only. Unknown groups are ignored.
fn only(mut observation: Value, groups: &str) -> Value {
    let asked =
        |group: &str| group == "core" || groups.split(',').any(|asked| asked.trim() == group);
    let groups = GROUPS.iter().filter(|(group, _)| asked(group));
    let fields: Vec<&str> = groups.flat_map(|(_, fields)| fields.split(' ')).collect();
    if let Some(all) = observation.as_object_mut() {
        all.retain(|field, _| fields.contains(&field.as_str()));
    }
    observation
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

pub(crate) fn date_time(ms: i64) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let date_time = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).ok();
    let date_time = date_time.map(|time| time + time::Duration::milliseconds(ms.rem_euclid(1000)));
    date_time.and_then(|time| time.format(format).ok()).unwrap_or_default()
}
