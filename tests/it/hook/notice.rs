//! Problems that only the user can fix are notified once a day, only in attended sessions.

use std::fs;
use std::time::Duration;

use langfuse_mock::{MockLangfuse, Reply, SECRET_KEY};
use serde_json::{Value, json};

use crate::sandbox::{Ran, Received, Sandbox, Session, traced_to, unused_address};

/// A sandbox with an attended session.
fn attended(sandbox: Sandbox) -> Sandbox {
    let mut sandbox = sandbox;
    sandbox.set("CLAUDE_CODE_SESSION_ATTENDED", "1");
    sandbox
}

/// The notice of a hook; it still exits with 0 and is silent on standard error.
fn told(ran: Ran) -> Option<String> {
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    if ran.stdout.is_empty() {
        return None;
    }
    let [said] = <[Value; 1]>::try_from(ran.json()).expect("one line");
    let members = said.as_object().unwrap();
    assert_eq!(members.len(), 1, "{said}");
    assert_eq!(ran.stdout.lines().count(), 1);
    let text = members["systemMessage"].as_str().expect("a message").to_owned();
    assert!(text.contains("claude-langfuse doctor"), "{text}");
    assert!(!text.contains(SECRET_KEY), "{text}");
    Some(text)
}

fn stop(session: &Session<'_>, number: usize) -> Option<String> {
    session.answered(number);
    told(session.start(&session.stop_event(number)).end())
}

#[test]
fn a_rejection_that_only_the_user_can_fix_is_notified_once() {
    let refusals = [
        (Reply::Status(401), "check the keys"),
        (Reply::Status(402), "check the account's plan"),
        (Reply::Status(404), "check the base URL"),
        (
            Reply::Redirect("https://example.invalid/".to_owned()),
            "it points to https://example.invalid/",
        ),
        (Reply::Html, "not JSON"),
    ];
    for (refusal, advice) in refusals {
        let mock = MockLangfuse::start();
        let sandbox = attended(Sandbox::traced(&mock));
        let session = sandbox.session("v2.1.330/stream-multi");
        mock.reply_always(Some(refusal.clone()));
        let text = stop(&session, 0).unwrap_or_else(|| panic!("{refusal:?}: nothing was said"));
        assert!(text.contains(advice), "{refusal:?}: {text}");
        sandbox.forget_backoff_time();
        assert_eq!(stop(&session, 1), None, "{refusal:?}: said again");
        assert_eq!(mock.exports().len(), 2, "{refusal:?}");
    }
}

#[test]
fn an_unusable_configuration_is_notified_once() {
    let keys = |public: &str| json!({"TRACE_TO_LANGFUSE": "true", "LANGFUSE_PUBLIC_KEY": public});
    let mut unreadable_pattern = traced_to("http://127.0.0.1:1");
    unreadable_pattern["CC_LANGFUSE_MASK_PATTERNS"] = json!("(");
    let cases = [
        (json!({"TRACE_TO_LANGFUSE": "true"}), "no Langfuse keys"),
        (keys("pk-lf-1"), "LANGFUSE_SECRET_KEY"),
        (
            json!({"TRACE_TO_LANGFUSE": "true", "LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY_FILE": "/nonexistent"}),
            "could not read key file",
        ),
        (traced_to("langfuse.corp"), "LANGFUSE_BASE_URL"),
        (unreadable_pattern, "CC_LANGFUSE_MASK_PATTERNS"),
    ];
    for (env, advice) in cases {
        let sandbox = attended(Sandbox::new());
        sandbox.config(&json!({"env": env}));
        let session = sandbox.session("v2.1.330/stream-multi");
        let text = stop(&session, 0).unwrap_or_else(|| panic!("{advice}: nothing was said"));
        assert!(text.contains(advice), "{text}");
        assert_eq!(stop(&session, 1), None, "{advice}: said again");
    }
}

#[test]
fn an_applications_address_is_ignored_without_a_notice() {
    let mock = MockLangfuse::start();
    let mut sandbox = attended(Sandbox::traced(&mock));
    sandbox.set("LANGFUSE_BASE_URL", "https://other.example");
    assert_eq!(stop(&sandbox.session("v2.1.330/simple"), 0), None);
    assert_eq!(mock.answers().len(), 1);
}

