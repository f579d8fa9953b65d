//! Scores from a turn's transcript, as an option: sent after the turn's spans, by hooks and replay alike,
//! and despite any failure.

use std::fmt::Write;

use langfuse_mock::{MockLangfuse, Reply, Scoring};
use serde_json::{Value, json};

use crate::sandbox::{Recording, Sandbox, Session, traced_to};

fn scored(mock: &MockLangfuse) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut env = traced_to(&mock.url());
    env["CC_LANGFUSE_SCORES"] = "true".into();
    sandbox.config(&json!({"env": env}));
    sandbox
}

/// All scores, without the time of the first arrival.
fn told(mock: &MockLangfuse) -> Vec<Value> {
    let scores = mock.scores().into_iter();
    scores.map(|score| score.body.into()).collect()
}

fn by_replay(recording: &str) -> Vec<Value> {
    let mock = MockLangfuse::start();
    let sandbox = scored(&mock);
    sandbox.session(recording).whole().replay(&[]).exits(0);
    told(&mock)
}

/// Runs each recorded Stop hook of the session, then SessionEnd.
fn live(session: &Session<'_>, stops: usize) {
    for stop in 0..stops {
        session.answered(stop).stop(stop).silent();
    }
    session.whole().end().silent();
}

#[test]
fn scores_are_off_by_default() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/tool-error");
    live(&session, 1);
    session.replay(&["--again"]).exits(0);
    assert_eq!(mock.score_requests().len(), 0);
    for path in sandbox.state() {
        let content = std::fs::read_to_string(sandbox.path("").join(&path)).unwrap_or_default();
        assert!(!content.contains("scored"), "{}", path.display());
    }
}

#[test]
fn hooks_and_a_replay_send_the_same_scores() {
    for (recording, stops) in
        [("v2.1.330/tool-error", 1), ("v2.1.330/stream-multi", 3), ("v2.1.330/tui-interrupt", 1)]
    {
        let mock = MockLangfuse::start();
        let sandbox = scored(&mock);
        let session = sandbox.session(recording);
        live(&session, stops);
        assert_eq!(told(&mock), by_replay(recording), "{recording}");
        let requests = mock.requests().len();
        session.replay(&[]).exits(0);
        assert_eq!(mock.requests().len(), requests, "{recording}");
    }
}

#[test]
fn scores_go_in_one_request_after_the_spans_of_their_turns() {
    let mock = MockLangfuse::start();
    let sandbox = scored(&mock);
    sandbox.session("v2.1.330/stream-multi").whole().replay(&[]).exits(0);
    let paths: Vec<String> = mock.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/api/public/otel/v1/traces", "/api/public/ingestion"]);
    let traces: Vec<String> = mock.rows().into_iter().map(|row| row.trace_id).collect();
    let scores = mock.scores();
    assert!(scores.len() >= 3, "{scores:?}");
    assert!(scores.iter().all(|score| traces.contains(&score.text("traceId").to_owned())));
}

#[test]
fn failed_scores_are_sent_by_the_next_hook() {
    for failure in [
        Reply::Status(503),
        Reply::Reset,
        Reply::HalfBody,
        Reply::AcceptThenReset,
        Reply::Status(401),
    ] {
        let mock = MockLangfuse::start();
        let sandbox = scored(&mock);
        let session = sandbox.session("v2.1.330/stream-multi");
        let what = format!("{failure:?}");
        mock.reply_to_scorer(failure);
        session.answered(0).start(&session.stop_event(0)).end().exits(0);
        let spans = mock.accepted_spans().len();
        assert!(spans > 0, "{what}: the spans did not wait for the scores");
        sandbox.run(&["flush"]).exits(0);
        assert_eq!(mock.accepted_spans().len(), spans, "{what}: a span was sent twice");
        session.whole().replay(&[]).exits(0);
        assert_eq!(told(&mock), by_replay("v2.1.330/stream-multi"), "{what}");
    }
}

#[test]
fn a_server_that_rejects_scores_gets_all_spans() {
    for status in [404, 400] {
        let mock = MockLangfuse::start();
        let sandbox = scored(&mock);
        for _ in 0..2 {
            mock.reply_to_scorer(Reply::Status(status));
        }
        let session = sandbox.session("v2.1.330/stream-multi");
        session.whole().replay(&[]).exits(0);
        assert_eq!((mock.scores().len(), mock.score_requests().len()), (0, 2));
        session.replay(&[]).exits(0);
        assert_eq!(mock.score_requests().len(), 2, "they are left out for good");
    }
}

#[test]
fn newer_servers_get_the_same_scores() {
    let mock = MockLangfuse::start();
    mock.take_scores(Scoring::Lists);
    let sandbox = scored(&mock);
    let session = sandbox.session("v2.1.330/tool-error");
    live(&session, 1);
    let without_time = |mut score: Value| {
        score.as_object_mut().unwrap().remove("timestamp");
        score
    };
    let told: Vec<Value> = told(&mock).into_iter().map(without_time).collect();
    assert_eq!(told, by_replay("v2.1.330/tool-error"));
}

