//! The file of a session: Claude Code may name a folder that it never creates, and people mount, copy, restore and link folders.

use std::fs;
use std::os::unix::fs::symlink;

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::json;

use crate::sandbox::{Received, Sandbox, traced_to};

/// A traced session whose hook got a path in a folder of the worktree.
fn misnamed(event: &mut serde_json::Value, sandbox: &Sandbox, session: &str) {
    let named = sandbox.projects().join("-home-dev-project--claude-worktrees-x");
    event["transcript_path"] = json!(named.join(format!("{session}.jsonl")));
}

#[test]
fn a_hook_finds_a_file_that_is_not_at_the_given_path() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0);
    let mut stop = session.stop_event(0);
    misnamed(&mut stop, &sandbox, session.id());
    session.start(&stop).end().silent();
    assert_eq!(mock.answers(), ["Answer 1."]);
    session.whole();
    let mut end = session.end_event();
    misnamed(&mut end, &sandbox, session.id());
    session.start(&end).end().silent();
    assert_eq!(mock.answers().len(), 3);
    assert_eq!(mock.generations_sent(), 3);
}

#[test]
fn waiting_sessions_are_found_at_the_new_mount() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    sandbox.config(&json!({"env": traced_to(&mock.url())}));
    let session = sandbox.session("v2.1.330/simple");
    mock.reply_next(Reply::Status(503));
    session.whole().end();
    sandbox.end_backoff();
    let moved = sandbox.path(".claude/projects/-elsewhere");
    fs::rename(session.path().parent().unwrap(), &moved).unwrap();
    // Unreachable, it keeps waiting.
    let hidden = sandbox.path("hidden");
    fs::rename(&moved, &hidden).unwrap();
    sandbox.run(&["flush"]).exits(0);
    let marks = || fs::read_dir(sandbox.path(".claude/state/claude-langfuse/waiting"));
    assert_eq!(marks().unwrap().count(), 1);
    fs::rename(&hidden, &moved).unwrap();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    assert_eq!(marks().unwrap().count(), 0);
}

#[test]
fn the_newer_of_two_copies_is_the_session() {
    for older in ["-a", "-z"] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::new();
        sandbox.config(&json!({"env": traced_to(&mock.url())}));
        let session = sandbox.session("v2.1.330/tools");
        session.whole();
        let text = fs::read_to_string(session.path()).unwrap();
        let half: String = text.split_inclusive('\n').take(text.lines().count() / 2).collect();
        let name = session.path().file_name().unwrap().to_str().unwrap().to_owned();
        sandbox.write(&format!(".claude/projects/{older}/{name}"), half.as_bytes());
        sandbox.run(&["replay", "--all"]).exits(0);
        let (rows, generations) = (mock.rows(), mock.generations_sent());
        let listed = sandbox.run(&["sessions", "--json"]).exits(0).json();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["path"], session.argument());
        // The older copy changes nothing, even if it is named.
        let path = sandbox.projects().join(older).join(&name);
        sandbox.run(&["replay", path.to_str().unwrap()]).exits(0);
        assert_eq!(mock.rows(), rows);
        session.replay(&[]).exits(0);
        assert_eq!(mock.generations_sent(), generations);
    }
}

#[test]
fn a_folder_linked_twice_has_each_session_once() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    sandbox.config(&json!({"env": traced_to(&mock.url())}));
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let folder = session.path().parent().unwrap().to_owned();
    symlink(&folder, sandbox.projects().join("-linked")).unwrap();
    assert_eq!(sandbox.run(&["sessions", "--json"]).exits(0).json().len(), 1);
    sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(mock.generations_sent(), 1);
}

/// The session of an event, and the session of its file.
const OTHER: &str = "0ddba11e-0000-4000-8000-000000000000";

#[test]
fn an_event_that_names_another_session_than_its_file_is_about_the_files_session() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    let stop = |number: usize, id: &str| {
        let mut event = session.answered(number).stop_event(number);
        event["session_id"] = json!(id);
        session.start(&event).end().silent();
    };
    stop(0, session.id());
    let rows = mock.rows();
    stop(0, OTHER);
    assert_eq!(mock.rows(), rows);
    stop(1, OTHER);
    stop(2, session.id());
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
    assert!(mock.rows().iter().all(|row| row.session_id.as_deref() == Some(session.id())));
    assert_eq!(sandbox.run(&["sessions", "--json"]).exits(0).json().len(), 1);
}

#[test]
fn rows_of_another_session_are_left_to_a_replay_which_sends_them_as_theirs() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    // The file has the name of another session, and none of its rows: it may be an incomplete copy.
    let file = session.path().with_file_name(format!("{OTHER}.jsonl"));
    fs::rename(session.path(), &file).unwrap();
    let mut event = session.stop_event(0);
    event["session_id"] = json!(OTHER);
    event["transcript_path"] = json!(file);
    session.start(&event).end().silent();
    assert_eq!(mock.rows(), []);
    sandbox.run(&["replay", file.to_str().unwrap()]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    assert!(mock.rows().iter().all(|row| row.session_id.as_deref() == Some(session.id())));
}
