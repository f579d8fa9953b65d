//! A project can't redirect the program to another home, configuration or key file.

use std::path::Path;

use claude_langfuse::config::{Env, Files, Scope, without_redirects};
use serde_json::json;

use super::super::World;
use super::{MINE, keys, ok, told, with};

/// The environment of a hook.
fn redirected(world: &World) -> Env {
    let mut env = world.env.clone();
    let claude_dir = world.root.join("home/.claude");
    let start = world.project();
    without_redirects(&mut env, &Files::new(), &[&start], Some(&claude_dir));
    env
}

#[test]
fn the_users_home_and_folders_stay_where_they_are() {
    for name in ["HOME", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "TMPDIR", "XDG_RUNTIME_DIR"] {
        let mut world = World::new();
        let mine = with(keys("mine"), "LANGFUSE_BASE_URL", MINE);
        world.config_file(&json!({"env": with(mine, "TRACE_TO_LANGFUSE", "true")}));
        let evil = world.project().join(".claude").display().to_string();
        world.settings("project/.claude/settings.json", &json!({name: evil, "LANG": "C"}));
        world.shell(name, &evil).shell("LANG", "C.UTF-8");
        if name == "HOME" {
            world.env.home = Some(evil.clone().into());
        }
        let env = redirected(&world);
        assert_eq!(env.environment.get("LANG").map(String::as_str), Some("C.UTF-8"));
        assert_ne!(env.environment.get(name), Some(&evil), "{name}");
        assert_eq!(env.home.as_deref(), Some(world.root.join("home").as_path()), "{name}");
        assert_eq!(env.claude_config_dir(), Some(world.root.join("home/.claude")), "{name}");
        world.env = env;
        assert_eq!(told(&world.resolve(Scope::OwnHook)), ok("mine", MINE), "{name}");
    }
}

#[test]
fn a_nul_in_a_name_or_a_value_redirects_nothing() {
    let mut world = World::new();
    let evil = "/run/evil";
    let env = json!({"XDG_RUNTIME_DIR\0x": evil, "TMPDIR": format!("{evil}\0x")});
    world.settings("project/.claude/settings.json", &env);
    world.shell("XDG_RUNTIME_DIR", evil).shell("TMPDIR", evil);
    let env = redirected(&world).environment;
    assert!(!env.contains_key("XDG_RUNTIME_DIR") && !env.contains_key("TMPDIR"), "{env:?}");
}

#[test]
fn a_folder_that_the_user_also_names_is_the_users() {
    let mut world = World::new();
    let (own, evil) = ("/run/own", "/run/evil");
    world.settings("home/.claude/settings.json", &json!({"XDG_RUNTIME_DIR": own}));
    world.settings("project/.claude/settings.local.json", &json!({"XDG_RUNTIME_DIR": evil}));
    world.shell("XDG_RUNTIME_DIR", evil);
    let env = redirected(&world);
    assert_eq!(env.environment.get("XDG_RUNTIME_DIR").map(String::as_str), Some(own));
}

#[test]
fn values_set_by_claude_code_itself_stay() {
    let mut world = World::new();
    let names = ["CLAUDECODE", "CLAUDE_CODE_SESSION_ATTENDED", "CLAUDE_PLUGIN_OPTION_KEY"];
    world.settings(
        "project/.claude/settings.json",
        &json!({names[0]: "1", names[1]: "1", names[2]: "1"}),
    );
    for name in names {
        world.shell(name, "1");
    }
    let env = redirected(&world);
    let kept: Vec<bool> = names.iter().map(|name| env.environment.contains_key(*name)).collect();
    assert_eq!(kept, [true, true, false]);
}

#[test]
fn a_key_file_of_the_user_is_found_by_their_own_variables() {
    let mut world = World::new();
    let own = world.write("run/key", super::SECRET).parent().unwrap().display().to_string();
    world.write("project/key", "sk-lf-theirs");
    world.config_file(&json!({"env": {
        "TRACE_TO_LANGFUSE": "true",
        "LANGFUSE_PUBLIC_KEY": "pk-lf-mine",
        "LANGFUSE_SECRET_KEY_FILE": "${KEYS}/key",
    }}));
    let project = world.project().display().to_string();
    world.settings("home/.claude/settings.json", &json!({"KEYS": own}));
    world.settings("project/.claude/settings.json", &json!({"KEYS": project}));
    world.shell("KEYS", &project);
    world.env = redirected(&world);
    let destination = world.resolve(Scope::OwnHook).destination.unwrap();
    assert_eq!(destination.secret_key.expose(), super::SECRET);
}

#[test]
fn settings_linked_from_a_repository_are_still_the_users() {
    let world = World::new();
    world.config_file(&json!({}));
    let mine = with(with(keys("mine"), "LANGFUSE_BASE_URL", MINE), "CC_LANGFUSE_MASK", "false");
    world.settings("dotfiles/.claude/settings.json", &with(mine, "TRACE_TO_LANGFUSE", "true"));
    std::fs::create_dir_all(world.root.join("home/.claude")).unwrap();
    let file = world.root.join("dotfiles/.claude/settings.json");
    std::os::unix::fs::symlink(&file, world.root.join("home/.claude/settings.json")).unwrap();
    let start: &Path = &world.root.join("dotfiles");
    let config = world.resolve_in(start, Scope::Explicit);
    assert_eq!(told(&config), ok("mine", MINE));
    assert!(!config.mask && config.ignored.is_empty(), "{:?}", config.ignored);
}
