//! Commands name the problem, and exit codes distinguish failures.

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::json;

use crate::sandbox::{Received, Sandbox, unused_address};

#[test]
fn exit_codes_distinguish_failures() {
    let cases = [
        (Reply::Status(401), 5, "check the keys"),
        (Reply::Status(403), 5, "check the keys"),
        (Reply::Status(404), 3, "check the base URL"),
        (Reply::Html, 3, "not JSON"),
        (Reply::Status(503), 4, "503"),
        (Reply::RateLimited(7200), 4, "429"),
        (Reply::Reset, 4, "hung up"),
    ];
    for (reply, code, told) in cases {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/simple");
        mock.reply_always(Some(reply.clone()));
        let ran = session.whole().replay(&[]).exits(code);
        assert!(ran.stdout.contains(told), "{reply:?}: {ran:?}");
        assert!(ran.stdout.contains("1 failed"), "{reply:?}: {ran:?}");
        // Nothing is lost, and a command does not wait for a back-off.
        mock.reply_always(None);
        session.replay(&[]).exits(0);
        assert_eq!(mock.answers(), ["Hello from the mock."], "{reply:?}");
    }
}

#[test]
fn an_unreachable_server_is_exit_code_4() {
    let sandbox = Sandbox::traced_to(&format!("http://{}", unused_address()));
    let ran = sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(4);
    assert!(ran.stdout.contains("could not connect to 127.0.0.1"), "{ran:?}");
}

#[test]
fn missing_configuration_is_exit_code_3_with_a_remedy() {
    let sandbox = Sandbox::new();
    let ran = sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(3);
    for told in
        ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", ".config/claude-langfuse/config.json"]
    {
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

#[test]
fn invalid_targets_are_named() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    // Two sessions with the same beginning of their ids.
    let same = sandbox.session("v2.1.330/tools");
    let id = same.id().to_owned();
    same.whole();
    sandbox.write(&format!(".claude/projects/-other/{}zz.jsonl", &id[..6]), b"");
    sandbox.write("empty/readme.txt", b"");
    let empty = sandbox.path("empty").display().to_string();
    let missing = sandbox.path("no/such.jsonl").display().to_string();
    let cases = [
        ("no-such-session", "no-such-session"),
        (&id[..6], "2 ids start with"),
        (&*empty, "no transcript in"),
        (&*missing, "no/such.jsonl"),
    ];
    for (target, told) in cases {
        let ran = sandbox.run(&["replay", target]).exits(1);
        assert!(ran.stderr.starts_with("claude-langfuse: could not"), "{target}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{target}: {}", ran.stderr);
        let candidates = ran.stderr.lines().skip(1).all(|line| line.contains(&id[..6]));
        assert!(candidates, "{}", ran.stderr);
    }
    assert_eq!(mock.requests().len(), 0);
}

#[test]
fn an_agents_transcript_is_not_a_session() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent");
    session.whole();
    let agent = sandbox.projects().join(&session.recording.agents[0].path);
    let ran = sandbox.run(&["replay", agent.to_str().unwrap()]).exits(1);
    assert!(ran.stderr.contains("it is an agent transcript, name its session"), "{}", ran.stderr);
    assert_eq!(mock.requests().len(), 0);
}

#[test]
fn one_bad_target_is_named_before_anything_is_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    sandbox.run(&["replay", session.id(), "no-such-session"]).exits(1);
    assert_eq!(mock.requests().len(), 0);
}

#[test]
fn an_unreadable_session_does_not_block_the_others() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    let broken =
        sandbox.write(".claude/projects/-home-dev-project/00000000.jsonl", b"\x00\x01rubbish\n");
    let folder = sandbox.projects().display().to_string();
    let told = sandbox.run(&["replay", "--json", &folder]).exits(0).json();
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    let name = broken.file_stem().unwrap().to_str().unwrap();
    let about = told.iter().find(|line| line["session"] == name).expect("a line about it");
    assert_eq!((&about["spans"], &about["broken_lines"]), (&json!(0), &json!(1)), "{about}");
}

#[test]
fn unusable_values_are_named_and_the_rest_works() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("LANGFUSE_TIMEOUT", "soon").set("CC_LANGFUSE_METADATA", "{broken");
    let ran = sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(0);
    assert!(
        ran.stderr.contains("LANGFUSE_TIMEOUT") && ran.stderr.contains("CC_LANGFUSE_METADATA"),
        "{}",
        ran.stderr
    );
    assert_eq!(mock.answers(), ["Hello from the mock."]);
}
