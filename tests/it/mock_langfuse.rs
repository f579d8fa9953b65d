//! The mock Langfuse agrees with the recorded verdicts of the server's own code. Below: its sockets, scripts and texts.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, where what cannot be must stop the test"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use langfuse_mock::{Answer, Events, INGEST_PATH};
use serde_json::{Value, json};

mod client;
mod datasets;
mod endpoints;
mod older_tables;
mod planned;
mod scores;
mod shown;

/// One recorded case per line; `why` describes it.
const VERDICTS: &str = include_str!("../fixtures/langfuse-verdicts.jsonl");
const CASES: usize = 697;
/// The server's clock in the comparison: the verdicts write `"now"` for it.
const NOW_MS: i64 = 4_000_000_000_000;

#[test]
fn the_mock_has_every_recorded_verdict_of_langfuse() {
    let cases: Vec<Value> =
        VERDICTS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failures: Vec<String> = cases.iter().filter_map(difference).collect();
    assert!(
        failures.is_empty(),
        "{} of {} differ:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    assert_eq!(cases.len(), CASES);
}

/// Differences between the mock and Langfuse.
fn difference(case: &Value) -> Option<String> {
    let mut events = Events::new().with_now(NOW_MS);
    let answers = replay(case, &mut events);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    let expected = case.get("statuses").cloned().unwrap_or_else(|| json!([case["status"]]));
    let stored = sorted(events.rows().iter().map(|row| with_now(row.to_json())).collect());
    let expected_rows = sorted(case["stored"].as_array().unwrap().clone());
    let lost = answers.iter().any(|answer| answer.lost);
    let mut found = Vec::new();
    if json!(statuses) != expected {
        found.push(format!("status {statuses:?}, not {expected}"));
    }
    if case["lost"] != lost {
        found.push(format!("lost {lost}, not {}", case["lost"]));
    }
    if stored != expected_rows {
        found.push(format!("stored {}\n  not    {}", json!(stored), json!(expected_rows)));
    }
    // Texts of rejections were recorded up to 120 characters.
    let reply: Value = serde_json::from_slice(&answers[0].body).unwrap_or_default();
    for (name, text) in case["reply"].as_object().into_iter().flatten() {
        if !reply[name].as_str().unwrap_or_default().starts_with(text.as_str().unwrap()) {
            found.push(format!("reply {reply}, not {}", case["reply"]));
        }
    }
    (!found.is_empty()).then(|| format!("{} ({}): {}", case["name"], case["why"], found.join("; ")))
}

/// Sends a case's request and its later requests.
fn replay(case: &Value, events: &mut Events) -> Vec<Answer> {
    let mut headers: Vec<(String, String)> = Vec::new();
    if case["headers"].get("authorization").is_none() {
        headers.push((
            "authorization".to_owned(),
            format!("Basic {}", STANDARD.encode("pk-lf-test:sk-lf-test")),
        ));
    }
    for (name, value) in case["headers"].as_object().unwrap() {
        headers.extend(value.as_str().map(|value| (name.clone(), value.to_owned())));
    }
    let first = case["raw_base64"].as_str().map_or_else(
        || case.get("request").map(Value::to_string).unwrap_or_default().into_bytes(),
        |raw| STANDARD.decode(raw).unwrap(),
    );
    let then = case["then"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|request| request.to_string().into_bytes());
    let method = case["method"].as_str().unwrap_or("POST");
    let bodies = std::iter::once(first).chain(then);
    bodies.map(|body| events.handle(method, INGEST_PATH, &headers, &body)).collect()
}

fn with_now(mut row: Value) -> Value {
    for edge in ["start_ms", "end_ms"] {
        if row[edge] == NOW_MS {
            row[edge] = json!("now");
        }
    }
    row
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| format!("{} {} {}", row["trace_id"], row["span_id"], row["start_ms"]));
    rows
}
