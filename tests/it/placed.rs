//! Later commands know the trace of a turn that a run's environment chose: none looks for it elsewhere, and none sends it
//! a second time.

use langfuse_mock::{MockLangfuse, Row};
use serde_json::json;

use crate::sandbox::{Ran, Sandbox, mode};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const PARENT_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Variables of the environments of runs.
const RUNS: [&[(&str, &str)]; 4] = [
    &[("CC_LANGFUSE_TRACE_SEED", "case-7")],
    &[("CC_LANGFUSE_TRACEPARENT", PARENT)],
    &[
        ("CC_LANGFUSE_EXPERIMENT_ID", "run-7"),
        ("CC_LANGFUSE_EXPERIMENT_ITEM_ID", "item-3"),
        ("CC_LANGFUSE_EXPERIMENT_EXPECTED_OUTPUT", "two files"),
    ],
    &[
        ("CC_LANGFUSE_TRACEPARENT", PARENT),
        ("CC_LANGFUSE_EXPERIMENT_ID", "run-7"),
        ("CC_LANGFUSE_EXPERIMENT_ITEM_ID", "item-3"),
    ],
];

fn set(sandbox: &mut Sandbox, variables: &[(&str, &str)]) {
    for (name, _) in RUNS.into_iter().flatten() {
        sandbox.set(name, "");
    }
    for (name, value) in variables {
        sandbox.set(name, *value);
    }
}

fn repair(sandbox: &Sandbox) -> Ran {
    sandbox.run(&["verify", "--since", "2020-01-01", "--repair", "--wait", "0"])
}

fn exports(mock: &MockLangfuse) -> usize {
    mock.exports().len()
}

#[test]
fn repair_from_another_shell_sends_no_delivered_span() {
    for recording in
        ["stream-multi", "subagent-background", "subagent-nested", "compact", "workflow"]
    {
        for run in RUNS {
            let mock = MockLangfuse::start();
            let mut sandbox = Sandbox::traced(&mock);
            set(&mut sandbox, run);
            let session = sandbox.session(&format!("v2.1.330/{recording}"));
            sandbox.write_others(&session.recording);
            session.answered(0).stop(0);
            session.whole().end();
            let sent = exports(&mock);
            set(&mut sandbox, &[]);
            let ran = repair(&sandbox).exits(0);
            assert_eq!(exports(&mock), sent, "{recording} {run:?} {}", ran.stdout);
            assert!(
                ran.stdout.contains(" 0 missing, 0 duplicated, 0 mismatched"),
                "{}",
                ran.stdout
            );
            // Nor from a shell with another trace.
            set(&mut sandbox, &[("CC_LANGFUSE_TRACE_SEED", "other")]);
            let (id, repair) = (
                sandbox.session(&format!("v2.1.330/{recording}")).id().to_owned(),
                ["--repair", "--wait", "0"],
            );
            sandbox.run(&[&["verify", &id][..], &repair].concat()).exits(0);
            assert_eq!(exports(&mock), sent, "{recording} {run:?}");
        }
    }
}

/// Three turns of one session: under a seed, under a parent span, without either.
fn three_runs(mock: &MockLangfuse, sandbox: &mut Sandbox) -> Vec<Row> {
    for (turn, run) in [RUNS[0], RUNS[1], &[]].into_iter().enumerate() {
        set(sandbox, run);
        sandbox.session("v2.1.330/stream-multi").answered(turn).stop(turn);
    }
    set(sandbox, &[]);
    sandbox.session("v2.1.330/stream-multi").whole().end();
    mock.rows()
}

#[test]
fn a_session_resumed_under_other_runs_is_found_in_all_of_them() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let rows = three_runs(&mock, &mut sandbox);
    let traces: std::collections::BTreeSet<&str> =
        rows.iter().map(|row| row.trace_id.as_str()).collect();
    assert!(traces.len() == 3 && traces.contains(PARENT_TRACE));
    let sent = exports(&mock);
    repair(&sandbox).exits(0);
    assert_eq!(exports(&mock), sent);
}

#[test]
fn missing_spans_are_sent_into_their_trace() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let rows = three_runs(&mock, &mut sandbox);
    mock.clear();
    repair(&sandbox).exits(0);
    assert_eq!(mock.rows(), rows);
    // `replay --all` sends there too.
    mock.clear();
    sandbox.session("v2.1.330/stream-multi").replay(&["--again"]).exits(0);
    assert_eq!(mock.rows(), rows);
}

