//! The next hook of a project delivers sessions that ended before delivery.

use langfuse_mock::{MockLangfuse, Reply};

use crate::sandbox::{Received, Sandbox, Session};

/// The session ends while the server fails.
fn failed_session_end<'a>(mock: &MockLangfuse, session: Session<'a>) -> Session<'a> {
    mock.reply_next(Reply::Status(503));
    session.whole().end();
    session
}

#[test]
fn another_sessions_hook_delivers_waiting_sessions_of_its_project() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let waiting = failed_session_end(&mock, sandbox.session("v2.1.330/simple"));
    sandbox.end_backoff();
    let other = sandbox.session("v2.1.330/thinking");
    other.answered(0).stop(0);
    assert_eq!(mock.answers(), ["Answer after thought.", "Hello from the mock."]);
    // Each as its own session, and only once.
    let sessions: Vec<_> = mock.rows().into_iter().filter_map(|row| row.session_id).collect();
    assert!(
        sessions.iter().any(|id| id == waiting.id()) && sessions.iter().any(|id| id == other.id())
    );
    other.answered(1).stop(1);
    assert_eq!(mock.generations_sent(), 3);
}

#[test]
fn a_hook_skips_sessions_of_other_projects() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let elsewhere = sandbox.path("elsewhere");
    failed_session_end(&mock, sandbox.session_in(&elsewhere, "v2.1.330/simple"));
    sandbox.end_backoff();
    sandbox.session("v2.1.330/thinking").answered(0).stop(0);
    assert_eq!(mock.answers(), ["Answer after thought."]);
}

#[test]
fn a_hook_delivers_at_most_three_waiting_sessions_and_the_next_one_continues() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let scenarios = ["simple", "blocks", "tools", "mcp", "ttl-1h"];
    for scenario in scenarios {
        failed_session_end(&mock, sandbox.session(&format!("v2.1.330/{scenario}")));
        sandbox.end_backoff();
    }
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    assert_eq!(mock.answers().len(), 1 + 3);
    session.answered(1).stop(1);
    assert_eq!(mock.answers().len(), 2 + scenarios.len());
}

#[test]
fn a_failed_hook_tries_no_other_session() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    failed_session_end(&mock, sandbox.session("v2.1.330/simple"));
    sandbox.end_backoff();
    mock.reply_next(Reply::Status(503));
    sandbox.session("v2.1.330/thinking").answered(0).stop(0);
    assert_eq!(mock.answers(), [""; 0]);
    assert_eq!(mock.requests().len(), 2);
}

#[test]
fn a_waiting_session_without_a_transcript_blocks_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let gone = failed_session_end(&mock, sandbox.session("v2.1.330/simple"));
    std::fs::remove_file(gone.path()).unwrap();
    sandbox.end_backoff();
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
}
