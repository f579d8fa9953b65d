//! Huge input: text that can't be a row takes no memory, and a file that changes while it is read is read again.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use langfuse_mock::{MockLangfuse, Row};

use super::long::LongSession;
use super::oracle::{in_order, same_rows, undisturbed};
use crate::sandbox::{Received, Sandbox};

const MEGABYTE: usize = 1024 * 1024;
/// The memory of a hook besides the longest row that it must parse, in kilobytes.
const BASE: usize = 32 * 1024;

fn traced() -> (MockLangfuse, Sandbox) {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    (mock, sandbox)
}

/// Runs a SessionEnd hook; returns its peak memory in kilobytes.
fn end(sandbox: &Sandbox, session: &LongSession) -> usize {
    let event = session.event("SessionEnd");
    let (ran, peak) = sandbox.start(&["hook"], event.as_bytes()).end_with_peak();
    ran.silent();
    peak
}

#[test]
fn a_hundred_megabytes_without_a_row_cost_no_memory_and_no_other_row() {
    for line in [
        "x".repeat(100 * MEGABYTE),
        "[".repeat(100 * MEGABYTE),
        " ".repeat(100 * MEGABYTE),
        "\0".repeat(100 * MEGABYTE),
    ] {
        let (mock, sandbox) = traced();
        let mut session = LongSession::new(&sandbox);
        session.turn(100);
        session.append(&line);
        session.append("\n");
        session.turn(100);
        let peak = end(&sandbox, &session);
        assert!(peak < BASE, "{peak} KB");
        // First contact takes the last turn, and a replay the turn before.
        sandbox.run(&["replay", session.path.to_str().unwrap()]).exits(0);
        assert_eq!(mock.answers().len(), 2);
        mock.assert_nothing_lost();
    }
}

#[test]
fn two_gigabytes_of_zeros_cost_no_memory_and_no_row() {
    let (mock, sandbox) = traced();
    let mut session = LongSession::new(&sandbox);
    session.turn(100);
    let file = fs::File::options().write(true).open(&session.path).unwrap();
    file.set_len(2 << 30).unwrap();
    let peak = end(&sandbox, &session);
    assert!(peak < BASE, "{peak} KB");
    session.turn(100);
    let ran = sandbox.run(&["replay", session.path.to_str().unwrap()]).exits(0);
    assert!(!ran.stdout.contains("failed: "), "{}", ran.stdout);
    assert_eq!(mock.answers().len(), 2);
}

#[test]
fn a_row_nested_two_hundred_thousand_deep_is_read_without_a_stack_overflow() {
    let depth = 200_000;
    let nested =
        [("[".repeat(depth), "]".repeat(depth)), ("{\"a\":".repeat(depth), "}".repeat(depth))];
    for (open, close) in nested {
        let (mock, sandbox) = traced();
        let mut session = sandbox.session("v2.1.330/tools");
        let value = format!("{open}1{close}");
        let rows = [
            format!(
                "{{\"type\":\"user\",\"uuid\":\"deep-1\",\"isMeta\":true,\"toolUseResult\":{value},\"message\":{{\"role\":\"user\",\"content\":{value}}}}}\n"
            ),
            format!(
                "{{\"type\":\"system\",\"subtype\":\"new\",\"uuid\":\"deep-2\",\"data\":{value}}}\n"
            ),
            format!("{{\"type\":\"api-request\",\"id\":\"deep-3\",\"params\":{value}}}\n"),
            format!("{value}\n"),
        ];
        let middle = session.transcript().lines.len() / 2;
        session.recording.sessions[0].lines.splice(middle..middle, rows);
        // A Stop has more time than a SessionEnd, which a loaded machine needs.
        session.whole().stop(0);
        session.end();
        let ids =
            |rows: &[Row]| rows.iter().map(|row| row.span_id.clone()).collect::<BTreeSet<_>>();
        let expected = ids(&undisturbed("v2.1.330/tools"));
        assert!(ids(&mock.rows()).is_superset(&expected), "{}", sandbox.log());
        mock.assert_nothing_lost();
        in_order(&sandbox, "deep");
    }
}

