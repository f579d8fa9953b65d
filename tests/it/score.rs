//! `score` sends a person's score of a turn or a session to Langfuse: accepted, on the right trace, once.

use langfuse_mock::{MockLangfuse, Reply, ScoreRow, Scoring};
use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, unused_address};

const SESSION: &str = "912a4919-16f4-48ff-afb9-2a856b816505";

fn score(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.run(&[&["score"], arguments].concat())
}

/// A sent session of four turns.
fn sent(mock: &MockLangfuse) -> Sandbox {
    let sandbox = Sandbox::traced(mock);
    sandbox.session("v2.1.330/compact").whole();
    sandbox.run(&["replay", SESSION]).exits(0);
    sandbox
}

fn trace_of_turn(mock: &MockLangfuse, turn: u64) -> String {
    let rows = mock.rows();
    let is_turn = |row: &&langfuse_mock::Row| {
        row.name == "claude-code" && row.metadata.get("turn_number") == Some(&turn.to_string())
    };
    rows.iter().find(is_turn).unwrap().trace_id.clone()
}

fn only(mock: &MockLangfuse) -> ScoreRow {
    let scores = mock.scores();
    assert_eq!(scores.len(), 1, "{scores:?}");
    scores[0].clone()
}

#[test]
fn a_turn_and_a_session_are_scored() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    let trace = trace_of_turn(&mock, 2);
    sandbox
        .screen()
        .hide(mock.url(), "http://langfuse.test")
        .types("claude-langfuse score 912a#2 quality=4 helpful=true tone=friendly")
        .types("claude-langfuse score 912a solved=false --comment gave-up")
        .types("claude-langfuse score 912a#2 note=fine --type text --json")
        .is("score");
    let told: Vec<(String, String, Value)> = mock
        .scores()
        .iter()
        .map(|row| (row.name().to_owned(), row.text("dataType").to_owned(), row.value()))
        .collect();
    let row = |name: &str, kind: &str, value: Value| (name.to_owned(), kind.to_owned(), value);
    assert_eq!(
        told,
        [
            row("helpful", "BOOLEAN", json!(1)),
            row("note", "TEXT", json!("fine")),
            row("quality", "NUMERIC", json!(4.0)),
            row("solved", "BOOLEAN", json!(0)),
            row("tone", "CATEGORICAL", json!("friendly")),
        ]
    );
    for row in mock.scores() {
        match row.name() {
            "solved" => {
                assert_eq!((row.text("sessionId"), row.text("traceId")), (SESSION, ""));
                assert_eq!(row.text("comment"), "gave-up");
            }
            _ => assert_eq!((row.text("sessionId"), row.text("traceId")), ("", &*trace)),
        }
    }
    assert_eq!(mock.score_requests().len(), 3);
}

#[test]
fn a_second_score_replaces_the_first() {
    for scoring in [Scoring::Events, Scoring::Lists] {
        let mock = MockLangfuse::start();
        mock.take_scores(scoring);
        let sandbox = sent(&mock);
        for value in ["1", "2", "3"] {
            score(&sandbox, &["912a#1", &format!("quality={value}")]).exits(0);
        }
        assert_eq!(only(&mock).value(), json!(3.0), "{scoring:?}");
    }
}

#[test]
fn servers_of_either_score_endpoint_get_one_request() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    let paths = || -> Vec<String> {
        let requests = mock.score_requests();
        requests.into_iter().map(|request| request.path).collect()
    };
    score(&sandbox, &["912a#1", "a=1", "b=2"]).exits(0);
    assert_eq!(paths(), ["/api/public/ingestion"]);
    mock.take_scores(Scoring::Lists);
    score(&sandbox, &["912a#1", "c=3"]).exits(0);
    assert_eq!(paths()[1..], ["/api/public/ingestion", "/api/public/scores"]);
    assert_eq!(mock.scores().len(), 3);
}

