//! `GET /api/public/v3/scores`: stored scores by name, a page at a time (`features/scores/interfaces/api/v3` of
//! langfuse/langfuse 4.16.0). Of its filters only those are here that are asked for.

use serde_json::{Map, Value, json};

use super::api::Answer;
use super::observations::invalid;
use super::pages;
use super::scores::ScoreRow;

/// The rows that the query asks for. The server refuses parameters that it does not know.
pub(crate) fn list(rows: &[ScoreRow], query: &str) -> Answer {
    let query = pages::parameters(query);
    let get = |name: &str| query.get(name).map(String::as_str);
    let is_known = query.keys().all(|name| {
        ["limit", "fields", "name", "id", "sessionId", "cursor"].contains(&name.as_str())
    });
    let limit = get("limit").map_or(Ok(50), str::parse::<usize>).ok();
    let after = get("cursor").map_or(Ok(0), str::parse::<usize>).ok();
    let (true, Some(limit @ 1..=100), Some(after)) = (is_known, limit, after) else {
        return invalid();
    };
    let is_among = |filter: &str, value: &str| {
        get(filter).is_none_or(|list| list.split(',').any(|one| one == value))
    };
    let is_wanted = |row: &&ScoreRow| {
        is_among("name", row.name())
            && is_among("id", &row.id)
            && is_among("sessionId", row.text("sessionId"))
    };
    let found: Vec<&ScoreRow> = rows.iter().filter(is_wanted).collect();
    let with_subject = get("fields").is_some_and(|fields| fields.contains("subject"));
    let page = found.iter().skip(after).take(limit);
    let data: Vec<Value> = page.filter_map(|row| score(row, with_subject)).collect();
    let mut meta = Map::from_iter([("limit".to_owned(), limit.into())]);
    if found.len() > after + limit {
        meta.insert("cursor".to_owned(), (after + limit).to_string().into());
    }
    Answer::json(200, &json!({"data": data, "meta": meta}))
}

fn score(row: &ScoreRow, with_subject: bool) -> Option<Value> {
    let given = row.value();
    let (data_type, value) = match row.text("dataType") {
        "" if given.is_string() => ("CATEGORICAL", given),
        "" => ("NUMERIC", given),
        "BOOLEAN" => ("BOOLEAN", (given.as_f64()? > 0.5).into()),
        named => (named, given),
    };
    let mut score = json!({
        "id": row.id, "projectId": "mock-project", "name": row.name(), "dataType": data_type, "value": value,
        "source": "API", "timestamp": row.timestamp, "environment": row.text("environment"),
        "createdAt": row.timestamp, "updatedAt": row.timestamp,
    });
    if with_subject {
        let (trace, observation) = (row.text("traceId"), row.text("observationId"));
        score["subject"] = match (trace, observation) {
            ("", _) => json!({"kind": "session", "id": row.text("sessionId")}),
            (trace, "") => json!({"kind": "trace", "id": trace}),
            (trace, id) => json!({"kind": "observation", "id": id, "traceId": trace}),
        };
    }
    Some(score)
}
