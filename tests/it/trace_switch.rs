//! `trace on` and `trace off`: consent for one project, and whether it has an effect.

use std::fs;

use langfuse_mock::MockLangfuse;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const CONFIG: &str = ".config/claude-langfuse/config.json";

fn config(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path(CONFIG)).unwrap()).unwrap()
}

fn state(sandbox: &Sandbox, folder: &str) -> Value {
    let ran = sandbox.run(&["status", "--json", "--project", folder]);
    ran.json().remove(0)["state"].clone()
}

#[test]
fn a_project_is_switched_on_and_off() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    fs::create_dir_all(sandbox.path("code/app/.git")).unwrap();
    sandbox.run(&["config", "set", "TRACE_TO_LANGFUSE", ""]).exits(0);
    let ran = sandbox.run(&["trace", "on", "code/app"]).exits(0);
    assert!(ran.stdout.contains("tracing is on in ~/code/app and below"), "{ran:?}");
    assert!(ran.stderr.contains("claude-langfuse install"), "{ran:?}");
    assert_eq!(state(&sandbox, "code/app"), "on");
    assert_eq!(state(&sandbox, "code"), "off");
    sandbox.run(&["trace", "off", "code/app", "--json"]).exits(0);
    assert_eq!(state(&sandbox, "code/app"), "off");
    assert_eq!(
        config(&sandbox)["projects"],
        json!({"~/code/app": {"env": {"TRACE_TO_LANGFUSE": "false"}}})
    );
    sandbox.run(&["trace", "on", "nowhere"]).exits(1);
    sandbox.run(&["trace", "maybe"]).exits(2);
}

#[test]
fn a_dry_run_shows_the_change_and_makes_none() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["trace", "on", "--dry-run"]).exits(0);
    assert!(ran.stdout.contains("+        \"TRACE_TO_LANGFUSE\": \"true\""), "{ran:?}");
    assert!(!sandbox.path(".config").exists());
    let ran = sandbox.run(&["trace", "on"]).exits(0);
    assert!(ran.stderr.contains("claude-langfuse setup"), "{ran:?}");
}

#[test]
fn a_switch_without_effect_names_the_setting_that_wins() {
    let sandbox = Sandbox::new();
    let settings = br#"{"env": {"TRACE_TO_LANGFUSE": "false"}}"#;
    sandbox.write("app/.claude/settings.local.json", settings);
    let ran = sandbox.run(&["trace", "on", "app"]).exits(1);
    assert!(ran.stderr.contains("settings.local.json wins over config.json"), "{ran:?}");
}
