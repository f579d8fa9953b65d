//! `replay` sends sessions that are already on disk, once, and its dry run prints exactly the requests.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use langfuse_mock::{MockLangfuse, Request};
use serde_json::json;

use crate::sandbox::{PROJECT, Received, Sandbox, is_turn, traced_to};

#[test]
fn a_dry_run_prints_exactly_the_bytes_sent_afterwards() {
    for recording in ["v2.1.330/subagent-background", "v2.1.330/unicode", "v2.1.197/blocks"] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session(recording);
        let printed = session.whole().replay(&["--dry-run"]).exits(0).stdout;
        assert_eq!(mock.requests().len(), 0);
        assert!(sandbox.state().is_empty(), "{:?}", sandbox.state());
        session.replay(&[]).exits(0);
        let sent: String = mock.exports().iter().map(|request| body(request) + "\n").collect();
        assert_eq!(printed, sent);
        // Then nothing more.
        assert_eq!(session.replay(&["--dry-run"]).exits(0).stdout, "");
    }
}

fn body(request: &Request) -> String {
    let mut text = String::new();
    GzDecoder::new(request.body.as_slice()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_dry_run_needs_no_configuration() {
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/simple");
    let printed = session.whole().replay(&["--dry-run"]).exits(0);
    assert_eq!(printed.json().len(), 1);
    assert!(printed.stdout.contains("Hello from the mock."));
    assert!(sandbox.state().is_empty(), "{:?}", sandbox.state());
}

#[test]
fn again_resends_acknowledged_spans_as_the_same_rows() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent");
    session.whole().replay(&[]).exits(0);
    let (rows, sent) = (mock.rows(), mock.accepted_spans().len());
    session.replay(&[]).exits(0);
    assert_eq!(mock.accepted_spans().len(), sent);
    session.replay(&["--again"]).exits(0);
    assert_eq!(mock.accepted_spans().len(), 2 * sent);
    assert_eq!(mock.rows(), rows);
    // The cursor has not moved back.
    session.replay(&[]).exits(0);
    session.end();
    assert_eq!(mock.accepted_spans().len(), 2 * sent);
}

#[test]
fn hooks_and_replay_do_not_resend_each_others_turns() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.answered(1).replay(&[]).exits(0);
    session.answered(2).stop(2);
    session.whole().replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
}

#[test]
fn the_report_has_counts_and_links() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    let ran = session.whole().replay(&[]).exits(0);
    let url = mock.url();
    let turns = mock.rows().into_iter().filter(is_turn);
    let links: BTreeSet<String> =
        turns.map(|turn| format!("{url}/trace/{}", turn.trace_id)).collect();
    let words: BTreeSet<String> = ran.stdout.split_whitespace().map(str::to_owned).collect();
    assert_eq!(links.len(), 3);
    assert!(links.is_subset(&words), "{}", ran.stdout);
    assert!(
        ran.stdout.starts_with(&format!("{}  3 turns, 6 observations sent\n", session.id())),
        "{}",
        ran.stdout
    );
    let last = ran.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("1 session: 3 turns, 6 observations sent") && last.ends_with("0 failed"),
        "{last}"
    );
    assert_eq!(ran.stderr, "");
}

#[test]
fn json_has_the_same_report() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    let told = session.whole().replay(&["--json"]).exits(0).json();
    let [one, all] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(one["session"], session.id());
    assert_eq!((&one["turns"], &one["spans"], &one["error"]), (&json!(3), &json!(6), &json!(null)));
    let bytes: usize = mock.exports().iter().map(|request| request.body.len()).sum();
    assert_eq!(one["bytes"], bytes);
    let links = one["traces"].as_array().unwrap();
    assert!(links.len() == 3 && links[0].as_str().unwrap().starts_with(&mock.url()), "{links:?}");
    for (name, value) in
        [("schema", 1), ("sessions", 1), ("turns", 3), ("spans", 6), ("failed", 0), ("skipped", 0)]
    {
        assert_eq!(all[name], value, "{name}");
    }
}

