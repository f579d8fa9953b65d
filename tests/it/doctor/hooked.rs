//! Problems between Claude Code and this program.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use super::DoctorHome;

const SETTINGS: &str = "~/.claude/settings.json";

/// The one hook of an event.
fn hook<'a>(settings: &'a mut Value, event: &str) -> &'a mut Value {
    &mut settings["hooks"][event][0]["hooks"][0]
}

#[test]
fn no_hook() {
    let home = DoctorHome::healthy();
    home.settings(|settings| *settings = json!({}));
    home.fails("hooks", "does not call this program", "claude-langfuse install", 1);
}

#[test]
fn a_hook_for_one_of_the_two_events() {
    let home = DoctorHome::healthy();
    home.settings(|settings| {
        settings["hooks"].as_object_mut().unwrap().remove("SessionEnd");
    });
    home.fails("hooks", "not registered for SessionEnd", "claude-langfuse install", 1);
}

#[test]
fn a_hook_twice() {
    let home = DoctorHome::healthy();
    home.settings(|settings| {
        let other = json!({"hooks": [{"type": "command", "command": format!("{} hook", env!("CARGO_BIN_EXE_claude-langfuse"))}]});
        settings["hooks"]["Stop"].as_array_mut().unwrap().push(other);
    });
    home.warns("hooks", "registered 2 times for Stop", "remove all but one");
}

#[test]
fn the_same_hook_in_two_files_runs_once() {
    let home = DoctorHome::healthy();
    let settings = fs::read(home.sandbox.path(".claude/settings.json")).unwrap();
    home.sandbox.write("code/app/.claude/settings.json", &settings);
    let report =
        home.sandbox.run(&["doctor", "--json", "--project", "code/app"]).exits(0).json().remove(0);
    assert_eq!(report["verdict"], "ok", "{report:#}");
}

#[test]
fn a_timeout_that_ends_the_hook_too_soon() {
    let home = DoctorHome::healthy();
    home.settings(|settings| hook(settings, "Stop")["timeout"] = json!(1));
    home.fails("hooks", "is stopped after 1 s", "remove \"timeout\"", 1);
    let home = DoctorHome::healthy();
    home.settings(|settings| {
        hook(settings, "SessionEnd").as_object_mut().unwrap().remove("timeout");
    });
    home.warns("hooks", "is stopped after 1.5 s", "set \"timeout\": 10 (in seconds)");
}

#[test]
fn an_async_hook() {
    let home = DoctorHome::healthy();
    home.settings(|settings| hook(settings, "Stop")["async"] = json!(true));
    home.fails("hooks", "asynchronous", "remove \"async\"", 1);
}

#[test]
fn a_matcher_that_lets_some_events_through() {
    let home = DoctorHome::healthy();
    home.settings(|settings| settings["hooks"]["SessionEnd"][0]["matcher"] = json!("clear"));
    home.warns("hooks", "a matcher restricts the hook", "remove the matcher");
}

#[test]
fn disabled_hooks() {
    let home = DoctorHome::healthy();
    home.settings(|settings| settings["disableAllHooks"] = json!(true));
    home.fails(
        "hooks",
        &format!("disableAllHooks in {SETTINGS}"),
        "remove disableAllHooks from that file",
        1,
    );
}

#[test]
fn broken_settings() {
    let home = DoctorHome::healthy();
    home.sandbox.write(".claude/settings.json", b"{\"hooks\": {},}");
    home.fails("config", SETTINGS, "fix the JSON", 3);
}

#[test]
fn a_missing_program() {
    let home = DoctorHome::healthy();
    home.settings(|settings| {
        for event in ["Stop", "SessionEnd"] {
            hook(settings, event)["command"] = json!("/nonexistent/bin/claude-langfuse hook");
        }
    });
    home.fails(
        "hooks",
        "is missing: /nonexistent/bin/claude-langfuse",
        "claude-langfuse install",
        1,
    );
}

#[test]
fn another_program_of_the_same_name() {
    let home = DoctorHome::healthy();
    let other = home.sandbox.write("old/claude-langfuse", b"#!/bin/sh\n");
    fs::set_permissions(&other, Permissions::from_mode(0o755)).unwrap();
    home.settings(|settings| {
        for event in ["Stop", "SessionEnd"] {
            hook(settings, event)["command"] = json!(format!("{} hook", other.display()));
        }
    });
    home.warns("hooks", "runs ~/old/claude-langfuse, and this is", "claude-langfuse install");
}

