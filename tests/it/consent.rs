//! Nothing is read or sent without the project's consent, and declined turns stay declined.

use std::fs;
use std::time::Duration;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};
use serde_json::{Value, json};

use crate::sandbox::{ConnectionProbe, PROJECT, Received, Recording, Sandbox, Session, traced_to};

/// Tracing is switched off in the configuration, and on again.
fn switch(sandbox: &Sandbox, mock: &MockLangfuse, on: bool) {
    let mut env = traced_to(&mock.url());
    env["TRACE_TO_LANGFUSE"] = json!(on.to_string());
    sandbox.config(&json!({"env": env}));
}

#[test]
fn an_untraced_project_has_no_file_and_no_connection() {
    let probe = ConnectionProbe::new();
    for consent in [None, Some("false"), Some("0"), Some("no"), Some("")] {
        let sandbox = Sandbox::new();
        let mut env = traced_to(&probe.url());
        match consent {
            Some(consent) => env["TRACE_TO_LANGFUSE"] = json!(consent),
            None => drop(env.as_object_mut().unwrap().remove("TRACE_TO_LANGFUSE")),
        }
        sandbox.config(&json!({"env": env}));
        let session = sandbox.session("v2.1.330/simple");
        session.answered(0).stop(0);
        session.whole().end();
        sandbox.raw_hook(b"rubbish").silent();
        sandbox.run(&["flush"]).exits(0);
        sandbox.run(&["replay", "--all"]).exits(0);
        probe.assert_untouched();
        assert!(!sandbox.state_folder().exists(), "{consent:?}: {:?}", sandbox.state());
    }
}

#[test]
fn an_untraced_project_is_not_waited_for() {
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/simple");
    session.before_answer(0);
    let took = (0..10).map(|_| session.stop(0).took).min().unwrap();
    // Each of these is fast even on a busy machine; a waiting hook would take a second.
    assert!(took < Duration::from_millis(800), "{took:?}");
}

#[test]
fn only_an_explicit_replay_sends_turns_that_finished_while_tracing_was_off() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    switch(&sandbox, &mock, false);
    session.answered(1).stop(1);
    switch(&sandbox, &mock, true);
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    session.whole().end();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
}

#[test]
fn declined_turns_stay_declined_when_the_file_is_rewritten() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    switch(&sandbox, &mock, false);
    session.answered(1).stop(1);
    switch(&sandbox, &mock, true);
    session.answered(2);
    let text = fs::read_to_string(session.path()).unwrap();
    let (_first_row, rest) = text.split_once('\n').unwrap();
    let new = sandbox.write("new.jsonl", rest.as_bytes());
    fs::rename(new, session.path()).unwrap();
    session.stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 2);
}

#[test]
fn rows_before_the_next_prompt_of_a_rewritten_file_are_not_skipped() {
    let [mock, whole] = [MockLangfuse::start(), MockLangfuse::start()];
    let sandbox = Sandbox::traced(&mock);
    let mut session = sandbox.session("v2.1.330/bash-line");
    session.answered(0).stop(0);
    switch(&sandbox, &mock, false);
    session.answered(1).stop(1);
    switch(&sandbox, &mock, true);
    let is_shell_line = |row: Value| row.to_string().contains("<bash-input>ls");
    let shell_line = session.transcript().rows().position(is_shell_line);
    // The shell's line is written, but not its output, which opens the turn.
    fs::remove_file(session.path()).unwrap();
    session.recording.sessions[0].lines.remove(0);
    session.grow(shell_line.unwrap());
    session.end();
    session.answered(2).stop(2);
    switch(&sandbox, &whole, true);
    session.replay(&[]).exits(0);
    let asked = |mock: &MockLangfuse| {
        let rows = mock.rows().into_iter();
        let mut turns = rows.filter(|row| row.output.as_deref() == Some("I saw it fail."));
        turns.next().expect("the turn").input
    };
    assert_eq!(asked(&mock), asked(&whole));
}

#[test]
fn turns_of_a_fork_are_sent_after_its_file_was_rewritten_shorter_while_tracing_was_off() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let recording = Recording::open("v2.1.330/fork");
    let fork = recording.session("f61dec74-eaad-420b-b634-b4eada2a1347");
    sandbox.grow(fork, usize::MAX);
    let path = sandbox.projects().join(&fork.path);
    let hook = |name: &str| {
        let event =
            json!({"hook_event_name": name, "session_id": fork.session, "transcript_path": path});
        sandbox.raw_hook(event.to_string().as_bytes()).silent();
    };
    hook("SessionEnd");
    assert_eq!(mock.answers(), ["Fork answer."]);
    switch(&sandbox, &mock, false);
    let own = fork.rows().skip_while(|row| row["message"]["content"] != "Fork prompt");
    let own = own.filter(|row| row["message"].is_object());
    let own: String = own.map(|row| format!("{row}\n")).collect();
    let copy = sandbox.write("copy.jsonl", own.as_bytes());
    fs::rename(copy, &path).unwrap();
    hook("SessionEnd");
    switch(&sandbox, &mock, true);
    let later = own.replace("Fork answer", "Later answer");
    let later = ["uuid", "id"].iter().fold(later, |text, field| {
        text.replace(&format!("\"{field}\":\""), &format!("\"{field}\":\"9"))
    });
    fs::write(&path, own + &later).unwrap();
    hook("SessionEnd");
    let mut answers = mock.answers();
    answers.sort_unstable();
    assert_eq!(answers, ["Fork answer.", "Later answer."]);
}