#[test]
fn a_copy_with_another_name_is_the_same_session() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    let copy = sandbox
        .write("Desktop/what went wrong.jsonl", session.transcript().text(usize::MAX).as_bytes());
    sandbox.run(&["replay", copy.to_str().unwrap()]).exits(0);
    let rows = mock.rows();
    assert!(rows.iter().all(|row| row.session_id.as_deref() == Some(session.id())));
    session.whole().replay(&["--again"]).exits(0);
    assert_eq!(mock.rows(), rows);
}

#[test]
fn a_folder_means_all_sessions_in_it_and_below() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    sandbox.session("v2.1.330/subagent").whole();
    let other = sandbox.write(".claude/projects/-another/notes.txt", b"no session");
    assert!(other.exists());
    let project = sandbox.projects().join("-home-dev-project");
    let ran = sandbox.run(&["replay", project.to_str().unwrap()]).exits(0);
    assert!(ran.stdout.contains("2 sessions: 2 turns"), "{}", ran.stdout);
    let above = sandbox.projects();
    sandbox.run(&["replay", above.to_str().unwrap()]).exits(0);
    assert_eq!(mock.generations_sent(), 5);
}

#[test]
fn the_beginning_of_a_session_id_is_enough() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    sandbox.session("v2.1.330/subagent").whole();
    sandbox.run(&["replay", "2c97"]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    sandbox.run(&["replay", "8b81bdbc-c020-4660-bfa2-b2aa8549675d"]).exits(0);
    assert_eq!(mock.answers().len(), 2);
}

#[test]
fn a_session_that_is_named_twice_is_sent_once() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let folder = sandbox.projects().display().to_string();
    sandbox.run(&["replay", "--again", session.id(), &session.argument(), &folder]).exits(0);
    assert_eq!(mock.generations_sent(), 1);
}

#[test]
fn claude_codes_folder_may_be_elsewhere() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    fs::rename(sandbox.path(".claude"), sandbox.path("elsewhere")).unwrap();
    let elsewhere = sandbox.path("elsewhere").display().to_string();
    sandbox.set("CLAUDE_CONFIG_DIR", elsewhere);
    sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    assert!(sandbox.path("elsewhere/state/claude-langfuse").is_dir());
    assert!(!sandbox.path(".claude").exists());
}

#[test]
fn another_configuration_file_can_be_named() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let config = json!({"projects": {PROJECT: {"env": traced_to(&mock.url())}}});
    let file = sandbox.write("other.json", config.to_string().as_bytes()).display().to_string();
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&["--config", &file]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    session.replay(&["--config", "/no/such/file.json", "--again"]).exits(3);
}

#[test]
fn a_session_too_long_for_one_request_arrives_whole() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_MAX_CHARS", "10000000");
    let mut session = sandbox.session("v2.1.330/stream-multi");
    session.recording = session.recording.replaced("Answer 2.", &"long ".repeat(900_000));
    session.whole().replay(&[]).exits(0);
    assert_eq!(mock.answers().len(), 3);
    assert!(mock.exports().len() > 1, "{}", mock.exports().len());
    assert_eq!(mock.generations_sent(), 3);
    mock.assert_nothing_lost();
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/subagent-nested");
    let path = session.whole().argument();
    let program = env!("CARGO_BIN_EXE_claude-langfuse");
    let script = format!(
        "set -o pipefail; '{program}' replay --dry-run '{path}' '{path}' | head -c 10 >/dev/null"
    );
    let status = std::process::Command::new("bash")
        .args(["-c", &script])
        .env("HOME", sandbox.path(""))
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn without_arguments_help_is_printed_with_exit_code_2() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&[]).exits(2);
    assert!(ran.stderr.contains("Usage: claude-langfuse"), "{}", ran.stderr);
    sandbox.run(&["replay"]).exits(2);
    sandbox.run(&["replay", "--all", "x"]).exits(2);
    sandbox.run(&["replay", "--json", "--dry-run", "x"]).exits(2);
    let ran = sandbox.run(&["replay", "--help"]).exits(0);
    assert!(ran.stdout.contains("Exit codes:"), "{}", ran.stdout);
}