#[test]
fn a_program_found_by_name_is_this_one() {
    let mut home = DoctorHome::healthy();
    let folder = home.sandbox.path("bin");
    fs::create_dir(&folder).unwrap();
    symlink(env!("CARGO_BIN_EXE_claude-langfuse"), folder.join("claude-langfuse")).unwrap();
    home.sandbox.set("PATH", folder.display().to_string());
    home.settings(|settings| {
        for event in ["Stop", "SessionEnd"] {
            hook(settings, event)["command"] = json!("claude-langfuse hook");
        }
    });
    let report = home.sandbox.run(&["doctor", "--json"]).exits(0).json().remove(0);
    assert_eq!(report["verdict"], "ok", "{report:#}");
}

#[test]
fn another_hook_that_sends_the_same_turns() {
    let home = DoctorHome::healthy();
    home.settings(|settings| {
        let old = json!({"hooks": [{"type": "command", "command": "python3 ~/.claude/hooks/langfuse_hook.py"}]});
        settings["hooks"]["Stop"].as_array_mut().unwrap().push(old);
    });
    home.fails("recorded twice", "langfuse_hook.py", "remove it in ~/.claude/settings.json:", 1);
    let home = DoctorHome::healthy();
    home.settings(|settings| {
        settings["enabledPlugins"] = json!({"langfuse-observability@langfuse": true})
    });
    home.fails(
        "recorded twice",
        "the plugin langfuse-observability@langfuse",
        "remove it in ~/.claude/settings.json:",
        1,
    );
}

#[test]
fn an_old_release_with_an_unknown_event() {
    let home = DoctorHome::healthy();
    home.settings(|settings| settings["hooks"]["FileChanged"] = json!([]));
    let report = home.sandbox.run(&["doctor", "--json"]).exits(0).json().remove(0);
    assert_eq!(report["verdict"], "ok", "{report:#}");
    let row = r#"{"type":"user","uuid":"u","sessionId":"s","version":"2.0.76","timestamp":"2025-01-01T00:00:00Z","message":{"role":"user","content":"hi"}}"#;
    home.sandbox.write(
        ".claude/projects/-old/11111111-1111-4111-8111-111111111111.jsonl",
        format!("{row}\n").as_bytes(),
    );
    home.fails("claude code", "release 2.0.76 turns all hooks off", "update Claude Code", 1);
}

#[test]
fn unreadable_and_unknown_rows() {
    let home = DoctorHome::healthy();
    let path = ".claude/projects/-new/11111111-1111-4111-8111-111111111111.jsonl";
    home.sandbox.write(path, b"{\"type\":\"hologram\",\"version\":\"2.1.330\"}\n");
    home.warns("transcripts", "has unknown rows or fields: row hologram", "update claude-langfuse");
    let row = r#"{"type":"user","uuid":"u","version":"2.1.340","newField":1}"#;
    home.sandbox.write(path, format!("{row}\n").as_bytes());
    let ran = home.sandbox.run(&["doctor"]).exits(0);
    assert!(
        ran.stdout.contains("new in Claude Code, not used here: field user.newField"),
        "{ran:?}"
    );
    home.sandbox.write(path, b"{\"type\":\n{}\n");
    home.warns("transcripts", "can't be read, the first at byte 0", "are skipped");
}

#[test]
fn no_transcript() {
    let home = DoctorHome::healthy();
    fs::remove_dir_all(home.sandbox.projects()).unwrap();
    home.warns("transcripts", "no transcript yet", "start a session");
}

#[test]
fn a_slow_hook() {
    let home = DoctorHome::healthy();
    let row = r#"{"type":"system","subtype":"stop_hook_summary","version":"2.1.330","hookInfos":[{"command":"claude-langfuse hook","durationMs":2900}]}"#;
    let path = ".claude/projects/-new/11111111-1111-4111-8111-111111111111.jsonl";
    home.sandbox.write(path, format!("{row}\n{row}\n{row}\n{row}\n{row}\n").as_bytes());
    home.warns("hook time", "maximum 2900 ms", "CC_LANGFUSE_HOOK_BUDGET");
}
