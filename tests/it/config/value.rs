//! The valid values of each variable, and the effect of invalid ones.

use std::fs;
use std::path::Path;
use std::time::Duration;

use claude_langfuse::config::{Capture, DestinationProblem, Files, Layer, Scope, resolve};
use serde_json::json;

use super::World;

#[test]
fn an_empty_configuration_has_the_defaults_and_sends_nothing() {
    let world = World::new();
    let config = world.resolve(Scope::OwnHook);
    assert!(!config.enabled && config.mask && config.notify && !config.debug);
    assert_eq!(config.destination, Err(DestinationProblem::Off));
    assert_eq!(config.capture, Capture::Full);
    assert_eq!(config.max_chars, 100_000);
    assert_eq!(config.timeout, Duration::from_secs(20));
    assert_eq!(config.hook_budget, Duration::from_secs(3));
    assert_eq!(config.state_dir, world.root.join("home/.claude/state"));
    assert_eq!(config.problems, []);
    let base_url = config.setting("LANGFUSE_BASE_URL").unwrap();
    assert_eq!(base_url.shown, "https://cloud.langfuse.com");
    assert_eq!(base_url.source.layer, Layer::Default);
}

#[test]
fn only_a_clear_yes_is_consent() {
    let mut world = World::new();
    for (value, enabled, problems) in [
        ("true", true, 0),
        ("Yes", true, 0),
        ("1", true, 0),
        ("ON", true, 0),
        ("off", false, 0),
        ("treu", false, 1),
    ] {
        world.shell("TRACE_TO_LANGFUSE", value);
        let config = world.resolve(Scope::OwnHook);
        assert_eq!((config.enabled, config.problems.len()), (enabled, problems));
    }
}

#[test]
fn an_invalid_consent_hides_a_lower_one() {
    let world = World::new();
    let project = world.project();
    for unclear in [json!("treu"), json!(["no"]), json!(null), json!(2)] {
        world.config_file(&json!({
            "env": {"TRACE_TO_LANGFUSE": true},
            "projects": {project.to_str().unwrap(): {"env": {"TRACE_TO_LANGFUSE": unclear}}},
        }));
        let config = world.resolve(Scope::OwnHook);
        assert!(!config.enabled);
        let problem = config.problems[0].to_string();
        assert!(
            problem.starts_with("TRACE_TO_LANGFUSE in ") && problem.ends_with("Use true or false"),
            "{problem}"
        );
    }
}

#[test]
fn without_a_home_nothing_panics_and_a_problem_is_reported() {
    let mut world = World::new();
    world.env.home = None;
    world.shell("XDG_CONFIG_HOME", "relative");
    for scope in [Scope::OwnHook, Scope::Explicit, Scope::FilesOnly] {
        let config = resolve(&world.env, &Files::new(), None, scope);
        assert_eq!(config.problems.len(), 1);
        assert!(fs::create_dir_all(&config.state_dir).is_err());
    }
    world.shell("CC_LANGFUSE_STATE_DIR", "/somewhere");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.state_dir, Path::new("/somewhere"));
    assert_eq!(config.problems, []);
}

#[test]
fn the_state_folder_follows_claude_codes_and_its_own_variable() {
    let mut world = World::new();
    world.shell("CLAUDE_CONFIG_DIR", "/claude");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.state_dir, Path::new("/claude/state"));
    assert_eq!(config.setting("CC_LANGFUSE_STATE_DIR").unwrap().shown, "/claude/state");
    world.shell("CC_LANGFUSE_STATE_DIR", "~/state");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.state_dir, world.root.join("home/state"));
    world.shell("CC_LANGFUSE_STATE_DIR", "state");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.state_dir, Path::new("/claude/state"));
    assert_eq!(config.problems.len(), 1);
}

#[test]
fn an_invalid_value_is_a_problem_and_the_default_applies() {
    let mut world = World::new();
    world
        .shell("CC_LANGFUSE_MAX_CHARS", "lots")
        .shell("LANGFUSE_TIMEOUT", "-1")
        .shell("CC_LANGFUSE_HOOK_BUDGET", "soon")
        .shell("CC_LANGFUSE_MASK", "maybe")
        .shell("CC_LANGFUSE_METADATA", "[1]")
        .shell("CC_LANGFUSE_TRACE_TAGS", "[1]")
        .shell("CC_LANGFUSE_TRACEPARENT", "00-1-2-3");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.max_chars, 100_000);
    assert_eq!(config.timeout, Duration::from_secs(20));
    assert_eq!(config.hook_budget, Duration::from_secs(3));
    assert!(config.mask && config.tags.is_empty() && config.metadata.is_empty());
    assert_eq!(config.parent, None);
    assert_eq!(config.problems.len(), 7);
}

