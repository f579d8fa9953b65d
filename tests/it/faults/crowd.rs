//! Many processes at the same time.

use std::fs;
use std::time::Duration;

use langfuse_mock::{MockLangfuse, Reply};

use super::long::LongSession;
use super::oracle::{can_trace, in_order, same_rows, undisturbed};
use crate::missing;
use crate::sandbox::{Received, Running, Sandbox};

const CROWD: usize = 50;
/// Never reached by a passing test.
const LONG: Duration = Duration::from_secs(300);

fn traced() -> (MockLangfuse, Sandbox) {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    // Fifty processes take longer than one on two processors.
    sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "60");
    (mock, sandbox)
}

#[test]
fn fifty_hooks_of_one_session_send_each_span_once() {
    let (mock, sandbox) = traced();
    let session = sandbox.session("v2.1.330/subagent");
    session.whole();
    let hooks: Vec<Running> = (0..CROWD).map(|_| session.start(&session.end_event())).collect();
    for hook in hooks {
        hook.end().silent();
    }
    let expected = undisturbed("v2.1.330/subagent");
    same_rows(&mock.rows(), &expected, "in the end");
    assert_eq!(mock.accepted_spans().len(), expected.len(), "{:?}", mock.arrivals());
    in_order(&sandbox, "one session");
}

#[test]
fn fifty_hooks_of_fifty_sessions_do_not_interfere() {
    let (mock, sandbox) = traced();
    let session = |number| {
        let mut session =
            LongSession::numbered(sandbox.projects().join("-home-dev-project"), number);
        session.turn(1000);
        session
    };
    let sessions: Vec<LongSession> = (0..CROWD).map(session).collect();
    let event = |session: &LongSession| session.event("SessionEnd");
    let hooks: Vec<Running> = sessions
        .iter()
        .map(|session| sandbox.start(&["hook"], event(session).as_bytes()))
        .collect();
    for hook in hooks {
        hook.end().silent();
    }
    assert_eq!(mock.answers().len(), CROWD);
    assert_eq!(mock.accepted_spans().len(), 2 * CROWD);
    let sent = sandbox.log().lines().filter(|line| line.contains("sent 1 turns")).count();
    assert_eq!(sent, CROWD, "each has a whole line in the log");
    in_order(&sandbox, "fifty sessions");
}

#[test]
fn a_hook_a_replay_and_a_flush_at_the_same_time_send_each_span_once() {
    let (mock, sandbox) = traced();
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.whole();
    let path = session.argument();
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(session.start(&session.end_event()));
        runs.push(sandbox.start(&["replay", &path], b""));
        runs.push(sandbox.start(&["flush"], b""));
    }
    for run in runs {
        let ran = run.end();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    }
    same_rows(&mock.rows(), &undisturbed("v2.1.330/stream-multi"), "in the end");
    assert_eq!(mock.generations_sent(), 3);
    in_order(&sandbox, "all at once");
}

#[test]
fn a_session_held_by_a_stopped_process_is_completed_by_the_next_hook() {
    let (mock, mut sandbox) = traced();
    sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "2");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0);
    mock.reply_next(Reply::Hang);
    let stopped = session.start(&session.stop_event(0));
    assert!(mock.wait_for(LONG, |_| { !mock.requests().is_empty() }));
    stopped.signal("STOP");
    session.answered(1).stop(1);
    assert!(sandbox.log().contains("another process has it"), "{}", sandbox.log());
    assert_eq!(mock.requests().len(), 1);
    stopped.signal("KILL");
    stopped.end();
    session.whole().end();
    same_rows(&mock.rows(), &undisturbed("v2.1.330/stream-multi"), "in the end");
    assert_eq!(mock.generations_sent(), 3);
    in_order(&sandbox, "stopped");
}

#[test]
fn a_stop_reads_no_agent_that_another_agent_may_have_launched() {
    if !can_trace() {
        return missing::tool("files not counted: strace is missing, or may not trace");
    }
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    let agents = session.path().with_extension("").join("subagents");
    for agent in 0..20 {
        let row = r#"{"type":"user","uuid":"u","timestamp":"2024-01-01T00:00:00Z","message":{"role":"user","content":"x"}}"#;
        let file = agents.join(format!("agent-a{agent}.jsonl"));
        sandbox.write(file.to_str().unwrap(), format!("{row}\n").as_bytes());
        let meta = br#"{"agentType":"inner","spawnDepth":2}"#;
        sandbox.write(file.with_extension("meta.json").to_str().unwrap(), meta);
    }
    session.answered(0).stop(0);
    session.answered(1);
    let log = sandbox.path("calls");
    let strace = ["strace", "-f", "-qq", "-e", "trace=openat", "-o", log.to_str().unwrap(), "--"];
    let event = session.stop_event(1).to_string();
    sandbox.start_under(&strace, &["hook"], event.as_bytes()).end().silent();
    let opened = fs::read_to_string(log).unwrap();
    let read = opened.lines().filter(|line| line.contains("/agent-") && line.contains(".jsonl"));
    assert_eq!(read.count(), 0, "{opened}");
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
}
