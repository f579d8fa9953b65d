//! The hook waits for late rows, sends each span once, and prints nothing.

mod budget;
mod command_line;
mod disk;
mod notice;
mod outage;
mod preconnect;
mod suspended;
mod waiting;

use std::time::Duration;

use langfuse_mock::{MockLangfuse, Reply};

use crate::sandbox::{Received, Sandbox};

/// Log texts for a last row that is missing, and for one that is never written.
const WAITS: &str = "the end of the turn is not there yet";
const GAVE_UP: &str = "the end of the turn did not come";

/// Delay of late rows in these tests.
const LATE: Duration = Duration::from_millis(120);

/// A busy machine may fail to write a row within the hook's wait, so the test retries.
fn one_of_many_tries(comes_in_time: fn() -> bool) {
    assert!((0..20).any(|_| comes_in_time()), "none of 20 hooks got the row");
}

#[test]
fn the_last_row_may_be_written_while_the_hook_runs() {
    one_of_many_tries(|| {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        sandbox.set("CC_LANGFUSE_DEBUG", "true");
        let session = sandbox.session("v2.1.330/simple");
        session.before_answer(0);
        let hook = session.start(&session.stop_event(0));
        std::thread::sleep(LATE);
        assert_eq!(mock.requests().len(), 0, "half a turn was sent");
        session.answered(0);
        hook.end().silent();
        mock.answers() == ["Hello from the mock."] && !sandbox.log().contains(GAVE_UP)
    });
}

#[test]
fn the_transcript_may_be_created_while_the_hook_runs() {
    one_of_many_tries(|| {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/simple");
        let hook = session.start(&session.stop_event(0));
        std::thread::sleep(LATE);
        session.answered(0);
        hook.end().silent();
        mock.answers() == ["Hello from the mock."]
    });
}

#[test]
fn without_an_answer_on_stdin_a_hook_waits_until_the_file_is_quiet() {
    one_of_many_tries(|| {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/simple");
        let mut event = session.stop_event(0);
        let members = event.as_object_mut().unwrap();
        members.remove("last_assistant_message");
        members.remove("prompt_id");
        session.before_answer(0);
        let hook = session.start(&event);
        std::thread::sleep(LATE);
        session.answered(0);
        hook.end().silent();
        mock.answers() == ["Hello from the mock."]
    });
}

#[test]
fn a_missing_row_is_waited_for_a_second_and_left_to_the_next_hook() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_DEBUG", "true");
    let session = sandbox.session("v2.1.330/simple");
    session.before_answer(0);
    let took = session.stop(0).took;
    assert!(took >= Duration::from_secs(1), "{took:?}");
    let log = sandbox.log();
    assert!(log.contains(WAITS) && log.contains(GAVE_UP), "{log}");
    assert_eq!(mock.answers(), [""; 0]);
    session.whole().end();
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    assert_eq!(mock.generations_sent(), 1);
}

#[test]
fn the_hook_does_not_wait_for_the_end_of_its_input() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.answered(0);
    // Without a newline, and with an open pipe until the process has ended.
    let event = session.stop_event(0).to_string();
    sandbox.start(&["hook"], event.as_bytes()).end().silent();
    assert_eq!(mock.answers(), ["Hello from the mock."]);
}

#[test]
fn a_second_stop_of_a_turn_changes_its_answer_and_repeats_nothing_else() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stop-block");
    for (stop, answer) in ["Hello.", "Goodbye.", "Really done."].into_iter().enumerate() {
        session.answered(stop).stop(stop);
        assert_eq!(mock.answers(), [answer]);
    }
    session.whole().end();
    let arrivals = mock.arrivals();
    let sent = |what: &str| arrivals.iter().filter(|sent| *sent == what).count();
    assert_eq!(sent("generation chat"), 3, "{arrivals:#?}");
    assert_eq!(sent("event stop blocked"), 2, "{arrivals:#?}");
    assert_eq!(sent("agent claude-code"), 3, "{arrivals:#?}");
}