#[test]
fn a_turn_that_ended_while_tracing_was_off_is_declined_whole_though_it_began_before() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    // The prompt was written while tracing was on, but no hook of the turn has run.
    session.before_answer(1);
    switch(&sandbox, &mock, false);
    session.answered(1).stop(1);
    switch(&sandbox, &mock, true);
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
}

#[test]
fn a_session_that_ends_while_tracing_is_off_is_left_as_it_is() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    switch(&sandbox, &mock, false);
    session.answered(1).stop(1);
    session.whole().end();
    switch(&sandbox, &mock, true);
    sandbox.run(&["flush"]).exits(0);
    sandbox.session("v2.1.330/simple").answered(0).stop(0);
    let mut answers = mock.answers();
    answers.sort_unstable();
    assert_eq!(answers, ["Answer 1.", "Hello from the mock."]);
}

#[test]
fn a_background_agent_that_continues_after_tracing_was_switched_off_is_not_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent-background");
    session.answered(0).stop(0);
    switch(&sandbox, &mock, false);
    session.whole().stop(1);
    switch(&sandbox, &mock, true);
    session.end();
    assert_eq!(mock.generations_sent(), 2, "{:?}", mock.arrivals());
    session.replay(&[]).exits(0);
    assert_eq!(mock.generations_sent(), 5, "{:?}", mock.arrivals());
}

#[test]
fn the_first_contact_sends_the_turn_that_the_hook_fired_for() {
    for end in [false, true] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/stream-multi");
        session.whole();
        match end {
            true => session.end(),
            false => session.stop(2),
        };
        assert_eq!(mock.answers(), ["Answer 3."]);
        sandbox.run(&["flush"]).exits(0);
        assert_eq!(mock.answers(), ["Answer 3."]);
        session.replay(&[]).exits(0);
        assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
        assert_eq!(mock.generations_sent(), 3);
    }
}

#[test]
fn the_first_contact_sends_unanswered_turns_directly_before_too() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let mut session = sandbox.session("v2.1.330/stream-multi");
    forget_answer(&mut session, "Answer 2.");
    session.whole().stop(2);
    assert_eq!(mock.answers(), ["[no answer]", "Answer 3."]);
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let mut session = sandbox.session("v2.1.330/stream-multi");
    forget_answer(&mut session, "Answer 1.");
    session.whole().stop(2);
    assert_eq!(mock.answers(), ["Answer 3."], "an answered turn lies between");
}

#[test]
fn replay_of_a_named_session_is_consent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    switch(&sandbox, &mock, false);
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
}

#[test]
fn replay_all_takes_traced_projects_and_counts_skipped_ones() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let (quiet, private) = (sandbox.path("quiet"), sandbox.path("private"));
    let on = json!({"env": {"TRACE_TO_LANGFUSE": "true"}});
    let mut env = traced_to(&mock.url());
    env["TRACE_TO_LANGFUSE"] = json!("false");
    sandbox.config(&json!({"env": env, "projects": {PROJECT: on}}));
    sandbox.session("v2.1.330/simple").whole();
    sandbox.session_in(&quiet, "v2.1.330/thinking").whole();
    sandbox.session_in(&private, "v2.1.330/tools").whole();
    let ran = sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    assert!(ran.stdout.contains("2 sessions skipped (tracing is off)"), "{}", ran.stdout);
    let ran = sandbox.run(&["replay", "--all", "--json"]).exits(0);
    assert_eq!(ran.json().last().unwrap()["skipped"], 2);
}

#[test]
fn the_shell_is_no_consent_for_sessions_that_it_did_not_start() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::new();
    let url = mock.url();
    let shell = [
        ("TRACE_TO_LANGFUSE", "true"),
        ("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY),
        ("LANGFUSE_SECRET_KEY", SECRET_KEY),
        ("LANGFUSE_BASE_URL", &url),
    ];
    for (name, value) in shell {
        sandbox.set(name, value);
    }
    let session = sandbox.session("v2.1.330/stream-multi");
    session.whole();
    let ran = sandbox.run(&["replay", "--all"]).exits(0);
    assert!(ran.stdout.contains("1 session skipped"), "{}", ran.stdout);
    assert_eq!(mock.requests().len(), 0);
    // Its own hook has the environment of its session, and a person who names the session consents.
    session.stop(2);
    assert_eq!(mock.answers(), ["Answer 3."]);
    sandbox.run(&["flush"]).exits(0);
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers().len(), 3);
}

#[test]
fn a_broken_configuration_is_no_consent() {
    let probe = ConnectionProbe::new();
    let sandbox = Sandbox::traced_to(&probe.url());
    let file = sandbox.path(".config/claude-langfuse/config.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, &text[..text.len() - 1]).unwrap();
    let session = sandbox.session("v2.1.330/simple");
    session.whole().stop(0);
    session.end();
    probe.assert_untouched();
    let cursors = sandbox.state_folder().join("claude-langfuse/sessions");
    assert!(!cursors.exists());
}

/// The recording without its answers.
fn forget_answer(session: &mut Session<'_>, answer: &str) {
    let row = session.transcript().answer(answer, 0).unwrap();
    session.recording.sessions[0].lines.remove(row);
}
