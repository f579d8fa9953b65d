//! For any behavior of the server, Claude Code continues after the hook's budget.

use std::time::Duration;

use langfuse_mock::{MockLangfuse, Reply};

use crate::sandbox::{Received, Sandbox};

/// Log text for a server that exceeded the budget. A killed hook logs nothing.
const TOO_SLOW: &str = "did not answer in time";

fn slow_server(reply: Reply) -> (MockLangfuse, Sandbox) {
    let mock = MockLangfuse::start();
    mock.reply_always(Some(reply));
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "0.5");
    (mock, sandbox)
}

/// It waited for about this long, and then ended itself.
fn timed_out_after(budget: Duration, took: Duration, sandbox: &Sandbox) {
    assert!(took >= budget - Duration::from_millis(100) && took < budget * 10, "{took:?}");
    assert!(sandbox.log().contains(TOO_SLOW), "{}", sandbox.log());
}

#[test]
fn a_hanging_server_costs_a_stop_its_budget_and_the_next_one_nothing() {
    let (mock, sandbox) = slow_server(Reply::Hang);
    let session = sandbox.session("v2.1.330/stream-multi");
    let took = session.answered(0).stop(0).took;
    timed_out_after(Duration::from_millis(500), took, &sandbox);
    assert_eq!(mock.requests().len(), 1);
    session.answered(1).stop(1);
    assert_eq!(mock.requests().len(), 1, "a socket was opened in spite of the back-off");
    mock.reply_always(None);
    sandbox.end_backoff();
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
}

#[test]
fn a_session_end_has_three_times_the_budget_of_a_stop() {
    let (_mock, sandbox) = slow_server(Reply::Hang);
    let session = sandbox.session("v2.1.330/simple");
    let took = session.whole().end().took;
    timed_out_after(Duration::from_millis(1500), took, &sandbox);
}

#[test]
fn a_plugins_session_end_finishes_before_claude_code_kills_it() {
    let (_mock, mut sandbox) = slow_server(Reply::Hang);
    sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "3").set("CLAUDE_PLUGIN_ROOT", "/plugin");
    let session = sandbox.session("v2.1.330/simple");
    let took = session.whole().end().took;
    // Otherwise a SessionEnd with this budget may take nine.
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(9), "{took:?}");
    assert!(sandbox.log().contains(TOO_SLOW), "{}", sandbox.log());
}

/// Log text for a missing event.
const NO_EVENT: &str = "could not read hook event and configuration within";

#[test]
fn an_incomplete_event_costs_the_budget_of_a_stop() {
    let (_mock, sandbox) = slow_server(Reply::Normal);
    let session = sandbox.session("v2.1.330/simple");
    let event = session.whole().stop_event(0).to_string();
    let half = &event[..event.len() / 2];
    for input in ["", half, "{"] {
        // Standard input stays open.
        let ran = sandbox.start(&["hook"], input.as_bytes()).end().silent();
        assert!(ran.took < Duration::from_secs(5), "{input:?}: {:?}", ran.took);
    }
    assert_eq!(sandbox.log().matches(NO_EVENT).count(), 3, "{}", sandbox.log());
}

#[test]
fn a_slow_event_costs_the_budget_of_a_stop() {
    let (_mock, sandbox) = slow_server(Reply::Normal);
    let session = sandbox.session("v2.1.330/simple");
    let event = session.whole().stop_event(0).to_string();
    let mut hook = sandbox.start(&["hook"], b"");
    for byte in event.as_bytes() {
        if hook.is_over() {
            break;
        }
        hook.write(&[*byte]);
        std::thread::sleep(Duration::from_millis(50));
    }
    let ran = hook.end().silent();
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
    assert!(sandbox.log().contains(NO_EVENT), "{}", sandbox.log());
}

#[test]
fn the_default_budget_applies_to_a_missing_event() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "");
    sandbox.start(&["hook"], b"{").end().silent();
    assert!(sandbox.log().contains("within 3 s"), "{}", sandbox.log());
}

#[test]
fn a_repository_can_not_extend_the_wait_for_an_event() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "60");
    sandbox.start(&["hook"], b"{").end().silent();
    assert!(sandbox.log().contains("within 3 s"), "{}", sandbox.log());
}

#[test]
fn a_key_file_that_is_a_fifo_blocks_neither_hook_nor_command() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let fifo = sandbox.path("key");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    sandbox.config(&serde_json::json!({"env": {
        "TRACE_TO_LANGFUSE": "true",
        "LANGFUSE_BASE_URL": mock.url(),
        "LANGFUSE_PUBLIC_KEY": langfuse_mock::PUBLIC_KEY,
        "LANGFUSE_SECRET_KEY_FILE": fifo,
    }}));
    let took = sandbox.session("v2.1.330/simple").answered(0).stop(0).took;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(sandbox.log().contains("not a regular file"), "{}", sandbox.log());
    for command in ["status", "doctor"] {
        let ran = sandbox.run(&[command]).exits(3);
        assert!(ran.took < Duration::from_secs(5), "{command}: {:?}", ran.took);
    }
    assert_eq!(mock.requests().len(), 0);
}

#[test]
fn a_slow_response_does_not_outlast_the_budget() {
    let (_mock, sandbox) = slow_server(Reply::Drip(Duration::from_millis(100)));
    let session = sandbox.session("v2.1.330/simple");
    let took = session.answered(0).stop(0).took;
    timed_out_after(Duration::from_millis(500), took, &sandbox);
}

#[test]
fn a_request_that_was_too_slow_is_made_smaller_the_next_time() {
    let (mock, sandbox) = slow_server(Reply::Normal);
    mock.reply_next(Reply::Hang);
    let mut session = sandbox.session("v2.1.330/stream-multi");
    session.recording = session.recording.replaced("Answer 1.", &super::noise(15_000));
    session.answered(0).stop(0);
    let size = |request: &langfuse_mock::Request| request.body.len();
    let first: Vec<usize> = mock.exports().iter().map(size).collect();
    sandbox.forget_backoff_time();
    session.answered(1).stop(1);
    let sizes: Vec<usize> = mock.exports().iter().map(size).collect();
    assert_eq!(mock.answers().len(), 2);
    assert!(sizes[1..].iter().all(|size| *size < first[0]), "{sizes:?}");
}
