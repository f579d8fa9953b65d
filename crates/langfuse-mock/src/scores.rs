//! Scores: what the server takes (its zod schemas, read in `packages/shared/src/server/ingestion/types.ts` and
//! `features/scores/interfaces/api/shared.ts` of langfuse/langfuse 4.16.0), and which row is left of one that is told twice.
//!
//! The list that newer servers take is as the Python SDK 5.0.4 has it (`api/scores`); what they do is not in 4.16.0.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::api::Answer;
use super::observations::date_time;

/// The endpoint of a server that takes several scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scoring {
    /// As events of the ingestion API; `/api/public/scores` takes one. Up to 4.16.
    #[default]
    Events,
    /// As a list at `/api/public/scores`; the ingestion API is closed.
    Lists,
}

/// A row of the table of scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// Its id.
    pub id: String,
    /// The time of its first request. Its day is part of the key, with the name and the id.
    pub timestamp: String,
    /// All sent fields.
    pub body: Map<String, Value>,
}

impl ScoreRow {
    /// A field as text; empty where it is not set.
    pub fn text(&self, key: &str) -> &str {
        self.body.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// The value as it was sent.
    pub fn value(&self) -> Value {
        self.body["value"].clone()
    }
}

/// Every event of each score: the server keeps them as files, and merges them into the row.
#[derive(Debug, Clone, Default)]
pub(super) struct Scores {
    pub(super) scoring: Scoring,
    events: BTreeMap<String, Vec<Event>>,
}

#[derive(Debug, Clone)]
struct Event {
    file: String,
    at: String,
    body: Map<String, Value>,
}

impl Scores {
    /// The rows, by name and id.
    pub(super) fn rows(&self) -> Vec<ScoreRow> {
        let mut rows: Vec<ScoreRow> = self.events.iter().map(row).collect();
        rows.sort_by(|a, b| (a.name(), &a.id).cmp(&(b.name(), &b.id)));
        rows
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
    }

    /// Deletes rows.
    pub(super) fn remove(&mut self, is_gone: impl Fn(&ScoreRow) -> bool) {
        self.events.retain(|id, events| !is_gone(&row((id, events))));
    }

    /// `POST /api/public/ingestion`: each event has its own answer, and a v4 accepts only scores and SDK logs.
    pub(super) fn ingest(&mut self, body: &[u8]) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(batch) = body["batch"].as_array() else {
            let message = json!({"message": "Invalid request data", "errors": []});
            return Answer::json(400, &message);
        };
        let (mut successes, mut errors) = (Vec::new(), Vec::new());
        for event in batch {
            let id = event["id"].as_str().unwrap_or("unknown");
            let refused = match event["type"].as_str() {
                Some("sdk-log") => continue,
                Some("score-create") => self.take_event(event).err(),
                _ => Some("Event type not accepted"),
            };
            match refused {
                None => successes.push(json!({"id": id, "status": 201})),
                Some(message) => {
                    errors.push(
                        json!({"id": id, "status": 400, "message": message, "error": message}),
                    );
                }
            }
        }
        Answer::json(207, &json!({"successes": successes, "errors": errors}))
    }

    fn take_event(&mut self, event: &Value) -> Result<(), &'static str> {
        let file = id(&event["id"])?;
        let at = time(&event["timestamp"])?;
        let body = score(&event["body"])?;
        if body.get("id").is_some_and(|id| !id.is_null()) {
            self.store(file, at, body);
        }
        // Without an id of its own it is reported as a success and stored nowhere.
        Ok(())
    }

    /// `POST /api/public/scores`: one score, and on newer servers a list of them.
    pub(super) fn post(&mut self, body: &[u8], now: &str) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match (&body, self.scoring) {
            (Value::Array(list), Scoring::Lists) => self.take_list(list, now),
            _ => self.take_one(&body, now),
        }
    }

    fn take_one(&mut self, body: &Value, now: &str) -> Answer {
        match score(body) {
            Ok(mut body) => {
                // 4.16 accepts no time: the time of the request counts.
                body.remove("timestamp");
                // Without an id it gets one.
                let given = body.get("id").and_then(Value::as_str).map(str::to_owned);
                let id = given.unwrap_or_else(|| format!("generated-{}", self.events.len()));
                body.insert("id".to_owned(), id.as_str().into());
                // A later request has a later time.
                let events: usize = self.events.values().map(Vec::len).sum();
                let at = now.replace(".000Z", &format!(".{:03}Z", events % 1000));
                self.store(format!("{at}{body:?}"), at, body);
                Answer::json(200, &json!({"id": id}))
            }
            Err(message) => Answer::refused(400, message, "Invalid request data"),
        }
    }

    fn take_list(&mut self, list: &[Value], now: &str) -> Answer {
        let mut errors = Vec::new();
        for one in list {
            let at = match &one["timestamp"] {
                Value::Null => Ok(now.to_owned()),
                timestamp => time(timestamp),
            };
            match at.and_then(|at| Ok((at, score(one)?))) {
                // A repeated id with the same time replaces the score: it must be the same row.
                Ok((at, body)) => self.replace(at, body),
                Err(message) => errors.push(json!({"message": message})),
            }
        }
        if errors.is_empty() {
            return Answer::json(202, &json!({"message": "Accepted"}));
        }
        let accepted = list.len() - errors.len();
        Answer::json(
            207,
            &json!({"accepted": accepted, "rejected": errors.len(), "errors": errors}),
        )
    }

    fn store(&mut self, file: String, at: String, body: Map<String, Value>) {
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let events = self.events.entry(id).or_default();
        // The worker skips a file that it has read.
        if events.iter().all(|known| known.file != file) {
            events.push(Event { file, at, body });
        }
    }

    fn replace(&mut self, at: String, body: Map<String, Value>) {
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let event = Event { file: at.clone(), at, body };
        match self.events.get_mut(&id) {
            Some(events) => {
                events.retain(|known| known.at != event.at);
                events.push(event);
            }
            None => drop(self.events.insert(id, vec![event])),
        }
    }
}

