//! `status --line` as Claude Code's statusLine runs it.

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const OPEN: &str = "\u{1b}]8;;";
const CLOSE: &str = "\u{1b}]8;;\u{1b}\\";

/// The line for a session, with Claude Code's JSON on standard input.
fn line(sandbox: &Sandbox, input: &Value) -> String {
    let mut running = sandbox.start(&["status", "--line"], input.to_string().as_bytes());
    running.close_input();
    let ran = running.end().exits(0);
    assert_eq!(ran.stderr, "");
    let text = ran.stdout.strip_suffix('\n').unwrap().to_owned();
    assert!(visible(&text).chars().count() <= 40, "{text}");
    text
}

/// The text without its link.
fn visible(line: &str) -> String {
    match line.strip_prefix(OPEN) {
        Some(rest) => rest.split_once('\\').unwrap().1.replace(CLOSE, ""),
        None => line.to_owned(),
    }
}

#[test]
fn each_session_has_a_link_to_its_own_last_trace() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.answered(1).stop(1);
    let status = sandbox.run(&["status", "--json"]).exits(0).json().remove(0);
    let last = status["last_trace"].as_str().unwrap().to_owned();
    let input = |id: &str| {
        json!({
            "session_id": id, "cwd": "/", "workspace": {"project_dir": sandbox.path("")},
            "cost": {"total_cost_usd": 0.4249},
        })
    };
    let id = session.id().to_owned();
    drop(session);
    sandbox.session("v2.1.330/simple").whole().stop(0);
    let line_of = |id: &str| line(&sandbox, &input(id));
    let told = line_of(&id);
    assert_eq!(visible(&told), "langfuse on · $0.42");
    assert!(told.starts_with(&format!("{OPEN}{last}\u{1b}\\langfuse{CLOSE}")), "{told}");
    assert_eq!(line_of("another"), "langfuse on · $0.42", "no link of another session");
}

/// The JSON that Claude Code 2.1.332 wrote to a status line after the second of two turns.
const RECORDED: &str = include_str!("../fixtures/statusline/v2.1.332.json");

#[test]
fn the_input_of_the_real_program_prints_link_and_cost() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole().stop(0);
    let mut input: Value = serde_json::from_str(RECORDED).unwrap();
    let told = line(&sandbox, &input);
    assert_eq!(told, "langfuse on · $0.02", "nothing of this session was sent");
    input["session_id"] = json!(session.id());
    let told = line(&sandbox, &input);
    let trace = &mock.rows()[0].trace_id;
    let link = format!("{OPEN}{}/trace/{trace}\u{1b}\\langfuse{CLOSE} on · $0.02", mock.url());
    assert_eq!(told, link);
}

#[test]
fn waiting_and_failing_deliveries_come_before_the_cost() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    mock.reply_always(Some(Reply::Status(401)));
    let session = sandbox.session("v2.1.330/simple");
    session.whole().stop(0);
    let id = session.id().to_owned();
    drop(session);
    let input = |dollars: f64| json!({"session_id": id, "cost": {"total_cost_usd": dollars}});
    assert_eq!(line(&sandbox, &input(3.0)), "langfuse on · failing · 1 waiting");
    sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "false"}}));
    assert_eq!(line(&sandbox, &input(12.5)), "langfuse off · $12.50");
}

#[test]
fn any_other_input_is_accepted() {
    let sandbox = Sandbox::new();
    for input in ["", "rubbish", "[]", "7", "{\"session_id\": 1}", "{\"cost\": null}"] {
        let mut running = sandbox.start(&["status", "--line"], input.as_bytes());
        running.close_input();
        assert_eq!(running.end().exits(0).stdout, "langfuse off\n");
    }
    // An unreadable configuration is no error of the line.
    sandbox.write(".config/claude-langfuse/config.json", b"{");
    let mut running = sandbox.start(&["status", "--line"], RECORDED.as_bytes());
    running.close_input();
    let ran = running.end();
    assert_eq!((ran.stdout.lines().count(), &*ran.stderr), (1, ""), "{ran:?}");
    sandbox.write(".config/claude-langfuse/config.json", b"{}");
    // Standard input stays open.
    assert_eq!(sandbox.run(&["status", "--line"]).exits(0).stdout, "langfuse off\n");
    let (code, screen) = sandbox.at_terminal(80, &["status", "--line"]).ends();
    assert_eq!((code, screen.trim()), (Some(0), "langfuse off"));
}
