//! `replay --all`: thousands of sessions of many projects, with pauses that a server asks for, and interruptions.

use std::time::Duration;

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::{Value, json};

use crate::sandbox::{PROJECT, Received, Recording, Sandbox, traced_to, unused_address};

/// Two traced projects and an untraced one, with a session each, and one more in the first.
fn four(sandbox: &Sandbox, mock: &MockLangfuse) {
    sandbox.config(&json!({
        "env": traced_to(&mock.url()),
        "projects": {"/home/dev/private": {"env": {"TRACE_TO_LANGFUSE": "false"}}},
    }));
    sandbox.session("v2.1.330/simple").whole();
    sandbox.session("v2.1.330/subagent-background").whole();
    sandbox.session_in("/home/dev/other".as_ref(), "v2.1.330/stream-multi").whole();
    sandbox.session_in("/home/dev/private".as_ref(), "v2.1.330/tools").whole();
}

#[test]
fn every_traced_project_is_replayed_with_totals() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    four(&sandbox, &mock);
    sandbox
        .screen()
        .hide(mock.url(), "http://langfuse.test")
        .types("claude-langfuse replay --all --project /home/dev/other")
        .types("claude-langfuse replay --all")
        .types("claude-langfuse replay --all")
        .is("replay_all");
    assert_eq!(mock.answers().len(), 6);
}

#[test]
fn json_lists_sessions_then_projects_then_the_summary() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    four(&sandbox, &mock);
    let told = sandbox.run(&["replay", "--all", "--json"]).exits(0).json();
    let name = |line: &Value| {
        let name = line.get("session").or_else(|| line.get("project"));
        name.map_or("all", |name| name.as_str().unwrap()).to_owned()
    };
    let summed: Vec<_> = told
        .iter()
        .map(|line| (name(line), line["turns"].as_u64(), line["spans"].as_u64()))
        .collect();
    let expected = [
        ("2c9740f0-2c19-4671-94ef-e8117c7c36d6", 1, 2),
        ("8ceb14cb-f452-4f44-ae0b-044b4b3f453a", 3, 6),
        ("bd098e6e-0c6e-4d73-a047-9e78f400cf4a", 2, 10),
        ("/home/dev/other", 3, 6),
        (PROJECT, 3, 12),
        ("all", 6, 18),
    ];
    let expected = expected.map(|(name, turns, spans)| (name.to_owned(), Some(turns), Some(spans)));
    assert_eq!(summed, expected);
    assert!(told.iter().all(|line| line["schema"] == 1));
    assert_eq!(told.last().unwrap()["skipped"], 1);
}

#[test]
fn failures_are_reported_once_with_a_remedy() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    four(&sandbox, &mock);
    let address = unused_address().to_string();
    sandbox.config(&json!({"env": traced_to(&format!("http://{address}"))}));
    sandbox
        .screen()
        .hide(address, "langfuse.test")
        .types("claude-langfuse replay --all")
        .types("claude-langfuse replay --all --since soon")
        .types("claude-langfuse replay --project /home/dev/other")
        .types("claude-langfuse replay ffff --json")
        .is("replay_all_errors");
}

#[test]
fn help_has_examples() {
    let sandbox = Sandbox::new();
    sandbox.screen().types("claude-langfuse replay --help").is("replay_help");
}

#[test]
fn filters_choose_by_project_and_by_the_time_of_the_last_row() {
    for (filter, answers) in [
        (&["--project", "/home/dev/other"][..], 3),
        (&["--project", PROJECT], 3),
        (&["--project", "/home/dev"], 6),
        (&["--since", "2024-11-23T06:40:00Z"], 3),
        (&["--until", "2024-11-23T06:40:00Z"], 3),
        (&["--since", "7d"], 0),
        (&["--until", "2020-01-01"], 0),
    ] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::new();
        four(&sandbox, &mock);
        sandbox.run(&[&["replay", "--all"], filter].concat()).exits(0);
        assert_eq!(mock.answers().len(), answers, "{filter:?}");
    }
}

#[test]
fn filters_also_apply_to_named_sessions() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    four(&sandbox, &mock);
    let folder = sandbox.projects().display().to_string();
    sandbox.run(&["replay", &folder, "--project", "/home/dev/other"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    sandbox.run(&["replay", &folder, "--since", "7d"]).exits(0);
    assert_eq!(mock.answers().len(), 3);
}

#[test]
fn an_interrupted_run_continues_where_it_stopped() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    // On a busy machine the interruption may take long.
    sandbox.set("LANGFUSE_TIMEOUT", "120");
    for recording in ["v2.1.330/simple", "v2.1.330/stream-multi", "v2.1.330/tools"] {
        sandbox.session(recording).whole();
    }
    mock.reply_next(Reply::Normal);
    mock.reply_next(Reply::Hang);
    let running = sandbox.start(&["replay", "--all"], b"");
    // The second request is running: the first was acknowledged and recorded.
    assert!(mock.wait_for(Duration::from_secs(300), |_| mock.requests().len() == 2));
    // Like Ctrl-C, which a test run in the background ignores.
    running.signal("TERM");
    assert_eq!(running.end().code, None);
    sandbox.run(&["replay", "--all"]).exits(0);
    assert_once(&mock, &["v2.1.330/simple", "v2.1.330/stream-multi", "v2.1.330/tools"]);
}

