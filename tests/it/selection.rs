//! `dataset add` and `export` select turns by outcome: by tests, commits and scores, of many sessions at once.

use serde_json::{Value, json};

use crate::sandbox::{Recording, Sandbox};
use langfuse_mock::{MockLangfuse, Reading};

/// A session of four turns, and one of three.
const COMPACT: &str = "v2.1.330/compact";
const STREAM: &str = "v2.1.330/stream-multi";

/// All recordings of the newest releases.
fn everything(sandbox: &Sandbox) {
    for name in Recording::names().iter().filter(|name| name.starts_with("v2.1.33")) {
        for transcript in &Recording::open(name).sessions {
            sandbox.grow(transcript, usize::MAX);
        }
    }
}

/// Session and turn of each line.
fn exported(sandbox: &Sandbox, arguments: &[&str]) -> Vec<(String, u64)> {
    let ran = sandbox.run(&[&["export", "--per", "turn"], arguments].concat()).exits(0);
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|line| (line["session"].as_str().unwrap().to_owned(), line["turn"].as_u64().unwrap()))
        .collect()
}

#[test]
fn committed_and_tests_passed_agree_with_the_scores() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let mut env = crate::sandbox::traced_to(&mock.url());
    env["CC_LANGFUSE_SCORES"] = "true".into();
    sandbox.config(&json!({"env": env}));
    everything(&sandbox);
    sandbox.run(&["replay", "--all"]).exits(0);
    let scored = |name: &str, is_wanted: &dyn Fn(f64, &str) -> bool| {
        let scores = mock.scores();
        let of_name = scores.iter().filter(|score| score.name() == name);
        let mut traces: Vec<String> = of_name
            .filter(|score| is_wanted(score.value().as_f64().unwrap(), score.text("traceId")))
            .map(|score| score.text("traceId").to_owned())
            .collect();
        traces.sort();
        traces
    };
    let selected = |filter: &str| {
        let arguments = ["dataset", "add", "--all", "--dataset", "d", "--dry-run", filter];
        let ran = sandbox.run(&arguments).exits(0);
        let items = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut traces: Vec<String> =
            items.map(|item| item["sourceTraceId"].as_str().unwrap().to_owned()).collect();
        traces.sort();
        traces
    };
    let committed = scored("commits", &|commits, _| commits > 0.0);
    assert!(!committed.is_empty());
    assert_eq!(selected("--committed"), committed);
    let run = |trace: &str| {
        let scores = mock.scores();
        let of_trace = |score: &&langfuse_mock::ScoreRow| {
            score.name() == "tests_run" && score.text("traceId") == trace
        };
        scores.iter().find(of_trace).unwrap().value().as_f64()
    };
    let passed =
        scored("tests_passed", &|passed, trace| passed > 0.0 && run(trace) == Some(passed));
    assert_eq!(selected("--tests-passed"), passed);
}

#[test]
fn failures_are_turns_with_a_failed_tool_or_test_or_without_a_whole_answer() {
    let sandbox = Sandbox::new();
    for name in ["v2.1.330/tool-error", "v2.1.330/tui-interrupt"] {
        sandbox.session(name).whole();
    }
    let failed_tool = sandbox.session("v2.1.330/tool-error").id().to_owned();
    let stopped = sandbox.session("v2.1.330/tui-interrupt").id().to_owned();
    sandbox.session("v2.1.330/compact").whole();
    let failed = exported(&sandbox, &["--all", "--from-failures"]);
    let interrupted = exported(&sandbox, &["--all", "--scored", "interrupted=true"]);
    assert!(failed.contains(&(failed_tool, 1)), "{failed:?}");
    assert!(interrupted.iter().all(|turn| failed.contains(turn)), "{failed:?}");
    assert!(interrupted.iter().any(|(session, _)| *session == stopped), "{interrupted:?}");
    let kept = exported(&sandbox, &["--all"]).len();
    let compact = sandbox.session("v2.1.330/compact").id().to_owned();
    assert!(failed.len() < kept && failed.iter().all(|(session, _)| *session != compact));
}