#[test]
fn figures_have_no_content_and_the_environment() {
    let mock = MockLangfuse::start();
    let mut sandbox = scored(&mock);
    sandbox.set("CC_LANGFUSE_CAPTURE", "metadata").set("LANGFUSE_TRACING_ENVIRONMENT", "staging");
    sandbox.session("v2.1.330/tool-error").whole().replay(&[]).exits(0);
    for score in mock.scores() {
        assert_eq!(score.text("environment"), "staging");
        assert_eq!(score.text("comment"), "");
        assert!(score.value().is_number(), "{score:?}");
    }
}

#[test]
fn a_dry_run_shows_scores() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CC_LANGFUSE_SCORES", "true");
    let session = sandbox.session("v2.1.330/simple");
    let requests = session.whole().replay(&["--dry-run"]).exits(0).json();
    assert_eq!(requests.len(), 2);
    assert!(requests[0]["resourceSpans"].is_array());
    assert_eq!(requests[1]["batch"][0]["type"], "score-create");
    // `show` and `verify` do not list them.
    sandbox.run(&["show", session.id()]).exits(0);
}

#[test]
fn in_another_applications_trace_each_turn_has_its_own_scores() {
    let mock = MockLangfuse::start();
    let mut sandbox = scored(&mock);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    sandbox.set("CC_LANGFUSE_TRACEPARENT", parent);
    sandbox.session("v2.1.330/stream-multi").whole().replay(&[]).exits(0);
    let scores = mock.scores();
    let ratios = scores.iter().filter(|score| score.name() == "cache_hit_ratio");
    let turns: Vec<&str> = ratios.map(|score| score.text("observationId")).collect();
    assert_eq!(turns.len(), 3);
    let roots = mock.rows().into_iter().filter(|row| row.name == "claude-code");
    assert!(roots.map(|row| row.span_id).all(|root| turns.contains(&root.as_str())));
}

#[test]
fn the_report_counts_the_scores() {
    let mock = MockLangfuse::start();
    let sandbox = scored(&mock);
    let session = sandbox.session("v2.1.330/simple");
    mock.reply_to_scorer(Reply::Status(503));
    let told = session.whole().replay(&[]).exits(4).stdout;
    assert!(told.contains("1 turn, 2 observations sent, the rest failed"), "{told}");
    let told = sandbox.run(&["flush"]).exits(0).stdout;
    assert!(told.contains("0 turns, 0 observations, 1 score sent"), "{told}");
    let told = session.replay(&["--again", "--json"]).exits(0).json();
    assert_eq!((&told[0]["spans"], &told[0]["scores"]), (&2.into(), &1.into()));
}

/// Figures of every recording, for review.
#[test]
fn the_figures_of_every_recording() {
    let mut text = String::new();
    for name in Recording::names() {
        let mock = MockLangfuse::start();
        let sandbox = scored(&mock);
        let recording = Recording::open(&name);
        for transcript in recording.sessions.iter().chain(&recording.agents) {
            sandbox.grow(transcript, usize::MAX);
        }
        sandbox.write_others(&recording);
        sandbox.run(&["replay", &sandbox.projects().display().to_string()]).exits(0);
        let mut roots: Vec<_> =
            mock.rows().into_iter().filter(|row| row.name == "claude-code").collect();
        roots.sort_by_key(|row| row.start_ms);
        let scores = mock.scores();
        for root in roots {
            let own = scores.iter().filter(|score| score.text("traceId") == root.trace_id);
            let figures: Vec<String> =
                own.map(|score| format!("{}={}", score.name(), score.value())).collect();
            let turn = root.metadata.get("turn_number").cloned().unwrap_or_default();
            let _ = writeln!(text, "{name}#{turn}  {}", figures.join(" "));
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_pull_request_that_is_named_after_a_turn_is_a_score_of_the_session() {
    let url = "https://github.com/dev/project/pull/7";
    let of_session = |mock: &MockLangfuse| {
        let scores = mock.scores().into_iter().filter(|score| score.name() == "pull_request");
        scores.map(|score| (score.text("sessionId").to_owned(), score.value())).collect::<Vec<_>>()
    };
    // The pull request was opened in the second turn, and is named again when the process ends.
    let mock = MockLangfuse::start();
    let sandbox = scored(&mock);
    let session = sandbox.session("v2.1.332/git-outcomes");
    live(&session, 5);
    let expected = [(session.id().to_owned(), json!(url))];
    assert_eq!(of_session(&mock), expected);
    let requests = mock.requests().len();
    session.replay(&[]).exits(0);
    assert_eq!((mock.requests().len(), of_session(&mock)), (requests, expected.to_vec()));
    session.replay(&["--again"]).exits(0);
    assert_eq!(of_session(&mock), expected, "once");
    // Without the option it is not sent, and a secret in it is masked.
    let mock = MockLangfuse::start();
    let sandbox = scored(&mock);
    let mut session = sandbox.session("v2.1.332/git-outcomes");
    let token = "ghp_0a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H";
    session.recording = session.recording.replaced("dev/project/pull", &format!("{token}/pull"));
    session.whole().replay(&[]).exits(0);
    let told = format!("{:?}", mock.scores());
    assert!(told.contains("pull_request") && !told.contains(token), "{told}");
}
