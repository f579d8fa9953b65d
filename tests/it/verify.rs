//! `verify` reads spans back from Langfuse and compares them with the transcript; `--repair` sends missing spans, and no
//! others.

use langfuse_mock::{MockLangfuse, Reading, Reply};
use serde_json::{Value, json};

use crate::sandbox::{Ran, Received, Recording, Sandbox, traced_to, unused_address};

fn verify(sandbox: &Sandbox, options: &[&str]) -> Ran {
    sandbox.run(&[&["verify", "--wait", "0"], options].concat())
}

/// The report about the one session.
fn told(sandbox: &Sandbox, options: &[&str]) -> Value {
    let told = verify(sandbox, &[options, &["--json"]].concat()).json();
    assert_eq!(told.len(), 2, "{told:?}");
    told[0].clone()
}

#[test]
fn a_session_is_compared_with_langfuse() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent-background");
    session.whole();
    mock.reply_next(Reply::Lose);
    session.replay(&[]).exits(0);
    let screen = sandbox
        .screen()
        .hide(mock.url(), "http://langfuse.test")
        .types("claude-langfuse verify bd09 --wait 0")
        .types("claude-langfuse verify bd09 --wait 0 --json")
        .types("claude-langfuse verify bd09 --repair --wait 0")
        .types("claude-langfuse verify bd09")
        .types("claude-langfuse verify --since 2024-11-01")
        .types("claude-langfuse verify --since 1d --json");
    screen.is("verify");
    assert_eq!(mock.rows().len(), 10);
}

#[test]
fn failures_are_reported_with_a_remedy() {
    let sandbox = Sandbox::traced_to(&format!("http://{}", unused_address()));
    sandbox.session("v2.1.330/simple").whole();
    sandbox
        .screen()
        .types("claude-langfuse verify")
        .types("claude-langfuse verify ffff")
        .types("claude-langfuse verify 2c97 --since 7d")
        .types("claude-langfuse verify --since 7")
        .is("verify_errors");
    verify(&sandbox, &["2c97"]).exits(4);
    sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    verify(&sandbox, &["2c97"]).exits(3);
}

#[test]
fn help_has_examples() {
    let sandbox = Sandbox::new();
    sandbox.screen().types("claude-langfuse verify --help").is("verify_help");
}

#[test]
fn exit_codes_distinguish_failures() {
    let page = |status| Reply::StatusWithBody(status, Vec::new(), b"<html>".to_vec());
    for (reply, code) in [
        (Reply::Status(401), 5),
        (Reply::Status(403), 5),
        (page(404), 3),
        (Reply::Html, 3),
        (Reply::Status(503), 4),
        (Reply::RateLimited(7200), 4),
        (Reply::HalfBody, 4),
        (Reply::StatusWithBody(200, Vec::new(), b"{}".to_vec()), 3),
    ] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(0);
        mock.reply_to_reader(reply.clone());
        assert_eq!(verify(&sandbox, &["2c97"]).code, Some(code), "{reply:?}");
        verify(&sandbox, &["2c97"]).exits(0);
    }
}

/// Every recording is found after a replay, by either API.
#[test]
fn replayed_spans_are_found() {
    for name in Recording::names() {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let recording = Recording::open(&name);
        for transcript in recording.sessions.iter().chain(&recording.agents) {
            sandbox.grow(transcript, usize::MAX);
        }
        sandbox.write_others(&recording);
        let folder = sandbox.projects().display().to_string();
        sandbox.run(&["replay", &folder]).exits(0);
        for reading in [Reading::Merged, Reading::Old] {
            mock.show(reading);
            let ran = verify(&sandbox, &["--since", "2020-01-01", "--json"]);
            let told = ran.json();
            assert_eq!(ran.code, Some(0), "{name} {told:?}");
            let all = told.last().unwrap();
            assert_eq!(all["observations"], mock.rows().len(), "{name}");
        }
    }
}

#[test]
fn only_missing_spans_are_sent_again() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    mock.reply_next(Reply::Lose);
    session.answered(1).stop(1);
    session.whole().replay(&[]).exits(0);
    let before = mock.arrivals().len();
    let found = told(&sandbox, &[session.id()]);
    assert_eq!(found["missing"].as_array().unwrap().len(), 2, "{found}");
    verify(&sandbox, &[session.id(), "--repair"]).exits(0);
    assert_eq!(mock.arrivals().len(), before + 2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    // As the rows of a replay.
    let rows = mock.rows();
    session.replay(&["--again"]).exits(0);
    assert_eq!(mock.rows(), rows);
}

