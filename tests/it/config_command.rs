//! `config` shows effective values and their sources; `config check` names problems.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::sandbox::Sandbox;

const SECRET: &str = "sk-lf-0a1b2c3d-0000-1111-2222-333344449f3a";

/// Keys for all projects, one traced project, and more of its values in Claude Code's settings and the shell.
fn layered() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.write(".secrets/langfuse", format!("{SECRET}\n").as_bytes());
    let owner_alone = Permissions::from_mode(0o600);
    fs::set_permissions(sandbox.path(".secrets/langfuse"), owner_alone).unwrap();
    fs::create_dir_all(sandbox.path("code/app")).unwrap();
    sandbox.config(&json!({
        "env": {
            "LANGFUSE_PUBLIC_KEY": "pk-lf-1234",
            "LANGFUSE_SECRET_KEY_FILE": "~/.secrets/langfuse",
        },
        "projects": {"~/code/app": {"env": {"TRACE_TO_LANGFUSE": "true"}}},
    }));
    let settings = json!({"env": {"LANGFUSE_TRACING_ENVIRONMENT": "development", "ANTHROPIC_API_KEY": "other"}});
    sandbox.write(".claude/settings.json", settings.to_string().as_bytes());
    sandbox.set("CC_LANGFUSE_DEBUG", "true");
    sandbox
}

#[test]
fn each_value_is_listed_below_its_source() {
    layered()
        .screen()
        .types("claude-langfuse config --project code/app")
        .types("claude-langfuse config check --project code/app")
        .types("claude-langfuse config check")
        .is("config");
}

#[test]
fn json_output_has_the_same_values() {
    let sandbox = layered();
    let shown = sandbox.run(&["config", "--json", "--project", "code/app"]).exits(0);
    let [all] = &shown.json()[..] else { panic!("one object") };
    assert_eq!((&all["schema"], &all["enabled"]), (&json!(1), &json!(true)));
    let variable = |name: &str| {
        let mut variables = all["variables"].as_array().unwrap().iter();
        variables.find(|one| one["name"] == name).unwrap().clone()
    };
    let config_file = sandbox.path(".config/claude-langfuse/config.json");
    assert_eq!(
        variable("LANGFUSE_SECRET_KEY"),
        json!({
            "name": "LANGFUSE_SECRET_KEY", "value": "sk-lf-…9f3a", "source": "config file", "place": config_file,
            "set_as": "LANGFUSE_SECRET_KEY_FILE", "file": sandbox.path(".secrets/langfuse"),
        })
    );
    assert_eq!(variable("LANGFUSE_USER_ID")["value"], json!(null));
    assert_eq!(variable("LANGFUSE_TIMEOUT")["source"], "default");
    assert!(!shown.stdout.contains("0a1b2c3d"));
    let checked = sandbox.run(&["config", "check", "--json", "--project", "code/app"]).exits(0);
    assert_eq!(checked.json()[0]["verdict"], "ok");
}

#[test]
fn a_missing_configuration_is_reported_with_a_remedy() {
    Sandbox::new()
        .screen()
        .types("claude-langfuse config")
        .types("claude-langfuse config check")
        .types("claude-langfuse config --project nowhere")
        .is("config_of_nothing");
}

#[test]
fn problems_are_named_with_source_and_remedy() {
    let mut sandbox = Sandbox::new();
    sandbox.config(&json!({
        "env": {
            "TRACE_TO_LANGFUSE": "ture",
            "LANGFUSE_PUBLIC_KEY": "pk-lf-1234",
            "LANGFUSE_SECRET_KEY_FILE": "~/.secrets/nothing",
            "LANGFUSE_PUBLICKEY": "pk-lf-1234",
            "CC_LANGFUSE_MAX_CHARS": "many",
            "CC_LANGFUSE_CAPTURE_IMAGES": "true",
        },
        "project": {},
    }));
    let settings = json!({"env": {"CC_LANGFUSE_TAGS": "a", "CC_LANGFUSE_FLUSH_TIMEOUT": "35", "LANGFUSE_SAMPLE_RATE": "1"}});
    sandbox.write(".claude/settings.json", settings.to_string().as_bytes());
    sandbox.set("TRACE_TO_LANGFUS", "true");
    sandbox.screen().types("claude-langfuse config check").is("config_problems");
}

