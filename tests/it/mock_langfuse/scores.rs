//! Scores are accepted and rejected by the server's schemas, and stored as by its worker.

use langfuse_mock::{Answer, Events, MockLangfuse, PUBLIC_KEY, SECRET_KEY, Scoring};
use serde_json::{Value, json};

fn basic() -> String {
    use base64::Engine;
    let keys = format!("{PUBLIC_KEY}:{SECRET_KEY}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(keys))
}

fn post(events: &mut Events, path: &str, body: &Value) -> Answer {
    let headers = [("authorization".to_owned(), basic())];
    events.handle("POST", path, &headers, body.to_string().as_bytes())
}

fn one(body: &Value) -> u16 {
    post(&mut Events::new(), "/api/public/scores", body).status
}

fn event(id: &str, at: &str, body: Value) -> Value {
    json!({"id": id, "type": "score-create", "timestamp": at, "body": body})
}

fn batch(events: &mut Events, batch: &[Value]) -> Value {
    let answer = post(events, "/api/public/ingestion", &json!({"batch": batch}));
    assert_eq!(answer.status, 207);
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn a_score_is_of_exactly_one_thing_and_its_value_fits_its_type() {
    let with = |mut extra: Value| {
        let base = json!({"name": "n", "value": 1, "traceId": "t"});
        for (key, value) in base.as_object().unwrap() {
            extra.as_object_mut().unwrap().entry(key.clone()).or_insert(value.clone());
        }
        one(&extra)
    };
    let long = "x".repeat(501);
    for accepted in [
        json!({}),
        json!({"observationId": "o"}),
        json!({"traceId": null, "sessionId": "s"}),
        json!({"dataType": "NUMERIC", "value": -0.5}),
        json!({"dataType": "BOOLEAN", "value": 0}),
        json!({"dataType": "CATEGORICAL", "value": "good"}),
        json!({"dataType": "TEXT", "value": "good"}),
        json!({"value": "good"}),
    ] {
        assert_eq!(with(accepted.clone()), 200, "{accepted}");
    }
    for refused in [
        json!({"sessionId": "s"}),
        json!({"traceId": null}),
        json!({"traceId": null, "sessionId": "s", "observationId": "o"}),
        json!({"name": ""}),
        json!({"dataType": "NUMERIC", "value": "1"}),
        json!({"dataType": "BOOLEAN", "value": 2}),
        json!({"dataType": "BOOLEAN", "value": true}),
        json!({"dataType": "CATEGORICAL", "value": 1}),
        json!({"dataType": "TEXT", "value": ""}),
        json!({"dataType": "TEXT", "value": long}),
        json!({"dataType": "numeric"}),
        json!({"value": null}),
        json!({"comment": 1}),
    ] {
        assert_eq!(with(refused.clone()), 400, "{refused}");
    }
    assert_eq!(one(&json!([{"name": "n", "value": 1, "traceId": "t"}])), 400);
}

#[test]
fn events_are_answered_one_by_one_and_need_an_id_and_a_time() {
    let mut events = Events::new();
    let body = || json!({"id": "s", "name": "n", "value": 1, "traceId": "t"});
    let at = "2026-11-23T10:00:00.000Z";
    let answer = batch(
        &mut events,
        &[
            event("1", at, body()),
            event("", at, body()),
            event("3", "yesterday", body()),
            event("4", at, json!({"name": "n", "value": 1, "traceId": "t"})),
            json!({"id": "5", "type": "trace-create", "timestamp": at, "body": {}}),
        ],
    );
    let ids = |key: &str| -> Vec<Value> {
        let list = answer[key].as_array().unwrap();
        list.iter().map(|one| one["id"].clone()).collect()
    };
    assert_eq!(ids("successes"), ["1", "4"]);
    assert_eq!(ids("errors"), ["", "3", "5"]);
    assert_eq!(events.scores().len(), 1, "without an id of its own it is lost");
}

#[test]
fn of_one_id_the_latest_counts_an_event_once_and_the_first_time_stays() {
    let mut events = Events::new();
    let told = |value: u8| json!({"id": "s", "name": "n", "value": value, "traceId": "t"});
    let (early, late) = ("2026-11-23T10:00:00.000Z", "2026-11-24T10:00:00.000Z");
    batch(&mut events, &[event("b", late, told(2))]);
    batch(&mut events, &[event("a", early, told(1))]);
    let value = |events: &Events| events.scores()[0].value();
    assert_eq!(value(&events), 2);
    assert_eq!(events.scores()[0].timestamp, early);
    // The worker has read this file.
    batch(&mut events, &[event("b", late, told(3))]);
    assert_eq!(value(&events), 2);
    // Of two with the same time, either may win.
    batch(&mut events, &[event("c", late, told(4))]);
    assert_eq!(value(&events), 2);
    assert_eq!(events.scores().len(), 1);
}

#[test]
fn times_of_a_list_may_have_any_form_with_a_zone() {
    let mock = MockLangfuse::start();
    mock.take_scores(Scoring::Lists);
    let url = format!("{}/api/public/scores", mock.url());
    let status = |id: &str, at: &str| {
        let score = json!({"id": id, "name": "n", "value": 1, "traceId": "t", "timestamp": at});
        let sent = ureq::post(&url)
            .header("authorization", basic())
            .header("content-type", "application/json")
            .send(json!([score]).to_string());
        sent.unwrap().status().as_u16()
    };
    // As sent by the Python SDK 5.0.4.
    assert_eq!(status("a", "2026-11-23T10:00:00.123456+00:00"), 202);
    assert_eq!(status("b", "2026-11-23T10:00:00Z"), 202);
    assert_eq!(status("c", "2026-11-23T10:00:00"), 207);
    let times: Vec<String> = mock.scores().into_iter().map(|score| score.timestamp).collect();
    assert_eq!(times, ["2026-11-23T10:00:00.123Z", "2026-11-23T10:00:00.000Z"]);
}