/// Events are merged field by field in the order of their times. The first time, subject and environment stay. Of two
/// events with one time either may win: here the first one, which is never the intended one.
fn row((id, events): (&String, &Vec<Event>)) -> ScoreRow {
    let mut events: Vec<&Event> = events.iter().collect();
    events.reverse();
    events.sort_by(|a, b| a.at.cmp(&b.at));
    let mut body = Map::new();
    for event in &events {
        for (key, value) in &event.body {
            let stays = ["traceId", "environment"].contains(&key.as_str());
            // A comment that is null clears the previous one. Any other null field counts as absent.
            if value.is_null() && key == "comment" {
                body.remove(key);
            } else if !(value.is_null() || stays && body.contains_key(key)) {
                body.insert(key.clone(), value.clone());
            }
        }
    }
    ScoreRow {
        id: id.clone(),
        timestamp: events.first().map(|event| event.at.clone()).unwrap_or_default(),
        body,
    }
}

fn id(value: &Value) -> Result<String, &'static str> {
    let id = value.as_str().ok_or("id: expected string")?;
    match id.is_empty() || id.len() > 800 || id.contains('\r') {
        true => Err("id: 1 to 800 characters without a carriage return"),
        false => Ok(id.to_owned()),
    }
}

/// An ISO time with a zone, in UTC.
fn time(value: &Value) -> Result<String, &'static str> {
    const INVALID: &str = "timestamp: invalid ISO datetime";
    let time = value.as_str().ok_or("timestamp: expected string")?;
    let time = OffsetDateTime::parse(time, &Rfc3339).map_err(|_| INVALID)?;
    let ms = time.unix_timestamp_nanos() / 1_000_000;
    i64::try_from(ms).map(date_time).map_err(|_| INVALID)
}

/// The score after the schema, without unknown fields.
fn score(body: &Value) -> Result<Map<String, Value>, &'static str> {
    let body = body.as_object().ok_or("expected object")?;
    let field = |key: &str| body.get(key).filter(|value| !value.is_null());
    for key in [
        "id",
        "traceId",
        "sessionId",
        "datasetRunId",
        "observationId",
        "comment",
        "environment",
        "configId",
        "queueId",
    ] {
        if field(key).is_some_and(|value| !value.is_string()) {
            return Err("expected string");
        }
    }
    field("id").map(id).transpose()?;
    if field("name").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err("name: too small");
    }
    let set = |key: &str| field(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let subjects = ["traceId", "sessionId", "datasetRunId"].map(set);
    let of_trace = !set("observationId") || set("traceId");
    if subjects.iter().filter(|set| **set).count() != 1 || !of_trace {
        return Err(
            "Provide exactly one of the following: traceId, sessionId or datasetRunId. ObservationId requires traceId.",
        );
    }
    value(field("dataType"), field("value").unwrap_or(&Value::Null))?;
    Ok(body.clone())
}

fn value(data_type: Option<&Value>, value: &Value) -> Result<(), &'static str> {
    let number = value.as_f64();
    let length = value.as_str().map(|text| text.encode_utf16().count());
    let fits = match data_type.map(|kind| kind.as_str().unwrap_or_default()) {
        None => number.is_some() || length.is_some(),
        Some("NUMERIC") => number.is_some(),
        Some("BOOLEAN") => number == Some(0.0) || number == Some(1.0),
        Some("CATEGORICAL" | "CORRECTION") => length.is_some(),
        Some("TEXT") => length.is_some_and(|length| (1..=500).contains(&length)),
        Some(_) => return Err("dataType: invalid discriminator value"),
    };
    fits.then_some(()).ok_or("value: does not fit the data type")
}
