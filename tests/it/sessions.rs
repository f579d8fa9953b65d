//! `sessions` lists sessions on disk, newest first, with their acknowledged part, and reads only the listed ones.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::{Value, json};

use crate::sandbox::{Recording, Sandbox};

/// Three sessions; the first in the list is the newest.
fn three(sandbox: &Sandbox) {
    let recordings =
        ["v2.1.330/stream-multi", "v2.1.330/subagent-background", "v2.1.330/branch-tui"];
    for (age, name) in recordings.iter().enumerate() {
        let recording = Recording::open(name);
        for transcript in recording.sessions.iter().chain(&recording.agents) {
            sandbox.grow(transcript, usize::MAX);
            let path = sandbox.projects().join(&transcript.path);
            written(&path, Duration::from_secs(60 * age as u64));
        }
    }
}

/// Sets the time of the last write this long ago.
fn written(path: &Path, ago: Duration) {
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - ago).unwrap();
}

#[test]
fn sessions_are_listed_with_how_much_of_them_was_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    three(&sandbox);
    sandbox.run(&["replay", "bd09"]).exits(0);
    sandbox
        .screen()
        .types("claude-langfuse sessions")
        .types("claude-langfuse sessions --limit 1")
        .types("claude-langfuse sessions --limit 2 --json")
        .types("claude-langfuse sessions --project /home/dev/other")
        .types("claude-langfuse sessions --complete 41")
        .types("claude-langfuse sessions --since yesterday")
        .is("sessions");
}

#[test]
fn help_has_examples() {
    let sandbox = Sandbox::new();
    sandbox.screen().types("claude-langfuse sessions --help").is("sessions_help");
}

#[test]
fn without_sessions_a_message_is_printed() {
    let sandbox = Sandbox::new();
    sandbox
        .screen()
        .types("claude-langfuse sessions")
        .types("claude-langfuse sessions --json")
        .is("sessions_none");
}

#[test]
fn skipped_turns_do_not_count_as_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    // The hook was installed late: it sends only its own turn.
    session.answered(1).stop(1);
    assert_eq!(sent(&sandbox), json!([1, 2]));
    mock.reply_always(Some(Reply::Status(503)));
    session.answered(2).stop(2);
    assert_eq!(sent(&sandbox), json!([1, 3]));
    mock.reply_always(None);
    session.whole().replay(&[]).exits(0);
    assert_eq!(sent(&sandbox), json!([3, 3]));
}

#[test]
fn turns_sent_elsewhere_do_not_count() {
    let [first, second] = [MockLangfuse::start(), MockLangfuse::start()];
    let sandbox = Sandbox::traced(&first);
    sandbox.session("v2.1.330/stream-multi").whole().replay(&[]).exits(0);
    assert_eq!(sent(&sandbox), json!([3, 3]));
    sandbox.config(&json!({"env": crate::sandbox::traced_to(&second.url())}));
    assert_eq!(sent(&sandbox), json!([0, 3]));
}

fn sent(sandbox: &Sandbox) -> Value {
    let listed = sandbox.run(&["sessions", "--json"]).exits(0).json();
    json!([listed[0]["sent"], listed[0]["turns"]])
}

#[test]
fn a_title_goes_before_the_first_prompt_and_secrets_stay_hidden() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.session("v2.1.330/simple");
    let key = format!("sk-ant-api03-{}", "A1b2".repeat(22));
    session.recording = session.recording.replaced("Say hello", &format!("Use {key} now"));
    session.whole();
    let listed = || sandbox.run(&["sessions"]).exits(0).stdout;
    assert!(listed().contains("Use ") && !listed().contains(&key), "{}", listed());
    let row =
        json!({"type": "custom-title", "customTitle": "A tidy name", "sessionId": session.id()});
    let mut text = fs::read_to_string(session.path()).unwrap();
    text.push_str(&format!("{row}\n"));
    fs::write(session.path(), text).unwrap();
    assert!(listed().contains("A tidy name"), "{}", listed());
    let told = &sandbox.run(&["sessions", "--json"]).json()[0];
    assert_eq!(told["title"], "A tidy name");
    assert!(told["first_prompt"].as_str().unwrap().starts_with("Use "));
}