#[test]
fn an_answer_equal_to_the_blocked_one_is_still_waited_for() {
    one_of_many_tries(|| {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let mut session = sandbox.session("v2.1.330/stop-block");
        let second = session.transcript().answer("Goodbye.", 0).unwrap();
        session.recording = session.recording.replaced("Goodbye.", "Hello.");
        session.answered(0).stop(0);
        session.grow(second);
        let hook = session.start(&session.stop_event(1));
        std::thread::sleep(LATE);
        session.grow(second + 1);
        hook.end().silent();
        mock.generations_sent() == 2
    });
}

#[test]
fn a_changed_configuration_sends_no_model_call_again() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/stop-block").answered(0).stop(0);
    sandbox.set("CC_LANGFUSE_MAX_CHARS", "4");
    let session = sandbox.session("v2.1.330/stop-block");
    session.answered(1).stop(1);
    session.whole().end();
    assert_eq!(mock.generations_sent(), 3, "{:?}", mock.arrivals());
}

#[test]
fn session_end_sends_a_turn_without_a_stop() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.answered(1).end();
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
    assert_eq!(mock.generations_sent(), 2);
}

#[test]
fn session_end_sends_a_tool_without_a_result() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-queued");
    let asked = session
        .transcript()
        .rows()
        .position(|row| row["message"]["content"][0]["type"] == "tool_use");
    session.grow(asked.unwrap() + 1).end();
    let rows = mock.rows();
    let tool = rows.iter().find(|row| row.kind == "TOOL").expect("the tool");
    let shown = (tool.name.as_str(), tool.level.as_str(), tool.status_message.as_deref());
    assert_eq!(shown, ("Bash", "WARNING", Some("no result")));
    assert_eq!(mock.generations_sent(), 1);
    mock.assert_nothing_lost();
}

#[test]
fn a_background_agent_is_sent_when_it_has_finished() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent-background");
    let agent = &session.recording.agents[0];
    sandbox.grow(agent, 1);
    session.answered(0).stop(0);
    let launched = mock.rows().iter().find(|row| row.name == "Agent").expect("its launch").clone();
    assert!(!mock.arrivals().contains(&"agent general-purpose".to_owned()));
    sandbox.grow(agent, usize::MAX);
    session.answered(1).stop(1);
    let rows = mock.rows();
    let root = rows.iter().find(|row| row.name == "general-purpose").expect("the agent");
    assert_eq!(root.trace_id, launched.trace_id);
    assert_eq!(root.parent_span_id.as_ref(), Some(&launched.span_id));
    assert_eq!(mock.generations_sent(), 5);
}

#[test]
fn two_hooks_of_one_session_at_the_same_time_send_nothing_twice() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    mock.reply_next(Reply::Delay(Duration::from_millis(200), Box::new(Reply::Normal)));
    let hooks = [session.stop_event(0), session.end_event()].map(|event| session.start(&event));
    for hook in hooks {
        hook.end().silent();
    }
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    let mut arrivals = mock.arrivals();
    arrivals.sort_unstable();
    assert_eq!(arrivals, ["agent claude-code", "generation chat"]);
}

#[test]
fn one_connection_carries_all_that_a_hook_sends() {
    let mock = MockLangfuse::start();
    let (relay, sandbox) = Sandbox::relayed(&mock);
    let mut session = sandbox.session("v2.1.330/simple");
    // Incompressible texts need one request per span.
    session.recording = session.recording.replaced("Hello from the mock.", &noise(100_000));
    session.answered(0).stop(0);
    assert_eq!(mock.answers().len(), 1);
    assert!(mock.exports().len() > 1, "{}", mock.exports().len());
    assert_eq!(relay.connections(), 1);
}

/// Letters that hardly compress.
fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(state.to_be_bytes()[0])
    });
    letters.filter(char::is_ascii_alphanumeric).take(length).collect()
}

#[test]
fn a_stop_for_another_text_waits_for_its_rows_in_an_unchanged_file() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    // Releases up to 2.1.150 name no prompt.
    let mut event = session.stop_event(1);
    event.as_object_mut().unwrap().remove("prompt_id");
    let hook = session.start(&event);
    std::thread::sleep(Duration::from_millis(50));
    session.answered(1);
    hook.end().silent();
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
    // The same Stop again has nothing to do.
    let before = mock.requests().len();
    session.start(&event).end().silent();
    assert_eq!(mock.requests().len(), before);
}