#[test]
fn a_comment_is_masked() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let comment = format!("it printed {token}");
    let word = format!("why={token}");
    let arguments = ["912a#1", &word, "--comment", &comment];
    score(&sandbox, &arguments).exits(0);
    let sent = String::from_utf8(mock.score_requests()[0].body.clone()).unwrap();
    assert!(sent.contains("it printed") && !sent.contains("a1B2"), "{sent}");
    let shown = score(&sandbox, &[&arguments[..], &["--dry-run"]].concat()).exits(0);
    assert!(!shown.stdout.contains("a1B2"), "{}", shown.stdout);
}

#[test]
fn a_dry_run_prints_the_request_and_needs_no_keys() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/compact").whole();
    let told = score(&sandbox, &["912a#2", "quality=4", "--dry-run"]).exits(0).json();
    let event = &told[0]["batch"][0];
    assert_eq!((&event["type"], &event["body"]["value"]), (&json!("score-create"), &json!(4.0)));
    assert!(sandbox.state().is_empty(), "{:?}", sandbox.state());
}

#[test]
fn an_environment_and_a_seed_are_those_of_the_trace() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("LANGFUSE_TRACING_ENVIRONMENT", "staging").set("CC_LANGFUSE_TRACE_SEED", "case-7");
    sandbox.session("v2.1.330/compact").whole();
    sandbox.run(&["replay", SESSION]).exits(0);
    score(&sandbox, &["912a#3", "quality=4"]).exits(0);
    let row = only(&mock);
    assert_eq!(row.text("traceId"), trace_of_turn(&mock, 3));
    assert_eq!(row.text("environment"), "staging");
}

/// Only the environment of the sending hook had the seed.
#[test]
fn a_turn_is_scored_where_it_was_sent() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_TRACE_SEED", "case-7");
    let session = sandbox.session("v2.1.330/simple");
    session.answered(0).stop(0).silent();
    let (id, trace) = (session.id().to_owned(), mock.rows()[0].trace_id.clone());
    sandbox.set("CC_LANGFUSE_TRACE_SEED", "another");
    score(&sandbox, &[&format!("{id}#1"), "quality=4"]).exits(0);
    assert_eq!(only(&mock).text("traceId"), trace);
}

#[test]
fn in_another_applications_trace_the_turn_is_scored_and_not_the_trace() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    sandbox.set("CC_LANGFUSE_TRACEPARENT", parent);
    sandbox.session("v2.1.330/compact").whole();
    sandbox.run(&["replay", SESSION]).exits(0);
    for turn in 1..=2 {
        score(&sandbox, &[&format!("912a#{turn}"), "quality=4"]).exits(0);
    }
    let scores = mock.scores();
    assert_eq!(scores.len(), 2);
    assert_ne!(scores[0].text("observationId"), scores[1].text("observationId"));
    for row in &scores {
        assert_eq!(row.text("traceId"), "0af7651916cd43dd8448eb211c80319c");
        let is_scored = |span: &langfuse_mock::Row| span.span_id == row.text("observationId");
        assert!(mock.rows().iter().any(|span| is_scored(span) && span.name == "claude-code"));
    }
    let told = score(&sandbox, &["912a", "quality=4"]).exits(1);
    assert!(told.stderr.contains("name a turn"), "{}", told.stderr);
}

#[test]
fn invalid_scores_are_reported_with_a_remedy() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/compact").whole();
    sandbox
        .screen()
        .types("claude-langfuse score")
        .types("claude-langfuse score 912a#2")
        .types("claude-langfuse score 912a#2 quality")
        .types("claude-langfuse score 912a#2 quality=4 --type stars")
        .types("claude-langfuse score 912a#2 quality=good --type numeric")
        .types("claude-langfuse score 912a#9 quality=4")
        .types("claude-langfuse score 912a#1..2 quality=4")
        .types("claude-langfuse score 912a#2 --correct /nowhere.md")
        .types("claude-langfuse score ffff#1 quality=4")
        .types("claude-langfuse score 912a#2 quality=4")
        .types("claude-langfuse score 912a#2 quality=4 --json")
        .types("claude-langfuse score 912a#2 quality=4 --dry-run --json")
        .is("score_errors");
}

