//! Invalid and unusual transcripts.

use std::fs;
use std::path::Path;
use std::process::Command;

use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox, Session};

fn traced() -> (MockLangfuse, Sandbox) {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    (mock, sandbox)
}

/// The hooks of a session with another file as its transcript.
fn hooks_at(path: &Path, session: &Session<'_>) {
    for mut event in [session.stop_event(0), session.end_event()] {
        event["transcript_path"] = json!(path);
        session.start(&event).end().silent();
    }
}

#[test]
fn an_invalid_transcript_is_logged_and_the_session_is_sent_later() {
    type Make = fn(&Path);
    let things: [(&str, Make); 5] = [
        ("nothing", |_| {}),
        ("a folder", |path| fs::create_dir_all(path).unwrap()),
        ("a FIFO", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
        ("a link to itself", |path| std::os::unix::fs::symlink(path, path).unwrap()),
        ("an endless device", |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()),
    ];
    all_at_once(things, |(what, make)| {
        let (mock, sandbox) = traced();
        let session = sandbox.session("v2.1.330/simple");
        let path = sandbox.path("thing.jsonl");
        make(&path);
        hooks_at(&path, &session);
        assert_eq!(mock.requests().len(), 0, "{what}");
        let log = sandbox.log();
        assert!(log.contains("thing.jsonl"), "{what}: {log}");
        assert!(sandbox.run(&["replay", path.to_str().unwrap()]).code != Some(0), "{what}");
        session.whole().end();
        assert_eq!(mock.answers(), ["Hello from the mock."], "{what}");
    });
}

/// Each case waits as long as a hook may.
fn all_at_once<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| test(case));
        }
    });
}

#[test]
fn a_file_without_rows_sends_nothing() {
    let bytes = (0..=255_u8).cycle().step_by(7);
    let noise: Vec<u8> = bytes.take(100_000).collect();
    let contents: [&[u8]; 5] =
        [b"", b"\n\n\n", b"{\"type\":", &noise, b"{}\n[]\n42\n\"x\"\nnull\n"];
    all_at_once(contents, |content| {
        let (mock, sandbox) = traced();
        let session = sandbox.session("v2.1.330/simple");
        let path = sandbox.write("thing.jsonl", content);
        hooks_at(&path, &session);
        assert_eq!(mock.requests().len(), 0);
        session.whole().end();
        assert_eq!(mock.answers(), ["Hello from the mock."]);
    });
}

#[test]
fn a_bad_line_in_the_middle_affects_no_other_line_and_is_counted() {
    let bad = [
        "rubbish\n",
        "{\"type\":\"assistant\",\"message\":{\"role\n",
        "\u{0}\u{1}\n",
        "[1,2]\n",
        "}\n",
    ];
    for bad in bad {
        let expected = rows_of("v2.1.330/tools", |_| {});
        let (mock, sandbox) = traced();
        let mut session = sandbox.session("v2.1.330/tools");
        insert_lines(&mut session, bad);
        session.whole().end();
        assert_eq!(mock.rows(), expected, "{bad:?}");
        let log = sandbox.log();
        assert!(log.contains("4 lines could not be read, the first at byte "), "{bad:?}: {log}");
        assert!(!log.contains("rubbish"), "{log}");
        let told = session.replay(&["--again", "--json"]).exits(0).json();
        assert_eq!(told[0]["broken_lines"], 5, "{}", told[0]);
    }
}

/// Puts a line before the first row and after every tenth.
fn insert_lines(session: &mut Session<'_>, line: &str) {
    let lines = &mut session.recording.sessions[0].lines;
    let whole = std::mem::take(lines);
    for (position, row) in whole.into_iter().enumerate() {
        if position % 10 == 0 {
            lines.push(line.to_owned());
        }
        lines.push(row);
    }
}

#[test]
fn rows_and_fields_of_later_releases_change_nothing() {
    let expected = rows_of("v2.1.330/tools", |_| {});
    let rows = rows_of("v2.1.330/tools", |session| {
        insert_lines(
            session,
            "{\"type\":\"hologram\",\"uuid\":\"x\",\"timestamp\":\"2026-11-23T06:42:22.501Z\",\"message\":7}\n",
        );
        for line in &mut session.recording.sessions[0].lines {
            let mut row: Value = serde_json::from_str(line).unwrap();
            row["brandNew"] = json!({"deep": [null]});
            if let Some(content) = row.pointer_mut("/message/content").and_then(Value::as_array_mut)
            {
                content.push(json!({"type": "smell", "odour": "\u{1f339}"}));
            }
            *line = format!("{row}\n");
        }
    });
    let ids = |rows: &[Row]| rows.iter().map(|row| row.span_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&rows), ids(&expected));
    let usage = |rows: &[Row]| rows.iter().map(|row| row.usage.clone()).collect::<Vec<_>>();
    assert_eq!(usage(&rows), usage(&expected));
}

#[test]
fn a_last_line_without_its_newline_is_read_once_it_is_complete() {
    let (mock, sandbox) = traced();
    let session = sandbox.session("v2.1.330/simple");
    session.before_answer(0);
    let row = session.transcript().answer("Hello from the mock.", 0).unwrap();
    let line = session.transcript().lines[row].trim_end().to_owned();
    let (first, second) = line.split_at(line.len() / 2);
    append(&session, first);
    session.stop(0);
    assert_eq!(mock.answers(), [""; 0]);
    append(&session, second);
    session.stop(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    append(&session, "\n");
    session.end();
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    assert_eq!(mock.generations_sent(), 1);
    assert!(!sandbox.log().contains("could not be read"), "{}", sandbox.log());
}

fn append(session: &Session<'_>, text: &str) {
    use std::io::Write;
    let mut file = fs::OpenOptions::new().append(true).open(session.path()).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn half_a_surrogate_in_the_middle_of_a_text_loses_nothing() {
    let rows = rows_of("v2.1.330/simple", |session| {
        for line in &mut session.recording.sessions[0].lines {
            *line = line.replace("Hello from the mock.", "Hello \\ud83d from the mock.");
        }
    });
    let turn = rows.iter().find(|row| row.kind == "AGENT").unwrap();
    assert_eq!(turn.output.as_deref(), Some("Hello \u{fffd} from the mock."));
}

#[test]
fn a_transcript_that_was_rewritten_is_read_again_and_nothing_is_sent_twice() {
    let (mock, sandbox) = traced();
    let mut session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.answered(1).stop(1);
    // Shorter by more than a turn: the offset of the second turn is now in the middle of the third.
    session.recording.sessions[0].lines.drain(3..13);
    fs::remove_file(session.path()).unwrap();
    session.answered(1).stop(1);
    session.answered(2).stop(2);
    session.whole().end();
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
}

/// The spans of a replay of a changed recording.
fn rows_of(recording: &str, change: impl FnOnce(&mut Session<'_>)) -> Vec<Row> {
    let (mock, sandbox) = traced();
    let mut session = sandbox.session(recording);
    change(&mut session);
    session.whole().replay(&[]).exits(0);
    mock.assert_nothing_lost();
    mock.rows()
}