#[test]
fn temporary_failures_are_not_notified() {
    let passing = [Reply::Status(503), Reply::RateLimited(1), Reply::Reset, Reply::Status(422)];
    for reply in passing {
        let mock = MockLangfuse::start();
        let sandbox = attended(Sandbox::traced(&mock));
        mock.reply_always(Some(reply.clone()));
        let session = sandbox.session("v2.1.330/simple");
        assert_eq!(stop(&session, 0), None, "{reply:?}");
        assert!(!sandbox.log().is_empty(), "{reply:?}");
    }
    let sandbox = attended(Sandbox::traced_to(&format!("http://{}", unused_address())));
    assert_eq!(stop(&sandbox.session("v2.1.330/simple"), 0), None);
}

#[test]
fn unattended_sessions_and_disabled_notices_show_nothing() {
    let mock = MockLangfuse::start();
    mock.reply_always(Some(Reply::Status(401)));
    let unattended = Sandbox::traced(&mock);
    let mut said_no = Sandbox::traced(&mock);
    said_no.set("CLAUDE_CODE_SESSION_ATTENDED", "0");
    let mut unwanted = attended(Sandbox::traced(&mock));
    unwanted.set("CC_LANGFUSE_NOTIFY", "false");
    let mut forgetful = attended(Sandbox::traced(&mock));
    forgetful.set("CC_LANGFUSE_STATE_DIR", "/dev/null/state");
    for sandbox in [unattended, said_no, unwanted, forgetful] {
        let session = sandbox.session("v2.1.330/simple");
        assert_eq!(stop(&session, 0), None);
        assert!(!sandbox.path(".claude/state/claude-langfuse/told").exists());
    }
    assert_eq!(mock.requests().len(), 4);
}

#[test]
fn a_problem_of_a_session_end_is_notified_by_the_next_stop_despite_the_back_off() {
    let mock = MockLangfuse::start();
    let sandbox = attended(Sandbox::traced(&mock));
    mock.reply_always(Some(Reply::Status(401)));
    sandbox.session("v2.1.330/simple").whole().end();
    let text = stop(&sandbox.session("v2.1.330/thinking"), 0).expect("a message");
    assert!(text.contains("check the keys"), "{text}");
    assert_eq!(mock.requests().len(), 1);
}

#[test]
fn a_temporary_failure_does_not_repeat_an_earlier_notice() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    mock.reply_next(Reply::Status(401));
    session.answered(0).stop(0);
    sandbox.forget_backoff_time();
    mock.reply_next(Reply::Status(503));
    session.answered(1).stop(1);
    sandbox.set("CLAUDE_CODE_SESSION_ATTENDED", "1");
    assert_eq!(stop(&sandbox.session("v2.1.330/stream-multi"), 2), None);
}

#[test]
fn a_day_later_or_for_another_problem_or_server_the_notice_is_repeated() {
    let [mock, other] = [MockLangfuse::start(), MockLangfuse::start()];
    let sandbox = attended(Sandbox::traced(&mock));
    let session = sandbox.session("v2.1.330/stream-multi");
    mock.reply_always(Some(Reply::Status(401)));
    assert!(stop(&session, 0).is_some());
    mock.reply_always(Some(Reply::Status(404)));
    sandbox.forget_backoff_time();
    assert!(stop(&session, 1).is_some(), "another problem");
    sandbox.forget_backoff_time();
    assert_eq!(stop(&session, 2), None);
    sandbox.age_notices(Duration::from_secs(24 * 3600 + 60));
    assert!(stop(&session, 2).is_some(), "a day later");
    sandbox.age_notices(Duration::from_secs(23 * 3600));
    assert_eq!(stop(&session, 2), None);
    sandbox.config(&json!({"env": traced_to(&other.url())}));
    other.reply_always(Some(Reply::Status(404)));
    assert!(stop(&session, 2).is_some(), "another server");
}

#[test]
fn a_damaged_note_counts_as_none() {
    let mock = MockLangfuse::start();
    let sandbox = attended(Sandbox::traced(&mock));
    let session = sandbox.session("v2.1.330/stream-multi");
    mock.reply_always(Some(Reply::Status(401)));
    assert!(stop(&session, 0).is_some());
    for damage in ["", "\0\0\0", "yesterday", "9999-12-31T23:59:59Z"] {
        fs::write(&sandbox.notices()[0], damage).unwrap();
        assert!(stop(&session, 1).is_some(), "{damage:?}");
        assert_eq!(stop(&session, 1), None, "{damage:?}");
    }
}

#[test]
fn a_notice_prevents_no_delivery() {
    let mock = MockLangfuse::start();
    let sandbox = attended(Sandbox::traced(&mock));
    let session = sandbox.session("v2.1.330/stream-multi");
    mock.reply_next(Reply::Status(403));
    assert!(stop(&session, 0).is_some());
    sandbox.end_backoff();
    assert_eq!(stop(&session, 1), None);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
}
