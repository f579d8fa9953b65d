//! The configuration as users see it: files on disk and an environment in, values with sources out.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic like the tests themselves"
)]

mod destination;
mod project;
mod provenance;
mod random;
mod value;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use claude_langfuse::config::{Config, Env, Files, Layer, Scope, resolve};
use serde_json::{Value, json};
use tempfile::TempDir;

const SECRET: &str = "sk-lf-11111111-2222-3333-4444-555566667777";

/// A home folder, an administrator's folder and a project, all empty.
struct World {
    root: PathBuf,
    env: Env,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("project")).unwrap();
        Self {
            env: Env {
                home: Some(root.join("home")),
                managed_dir: Some(root.join("managed")),
                ..Env::default()
            },
            root,
            _folder: folder,
        }
    }

    fn write(&self, path: &str, text: impl AsRef<str>) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text.as_ref()).unwrap();
        // With the mode of key files: another mode is a warning.
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    fn config_file(&self, content: &Value) {
        self.write("home/.config/claude-langfuse/config.json", content.to_string());
    }

    fn settings(&self, path: &str, env: &Value) {
        self.write(path, json!({"model": "opus", "env": env}).to_string());
    }

    fn shell(&mut self, name: &str, value: &str) -> &mut Self {
        let environment = &mut self.env.environment;
        environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    fn resolve(&self, scope: Scope) -> Config {
        self.resolve_in(&self.project(), scope)
    }

    fn resolve_in(&self, start: &Path, scope: Scope) -> Config {
        resolve(&self.env, &Files::new(), Some(start), scope)
    }
}

#[test]
fn a_later_layer_wins_and_is_named() {
    let mut world = World::new();
    let project = world.project();
    let user = |config: &Config| {
        let setting = config.setting("LANGFUSE_USER_ID").unwrap();
        (config.user_id.clone().unwrap(), setting.source.layer)
    };
    let mut file = json!({"env": {"LANGFUSE_USER_ID": "file"}});
    world.config_file(&file);
    let found = user(&world.resolve(Scope::OwnHook));
    assert_eq!(found, ("file".to_owned(), Layer::File));

    file["projects"] = json!({project.to_str().unwrap(): {"env": {"LANGFUSE_USER_ID": "project"}}});
    world.config_file(&file);
    let found = user(&world.resolve(Scope::OwnHook));
    assert_eq!(found, ("project".to_owned(), Layer::Project));

    world.shell("LANGFUSE_USER_ID", "shell");
    let found = user(&world.resolve(Scope::OwnHook));
    assert_eq!(found, ("shell".to_owned(), Layer::Session));

    let config = world.resolve(Scope::OwnHook);
    let source = &config.setting("LANGFUSE_USER_ID").unwrap().source;
    assert_eq!(source.to_string(), "LANGFUSE_USER_ID in the environment");
}

#[test]
fn the_prefixed_name_wins_only_within_a_layer() {
    let mut world = World::new();
    world.config_file(&json!({"env": {"CC_LANGFUSE_USER_ID": "ours, below"}}));
    world.shell("LANGFUSE_USER_ID", "shared, above");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.user_id.as_deref(), Some("shared, above"));
    world.shell("CC_LANGFUSE_USER_ID", "ours");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.user_id.as_deref(), Some("ours"));
}

#[test]
fn an_empty_value_counts_as_unset() {
    let mut world = World::new();
    world.config_file(&json!({"env": {"LANGFUSE_USER_ID": "file"}}));
    world.shell("LANGFUSE_USER_ID", " ");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.user_id.as_deref(), Some("file"));
}

#[test]
fn an_empty_value_in_claude_codes_settings_removes_the_shells() {
    let mut world = World::new();
    world.config_file(&json!({"env": {"LANGFUSE_USER_ID": "file"}}));
    world.shell("LANGFUSE_USER_ID", "shell");
    world.settings("home/.claude/settings.json", &json!({"LANGFUSE_USER_ID": ""}));
    let config = world.resolve(Scope::Explicit);
    assert_eq!(config.user_id.as_deref(), Some("file"));
}

#[test]
fn settings_files_override_the_shell_in_claude_codes_order() {
    let mut world = World::new();
    world.shell("LANGFUSE_USER_ID", "shell");
    for (path, name) in [
        ("home/.claude/settings.json", "user"),
        ("project/.claude/settings.json", "project"),
        ("project/.claude/settings.local.json", "local"),
        ("managed/managed-settings.json", "managed"),
        ("managed/managed-settings.d/10-first.json", "first"),
        ("managed/managed-settings.d/20-second.json", "second"),
    ] {
        world.settings(path, &json!({"LANGFUSE_USER_ID": name, "OTHER": "x"}));
        let config = world.resolve(Scope::Explicit);
        assert_eq!(config.user_id.as_deref(), Some(name));
        let setting = config.setting("LANGFUSE_USER_ID").unwrap();
        assert_eq!(setting.source.place, world.root.join(path).to_str().unwrap());
        assert_eq!(config.problems, []);
    }
}

#[test]
fn a_sessions_own_hook_takes_no_value_from_a_settings_file() {
    let world = World::new();
    world.settings("home/.claude/settings.json", &json!({"LANGFUSE_USER_ID": "user"}));
    world.settings("project/.claude/settings.json", &json!({"LANGFUSE_USER_ID": "project"}));
    let config = world.resolve(Scope::OwnHook);
    assert_eq!((config.user_id, config.problems), (None, vec![]));
}

