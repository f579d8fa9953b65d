//! The hooks that Claude Code's settings files register, read like Claude Code.

use std::path::{Path, PathBuf};

use claude_langfuse::claude_settings::{Hooks, Surveyed, survey, switched_off};
use claude_langfuse::config::{Env, Files};
use serde_json::{Map, Value, json};

use crate::sandbox::Sandbox;

fn hooks(settings: &Value) -> Hooks {
    Hooks::of(settings.as_object().unwrap_or(&Map::new()))
}

fn surveyed(files: &[(bool, Value)]) -> Vec<Surveyed> {
    let one = |(number, (managed, settings)): (usize, &(bool, Value))| Surveyed {
        path: PathBuf::from(number.to_string()),
        managed: *managed,
        hooks: Ok(hooks(settings)),
    };
    files.iter().enumerate().map(one).collect()
}

#[test]
fn an_entry_has_the_reason_why_it_does_not_work() {
    let found = hooks(&json!({"hooks": {
        "Stop": [{"matcher": "ignored", "hooks": [
            {"type": "command", "command": "/p/claude-langfuse", "args": ["hook"], "async": true},
            {"type": "command", "command": "true"},
            {"type": "http", "url": "http://localhost/langfuse"},
        ]}],
        "SessionEnd": [{"matcher": "clear", "hooks": [{"type": "command", "command": "claude-langfuse hook", "timeout": 1.5}]}],
        "Odd": [{"hooks": "odd"}, 1],
    }}));
    let [stop, end] = &found.ours[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(stop.our_program().as_deref(), Some("/p/claude-langfuse"));
    assert!(stop.asynchronous && !stop.narrowed);
    assert_eq!((end.event.as_str(), end.timeout, end.narrowed), ("SessionEnd", Some(1.5), true));
    assert!(found.other_exporters.is_empty(), "{found:#?}");
}

#[test]
fn a_disabled_plugin_and_our_own_are_no_other_exporters() {
    let plugins =
        |name: &str, value: Value| hooks(&json!({"enabledPlugins": {name: value}})).other_exporters;
    let official = "langfuse-observability@langfuse-observability";
    assert_eq!(plugins(official, json!(true)).len(), 1);
    assert_eq!(plugins(official, json!(false)).len(), 0);
    assert_eq!(plugins("langfuse-traces@hm", json!(true)).len(), 0);
    assert_eq!(plugins("formatter@x", json!(true)).len(), 0);
}

#[test]
fn the_strongest_file_decides_whether_hooks_are_off() {
    let off = || json!({"disableAllHooks": true});
    let on = || json!({"disableAllHooks": false});
    let only = || json!({"allowManagedHooksOnly": true});
    let ours = || json!({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "claude-langfuse hook"}]}]}});
    let all = Some("disableAllHooks");
    let managed = Some("allowManagedHooksOnly");
    for (files, expected) in [
        (vec![(false, ours())], None),
        (vec![(false, off())], all),
        (vec![(false, off()), (false, on())], None),
        (vec![(false, on()), (false, off())], all),
        (vec![(false, off()), (true, on())], None),
        (vec![(true, off())], all),
        (vec![(false, only())], None),
        (vec![(false, ours()), (true, only())], managed),
        (vec![(true, only()), (true, ours())], None),
        (vec![(false, off()), (true, ours())], None),
        (vec![(true, ours()), (true, off())], all),
    ] {
        let files = surveyed(&files);
        let found = switched_off(&files).map(|(_, switch)| switch);
        assert_eq!(found, expected, "{files:#?}");
    }
}

#[test]
fn every_settings_file_of_a_session_is_surveyed() {
    let sandbox = Sandbox::new();
    let ours = br#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "claude-langfuse hook"}]}]}}"#;
    for path in [
        ".claude/skills/langfuse-traces/hooks/hooks.json",
        ".claude/settings.json",
        "app/.claude/settings.local.json",
        "etc/managed-settings.d/50-x.json",
    ] {
        sandbox.write(path, ours);
    }
    sandbox.write("app/.claude/settings.json", b"{broken");
    let env = Env {
        home: Some(sandbox.path("")),
        managed_dir: Some(sandbox.path("etc")),
        ..Env::default()
    };
    let start: &Path = &sandbox.path("app");
    let found = survey(&env, &Files::new(), Some(start));
    let told: Vec<(String, bool, Option<usize>)> = found
        .iter()
        .map(|one| {
            let path = one.path.strip_prefix(sandbox.path("")).unwrap();
            let ours = one.hooks.as_ref().ok().map(|hooks| hooks.ours.len());
            (path.display().to_string(), one.managed, ours)
        })
        .collect();
    let expected = [
        (".claude/skills/langfuse-traces/hooks/hooks.json", false, Some(1)),
        (".claude/settings.json", false, Some(1)),
        ("app/.claude/settings.json", false, None),
        ("app/.claude/settings.local.json", false, Some(1)),
        ("etc/managed-settings.d/50-x.json", true, Some(1)),
    ]
    .map(|(path, managed, ours)| (path.to_owned(), managed, ours));
    assert_eq!(told, expected);
}
