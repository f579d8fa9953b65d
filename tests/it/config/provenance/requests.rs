//! Values that a project requests, values that allow them, and values of unknown origin.

use claude_langfuse::config::{MergedSettings, Scope};
use serde_json::json;

use super::super::World;
use super::{CLOUD, MINE, Setup, THEIRS, keys, ok, request_of, told, with};

#[test]
fn a_host_removed_by_a_project_is_not_replaced_by_the_default() {
    let shell = with(keys("mine"), "LANGFUSE_BASE_URL", MINE);
    let setup = Setup { shell, shared: json!({"LANGFUSE_BASE_URL": ""}), ..Setup::default() };
    let hook = setup.world(true).resolve(Scope::OwnHook);
    assert_eq!(told(&hook), Err("not-allowed"));
}

#[test]
fn a_declared_digest_allows_only_these_values() {
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
fn while_a_file_of_the_project_is_unreadable_a_hook_takes_keys_only_from_files_of_the_user() {
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
fn a_command_of_an_unknown_session_takes_keys_only_from_files_of_the_user() {
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

#[test]
fn a_value_that_the_project_changed_before_the_first_hook_is_the_projects() {
    let mine = with(keys("mine"), "LANGFUSE_BASE_URL", MINE);
    for now in [MINE, "https://another.example", ""] {
        let host = json!({"LANGFUSE_BASE_URL": now});
        for setup in [
            Setup { shell: mine.clone(), shared: host.clone(), ..Setup::default() },
            Setup { shell: mine.clone(), personal: host.clone(), ..Setup::default() },
            Setup { user: keys("mine"), shared: host.clone(), ..Setup::default() },
        ] {
            // Claude Code gives the hook the earlier value of the file.
            let flags = json!({"LANGFUSE_BASE_URL": THEIRS});
            let config = Setup { flags, ..setup }.world(true).resolve(Scope::OwnHook);
            assert_eq!(told(&config), Err("not-allowed"), "{now}");
        }
    }
    let setup = Setup {
        config: mine,
        shared: json!({"CC_LANGFUSE_MASK": "true", "CC_LANGFUSE_STATE_DIR": "/ours"}),
        flags: json!({"CC_LANGFUSE_MASK": "false", "CC_LANGFUSE_STATE_DIR": "/theirs"}),
        ..Setup::default()
    };
    let config = setup.world(true).resolve(Scope::OwnHook);
    assert!(config.mask && !config.state_dir.starts_with("/theirs"), "{:?}", config.state_dir);
}

/// Releases on Node cut a text at a NUL when they put it into the environment.
#[test]
fn a_nul_hides_no_value_of_the_project() {
    let nul = format!("{THEIRS}\0x");
    for env in [
        json!({"LANGFUSE_BASE_URL": nul}),
        json!({"LANGFUSE_BASE_URL\0x": THEIRS}),
        json!({"LANGFUSE_BASE_URL": [nul]}),
        json!({"LANGFUSE_BASE_URL": MINE, "LANGFUSE_BASE_URL\0x": nul}),
    ] {
        for file in ["settings.json", "settings.local.json"] {
            let mine = with(keys("mine"), "LANGFUSE_BASE_URL", MINE);
            let mut world = Setup { shell: mine, ..Setup::default() }.world(true);
            world.settings(&format!("project/.claude/{file}"), &env);
            world.shell("LANGFUSE_BASE_URL", THEIRS);
            assert_eq!(told(&world.resolve(Scope::OwnHook)), Err("not-allowed"), "{env}");
        }
    }
}

#[test]
fn a_file_of_the_project_in_utf_16_or_with_a_bad_byte_is_read_as_claude_code_reads_it() {
    let text = json!({"env": {"LANGFUSE_BASE_URL": THEIRS}}).to_string();
    let utf16 = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes));
    let bad_byte = [text.trim_end_matches('}').as_bytes(), b", \"X\": \"\xff\"}}"].concat();
    for bytes in [utf16.collect::<Vec<u8>>(), bad_byte] {
        let setup = Setup { shell: keys("mine"), ..Setup::default() };
        let mut world = setup.world(true);
        let path = world.write("project/.claude/settings.json", "");
        std::fs::write(path, &bytes).unwrap();
        assert_eq!(told(&world.resolve(Scope::Explicit)), Err("not-allowed"));
        world.shell("LANGFUSE_BASE_URL", THEIRS);
        assert_eq!(told(&world.resolve(Scope::OwnHook)), Err("not-allowed"));
    }
}

#[test]
fn an_empty_host_of_the_project_takes_no_host_of_the_shell_away() {
    let setup = Setup {
        shell: with(keys("mine"), "LANGFUSE_BASE_URL", MINE),
        shared: json!({"LANGFUSE_BASE_URL": ""}),
        ..Setup::default()
    };
    assert_eq!(told(&setup.world(true).resolve(Scope::OwnHook)), Err("not-allowed"));
}

#[test]
fn the_top_of_a_repository_is_where_claude_code_sees_it() {
    // An archive can contain an empty file of that name, which git does not recognise.
    let mut world = World::new();
    let mine = with(keys("mine"), "TRACE_TO_LANGFUSE", "true");
    for (name, value) in mine.as_object().unwrap() {
        world.shell(name, value.as_str().unwrap());
    }
    world.write("top/.git", "");
    world.settings("top/.claude/settings.local.json", &json!({"LANGFUSE_BASE_URL": THEIRS}));
    world.shell("LANGFUSE_BASE_URL", THEIRS);
    let config = world.resolve_in(&world.root.join("top/deeper"), Scope::OwnHook);
    assert_eq!(told(&config), Err("not-allowed"));
}
