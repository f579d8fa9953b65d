//! Files that a hook writes: how far Langfuse has acknowledged a session, but no conversation text.

use std::fs;
use std::path::Path;

use langfuse_mock::{MockLangfuse, Reply, SECRET_KEY};

use crate::sandbox::{ConnectionProbe, Received, Sandbox, Session, mode};

#[test]
fn nothing_new_opens_no_connection_and_writes_no_file() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent-background");
    session.whole().stop(1);
    session.end();
    let (requests, files) = (mock.requests().len(), sandbox.state_files());
    assert!(!files.is_empty());
    session.stop(1);
    session.end();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.requests().len(), requests);
    assert_eq!(sandbox.state_files(), files);
}

/// `claude --no-session-persistence`: hooks get the path of a file that is never written.
#[test]
fn a_session_without_a_transcript_is_no_error_and_leaves_no_file() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.stop(0);
    session.end();
    assert_eq!(mock.requests().len(), 0);
    let log = sandbox.log();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    assert!(log.contains("--no-session-persistence"), "{log}");
    let files = sandbox.state_files().len();
    assert_eq!(files, 1, "the log: {:?}", sandbox.state());
}

#[test]
fn state_holds_nothing_of_the_conversation_and_no_key() {
    for recording in
        ["v2.1.330/subagent-nested", "v2.1.330/subagent-background", "v2.1.330/thinking"]
    {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session(recording);
        let texts = texts(&session);
        assert!(texts.len() > 3, "{texts:?}");
        // Delivered in part, failed in part, and delivered completely.
        session.answered(0).stop(0);
        assert_no_trace_of(&sandbox, &texts);
        mock.reply_next(Reply::Status(503));
        session.whole().end();
        assert_no_trace_of(&sandbox, &texts);
        session.replay(&[]).exits(0);
        assert_no_trace_of(&sandbox, &texts);
    }
}

#[test]
fn names_that_the_model_gave_are_kept_without_their_secrets() {
    let secret = format!("ghp_{}", "a1B2".repeat(9));
    for (recording, name, before_its_end) in [
        ("v2.1.330/workflow-lost", "count-things", 25),
        ("v2.0.76/subagent", "general-purpose", usize::MAX),
    ] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let mut session = sandbox.session(recording);
        session.recording = session.recording.replaced(name, &secret);
        // The agents' files are missing, so their launches are kept.
        session.grow(before_its_end);
        session.end();
        let kept = sandbox.state_files();
        let kept = kept.iter().map(|(_, content, _)| String::from_utf8_lossy(content));
        let kept: String = kept.collect();
        assert!(kept.contains("masked: github-token"), "{recording}: {kept}");
        assert!(!kept.contains("a1B2"), "{recording}: {kept}");
    }
}

#[test]
fn only_their_owner_can_read_the_files() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    mock.reply_next(Reply::Status(503));
    sandbox.session("v2.1.330/subagent").whole().end();
    let state = sandbox.state();
    assert!(state.iter().any(|path| path.ends_with("claude-langfuse/destinations")), "{state:?}");
    assert!(state.iter().any(|path| path.ends_with("langfuse_hook.log")), "{state:?}");
    for path in state {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}

#[test]
fn no_file_is_written_outside_state() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent");
    session.whole();
    let others = |sandbox: &Sandbox| {
        let mut files = below(&sandbox.path(""));
        files.retain(|(path, _)| !path.starts_with(&sandbox.state_folder().display().to_string()));
        files
    };
    let before = others(&sandbox);
    session.stop(0);
    session.end();
    assert_eq!(others(&sandbox), before);
}

#[test]
fn without_state_everything_is_still_sent() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_STATE_DIR", "/dev/null/state");
    let session = sandbox.session("v2.1.330/simple");
    session.answered(0).stop(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
}

#[test]
fn damaged_state_is_moved_aside_and_newer_state_is_not_changed() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    let cursor = sandbox.cursor();
    fs::write(&cursor, "{\"schema\":1,").unwrap();
    session.answered(1).stop(1);
    assert!(mock.answers().contains(&"Answer 2.".to_owned()), "{:?}", mock.answers());
    let newer = "{\"schema\":99}";
    fs::write(&cursor, newer).unwrap();
    let requests = mock.requests().len();
    session.answered(2).stop(2);
    assert_eq!(mock.requests().len(), requests);
    assert_eq!(fs::read_to_string(&cursor).unwrap(), newer);
}

#[test]
fn a_session_id_that_is_a_path_writes_nothing_outside_state() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    let mut event = session.answered(0).stop_event(0);
    event["session_id"] = "../../../../outside".into();
    session.start(&event).end().silent();
    assert!(!sandbox.path("outside").exists() && !sandbox.path(".claude/outside").exists());
    assert!(sandbox.path("").parent().unwrap().join("outside").metadata().is_err());
}

#[test]
fn a_session_with_nothing_to_send_is_not_logged() {
    let probe = ConnectionProbe::new();
    let sandbox = Sandbox::traced_to(&probe.url());
    let event =
        r#"{"hook_event_name":"Notification","session_id":"s","transcript_path":"/t.jsonl"}"#;
    sandbox.raw_hook(event.as_bytes()).silent();
    probe.assert_untouched();
    assert!(sandbox.state().is_empty(), "{:?}", sandbox.state());
}

/// Texts of people, models and tools: the first words of each.
fn texts(session: &Session<'_>) -> Vec<String> {
    let files = session.recording.sessions.iter().chain(&session.recording.agents);
    let rows = files.flat_map(|file| file.rows()).filter(|row| row["message"].is_object());
    let said = rows.flat_map(|row| match &row["message"]["content"] {
        serde_json::Value::String(text) => vec![text.clone()],
        blocks => {
            let blocks = blocks.as_array().into_iter().flatten();
            let texts = blocks
                .flat_map(|block| [&block["text"], &block["thinking"], &block["input"]["prompt"]]);
            texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
        }
    });
    let long = said.filter(|text| text.len() >= 9 && !text.starts_with('<'));
    long.map(|text| text.chars().take(40).collect()).collect()
}

fn assert_no_trace_of(sandbox: &Sandbox, texts: &[String]) {
    for (path, content, _) in sandbox.state_files() {
        let content = String::from_utf8(content).unwrap();
        let found = texts.iter().find(|text| content.contains(*text));
        assert_eq!(found, None, "{}", path.display());
        assert!(!content.contains(SECRET_KEY), "{}", path.display());
    }
}

fn below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(below(&path)),
            false => files.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    files.sort();
    files
}
