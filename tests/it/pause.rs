//! Nothing is sent in a pause, nor automatically later.

use langfuse_mock::MockLangfuse;

use crate::sandbox::{Received, Sandbox};

#[test]
fn hooks_send_nothing_in_a_pause_and_an_explicit_replay_does() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    sandbox.run(&["pause"]).exits(0);
    session.answered(1).stop(1);
    sandbox.run(&["resume"]).exits(0);
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    session.whole().end();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn a_session_that_began_in_a_pause_is_not_sent_by_the_first_hook_after_it() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    // The recorded prompts are older than any pause that begins now.
    sandbox.write(
        ".claude/state/claude-langfuse/pauses.json",
        br#"{"pauses":[{"from":0,"until":4102444800000}]}"#,
    );
    session.whole().end();
    assert_eq!(mock.requests().len(), 0);
    let ran = sandbox.run(&["replay", "--all", "--dry-run"]).exits(0);
    assert_eq!(ran.stdout, "", "replay --all would not send it");
    assert!(ran.stderr.contains("3 turns skipped (declined or paused)"), "{ran:?}");
    session.replay(&["--dry-run"]).exits(0);
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers().len(), 3);
}

#[test]
fn an_explicit_replay_also_sends_the_only_turn_of_a_session() {
    for is_met_again in [false, true] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/simple");
        sandbox.run(&["pause"]).exits(0);
        session.whole().stop(0);
        sandbox.run(&["resume"]).exits(0);
        if is_met_again {
            session.stop(0);
        }
        session.end();
        sandbox.run(&["flush"]).exits(0);
        sandbox.run(&["replay", "--all"]).exits(0);
        assert_eq!(mock.requests().len(), 0);
        session.replay(&[]).exits(0);
        assert_eq!(mock.answers().len(), 1, "met again: {is_met_again}");
        let told = session.replay(&[]).exits(0).stdout;
        assert!(told.contains("nothing new"), "{told}");
    }
}

#[test]
fn paused_projects_are_listed() {
    let sandbox = Sandbox::new();
    let begun = sandbox.run(&["pause"]).exits(0);
    assert!(begun.stdout.starts_with("everything is paused"), "{begun:?}");
    let again = sandbox.run(&["pause"]).exits(0);
    assert!(again.stdout.contains("already"), "{again:?}");
    let ended = sandbox.run(&["resume"]).exits(0);
    assert!(ended.stdout.contains("no longer paused, from the next prompt on"), "{ended:?}");
    let nothing = sandbox.run(&["resume"]).exits(0);
    assert!(nothing.stdout.contains("nothing was paused"), "{nothing:?}");
    let nowhere = sandbox.path("nowhere").display().to_string();
    sandbox.run(&["pause", "--project", &nowhere]).exits(1);
}