#[test]
fn unreadable_settings_of_user_and_organisation_suspend() {
    for path in [
        "home/.claude/settings.json",
        "managed/managed-settings.json",
        "managed/managed-settings.d/10-first.json",
    ] {
        let mut world = World::new();
        world.shell("TRACE_TO_LANGFUSE", "true");
        let path = world.write(path, "{ broken");
        for scope in [Scope::OwnHook, Scope::Explicit, Scope::FilesOnly] {
            let config = world.resolve(scope);
            let problem = config.suspended.expect("a reason");
            assert_eq!(problem.place, path.to_str().unwrap(), "{scope:?}");
            assert!(!config.enabled, "{scope:?}");
            assert_eq!(config.destination.unwrap_err().code(), "suspended");
            assert_eq!(config.problems, [problem], "{scope:?}");
        }
        fs::remove_file(path).unwrap();
        assert_eq!(world.resolve(Scope::OwnHook).suspended, None);
    }
    let mut world = World::new();
    world.shell("TRACE_TO_LANGFUSE", "true");
    world.write("project/.claude/settings.json", "{ broken");
    assert_eq!(world.resolve(Scope::OwnHook).suspended, None, "a repository's");
}

#[test]
fn a_switch_that_is_neither_on_nor_off_suspends_where_it_wins() {
    let mut world = World::new();
    world.config_file(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    world.shell("TRACE_TO_LANGFUSE", "ture");
    let config = world.resolve(Scope::OwnHook);
    let problem = config.suspended.expect("a reason");
    assert!(problem.cause().contains("\"ture\" is neither"), "{problem}");
    assert_eq!(config.problems, [problem]);
    let config = world.resolve(Scope::FilesOnly);
    assert!(config.enabled, "the shell's says nothing about other sessions");
    let project = world.project();
    world.config_file(&json!({
        "env": {"TRACE_TO_LANGFUSE": "ture"},
        "projects": {project.to_str().unwrap(): {"env": {"TRACE_TO_LANGFUSE": "true"}}},
    }));
    assert!(world.resolve(Scope::FilesOnly).enabled);
    let elsewhere = world.resolve_in(&world.root, Scope::FilesOnly);
    assert!(elsewhere.suspended.is_some() && !elsewhere.enabled);
}

#[test]
fn a_broken_config_file_is_a_problem_and_neither_consent_nor_refusal() {
    let mut world = World::new();
    let path = world.write(
        "home/.config/claude-langfuse/config.json",
        "{\"env\": {\n  \"TRACE_TO_LANGFUSE\": \"true\",\n}}",
    );
    let config = world.resolve(Scope::OwnHook);
    assert!(!config.enabled);
    let problem = config.problems[0].to_string();
    assert!(problem.starts_with(path.to_str().unwrap()), "{problem}");
    assert!(problem.contains("line 3 column 1"), "{problem}");
    for shell in ["true", "false"] {
        world.shell("TRACE_TO_LANGFUSE", shell);
        let config = world.resolve(Scope::OwnHook);
        assert!(config.suspended.is_some() && !config.enabled, "{shell}");
    }
}

#[test]
fn mistakes_in_the_config_file_are_problems_and_the_rest_counts() {
    let world = World::new();
    world.config_file(&json!({
        "env": {
            "LANGFUSE_USER": "x",
            "LANGFUSE_USER_ID": ["x"],
            "CC_LANGFUSE_MAX_CHARS": 500,
            "CC_LANGFUSE_DEBUG": true,
        },
        "project": {},
    }));
    let config = world.resolve(Scope::OwnHook);
    assert!(config.debug);
    assert_eq!((config.max_chars, config.user_id), (500, None));
    let problems: Vec<_> = config.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].contains("LANGFUSE_USER in"), "{problems:?}");
    assert!(problems[1].contains("not a string"), "{problems:?}");
    assert!(problems[2].contains("unknown key \"project\""), "{problems:?}");
    let suspended = config.suspended.expect("a reason").to_string();
    assert_eq!(suspended, problems[0]);
}

#[test]
fn a_broken_settings_file_is_a_problem_and_the_others_count() {
    let world = World::new();
    world.write("project/.claude/settings.json", "{\"env\": {\"A\": 1}");
    world.settings("home/.claude/settings.json", &json!({"LANGFUSE_USER_ID": "user"}));
    let config = world.resolve(Scope::Explicit);
    assert_eq!(config.user_id.as_deref(), Some("user"));
    assert_eq!(config.problems.len(), 1);
    assert!(config.problems[0].what.contains("line 1 column"));
}

#[test]
fn an_explicit_config_file_replaces_the_default_one() {
    let mut world = World::new();
    world.config_file(&json!({"env": {"LANGFUSE_USER_ID": "usual"}}));
    let path = world.write("other.json", r#"{"env": {"LANGFUSE_USER_ID": "other"}}"#);
    world.env.config_override = Some(path);
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.user_id.as_deref(), Some("other"));
    world.env.config_override = Some(world.root.join("missing.json"));
    assert_eq!(world.resolve(Scope::OwnHook).problems.len(), 1);
}

#[test]
fn each_file_is_read_once_in_a_run() {
    let world = World::new();
    world.config_file(&json!({"env": {"LANGFUSE_USER_ID": "before"}}));
    world.settings("home/.claude/settings.json", &json!({"LANGFUSE_RELEASE": "1"}));
    let files = Files::new();
    let start = world.project();
    let scope = Scope::Explicit;
    resolve(&world.env, &files, Some(&start), scope);
    world.config_file(&json!({"env": {"LANGFUSE_USER_ID": "after"}}));
    world.settings("home/.claude/settings.json", &json!({"LANGFUSE_RELEASE": "2"}));
    let config = resolve(&world.env, &files, Some(&start), scope);
    assert_eq!(config.user_id.as_deref(), Some("before"));
    assert_eq!(config.release.as_deref(), Some("1"));
}
