//! Datasets are accepted and rejected by the server's schemas, and every version of an item is kept.

use base64::Engine;
use langfuse_mock::{Answer, Events, PUBLIC_KEY, SECRET_KEY};
use serde_json::{Value, json};

const DATASETS: &str = "/api/public/v2/datasets";
const ITEMS: &str = "/api/public/dataset-items";

fn ask(events: &mut Events, method: &str, path: &str, body: &Value) -> Answer {
    let keys = format!("{PUBLIC_KEY}:{SECRET_KEY}");
    let basic = base64::engine::general_purpose::STANDARD.encode(keys);
    let headers = [("authorization".to_owned(), format!("Basic {basic}"))];
    events.handle(method, path, &headers, body.to_string().as_bytes())
}

fn with_dataset(name: &str) -> Events {
    let mut events = Events::new();
    let made = ask(&mut events, "POST", DATASETS, &json!({ "name": name }));
    assert_eq!(made.status, 200);
    events
}

fn put(events: &mut Events, body: &Value) -> u16 {
    ask(events, "POST", ITEMS, body).status
}

#[test]
fn a_dataset_is_made_by_its_name_and_found_by_it() {
    let mut events = with_dataset("team/a b");
    let found = |events: &mut Events, name: &str| {
        ask(events, "GET", &format!("{DATASETS}/{name}"), &Value::Null).status
    };
    assert_eq!(found(&mut events, "team%2Fa%20b"), 200);
    assert_eq!(found(&mut events, "other"), 404);
    for name in [json!(""), json!("/a"), json!("a/"), json!("a//b"), json!(7), Value::Null] {
        let refused = ask(&mut events, "POST", DATASETS, &json!({ "name": name }));
        assert_eq!(refused.status, 400, "{name}");
    }
}

#[test]
fn an_item_fits_the_schema_and_its_dataset() {
    let mut events = with_dataset("d");
    for (body, status) in [
        (json!({"datasetName": "d", "id": "i", "input": {"a": 1}}), 200),
        (json!({"datasetName": "d", "input": null, "unknown": 1, "status": "ARCHIVED"}), 200),
        (json!({"datasetName": "none", "id": "i"}), 404),
        (json!({"id": "i"}), 400),
        (json!({"datasetName": "d", "id": ""}), 400),
        (json!({"datasetName": "d", "id": "x".repeat(256)}), 400),
        (json!({"datasetName": "d", "id": "i", "sourceTraceId": 7}), 400),
        (json!({"datasetName": "d", "id": "i", "status": "GONE"}), 400),
        (json!({"datasetName": "d", "id": "i", "input": "x".repeat(4_718_592)}), 413),
    ] {
        assert_eq!(put(&mut events, &body), status, "{:.200}", body.to_string());
    }
}

#[test]
fn an_id_belongs_to_one_dataset_and_absent_fields_stay() {
    let mut events = with_dataset("d");
    ask(&mut events, "POST", DATASETS, &json!({"name": "other"}));
    assert_eq!(
        put(
            &mut events,
            &json!({"datasetName": "d", "id": "i", "input": "a\u{1b}b", "metadata": {"m": 1}})
        ),
        200
    );
    assert_eq!(put(&mut events, &json!({"datasetName": "other", "id": "i"})), 409);
    assert_eq!(
        put(&mut events, &json!({"datasetName": "d", "id": "i", "expectedOutput": "42"})),
        200
    );
    let stored = ask(&mut events, "GET", &format!("{ITEMS}/i"), &Value::Null);
    let stored: Value = serde_json::from_slice(&stored.body).unwrap();
    assert_eq!(stored["input"], "ab", "control characters go");
    assert_eq!(stored["expectedOutput"], 42, "a text that is JSON is taken for that");
    assert_eq!(stored["metadata"], json!({"m": 1}));
}
