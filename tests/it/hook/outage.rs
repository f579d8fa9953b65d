//! An unreachable server costs little time and loses nothing.

use std::time::Duration;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, Reply, SECRET_KEY};

use super::WAITS;
use crate::sandbox::{Received, Sandbox, unused_address};

#[test]
fn after_an_outage_the_next_hook_sends_the_missed_turns() {
    let address = unused_address().to_string();
    let sandbox = Sandbox::traced_to(&format!("http://{address}"));
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    let mock = MockLangfuse::start_at(&address, PUBLIC_KEY, SECRET_KEY);
    session.answered(1).stop(1);
    assert_eq!(mock.requests().len(), 0, "the back-off does not hold");
    sandbox.end_backoff();
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    mock.assert_nothing_lost();
}

#[test]
fn every_server_failure_loses_nothing_and_prints_nothing() {
    let failures = [
        Reply::Status(500),
        Reply::Status(502),
        Reply::Status(503),
        Reply::Status(401),
        Reply::Status(403),
        Reply::Status(404),
        Reply::RateLimited(1),
        Reply::Html,
        Reply::Redirect("https://example.invalid/".to_owned()),
        Reply::Reset,
        Reply::CloseWithoutReply,
        Reply::HalfBody,
        Reply::Garbage,
        Reply::AcceptThenReset,
        Reply::AcceptThen(Box::new(Reply::Status(502))),
    ];
    for failure in failures {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/stream-multi");
        mock.reply_always(Some(failure.clone()));
        session.answered(0).stop(0);
        let failed = mock.requests().len();
        session.answered(1).stop(1);
        assert_eq!(mock.requests().len(), failed, "{failure:?}: the back-off does not hold");
        mock.reply_always(None);
        sandbox.end_backoff();
        session.answered(2).stop(2);
        assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."], "{failure:?}");
    }
}

#[test]
fn a_stop_during_the_back_off_waits_for_no_row() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_DEBUG", "true");
    let session = sandbox.session("v2.1.330/stream-multi");
    mock.reply_next(Reply::Status(503));
    session.answered(0).stop(0);
    // The answer is never written; without the back-off the hook would wait a second for it.
    session.before_answer(1).stop(1);
    assert!(!sandbox.log().contains(WAITS), "{}", sandbox.log());
    sandbox.end_backoff();
    session.whole().end();
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
}

#[test]
fn twenty_turns_wait_for_a_hanging_server_once() {
    let mock = MockLangfuse::start();
    mock.reply_always(Some(Reply::Hang));
    let (relay, mut sandbox) = Sandbox::relayed(&mock);
    sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "0.5");
    let session = sandbox.session("v2.1.330/stream-multi");
    for turn in 0..20 {
        session.answered(turn.min(2)).stop(turn.min(2));
    }
    assert_eq!(relay.connections(), 1);
    let window = sandbox.backoff_left();
    assert!(window > Duration::from_secs(20), "{window:?}");
    mock.reply_always(None);
    sandbox.end_backoff();
    session.whole().end();
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn retry_after_sets_the_back_off() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    mock.reply_next(Reply::RateLimited(7200));
    sandbox.session("v2.1.330/simple").answered(0).stop(0);
    let left = sandbox.backoff_left();
    let hours = Duration::from_secs(7100)..Duration::from_secs(7300);
    assert!(hours.contains(&left), "{left:?}");
}

#[test]
fn flush_sends_a_failed_session_end() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    mock.reply_next(Reply::Status(503));
    let session = sandbox.session("v2.1.330/simple");
    session.whole().end();
    assert_eq!(mock.answers(), [""; 0]);
    // A command run by a person ignores a back-off.
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
}