#[test]
fn an_event_of_a_hundred_megabytes_is_rejected_in_one_line() {
    let (mock, sandbox) = traced();
    let event = format!("{{\"session_id\":\"{}\"}}", "x".repeat(100 * MEGABYTE));
    sandbox.raw_hook(event.as_bytes()).silent();
    assert_eq!(mock.requests().len(), 0);
    assert_eq!(sandbox.log().lines().count(), 1, "{}", sandbox.log());
}

#[test]
fn an_endlessly_nested_event_is_rejected_in_one_line() {
    let (_mock, sandbox) = traced();
    for text in ["[".repeat(200_000), "{\"a\":".repeat(200_000)] {
        sandbox.raw_hook(text.as_bytes()).silent();
    }
    assert_eq!(sandbox.log().lines().count(), 2, "{}", sandbox.log());
}

#[test]
fn a_fifo_as_an_agents_meta_file_blocks_nothing() {
    let (mock, sandbox) = traced();
    let session = sandbox.session("v2.1.330/subagent");
    session.whole();
    let agent = sandbox.projects().join(&session.recording.agents[0].path);
    let meta = agent.with_extension("meta.json");
    fs::remove_file(&meta).unwrap();
    assert!(Command::new("mkfifo").arg(&meta).status().unwrap().success());
    session.replay(&[]).exits(0);
    assert_eq!(
        mock.generations_sent(),
        undisturbed("v2.1.330/subagent").iter().filter(|row| row.kind == "GENERATION").count()
    );
}

#[test]
fn a_fifo_or_a_device_as_settings_blocks_nothing() {
    let (mock, sandbox) = traced();
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let settings = sandbox.path(".claude/settings.json");
    assert!(Command::new("mkfifo").arg(&settings).status().unwrap().success());
    session.replay(&[]).exits(3);
    session.stop(0);
    fs::remove_file(&settings).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &settings).unwrap();
    sandbox.run(&["flush"]).exits(3);
    assert_eq!(mock.requests().len(), 0, "they may hold a refusal");
}

#[test]
fn a_file_that_is_appended_to_truncated_replaced_and_removed_between_hooks_ends_in_its_rows() {
    let (mock, sandbox) = traced();
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    // Truncated within the first turn, and written again.
    let file = fs::File::options().write(true).open(session.path()).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    session.stop(0);
    session.answered(1).stop(1);
    // Replaced by a copy, as an editor does.
    let copy = session.path().with_extension("copy");
    fs::copy(session.path(), &copy).unwrap();
    fs::rename(copy, session.path()).unwrap();
    session.stop(1);
    // Removed, and restored.
    fs::remove_file(session.path()).unwrap();
    session.end();
    session.whole().end();
    same_rows(&mock.rows(), &undisturbed("v2.1.330/stream-multi"), "in the end");
    assert_eq!(mock.generations_sent(), 3);
}

#[test]
fn a_file_that_changes_while_it_is_read_ends_in_its_rows() {
    type Change = fn(&std::path::Path, &[u8]);
    let changes: [(&str, Change); 4] = [
        ("appended", |_, _| {}),
        ("truncated", |path, whole| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(whole.len() as u64 - 100).unwrap();
        }),
        ("replaced", |path, whole| {
            let copy = path.with_extension("copy");
            fs::write(&copy, whole).unwrap();
            fs::rename(copy, path).unwrap();
        }),
        ("removed", |path, _| fs::remove_file(path).unwrap()),
    ];
    for (what, change) in changes {
        let (mock, sandbox) = traced();
        let session = sandbox.session("v2.1.330/stream-multi");
        session.answered(0).stop(0);
        // The hook waits for the missing second answer.
        session.before_answer(1);
        let whole = fs::read(session.path()).unwrap();
        let hook = session.start(&session.stop_event(1));
        change(&session.path(), &whole);
        if what == "appended" {
            session.answered(1);
        }
        hook.end().silent();
        let _ = fs::remove_file(session.path());
        session.whole().end();
        same_rows(&mock.rows(), &undisturbed("v2.1.330/stream-multi"), what);
        assert_eq!(mock.generations_sent(), 3, "{what}");
        in_order(&sandbox, what);
    }
}