#[test]
fn filters_take_the_project_and_the_time_of_the_last_row() {
    let sandbox = Sandbox::new();
    three(&sandbox);
    let elsewhere = sandbox.path("elsewhere");
    fs::create_dir_all(elsewhere.join("below")).unwrap();
    sandbox.session_in(&elsewhere.join("below"), "v2.1.330/simple").whole();
    let found = |filter: &[&str]| {
        let arguments = [&["sessions", "--json"], filter].concat();
        sandbox.run(&arguments).exits(0).json().len()
    };
    assert_eq!(found(&[]), 5);
    assert_eq!(found(&["--project", "/home/dev/project"]), 4);
    assert_eq!(found(&["--project", elsewhere.to_str().unwrap()]), 1);
    // As typed within the home folder.
    assert_eq!(found(&["--project", "elsewhere"]), 1);
    // The beginning of a folder's name is another folder.
    fs::create_dir(sandbox.path("else")).unwrap();
    assert_eq!(found(&["--project", "else"]), 0);
    // Written just now, but with older rows.
    assert_eq!(found(&["--since", "1h"]), 0);
    assert_eq!(found(&["--since", "2024-11-23"]), 5);
    assert_eq!(found(&["--until", "2024-11-22"]), 0);
    // A date includes its day.
    assert_eq!(found(&["--until", "2024-11-23"]), 5);
    assert_eq!(found(&["--since", "2024-11-23T10:00:00Z"]), 2);
    assert_eq!(found(&["--until", "2024-11-23T10:00:00Z"]), 3);
}

#[test]
fn other_files_are_ignored() {
    let sandbox = Sandbox::new();
    three(&sandbox);
    sandbox.write(".claude/projects/-p/broken.jsonl", b"\x00\xff not JSON\n{\n");
    sandbox.write(".claude/projects/-p/empty.jsonl", b"");
    sandbox.write(".claude/projects/notes.txt", b"");
    let listed = sandbox.run(&["sessions", "--json"]).exits(0).json();
    let turns = listed.iter().map(|row| row["turns"].as_u64().unwrap());
    assert_eq!(turns.sum::<u64>(), 3 + 2 + 3 + 1);
}

#[test]
fn a_narrow_terminal_shows_fewer_columns_and_always_the_title() {
    let mut sandbox = Sandbox::new();
    three(&sandbox);
    for columns in [30, 40, 60, 79, 200] {
        sandbox.set("COLUMNS", columns.to_string());
        let listed = sandbox.run(&["sessions"]).exits(0).stdout;
        let fits = |line: &str| line.chars().count() <= columns;
        assert!(listed.lines().all(fits), "{listed}");
        assert!(listed.contains("Prompt 1"), "{listed}");
    }
    sandbox.set("COLUMNS", "40");
    sandbox.screen().types("claude-langfuse sessions").is("sessions_narrow");
}

/// A restored backup is written today, but its last row is old.
#[test]
fn the_newest_session_is_the_last_active_one() {
    let sandbox = Sandbox::new();
    three(&sandbox);
    let listed = || -> Vec<(String, String)> {
        let listed = sandbox.run(&["sessions", "--json"]).exits(0).json();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let times = listed.iter().map(|row| (text(row, "last_activity"), text(row, "path")));
        times.collect()
    };
    let before = listed();
    assert!(before.is_sorted_by(|left, right| left.0 >= right.0), "{before:?}");
    let (_, oldest) = before.last().unwrap();
    written(oldest.as_ref(), Duration::ZERO);
    assert_eq!(listed(), before);
    let first = &sandbox.run(&["sessions", "--json", "--limit", "1"]).json()[0];
    assert_eq!(first["path"], before[0].1);
}

/// Every recording: turns and tokens are equal to those of `show`.
#[test]
fn turns_and_tokens_are_those_of_the_whole_session() {
    for name in Recording::names() {
        let sandbox = Sandbox::new();
        let recording = Recording::open(&name);
        for transcript in recording.sessions.iter().chain(&recording.agents) {
            sandbox.grow(transcript, usize::MAX);
        }
        for row in sandbox.run(&["sessions", "--json"]).exits(0).json() {
            let path = row["path"].as_str().unwrap();
            let shown = sandbox.run(&["show", path, "--json"]).exits(0).json();
            let sum = shown.last().unwrap();
            assert_eq!(row["turns"], sum["turns"], "{name}");
            assert_eq!(row["tokens"], sum["tokens"], "{name}");
        }
    }
}
