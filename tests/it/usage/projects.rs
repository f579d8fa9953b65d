//! The selection of sessions and calls, and the identity of projects.

use std::fs;

use super::{summed, table};
use crate::sandbox::Sandbox;

/// A checkout with a remote.
fn checkout(sandbox: &Sandbox, folder: &str, url: &str) {
    let config = format!("[remote \"origin\"]\n\turl = {url}\n");
    sandbox.write(&format!("{folder}/.git/config"), config.as_bytes());
    fs::create_dir_all(sandbox.path(folder).join("src")).unwrap();
}

#[test]
fn two_folders_of_one_repository_are_one_project() {
    let sandbox = Sandbox::new();
    checkout(&sandbox, "one", "git@host:owner/app.git");
    checkout(&sandbox, "two", "https://user:secret@host/owner/app");
    checkout(&sandbox, "three", "git@host:other/app.git");
    checkout(&sandbox, "four", "git@host:owner/tool.git");
    for (folder, recording) in [
        ("one", "v2.1.330/simple"),
        ("two/src", "v2.1.332/skill-fork-tui"),
        ("three", "v2.1.330/thinking"),
        ("four", "v2.1.330/tools"),
    ] {
        let _ = sandbox.session_in(&sandbox.path(folder), recording).whole();
    }
    let (rows, _) = table(&sandbox, &["usage"]);
    let mut names: Vec<&str> = rows.iter().map(|row| row["project"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["host/other/app", "host/owner/app", "tool"]);
    let one = sandbox.path("one").display().to_string();
    let (rows, _) = table(&sandbox, &["usage", "--project", &one, "--by", "session"]);
    assert_eq!(rows.len(), 2, "both checkouts");
    let source = sandbox.path("two/src").display().to_string();
    let (rows, _) = table(&sandbox, &["usage", "--project", &source, "--by", "session"]);
    assert_eq!(rows.len(), 1, "that folder alone");
}

#[test]
fn times_select_calls_and_dates_are_local() {
    let mut sandbox = Sandbox::new();
    sandbox.session("v2.1.330/stream-multi").whole();
    // Before seven in the morning in UTC, and the evening before twelve hours west of it.
    for (zone, day, before, since) in
        [("UTC0", "2024-11-23", 0, 3), ("<-12>12", "2024-11-22", 3, 0)]
    {
        sandbox.set("TZ", zone);
        let (rows, _) = table(&sandbox, &["usage", "--by", "day"]);
        assert_eq!(rows[0]["day"], day);
        assert_eq!(summed(&sandbox, &["--until", "2024-11-22"]).1, before, "{zone}");
        assert_eq!(summed(&sandbox, &["--since", "2024-11-23"]).1, since, "{zone}");
    }
}

#[test]
fn no_secret_is_in_a_table() {
    let sandbox = Sandbox::new();
    let key = format!("sk-ant-api03-{}", "A1b2".repeat(22));
    let mut session = sandbox.session("v2.1.332/git-outcomes");
    session.recording = session
        .recording
        .replaced("\"gitBranch\":\"feature\"", &format!("\"gitBranch\":\"{key}\""))
        .replaced("git checkout -q -b feature", &format!("export API_KEY={key}"));
    session.whole();
    for arguments in [
        ["usage", "--by", "branch"].as_slice(),
        &["usage", "--by", "branch", "--json"],
        &["tools"],
        &["tools", "--by", "branch", "--json"],
    ] {
        let ran = sandbox.run(arguments).exits(0);
        assert!(!ran.stdout.contains(&key), "{}", ran.stdout);
    }
    assert!(sandbox.run(&["tools", "--json"]).stdout.contains("API_KEY"));
}