#[test]
fn skipped_and_waiting_turns_are_not_missing_and_not_repaired() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    // First contact is late: the first turn is skipped. The last one is not sent yet.
    session.answered(1).stop(1);
    session.whole();
    let ran = verify(&sandbox, &[session.id(), "--repair"]).exits(0);
    assert!(ran.stdout.contains("2 not yet sent, 2 skipped"), "{}", ran.stdout);
    assert_eq!(mock.answers(), ["Answer 2."]);
    // The row is lost: then only this row is missing.
    mock.clear();
    verify(&sandbox, &[session.id(), "--repair"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 2."]);
}

#[test]
fn a_row_with_another_start_is_a_permanent_duplicate() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    let moved = moved_by_a_millisecond(&mock);
    let found = told(&sandbox, &[session.id()]);
    assert_eq!(found["duplicate"].as_array().unwrap().len(), moved, "{found}");
    verify(&sandbox, &[session.id(), "--repair"]).exits(1);
    // Without the right row, it is another one.
    mock.clear();
    let body = moved_export(&session.path().display().to_string(), &sandbox);
    post(&mock, &body);
    let found = told(&sandbox, &[session.id()]);
    assert_eq!(found["mismatched"].as_array().unwrap().len(), moved, "{found}");
}

/// A mismatched field is named, and the repair command fixes it.
#[test]
fn mismatched_fields_are_named_and_sent_again() {
    for (field, from, to) in [
        ("output", "\"Answer 2.\"", "\"Answer two.\""),
        (
            "level",
            "{\"key\":\"langfuse.observation.type\"",
            "{\"key\":\"langfuse.observation.level\",\"value\":{\"stringValue\":\"WARNING\"}},{\"key\":\"langfuse.observation.type\"",
        ),
        ("model", "\"claude-opus-5-5\"", "\"claude-opus-4-5\""),
        ("name", "\"chat\"", "\"talk\""),
        ("tags", "\"project:project\"", "\"project:x\""),
    ] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/stream-multi");
        session.whole();
        let body = sandbox.run(&["replay", "--dry-run", session.id()]).exits(0).stdout;
        let changed = body.replace(from, to);
        assert_ne!(changed, body, "{field}");
        post(&mock, &serde_json::from_str(&changed).unwrap());
        let found = told(&sandbox, &[session.id()]);
        let mismatched = found["mismatched"].as_array().unwrap();
        let names = |one: &Value| one["differing"].as_array().unwrap().contains(&json!(field));
        assert!(mismatched.iter().any(names), "{field}: {found}");
        let path = session.path().display().to_string();
        let ran = verify(&sandbox, &[&path]).exits(1);
        let remedy = format!("'claude-langfuse replay {path} --again'");
        assert!(ran.stdout.contains(&remedy), "{}", ran.stdout);
        sandbox.run(&["replay", &path, "--again"]).exits(0);
        verify(&sandbox, &[&path]).exits(0);
    }
}

#[test]
fn observations_being_replaced_are_waited_for() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    let body = sandbox.run(&["replay", "--again", "--dry-run", session.id()]).exits(0).stdout;
    post(&mock, &serde_json::from_str(&body.replace("\"chat\"", "\"talk\"")).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The last version arrives while it reads.
            std::thread::sleep(std::time::Duration::from_millis(1500));
            post(&mock, &serde_json::from_str(&body).unwrap());
        });
        sandbox.run(&["verify", "--wait", "60", session.id()]).exits(0);
    });
}

#[test]
fn scores_are_read_back() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_SCORES", "true");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.whole().replay(&[]).exits(0);
    let found = told(&sandbox, &[session.id()]);
    assert_eq!(found["scores"], json!({"expected": 3, "missing": 0, "mismatched": 0}));
    let exports: Vec<Value> =
        mock.exports().iter().filter_map(|request| request.json.clone()).collect();
    mock.clear();
    exports.iter().for_each(|body| post(&mock, body));
    let ran = verify(&sandbox, &[session.id()]).exits(1);
    assert!(ran.stdout.contains("3 scores missing"), "{}", ran.stdout);
    session.replay(&["--again"]).exits(0);
    verify(&sandbox, &[session.id()]).exits(0);
}

/// Sends all spans again, a millisecond later; returns their number.
fn moved_by_a_millisecond(mock: &MockLangfuse) -> usize {
    let bodies: Vec<Value> =
        mock.exports().iter().filter_map(|request| request.json.clone()).collect();
    let before = mock.rows().len();
    for body in bodies {
        post(mock, &moved(body));
    }
    mock.rows().len() - before
}

