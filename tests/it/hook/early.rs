//! While the last row of a turn is on its way, so is what is finished of the turn.

use langfuse_mock::{MockLangfuse, Reply, Request};

use crate::client::server::unpacked;
use crate::sandbox::{Received, Relay, Running, Sandbox, Session};

/// Six model calls and five tools, the last of which is Bash.
const TOOLS: &str = "v2.1.330/tools";
const ANSWER: &str = "All done.";

/// A Stop hook that waits for the answer's row, and has sent what is finished.
fn begun(session: &Session<'_>, relay: &Relay) -> Running {
    session.before_answer(0);
    let hook = session.start(&session.stop_event(0));
    relay.wait_for_upload(|upload| unpacked(upload).0.contains(r#""name":"Bash""#));
    hook
}

fn is_chunked(request: &Request) -> bool {
    request.header("transfer-encoding") == Some("chunked")
}

#[test]
fn what_is_finished_leaves_before_the_last_row_and_the_rest_in_the_same_request() {
    let mock = MockLangfuse::start();
    let (relay, sandbox) = Sandbox::relayed(&mock);
    let session = sandbox.session(TOOLS);
    let hook = begun(&session, &relay);
    assert_eq!(mock.requests().len(), 0, "half a turn is no request");
    session.answered(0);
    hook.end().unnoticed();
    assert_eq!((mock.requests().len(), relay.connections()), (1, 1));
    assert!(is_chunked(&mock.requests()[0]));
    assert_eq!(mock.answers(), [ANSWER]);
    mock.assert_nothing_lost();
    let by_hook = mock.rows();
    session.whole().end();
    assert_eq!(mock.generations_sent(), 6);
    let replayed = MockLangfuse::start();
    let other = Sandbox::traced(&replayed);
    other.session(TOOLS).whole().replay(&[]).exits(0);
    assert_eq!(by_hook, replayed.rows());
}

#[test]
fn who_wants_a_length_is_asked_again_at_once_and_gets_one_from_then_on() {
    let refusals = [
        Reply::Status(400),
        Reply::Status(411),
        Reply::Status(413),
        Reply::Status(501),
        Reply::Status(502),
        Reply::Html,
        Reply::CloseWithoutReply,
        Reply::Reset,
    ];
    for refusal in refusals {
        let mock = MockLangfuse::start();
        let (relay, sandbox) = Sandbox::relayed(&mock);
        let session = sandbox.session(TOOLS);
        let hook = begun(&session, &relay);
        mock.reply_next(refusal.clone());
        session.answered(0);
        hook.end().unnoticed();
        assert_eq!(mock.answers(), [ANSWER], "{refusal:?}");
        assert_eq!(mock.generations_sent(), 6, "{refusal:?}");
        // The same turn in another session: as if it were the next one.
        let next = sandbox.session("v2.1.330/parallel-tools");
        next.before_answer(0);
        let hook = next.start(&next.stop_event(0));
        relay.wait_for_connection();
        next.answered(0);
        hook.end().unnoticed();
        let chunked: Vec<bool> = mock.requests().iter().map(is_chunked).collect();
        assert_eq!(chunked, [true, false, false], "{refusal:?}");
    }
}

#[test]
fn what_a_length_can_not_mend_is_not_sent_once_more() {
    for answer in [
        Reply::Status(401),
        Reply::Status(402),
        Reply::RateLimited(1),
    ] {
        let mock = MockLangfuse::start();
        let (relay, sandbox) = Sandbox::relayed(&mock);
        let session = sandbox.session(TOOLS);
        mock.reply_always(Some(answer.clone()));
        let hook = begun(&session, &relay);
        session.answered(0);
        hook.end().unnoticed();
        assert_eq!(mock.requests().len(), 1, "{answer:?}");
    }
}

#[test]
fn whatever_becomes_of_a_request_that_was_begun_nothing_is_lost_and_nobody_notices() {
    let failures = [
        Reply::Status(401),
        Reply::Status(403),
        Reply::Status(404),
        Reply::Status(503),
        Reply::RateLimited(1),
        Reply::Redirect("https://example.invalid/".to_owned()),
        Reply::HalfBody,
        Reply::Garbage,
        Reply::Hang,
        Reply::AcceptThenReset,
        Reply::AcceptThen(Box::new(Reply::Status(502))),
    ];
    for failure in failures {
        let mock = MockLangfuse::start();
        let (relay, mut sandbox) = Sandbox::relayed(&mock);
        sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "1.5");
        let session = sandbox.session(TOOLS);
        mock.reply_always(Some(failure.clone()));
        let hook = begun(&session, &relay);
        session.answered(0);
        hook.end().unnoticed();
        let failed = mock.requests().len();
        assert!(failed <= 2, "{failure:?}");
        session.stop(0);
        assert_eq!(mock.requests().len(), failed, "{failure:?}: no back-off");
        mock.reply_always(None);
        sandbox.end_backoff();
        session.whole().end();
        assert_eq!(mock.answers(), [ANSWER], "{failure:?}");
    }
}

#[test]
fn a_request_that_was_begun_ends_with_what_there_is_where_the_last_row_does_not_come() {
    let mock = MockLangfuse::start();
    let (relay, sandbox) = Sandbox::relayed(&mock);
    let session = sandbox.session(TOOLS);
    begun(&session, &relay).end().unnoticed();
    assert_eq!(mock.requests().len(), 1);
    assert_eq!(mock.answers(), [""; 0]);
    session.whole().end();
    assert_eq!(mock.answers(), [ANSWER]);
    assert_eq!(mock.generations_sent(), 6);
    mock.assert_nothing_lost();
}

#[test]
fn a_hook_that_is_killed_leaves_no_half_request() {
    let mock = MockLangfuse::start();
    let (relay, sandbox) = Sandbox::relayed(&mock);
    let session = sandbox.session(TOOLS);
    let hook = begun(&session, &relay);
    hook.signal("KILL");
    hook.end();
    assert_eq!(mock.requests().len(), 0);
    session.answered(0).stop(0);
    assert_eq!(mock.answers(), [ANSWER]);
    assert_eq!(mock.generations_sent(), 6);
}

#[test]
fn a_request_that_was_begun_for_a_file_that_is_replaced_never_ends() {
    let mock = MockLangfuse::start();
    let (relay, sandbox) = Sandbox::relayed(&mock);
    let session = sandbox.session(TOOLS);
    let hook = begun(&session, &relay);
    let (path, copy) = (session.path(), session.path().with_extension("copy"));
    std::fs::copy(&path, &copy).unwrap();
    std::fs::rename(copy, path).unwrap();
    session.answered(0);
    hook.end().unnoticed();
    assert_eq!(mock.requests().len(), 1);
    assert_eq!(mock.answers(), [ANSWER]);
    assert_eq!(mock.generations_sent(), 6);
    assert_eq!(relay.connections(), 2);
}