#[test]
fn an_interrupted_long_session_continues_in_its_middle() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let mut env = traced_to(&mock.url());
    env["CC_LANGFUSE_MAX_CHARS"] = json!("10000000");
    sandbox.config(&json!({"env": env}));
    let mut session = sandbox.session("v2.1.330/stream-multi");
    session.recording = session.recording.replaced("Answer 2.", &"long ".repeat(900_000));
    session.whole();
    mock.reply_next(Reply::Normal);
    mock.reply_next(Reply::Hang);
    let running = sandbox.start(&["replay", "--all"], b"");
    assert!(mock.wait_for(Duration::from_secs(300), |_| mock.requests().len() == 2));
    let sent = mock.accepted_spans().len();
    assert!(sent > 0);
    // Like Ctrl-C, which a test run in the background ignores.
    running.signal("TERM");
    running.end();
    sandbox.run(&["replay", "--all"]).exits(0);
    assert_once(&mock, &["v2.1.330/stream-multi"]);
}

/// Every observation of the recordings arrived, and none twice.
fn assert_once(mock: &MockLangfuse, recordings: &[&str]) {
    let whole = MockLangfuse::start();
    let sandbox = Sandbox::traced(&whole);
    for recording in recordings {
        sandbox.session(recording).whole();
    }
    sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(mock.rows().len(), whole.rows().len());
    assert_eq!(mock.accepted_spans().len(), mock.rows().len());
}

#[test]
fn a_pause_asked_for_by_the_server_is_kept_before_continuing() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let recordings = ["v2.1.330/simple", "v2.1.330/stream-multi"];
    for recording in recordings {
        sandbox.session(recording).whole();
    }
    mock.reply_next(Reply::RateLimited(1));
    mock.reply_next(Reply::RateLimited(0));
    let ran = sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(ran.stderr.matches("answered 429: too many requests: continuing in 1 s").count(), 2);
    assert!(ran.took >= Duration::from_secs(2), "{ran:?}");
    assert_once(&mock, &recordings);
}

#[test]
fn flush_leaves_a_pause_to_the_next_run() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.whole();
    mock.reply_next(Reply::RateLimited(60));
    let ran = sandbox.run(&["flush"]).exits(4);
    assert!(!ran.stderr.contains("going on"), "{ran:?}");
}

#[test]
fn progress_is_only_shown_at_a_terminal() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    four(&sandbox, &mock);
    // Longer than a line of progress would take to appear.
    let slow = Reply::Delay(Duration::from_millis(700), Box::new(Reply::Normal));
    mock.reply_always(Some(slow));
    let ran = sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_progress_line_is_replaced_by_the_result() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    four(&sandbox, &mock);
    let slow = Reply::Delay(Duration::from_millis(700), Box::new(Reply::Normal));
    mock.reply_always(Some(slow));
    for columns in [80, 30] {
        let arguments = ["replay", "--all", "--again"];
        let mut terminal = sandbox.at_terminal(columns, &arguments);
        terminal.sees("of 3 sessions");
        let (code, screen) = terminal.ends();
        assert_eq!(code, Some(0), "{screen}");
        let (before, result) = screen.rsplit_once("\r\u{1b}[K").unwrap();
        let progress: Vec<&str> = before
            .split(['\r', '\n'])
            .filter_map(|line| line.strip_prefix("\u{1b}[K"))
            .filter(|line| line.contains(" of 3 sessions"))
            .collect();
        let fits = |line: &&str| line.chars().count() < columns.into();
        assert!(!progress.is_empty() && progress.iter().all(fits), "{progress:?}");
        assert!(result.contains("3 sessions: 6 turns"), "{result}");
    }
    let (code, screen) = sandbox.at_terminal(80, &["replay", "--all", "--again", "--quiet"]).ends();
    assert_eq!(code, Some(0));
    assert!(!screen.contains('\u{1b}'), "{screen:?}");
}

#[test]
fn an_unreadable_session_does_not_hide_the_others() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    four(&sandbox, &mock);
    let recording = Recording::open("v2.1.330/simple");
    let gone = sandbox.projects().join(&recording.sessions[0].path);
    std::fs::remove_file(&gone).unwrap();
    std::os::unix::fs::symlink(sandbox.path("nowhere"), &gone).unwrap();
    sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(mock.answers().len(), 5);
}
