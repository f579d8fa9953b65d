//! What a project asks for, what allows it, and what is doubted.

use claude_langfuse::config::{MergedSettings, Scope};
use serde_json::json;

use super::super::World;
use super::{CLOUD, MINE, Setup, THEIRS, keys, ok, request_of, told, with};

#[test]
fn a_host_that_a_project_takes_away_is_not_replaced_by_the_default() {
    let shell = with(keys("mine"), "LANGFUSE_BASE_URL", MINE);
    let setup = Setup { shell, shared: json!({"LANGFUSE_BASE_URL": ""}), ..Setup::default() };
    let hook = setup.world(true).resolve(Scope::OwnHook);
    assert_eq!(told(&hook), Err("not-allowed"));
}

#[test]
fn a_declared_digest_allows_these_values_alone() {
    let mut setup = Setup {
        config: keys("mine"),
        shared: json!({"LANGFUSE_BASE_URL": THEIRS}),
        ..Setup::default()
    };
    let digest = request_of(&setup.world(true).resolve(Scope::OwnHook)).digest.clone();
    let command = setup.world(false).resolve(Scope::Explicit);
    assert_eq!(request_of(&command).digest, digest);
    setup.entry = json!({"allow": ["0000", digest]});
    assert_eq!(setup.leads_to(), ok("mine", THEIRS));
    setup.shared = json!({"LANGFUSE_BASE_URL": "https://other.example"});
    assert_eq!(setup.leads_to(), Err("not-allowed"));
}

#[test]
fn a_declared_false_lets_the_users_own_count() {
    let theirs = with(keys("theirs"), "LANGFUSE_BASE_URL", THEIRS);
    let mine = with(keys("mine"), "LANGFUSE_BASE_URL", MINE);
    for (user, config) in [(mine.clone(), json!({})), (json!({}), mine)] {
        let entry = json!({"allow": false});
        let setup = Setup { user, config, entry, shared: theirs.clone(), ..Setup::default() };
        assert_eq!(setup.leads_to(), ok("mine", MINE));
    }
}

#[test]
fn while_a_file_of_the_project_can_not_be_read_a_hook_takes_keys_from_files_of_the_user_alone() {
    for text in ["{ broken", "[]", "\u{fffd}{}"] {
        let setup = Setup { shell: keys("mine"), ..Setup::default() };
        let world = setup.world(true);
        let path = world.write("project/.claude/settings.json", text);
        let config = world.resolve(Scope::OwnHook);
        let problem = config.destination.as_ref().unwrap_err().to_string();
        assert_eq!(told(&config), Err("not-allowed"), "{text}");
        assert!(problem.contains(path.to_str().unwrap()), "{problem}");
        assert!(!problem.contains("claude-langfuse allow"), "{problem}");

        let setup = Setup { config: keys("mine"), ..Setup::default() };
        let world = setup.world(true);
        world.write("project/.claude/settings.json", text);
        assert_eq!(told(&world.resolve(Scope::OwnHook)), ok("mine", CLOUD));
    }
}

#[test]
fn a_name_that_a_hook_saw_in_a_file_of_the_project_stays_the_projects() {
    let shell = with(keys("mine"), "LANGFUSE_BASE_URL", THEIRS);
    let mut world = Setup { shell, ..Setup::default() }.world(true);
    assert_eq!(told(&world.resolve(Scope::OwnHook)), ok("mine", THEIRS));
    world.env.merged = Some(MergedSettings {
        seen: ["LANGFUSE_BASE_URL".to_owned()].into(),
        ..MergedSettings::default()
    });
    assert_eq!(told(&world.resolve(Scope::OwnHook)), Err("not-allowed"));
}

#[test]
fn a_command_of_an_unknown_session_takes_keys_from_files_of_the_user_alone() {
    let unknown = Some(MergedSettings { is_unknown: true, ..MergedSettings::default() });
    for (setup, expected) in [
        (Setup { shell: keys("mine"), ..Setup::default() }, Err("not-allowed")),
        (Setup { user: keys("mine"), ..Setup::default() }, ok("mine", CLOUD)),
    ] {
        let mut world = setup.world(true);
        world.env.merged = unknown.clone();
        assert_eq!(told(&world.resolve(Scope::Explicit)), expected);
    }
}

#[test]
fn the_personal_file_of_the_main_checkout_counts_in_its_subfolders_and_worktrees() {
    let world = World::new();
    world.config_file(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    let own = with(keys("own"), "LANGFUSE_BASE_URL", THEIRS);
    world.settings("main/.claude/settings.local.json", &own);
    world.write("main/.git/HEAD", "");
    let git = world
        .write("tree/.git", format!("gitdir: {}/main/.git/worktrees/t\n", world.root.display()));
    world.write("main/.git/worktrees/t/gitdir", git.to_str().unwrap());
    world.write("false/.git", format!("gitdir: {}/main/.git/worktrees/t\n", world.root.display()));
    let resolve = |start: &str| told(&world.resolve_in(&world.root.join(start), Scope::Explicit));
    for start in ["main", "main/sub/deeper", "tree", "tree/sub"] {
        assert_eq!(resolve(start), ok("own", THEIRS), "{start}");
    }
    assert_eq!(resolve("false"), Err("keys-missing"));
}

#[test]
fn settings_of_the_home_folder_are_the_users() {
    let world = World::new();
    world.config_file(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    let mine = with(keys("mine"), "LANGFUSE_BASE_URL", MINE);
    world.settings("home/.claude/settings.json", &mine);
    world.settings("home/.claude/settings.local.json", &json!({"LANGFUSE_HOST": MINE}));
    let config = world.resolve_in(&world.root.join("home"), Scope::Explicit);
    assert_eq!(told(&config), ok("mine", MINE));
}

#[test]
fn a_request_shows_no_secret() {
    let setup =
        Setup { shared: with(keys("theirs"), "LANGFUSE_BASE_URL", THEIRS), ..Setup::default() };
    let config = setup.world(true).resolve(Scope::OwnHook);
    let request = request_of(&config);
    let shown = format!("{request:?} {}", config.destination.as_ref().unwrap_err());
    assert!(!shown.contains("22222222"), "{shown}");
    assert!(shown.contains("pk-lf-theirs") && shown.contains(THEIRS), "{shown}");
}