#[test]
fn a_broken_file_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write(".config/claude-langfuse/config.json", b"{\"env\": {");
    sandbox
        .screen()
        .types("claude-langfuse config check")
        .types("claude-langfuse config check --config elsewhere.json")
        .is("config_broken");
}

#[test]
fn a_world_readable_key_file_is_a_warning() {
    let sandbox = layered();
    let everybody = Permissions::from_mode(0o644);
    fs::set_permissions(sandbox.path(".secrets/langfuse"), everybody).unwrap();
    let checked = sandbox.run(&["config", "check", "--json", "--project", "code/app"]).exits(0);
    let first = &checked.json()[0];
    assert_eq!(first["verdict"], "warn");
    assert!(first.to_string().contains("key file is world-readable"), "{first}");
}

#[test]
fn file_only_checks_all_projects_without_showing_secrets() {
    let sandbox = Sandbox::new();
    sandbox.config(&json!({
        "env": {"LANGFUSE_PUBLIC_KEY": "pk-lf-1234", "LANGFUSE_SECRET_KEY_FILE": "/run/agenix/not-here"},
        "projects": {
            "~/code/app": {"env": {"TRACE_TO_LANGFUSE": "true"}, "allow": ["0a1b"]},
            "/srv/client": {"env": {"LANGFUSE_BASE_URL": "https://langfuse.client.example"}, "allow": false},
        },
    }));
    let ran = sandbox.run(&["config", "check", "--file-only"]).exits(0);
    assert!(ran.stdout.contains("no problems"), "{ran:?}");

    for (what, words) in [
        (json!({"env": {"LANGFUSE_PUBLIC_KY": "x"}}), "use LANGFUSE_PUBLIC_KEY if you meant that"),
        (json!({"env": {"LANGFUSE_PUBLIC_KEY": "pk-lf-1"}}), "LANGFUSE_SECRET_KEY"),
        (json!({"env": {"CC_LANGFUSE_DEBUG": "perhaps"}}), "CC_LANGFUSE_DEBUG"),
        (json!({"projects": {"code/app": {}}}), "not an absolute path"),
        (
            json!({"projects": {"~/x": {"env": {"LANGFUSE_PUBLIC_KEY": "pk-lf-1"}}}}),
            "LANGFUSE_SECRET_KEY",
        ),
        (
            json!({"env": {"LANGFUSE_BASE_URL": "langfuse.example", "LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY": "sk-lf-1"}}),
            "LANGFUSE_BASE_URL",
        ),
        (
            json!({"projects": {"~/x": {"env": {"CC_LANGFUSE_MASK_PATTERNS": "("}}}}),
            "CC_LANGFUSE_MASK_PATTERNS",
        ),
    ] {
        sandbox.config(&what);
        let ran = sandbox.run(&["config", "check", "--file-only"]).exits(3);
        assert!(ran.stdout.contains(words), "{what}: {ran:?}");
    }
}

#[test]
fn suspicious_values_are_named_one_by_one() {
    let sandbox = Sandbox::new();
    sandbox.config(&json!({
        "env": {
            "TRACE_TO_LANGFUSE": "true", "CC_LANGFUSE_MASK": "false",
            "LANGFUSE_PUBLIC_KEY": "pk-lf-test", "LANGFUSE_SECRET_KEY": "~/.secrets/langfuse",
            "LANGFUSE_BASE_URL": "https://eu.example", "LANGFUSE_HOST": "https://us.example",
            "LANGFUSE_CA_FILE": "~/ca.pem", "CC_LANGFUSE_TRACE_NAME": "{branch}",
        },
        "projects": {"~/cod/app": {"env": {"TRACE_TO_LANGFUSE": "true"}}},
    }));
    let screen = sandbox.screen().types("claude-langfuse config check");
    sandbox.config(&json!({"env": {
        "TRACE_TO_LANGFUSE": "true",
        "LANGFUSE_PUBLIC_KEY": SECRET, "LANGFUSE_SECRET_KEY": "pk-lf-test",
    }}));
    screen
        .types("claude-langfuse config check")
        .types("claude-langfuse status")
        .types("claude-langfuse replay --all")
        .is("config_values");
}
