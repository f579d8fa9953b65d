//! Names of sessions and filters: their selection, and the message for an empty one.

use std::fs;

use langfuse_mock::MockLangfuse;
use serde_json::json;

use crate::sandbox::Sandbox;

#[test]
fn an_unknown_session_is_rejected_and_leaves_no_state() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    sandbox.write("notes.txt", b"Buy milk.\n");
    sandbox.write("rows.jsonl", b"{\"question\": 1}\n{\"question\": 2}\n");
    sandbox.write("empty.jsonl", b"");
    for target in ["", " ", "notes.txt", "rows.jsonl", "empty.jsonl"] {
        for command in
            [&["replay"][..], &["replay", "--dry-run"], &["show"], &["verify"], &["export"]]
        {
            let ran = sandbox.run(&[command, &[target]].concat()).exits(1);
            assert!(ran.stderr.starts_with("claude-langfuse: could not "), "{command:?}: {ran:?}");
        }
    }
    assert_eq!(sandbox.state(), [""; 0].map(std::path::PathBuf::from));
    assert_eq!(mock.requests().len(), 0);
    sandbox
        .screen()
        .types("claude-langfuse replay notes.txt")
        .types("claude-langfuse show ffff")
        .is("no_session");
    let ran = sandbox.run(&["replay", ""]);
    assert!(ran.stderr.contains("'claude-langfuse sessions' lists them"), "{ran:?}");
}

#[test]
fn an_ambiguous_prefix_lists_the_candidates() {
    let sandbox = Sandbox::new();
    let row = |at: &str| {
        let message = json!({"role": "user", "content": "Hello"});
        json!({
            "type": "user", "uuid": "u", "cwd": "/home/dev/app", "sessionId": "s", "timestamp": at, "message": message,
        })
        .to_string()
    };
    let times = ["2026-11-21T10:00:00Z", "2026-11-23T10:00:00Z", "2026-11-22T10:00:00Z"];
    for (number, at) in times.iter().enumerate() {
        let path =
            format!(".claude/projects/-app/ab12{number}000-0000-4000-8000-000000000000.jsonl");
        sandbox.write(&path, row(at).as_bytes());
    }
    sandbox.screen().types("claude-langfuse show ab12").is("ambiguous");
    for number in 3..9 {
        let path =
            format!(".claude/projects/-app/ab12{number}000-0000-4000-8000-000000000000.jsonl");
        sandbox.write(&path, row(times[0]).as_bytes());
    }
    let told = sandbox.run(&["verify", "ab12"]).exits(1).stderr;
    assert!(told.contains("9 ids start with 'ab12'") && told.contains("and 4 more"), "{told}");
}

#[test]
fn a_missing_project_is_an_error_in_every_command() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    for command in [
        &["config"][..],
        &["config", "check"],
        &["status"],
        &["status", "--line"],
        &["doctor"],
        &["pause"],
        &["resume"],
        &["install"],
        &["uninstall"],
        &["sessions"],
        &["replay", "--all"],
        &["verify", "--all"],
        &["export", "--all"],
    ] {
        let ran = sandbox.run(&[command, &["--project", "nowhere"]].concat()).exits(1);
        assert!(ran.stderr.contains("could not find project: nowhere"), "{command:?}: {ran:?}");
    }
    // Sessions outlive their project.
    sandbox.run(&["sessions", "--project", "/home/dev/project"]).exits(0);
}

#[test]
fn a_filter_that_selects_nothing_is_named() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    fs::create_dir(sandbox.path("app")).unwrap();
    sandbox
        .screen()
        .types("claude-langfuse sessions --project app --since 2026-01-01 --until 2026-01-31")
        .types("claude-langfuse replay --all --until 2020-01-01")
        .types("claude-langfuse verify --all --project app")
        .types("claude-langfuse verify --until 2020-01-01")
        .types("claude-langfuse export --all --project app")
        .types("claude-langfuse usage --project app --since 2026-01-01 --until 2026-01-31")
        .types("claude-langfuse tools --project app --since 2026-01-01 --until 2026-01-31")
        .is("no_sessions");
}

#[test]
fn until_includes_its_day_in_every_command() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    // Its last row is of 2024-11-23.
    sandbox.session("v2.1.330/simple").whole();
    let count = |command: &[&str], until: &str| {
        let ran = sandbox.run(&[command, &["--until", until]].concat());
        ran.json().iter().filter(|line| line["session"].is_string()).count()
    };
    for command in
        [&["sessions", "--json"][..], &["replay", "--all", "--json"], &["verify", "--json"]]
    {
        assert_eq!(count(command, "2024-11-22"), 0, "{command:?}");
        assert_eq!(count(command, "2024-11-23"), 1, "{command:?}");
    }
}

#[test]
fn verify_takes_the_filters_of_replay() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    sandbox.session_in("/home/dev/other".as_ref(), "v2.1.330/stream-multi").whole();
    sandbox.run(&["replay", "--all"]).exits(0);
    let sessions = |options: &[&str]| {
        let told = sandbox.run(&[&["verify", "--json"], options].concat()).exits(0).json();
        told.last().unwrap()["sessions"].clone()
    };
    assert_eq!(sessions(&["--all"]), 2);
    assert_eq!(sessions(&["--project", "/home/dev/other"]), 1);
    assert_eq!(sessions(&["--all", "--project", "/home/dev/other"]), 1);
    assert_eq!(sessions(&["--until", "2024-11-22"]), 0);
    sandbox.run(&["verify", "2c97", "--all"]).exits(2);
    sandbox.run(&["verify"]).exits(2);
}

#[test]
fn show_without_a_name_is_about_the_newest_session() {
    let mut sandbox = Sandbox::new();
    let ran = sandbox.run(&["show"]).exits(1);
    assert!(ran.stderr.contains("no sessions found in ~/.claude/projects"), "{ran:?}");
    sandbox.session("v2.1.330/simple").whole();
    sandbox.session("v2.1.330/stream-multi").whole();
    let first =
        |sandbox: &Sandbox| sandbox.run(&["sessions", "--json"]).json()[0]["session"].clone();
    let shown = |sandbox: &Sandbox, arguments: &[&str]| {
        sandbox.run(arguments).exits(0).json().last().unwrap()["session"].clone()
    };
    assert_eq!(shown(&sandbox, &["show", "--json"]), first(&sandbox));
    // Within a session of Claude Code, the default is that session.
    for id in ["2c9740f0-2c19-4671-94ef-e8117c7c36d6", "8ceb14cb-f452-4f44-ae0b-044b4b3f453a"] {
        sandbox.set("CLAUDE_CODE_SESSION_ID", id);
        assert_eq!(shown(&sandbox, &["show", "--json"]), id);
    }
}