#[test]
fn a_score_of_a_person_selects_its_turn_and_one_of_a_session_all_turns() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let compact = sandbox.session(COMPACT);
    compact.whole();
    let stream = sandbox.session(STREAM);
    stream.whole();
    let turn = format!("{}#2", compact.id());
    sandbox.run(&["score", &turn, "helpful=true", "tone=dry"]).exits(0);
    sandbox.run(&["score", &format!("{}#3", compact.id()), "helpful=false"]).exits(0);
    sandbox.run(&["score", stream.id(), "helpful=true"]).exits(0);
    let of_compact = (compact.id().to_owned(), 2);
    let found = exported(&sandbox, &["--all", "--scored", "helpful=true"]);
    let of_stream = found.iter().filter(|(session, _)| session == stream.id()).count();
    assert_eq!((found.len(), of_stream), (4, 3), "{found:?}");
    assert!(found.contains(&of_compact), "{found:?}");
    let both = ["--all", "--scored", "helpful=true", "--scored", "tone=dry"];
    assert_eq!(exported(&sandbox, &both), [of_compact]);
    assert_eq!(exported(&sandbox, &["--all", "--scored", "helpful=3"]), []);
    let lists = mock.requests().into_iter().filter(|request| request.path.contains("v3/scores"));
    assert_eq!(lists.count(), 4, "each list is read once per command");
    let added = ["dataset", "add", "--all", "--scored", "tone=dry", "--dataset", "d", "--create"];
    sandbox.run(&added).exits(0);
    assert_eq!(mock.dataset_items().len(), 1);
}

#[test]
fn a_computed_score_needs_no_server() {
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/tui-interrupt");
    session.whole();
    let interrupted = exported(&sandbox, &["--all", "--scored", "interrupted=true"]);
    let other = exported(&sandbox, &["--all", "--scored", "interrupted=false"]);
    let all = exported(&sandbox, &["--all"]);
    assert!(!interrupted.is_empty() && interrupted.len() + other.len() == all.len());
}

#[test]
fn stored_scores_that_can_not_be_read_select_nothing() {
    let sandbox = Sandbox::new();
    sandbox.session(COMPACT).whole();
    let ran = sandbox.run(&["export", "--all", "--scored", "helpful=true"]).exits(3);
    assert_eq!(ran.stdout, "");
}

#[test]
fn stored_scores_of_an_older_server_are_read_too() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(COMPACT);
    session.whole();
    sandbox.run(&["replay", "--all"]).exits(0);
    sandbox.run(&["score", &format!("{}#2", session.id()), "helpful=true"]).exits(0);
    let helpful = ["--all", "--scored", "helpful=true"];
    let selected = exported(&sandbox, &helpful);
    assert_eq!(selected, [(session.id().to_owned(), 2)]);
    mock.show(Reading::Old);
    assert_eq!(exported(&sandbox, &helpful), selected);
}

#[test]
fn many_sessions_become_items_at_once_and_one_that_can_not_be_read_is_named() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let (compact, stream) = (sandbox.session(COMPACT), sandbox.session(STREAM));
    compact.whole();
    stream.whole();
    let broken = compact.path().with_file_name("0f0f0f0f-0000-4000-8000-000000000000.jsonl");
    let text = std::fs::read_to_string(compact.path()).unwrap().replacen("\"type\"", "\"ty", 3);
    std::fs::write(&broken, text).unwrap();
    let all = ["dataset", "add", "--all", "--dataset", "d", "--create"];
    let ran = sandbox.run(&all).exits(1);
    assert!(ran.stderr.contains("line"), "{}", ran.stderr);
    assert_eq!(mock.dataset_items().len(), 4 + 3);
    let named = ["dataset", "add", compact.id(), stream.id(), "--dataset", "e", "--create"];
    sandbox.run(&named).exits(0);
    assert_eq!(mock.dataset_items().len(), 14);
    let old = ["dataset", "add", "--all", "--until", "2020-01-01", "--dataset", "e"];
    let ran = sandbox.run(&old).exits(0);
    assert!(ran.stderr.contains("no sessions found"), "{}", ran.stderr);
}

#[test]
fn terminal_screens() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(STREAM);
    session.whole();
    sandbox.run(&["replay", "--all"]).exits(0);
    let project = "--project /home/dev/elsewhere --since 2024-01-01 --until 2024-01-02";
    let page = sandbox.path("page.html").display().to_string();
    let screen = sandbox.screen().hide(mock.url(), "http://langfuse.test");
    screen
        .hide(&page, "page.html")
        .types("claude-langfuse dataset add --all --committed --dataset bugs --create")
        .types("claude-langfuse dataset add --all --tests-passed --dataset bugs")
        .types("claude-langfuse dataset add --all --scored interrupted=true --dataset bugs")
        .types("claude-langfuse dataset add --all --from-failures --dataset bugs")
        .types(&format!("claude-langfuse dataset add --all {project} --dataset bugs"))
        .types("claude-langfuse export --all --committed --per turn")
        .types("claude-langfuse export --all --tests-passed --scored interrupted=false --per turn")
        .types("claude-langfuse export --all --from-failures --per turn")
        .types(&format!("claude-langfuse show {} --html {page}", session.id()))
        .is("selection");
}