#[test]
fn help_has_examples() {
    let sandbox = Sandbox::new();
    sandbox.screen().types("claude-langfuse score --help").is("score_help");
}

#[test]
fn an_unsent_session_is_reported() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/compact").whole();
    let told = score(&sandbox, &["912a#1", "quality=4"]).exits(0);
    assert!(told.stderr.contains("claude-langfuse replay 912a"), "{}", told.stderr);
    assert_eq!(mock.scores().len(), 1);
}

#[test]
fn exit_codes_distinguish_failures() {
    let refused = json!({"successes": [], "errors": [{"id": "x", "status": 400, "message": "no"}]});
    let in_trouble = json!({"successes": [], "errors": [{"id": "x", "status": 500}]});
    let answer =
        |body: &Value| Reply::StatusWithBody(207, Vec::new(), body.to_string().into_bytes());
    for (replies, code) in [
        (vec![Reply::Status(401)], 5),
        (vec![Reply::Html], 3),
        (vec![Reply::Status(503)], 4),
        (vec![Reply::RateLimited(7200)], 4),
        (vec![answer(&in_trouble)], 4),
        (vec![answer(&refused), Reply::Status(400)], 6),
        (vec![Reply::Status(404), Reply::Status(404)], 3),
    ] {
        let mock = MockLangfuse::start();
        let sandbox = sent(&mock);
        let said = format!("{replies:?}");
        replies.into_iter().for_each(|reply| mock.reply_to_scorer(reply));
        let ran = score(&sandbox, &["912a#1", "quality=4"]);
        assert_eq!(ran.code, Some(code), "{said}: {}", ran.stderr);
        assert_eq!(mock.scores(), []);
    }
    let sandbox = Sandbox::traced_to(&format!("http://{}", unused_address()));
    sandbox.session("v2.1.330/compact").whole();
    score(&sandbox, &["912a#1", "quality=4"]).exits(4);
}

#[test]
fn a_score_without_a_comment_clears_the_previous_comment() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    score(&sandbox, &["912a#2", "quality=4", "--comment", "slow"]).exits(0);
    assert_eq!(only(&mock).text("comment"), "slow");
    score(&sandbox, &["912a#2", "quality=4"]).exits(0);
    assert_eq!(only(&mock).text("comment"), "");
}

#[test]
fn a_turns_output_is_corrected() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let path = sandbox.write("answer.md", format!("It is 42, with {token}.\n").as_bytes());
    let path = path.display().to_string();
    score(&sandbox, &["912a#2", "--correct", &path]).exits(0);
    let correction = only(&mock);
    let value = correction.value();
    let text = value.as_str().unwrap();
    assert!(text.starts_with("It is 42, with [masked: github-token"), "{text}");
    let trace = trace_of_turn(&mock, 2);
    let rows = mock.rows();
    let root = rows.iter().find(|row| row.trace_id == trace && row.name == "claude-code").unwrap();
    assert_eq!(mock.corrected_output(&trace, &root.span_id).as_deref(), Some(text));
    // The newest wins.
    sandbox.write("answer.md", b"Better.");
    score(&sandbox, &["912a#2", "--correct", &path]).exits(0);
    assert_eq!(only(&mock).value(), "Better.");
    assert_eq!(mock.corrected_output(&trace, &root.span_id).as_deref(), Some("Better."));
    score(&sandbox, &["912a", "--correct", &path]).exits(1);
    score(&sandbox, &["912a#2", "--correct", "/nowhere"]).exits(1);
    score(&sandbox, &["912a#2", "quality=4", "--correct", &path]).exits(2);
}