#[test]
fn turns_without_state_are_skipped_and_counted_and_never_sent() {
    for run in RUNS {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        set(&mut sandbox, run);
        sandbox.session("v2.1.330/stream-multi").whole().end();
        set(&mut sandbox, &[]);
        std::fs::remove_file(sandbox.cursor().with_extension("placements")).unwrap();
        let sent = exports(&mock);
        let ran = repair(&sandbox);
        assert_eq!(exports(&mock), sent, "{run:?} {}", ran.stdout);
        if run[0].0 == "CC_LANGFUSE_TRACEPARENT" {
            assert!(ran.stdout.contains("2 skipped (trace unknown)"), "{}", ran.stdout);
        }
    }
}

#[test]
fn missing_spans_of_a_delivered_turn_are_sent_also_without_state() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.whole().end();
    std::fs::remove_file(sandbox.cursor().with_extension("placements")).unwrap();
    let rows = mock.rows();
    let body = mock.exports()[0].json.clone().unwrap();
    mock.clear();
    let mut body = body;
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array_mut().unwrap();
    let kept = spans.remove(0);
    *spans = vec![kept];
    post(&mock, &body);
    repair(&sandbox);
    let turn = mock.rows()[0].trace_id.clone();
    let of_turn = |rows: &[Row]| rows.iter().filter(|row| row.trace_id == turn).count();
    assert_eq!((of_turn(&mock.rows()), mock.rows().len()), (of_turn(&rows), of_turn(&rows)));
}

fn post(mock: &MockLangfuse, body: &serde_json::Value) {
    use base64::Engine;
    let keys = base64::engine::general_purpose::STANDARD.encode("pk-lf-test:sk-lf-test");
    let sent = ureq::post(format!("{}/api/public/otel/v1/traces", mock.url()))
        .header("authorization", format!("Basic {keys}"))
        .header("content-type", "application/json")
        .header("x-langfuse-ingestion-version", "4")
        .send(body.to_string());
    assert_eq!(sent.unwrap().status(), 200);
}

#[test]
fn the_place_of_turns_is_kept_in_a_private_file_that_outlives_the_cursor() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let rows = three_runs(&mock, &mut sandbox);
    let cursor = sandbox.cursor();
    let path = cursor.with_extension("placements");
    assert_eq!(mode(&path), 0o600);
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(kept["runs"].as_array().unwrap().len(), 3, "{kept}");
    std::fs::remove_file(&cursor).unwrap();
    let id = sandbox.session("v2.1.330/stream-multi").id().to_owned();
    let sent = exports(&mock);
    sandbox.run(&["verify", &id, "--repair", "--wait", "0"]).exits(0);
    assert_eq!(exports(&mock), sent);
    sandbox.run(&["replay", &id]).exits(0);
    assert_eq!(mock.rows(), rows);
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&std::fs::read(&path).unwrap()).unwrap(),
        kept
    );
}

#[test]
fn the_place_of_a_turn_is_written_before_its_first_request() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    set(&mut sandbox, RUNS[0]);
    mock.reply_next(langfuse_mock::Reply::Status(503));
    sandbox.session("v2.1.330/stream-multi").answered(0).stop(0);
    sandbox.end_backoff();
    set(&mut sandbox, &[]);
    sandbox.run(&["flush"]).exits(0);
    set(&mut sandbox, RUNS[0]);
    let rows = mock.rows();
    mock.clear();
    sandbox.session("v2.1.330/stream-multi").replay(&["--again"]).exits(0);
    assert_eq!(mock.rows(), rows);
}

#[test]
fn scores_and_items_of_a_dataset_name_the_trace_where_the_turn_is() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let rows = three_runs(&mock, &mut sandbox);
    let id = sandbox.session("v2.1.330/stream-multi").id().to_owned();
    let mut roots: Vec<&Row> = rows.iter().filter(|row| row.name == "claude-code").collect();
    roots.sort_by_key(|row| row.start_ms);
    for (number, root) in roots.iter().enumerate() {
        let turn = format!("{id}#{}", number + 1);
        let scored = sandbox.run(&["score", &turn, "quality=4", "--json"]).exits(0);
        let link = scored.json()[0]["link"].as_str().unwrap().to_owned();
        assert!(link.contains(&root.trace_id), "{link}");
        let item = sandbox.run(&["dataset", "add", &turn, "--dataset", "d", "--dry-run"]);
        let item = item.exits(0).json()[0].clone();
        assert_eq!(item["sourceTraceId"], json!(root.trace_id));
    }
}
