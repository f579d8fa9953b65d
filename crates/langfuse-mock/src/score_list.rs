//! Stored scores by name, a page at a time: `GET /api/public/v3/scores` (`features/scores/interfaces/api/v3` of langfuse/langfuse
//! 4.16.0), and `v2/scores` (`web/src/pages/api/public/v2/scores/index.ts`), which servers with only the new tables refuse. Of their
//! filters only those are here that are asked for.

use serde_json::{Map, Value, json};

use super::pages::{self, Query, is_among};
use super::{Answer, ScoreRow};

/// The requested rows. The server refuses unknown parameters.
pub(crate) fn list(rows: &[ScoreRow], query: &str) -> Answer {
    let query = pages::parameters(query);
    let get = |name: &str| query.get(name).map(String::as_str);
    let is_known = query.keys().all(|name| {
        ["limit", "fields", "name", "id", "sessionId", "cursor"].contains(&name.as_str())
    });
    let limit = get("limit").map_or(Ok(50), str::parse::<usize>).ok();
    let after = get("cursor").map_or(Ok(0), str::parse::<usize>).ok();
    let (true, Some(limit @ 1..=100), Some(after)) = (is_known, limit, after) else {
        return Answer::invalid("Invalid request data");
    };
    let is_wanted = |row: &&ScoreRow| {
        is_among(&query, "name", row.name())
            && is_among(&query, "id", &row.id)
            && is_among(&query, "sessionId", row.text("sessionId"))
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

/// The same of `v2/scores`, by numbered pages.
pub(crate) fn list_v2(rows: &[ScoreRow], query: &str) -> Answer {
    let query = pages::parameters(query);
    let found: Vec<&ScoreRow> = rows.iter().filter(|row| is_asked_for(row, &query)).collect();
    pages::numbered(&found, &query, |row| score_v2(row))
}

fn is_asked_for(row: &ScoreRow, query: &Query) -> bool {
    let is = |name: &str| query.get(name).is_none_or(|wanted| *wanted == row.text(name));
    is("name")
        && is("traceId")
        && is("sessionId")
        && is("dataType")
        && is_among(query, "scoreIds", &row.id)
        && is_among(query, "observationId", row.text("observationId"))
}

/// Numbers are in `value`, words in `stringValue`; a switch has both.
fn score_v2(row: &ScoreRow) -> Value {
    let mut score = row.body.clone();
    let value = row.value();
    let words = match row.text("dataType") {
        "BOOLEAN" => Some(json!(if value == json!(1) { "True" } else { "False" })),
        _ => value.is_string().then(|| value.clone()),
    };
    if value.is_string() {
        score.insert("value".to_owned(), json!(0));
    }
    score.extend(words.map(|words| ("stringValue".to_owned(), words)));
    score.insert("id".to_owned(), row.id.as_str().into());
    score.insert("timestamp".to_owned(), row.timestamp.as_str().into());
    score.insert("source".to_owned(), "API".into());
    score.into()
}