fn moved_export(path: &str, sandbox: &Sandbox) -> Value {
    let printed = sandbox.run(&["replay", "--again", "--dry-run", path]).exits(0);
    moved(printed.json()[0].clone())
}

fn moved(mut body: Value) -> Value {
    for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array_mut().unwrap() {
        let start: u64 = span["startTimeUnixNano"].as_str().unwrap().parse().unwrap();
        span["startTimeUnixNano"] = json!((start + 1_000_000).to_string());
    }
    body
}

fn post(mock: &MockLangfuse, body: &Value) {
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
fn mismatched_tokens_are_reported() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let body = sandbox.run(&["replay", "--dry-run", session.id()]).exits(0).stdout;
    post(&mock, &serde_json::from_str(&body.replace("8000", "8001")).unwrap());
    let found = told(&sandbox, &[session.id()]);
    let different = found["mismatched"].as_array().unwrap();
    assert_eq!(different.len(), 1, "{found}");
    assert_eq!(different[0]["observation"], "generation chat");
}

#[test]
fn unmerged_versions_are_no_problem() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    session.replay(&["--again"]).exits(0);
    mock.show(Reading::Unmerged);
    let ran = verify(&sandbox, &[session.id()]).exits(0);
    assert!(ran.stdout.contains("2 counted twice until Langfuse merges"), "{}", ran.stdout);
}

#[test]
fn observations_of_others_in_the_session_are_counted() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    let mut body = mock.exports()[0].json.clone().unwrap();
    for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array_mut().unwrap() {
        span["spanId"] = json!(format!("ffff{}", &span["spanId"].as_str().unwrap()[4..]));
    }
    post(&mock, &body);
    assert_eq!(told(&sandbox, &[session.id()])["foreign"], 2);
}

#[test]
fn turns_under_another_applications_span_are_found_in_its_trace() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let mut env = traced_to(&mock.url());
    env["CC_LANGFUSE_TRACEPARENT"] =
        json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    sandbox.config(&json!({"env": env}));
    let session = sandbox.session("v2.1.330/stream-multi");
    session.whole().replay(&[]).exits(0);
    for reading in [Reading::Merged, Reading::Old] {
        mock.show(reading);
        let ran = verify(&sandbox, &[session.id()]).exits(0);
        assert!(ran.stdout.contains("6 of 6 observations stored\n"), "{}", ran.stdout);
    }
}

#[test]
fn unsent_sessions_and_untraced_projects_are_skipped() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    let all = verify(&sandbox, &["--since", "2020-01-01", "--json"]).exits(0).json();
    assert_eq!((&all[0]["never_sent"], &all[0]["sessions"]), (&json!(1), &json!(0)));
    assert_eq!(mock.requests().len(), 0);
    // A named session is reported as absent, unless it is in Langfuse.
    sandbox
        .screen()
        .types("claude-langfuse verify --since 2020-01-01")
        .types("claude-langfuse verify 2c97 --wait 0")
        .types("claude-langfuse verify 2c97 --wait 0 --json")
        .types("claude-langfuse verify 2c97 --wait 0 --repair")
        .is("verify_never_sent");
    assert!(mock.rows().is_empty(), "it was sent all the same");
}

#[test]
fn a_rewritten_transcript_must_be_replayed_first() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.whole().replay(&[]).exits(0);
    let text = std::fs::read_to_string(session.path()).unwrap();
    let half: Vec<&str> = text.lines().skip(3).collect();
    std::fs::write(session.path(), half.join("\n")).unwrap();
    let ran = verify(&sandbox, &[session.id()]).exits(1);
    assert!(ran.stderr.contains("'claude-langfuse replay' first"), "{}", ran.stderr);
}

#[test]
fn an_unreadable_session_does_not_hide_the_others() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    let other = sandbox.session("v2.1.330/stream-multi");
    other.whole().replay(&[]).exits(0);
    std::fs::write(other.path(), "{}\n").unwrap();
    // Without a time of its own, it was last written now.
    let ran = verify(&sandbox, &["--since", "2020-01-01", "--json"]).exits(1);
    let told = ran.json();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!((&told[2]["sessions"], &told[2]["failed"]), (&json!(1), &json!(1)));
}

#[test]
fn a_rate_limit_is_waited_for() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    mock.reply_to_reader(Reply::RateLimited(1));
    let ran = verify(&sandbox, &[session.id()]).exits(0);
    assert!(ran.stderr.contains("continuing in 1 s"), "{}", ran.stderr);
}
