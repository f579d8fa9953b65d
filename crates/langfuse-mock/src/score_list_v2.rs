//! `GET /api/public/v2/scores` (`web/src/pages/api/public/v2/scores/index.ts` of langfuse/langfuse 4.16.0), which servers with only
//! the new tables refuse.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Answer;
use super::pages;
use super::scores::ScoreRow;

/// The scores that the query asks for, a page at a time.
pub(super) fn list(rows: &[ScoreRow], query: &str) -> Answer {
    let query = pages::parameters(query);
    let found: Vec<&ScoreRow> = rows.iter().filter(|row| is_asked_for(row, &query)).collect();
    pages::numbered(&found, &query, |row| score(row))
}

fn is_asked_for(row: &ScoreRow, query: &BTreeMap<String, String>) -> bool {
    let is = |name: &str| query.get(name).is_none_or(|wanted| *wanted == row.text(name));
    let is_among = |name: &str, value: &str| {
        query.get(name).is_none_or(|list| list.split(',').any(|one| one == value))
    };
    is("name")
        && is("traceId")
        && is("sessionId")
        && is("dataType")
        && is_among("scoreIds", &row.id)
        && is_among("observationId", row.text("observationId"))
}

/// Numbers are in `value`, words in `stringValue`; a switch has both.
fn score(row: &ScoreRow) -> Value {
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