#[test]
fn a_typo_in_the_capture_mode_sends_the_least() {
    let mut world = World::new();
    world.shell("CC_LANGFUSE_CAPTURE", "metdata");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.capture, Capture::Metadata);
    assert_eq!(config.problems.len(), 1);
}

#[test]
fn values_are_read_as_documented() {
    let mut world = World::new();
    world
        .shell("CC_LANGFUSE_TRACE_TAGS", "a, b,,")
        .shell("CC_LANGFUSE_METADATA", r#"{"team": "x", "n": 1, "deep": {"a": []}}"#)
        .shell("CC_LANGFUSE_HOOK_BUDGET", "0.5")
        .shell("LANGFUSE_TIMEOUT", "9000")
        .shell("LANGFUSE_CA_FILE", "~/ca.pem")
        .shell("CC_LANGFUSE_CAPTURE", "no-tool-content")
        .shell("LANGFUSE_TRACING_ENVIRONMENT", "Langfuse-Prod");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.tags, ["a", "b"]);
    let metadata: Vec<_> = config.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(metadata, [("team", "x"), ("n", "1"), ("deep", r#"{"a":[]}"#)]);
    assert_eq!(config.hook_budget, Duration::from_millis(500));
    assert_eq!(config.timeout, Duration::from_secs(600));
    assert_eq!(config.ca_file, Some(world.root.join("home/ca.pem")));
    assert_eq!(config.capture, Capture::NoToolContent);
    assert_eq!(config.environment.as_deref(), Some("Langfuse-Prod"));
    assert_eq!(config.problems.len(), 1, "the environment's name is doubtful");
}

#[test]
fn a_parent_is_a_traceparent_or_both_of_its_halves() {
    let mut world = World::new();
    world.shell("CC_LANGFUSE_PARENT_SPAN_ID", &"c".repeat(16));
    let config = world.resolve(Scope::OwnHook);
    assert_eq!((config.parent, config.problems.len()), (None, 1));
    world.shell("CC_LANGFUSE_PARENT_TRACE_ID", &"a".repeat(32));
    let parent = world.resolve(Scope::OwnHook).parent.unwrap();
    assert_eq!((parent.trace_id, parent.span_id), ("a".repeat(32), "c".repeat(16)));
    let whole = format!("00-{}-{}-01", "d".repeat(32), "e".repeat(16));
    world.shell("CC_LANGFUSE_TRACEPARENT", &whole);
    let parent = world.resolve(Scope::OwnHook).parent.unwrap();
    assert_eq!((parent.trace_id, parent.span_id), ("d".repeat(32), "e".repeat(16)));
}

#[test]
fn the_defaults_in_the_table_apply() {
    let config = World::new().resolve(Scope::OwnHook);
    let table = |name: &str| config.setting(name).unwrap().variable.default.to_owned();
    assert_eq!(table("TRACE_TO_LANGFUSE"), config.enabled.to_string());
    assert_eq!(table("LANGFUSE_TIMEOUT"), config.timeout.as_secs().to_string());
    assert_eq!(table("CC_LANGFUSE_MASK"), config.mask.to_string());
    assert_eq!(table("CC_LANGFUSE_MAX_CHARS"), config.max_chars.to_string());
    assert_eq!(table("CC_LANGFUSE_DEBUG"), config.debug.to_string());
    let budget = config.hook_budget.as_secs().to_string();
    assert_eq!(table("CC_LANGFUSE_HOOK_BUDGET"), budget);
    assert_eq!(table("CC_LANGFUSE_NOTIFY"), config.notify.to_string());
}

#[test]
fn only_unknown_names_that_may_affect_sending_suspend() {
    let world = World::new();
    let project = world.project();
    for (name, is_suspended) in [
        ("CC_LANGFUSE_TAGS", false),
        ("CC_LANGFUSE_FLUSH_TIMEOUT", false),
        ("CC_LANGFUSE_ENVIRONMENT", false),
        ("CC_LANGFUSE_COLOUR", true),
        ("TRACE_TO_LANGFUS", true),
        ("CC_TRACE_TO_LANGFUSE", true),
        ("LANGFUSE_BASEURL", true),
        ("CC_LANGFUSE_CAPTURE_SKILL_CONTENT", true),
    ] {
        let with = json!({"TRACE_TO_LANGFUSE": true, name: "x"});
        let without = json!({"TRACE_TO_LANGFUSE": true});
        for (env, of_project) in [(&with, &without), (&without, &with)] {
            world.config_file(
                &json!({"env": env, "projects": {project.to_str().unwrap(): {"env": of_project}}}),
            );
            let config = world.resolve(Scope::OwnHook);
            assert_eq!(config.suspended.is_some(), is_suspended, "{name}");
            assert_eq!(config.enabled, !is_suspended, "{name}");
            assert_eq!(config.problems.len(), 1, "{:?}", config.problems);
            assert_eq!(config.problems[0].variable.as_deref(), Some(name));
        }
    }
}
