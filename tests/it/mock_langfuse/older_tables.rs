//! The older tables: keyed by type, day and id without the trace, and merged column by column.

use langfuse_mock::{Events, Reading};
use serde_json::{Value, json};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn span(trace: &str, start_ms: u64, attributes: &[(&str, &str)]) -> Value {
    let attributes: Vec<Value> = attributes
        .iter()
        .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
        .collect();
    json!({
        "traceId": trace.repeat(32), "spanId": "b7ad6b7169203331", "name": "n",
        "startTimeUnixNano": (start_ms * 1_000_000).to_string(),
        "endTimeUnixNano": ((start_ms + 1) * 1_000_000).to_string(), "attributes": attributes,
    })
}

fn stored(spans: &[Value]) -> Events {
    let mut events = Events::new();
    for span in spans {
        let export = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
        assert_eq!(events.ingest(export.to_string().as_bytes()).status, 200);
    }
    events
}

#[test]
fn one_id_in_two_traces_is_one_observation() {
    let events = stored(&[span("a", 1000, &[]), span("b", 2000, &[])]);
    assert_eq!(events.rows().len(), 2);
    let older = events.older_rows();
    assert_eq!(older.len(), 1);
    assert_eq!((&*older[0].trace_id, older[0].start_ms), (&*"a".repeat(32), 2000));
}

#[test]
fn another_type_or_another_day_makes_another_observation() {
    let kind = |kind| [("langfuse.observation.type", kind)];
    let spans = [
        span("a", 1000, &kind("tool")),
        span("a", 1000, &kind("span")),
        span("a", 1000 + DAY_MS, &kind("span")),
    ];
    assert_eq!(stored(&spans).older_rows().len(), 3);
}

#[test]
fn a_partial_resend_keeps_the_other_fields() {
    let whole = [
        ("langfuse.observation.input", "question"),
        ("langfuse.observation.output", "half"),
        ("langfuse.observation.metadata.a", "1"),
    ];
    let part = [("langfuse.observation.output", "done"), ("langfuse.observation.metadata.b", "2")];
    let events = stored(&[span("a", 1000, &whole), span("a", 1000, &part)]);
    let older = events.older_rows().remove(0);
    assert_eq!((older.input.as_deref(), older.output.as_deref()), (Some("question"), Some("done")));
    assert_eq!((&*older.metadata["a"], &*older.metadata["b"]), ("1", "2"));
    assert_eq!(events.rows()[0].input, None, "the events table replaces the row");
}

#[test]
fn turns_in_other_traces_are_separate_in_older_tables() {
    use crate::sandbox::Sandbox;
    let mock = langfuse_mock::MockLangfuse::start();
    mock.show(Reading::Old);
    for seed in ["one", "two"] {
        let mut sandbox = Sandbox::traced(&mock);
        sandbox.set("CC_LANGFUSE_TRACE_SEED", seed);
        let session = sandbox.session("v2.1.330/subagent");
        session.whole().replay(&[]).exits(0);
        sandbox.run(&["verify", session.id()]).exits(0);
    }
    assert_eq!(mock.older_rows(), mock.rows());
}
