//! The entry of `projects` for a session.

use std::fs;

use claude_langfuse::config::Scope;
use serde_json::{Value, json};

use super::World;

#[test]
fn a_project_entry_that_is_not_understood_does_not_inherit_consent() {
    let world = World::new();
    let project = world.project();
    let project = project.to_str().unwrap();
    for projects in [
        json!({project: {"enable": false}}),
        json!({project: {"env": ["TRACE_TO_LANGFUSE=false"]}}),
        json!({project: false}),
        json!({"not/absolute": {"env": {}}}),
        json!([project]),
    ] {
        world.config_file(&json!({"projects": projects, "env": {"TRACE_TO_LANGFUSE": true}}));
        let config = world.resolve(Scope::OwnHook);
        assert!(!config.enabled, "{projects}");
        assert!(!config.problems.is_empty(), "{projects}");
    }
}

fn enabled_only(path: &str) -> Value {
    json!({"projects": {path: {"env": {"TRACE_TO_LANGFUSE": true}}}})
}

#[test]
fn every_matching_project_path_counts_and_the_longest_last() {
    let world = World::new();
    let name = |path: &str| world.root.join(path).display().to_string();
    world.config_file(&json!({"projects": {
        name("mono/app"): {"env": {"LANGFUSE_RELEASE": "app"}},
        name("mono"): {"env": {"LANGFUSE_RELEASE": "mono", "LANGFUSE_USER_ID": "mono"}},
    }}));
    let release = |path: &str| {
        let config = world.resolve_in(&world.root.join(path), Scope::OwnHook);
        (config.release, config.user_id)
    };
    let mono = Some("mono".to_owned());
    assert_eq!(release("mono/app/src"), (Some("app".to_owned()), mono.clone()));
    assert_eq!(release("mono/apple"), (mono.clone(), mono));
    assert_eq!(release("monorail"), (None, None));
}

#[test]
fn a_project_is_found_below_home_and_through_links() {
    let world = World::new();
    let real = world.root.join("home/code/app");
    fs::create_dir_all(&real).unwrap();
    world.config_file(&enabled_only("~/code/app/"));
    assert!(world.resolve_in(&real, Scope::OwnHook).enabled);
    assert!(!world.resolve_in(&world.root.join("home/code"), Scope::OwnHook).enabled);

    #[cfg(unix)]
    {
        let link = world.root.join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(world.resolve_in(&link, Scope::OwnHook).enabled);
        let deleted = link.join("deleted/since");
        assert!(world.resolve_in(&deleted, Scope::OwnHook).enabled);
        world.config_file(&enabled_only(link.to_str().unwrap()));
        assert!(world.resolve_in(&real, Scope::OwnHook).enabled);
    }
}

#[test]
fn a_linked_worktree_belongs_to_its_main_repository() {
    let world = World::new();
    fs::create_dir_all(world.root.join("main/.git/worktrees/feat")).unwrap();
    fs::create_dir_all(world.root.join("trees/feat/sub")).unwrap();
    let main = world.root.join("main");
    for target in [
        format!("{}/.git/worktrees/feat", main.display()),
        "../../main/.git/worktrees/feat".to_owned(),
    ] {
        let git = world.write("trees/feat/.git", format!("gitdir: {target}\n"));
        world.write("main/.git/worktrees/feat/gitdir", git.to_str().unwrap());
        world.config_file(&enabled_only(main.to_str().unwrap()));
        for start in ["trees/feat", "trees/feat/sub"] {
            let start = world.root.join(start);
            assert!(world.resolve_in(&start, Scope::OwnHook).enabled, "{target}");
        }
        world.config_file(&enabled_only(main.join("sub").to_str().unwrap()));
        let enabled = |start: &str| {
            let start = world.root.join(start);
            world.resolve_in(&start, Scope::OwnHook).enabled
        };
        assert!(enabled("trees/feat/sub") && !enabled("trees/feat"));
    }
}

#[test]
fn a_folder_that_only_says_that_it_is_a_worktree_does_not_belong_to_the_repository() {
    let world = World::new();
    let main = world.root.join("main");
    let git = world.write("tree/.git", format!("gitdir: {}/.git/worktrees/t\n", main.display()));
    world.write("main/.git/worktrees/t/gitdir", git.to_str().unwrap());
    world.write("false/.git", fs::read_to_string(&git).unwrap());
    world.config_file(&enabled_only(main.to_str().unwrap()));
    let enabled = |start: &str| world.resolve_in(&world.root.join(start), Scope::OwnHook).enabled;
    assert!(enabled("tree") && !enabled("false"));
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    let world = World::new();
    let main = world.root.join("main");
    world.write("elsewhere/.git", format!("gitdir: {}/.git/modules/x\n", main.display()));
    world.config_file(&enabled_only(main.to_str().unwrap()));
    let start = world.root.join("elsewhere");
    assert!(!world.resolve_in(&start, Scope::OwnHook).enabled);
}
