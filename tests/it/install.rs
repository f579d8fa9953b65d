//! `install` and `uninstall` only change our entries of the user's file.

mod commands;
mod in_place;
mod links;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use langfuse_mock::MockLangfuse;
use serde_json::{Value, json};

use crate::sandbox::{PROGRAM, Received, Sandbox};

const SETTINGS: &str = ".claude/settings.json";

/// As another editor formats it: another indentation, no newline at the end.
const OF_A_USER: &str = r#"{
    "model": "opus",
    "hooks": {
        "Stop": [
            {
                "hooks": [
                    {
                        "type": "command",
                        "command": "notify-send 'dönë'"
                    }
                ]
            }
        ]
    },
    "unknownToAll": {
        "b": 1.50e3,
        "a": [
            null,
            18446744073709551615
        ]
    }
}"#;

fn settings(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&text(sandbox)).unwrap()
}

fn text(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path(SETTINGS)).unwrap()
}

fn files(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path(folder)).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

fn command() -> String {
    format!("[ -x '{PROGRAM}' ] && exec '{PROGRAM}' hook; :")
}

#[test]
fn in_a_home_without_settings_install_adds_two_entries() {
    let sandbox = Sandbox::new();
    sandbox.run(&["install"]).exits(0);
    let command = command();
    assert_eq!(
        settings(&sandbox),
        json!({"hooks": {
            "Stop": [{"hooks": [{"type": "command", "command": command}]}],
            "SessionEnd": [{"hooks": [{"type": "command", "command": command, "timeout": 10}]}],
        }})
    );
    let ran = sandbox.run(&["uninstall"]).exits(0);
    assert!(ran.stdout.contains("no longer registered, file removed"), "{ran:?}");
    assert_eq!(files(&sandbox, ".claude"), ["projects"]);
}

#[test]
fn a_second_install_changes_no_byte_and_uninstall_restores_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write(SETTINGS, OF_A_USER.as_bytes());
    sandbox.run(&["install"]).exits(0);
    let once = text(&sandbox);
    assert!(once.starts_with("{\n    \"model\": \"opus\",\n    \"hooks\""));
    assert!(once.contains("notify-send 'dönë'") && once.contains("18446744073709551615"));
    let modified = || sandbox.path(SETTINGS).metadata().unwrap().modified().unwrap();
    let first = modified();
    let ran = sandbox.run(&["install"]).exits(0);
    assert!(ran.stdout.contains("nothing to do"), "{ran:?}");
    assert_eq!((text(&sandbox), modified()), (once, first));
    sandbox.run(&["uninstall"]).exits(0);
    assert_eq!(text(&sandbox), OF_A_USER);
}

#[test]
fn the_old_file_is_kept_as_a_backup_and_the_mode_stays() {
    let sandbox = Sandbox::new();
    let path = sandbox.write(SETTINGS, OF_A_USER.as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let ran = sandbox.run(&["install"]).exits(0);
    assert!(ran.stdout.contains("settings.json.before-claude-langfuse"), "{ran:?}");
    let backup = sandbox.path(".claude/settings.json.before-claude-langfuse");
    assert_eq!(fs::read_to_string(backup).unwrap(), OF_A_USER);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(
        files(&sandbox, ".claude"),
        ["projects", "settings.json", "settings.json.before-claude-langfuse"]
    );
}

#[test]
fn invalid_settings_are_not_changed() {
    for (content, reason) in [
        ("{\"env\": {\"KEY\": \"sk-lf-1\"}, // mine\n}", "could not parse settings"),
        ("[]", "not a JSON object"),
        ("{\"hooks\": []}", "could not understand settings"),
        ("{\"hooks\": {\"SessionEnd\": {}}}", "hooks.SessionEnd"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(SETTINGS, content.as_bytes());
        let ran = sandbox.run(&["install"]).exits(1);
        assert!(ran.stderr.contains(reason), "{ran:?}");
        assert!(!ran.stderr.contains("sk-lf-1"), "{ran:?}");
        assert_eq!(text(&sandbox), content);
        assert_eq!(files(&sandbox, ".claude"), ["projects", "settings.json"]);
    }
}

#[test]
fn a_dry_run_shows_the_changes_and_makes_none() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["install", "--dry-run"]).exits(0);
    assert!(ran.stdout.contains("@@ -0,0 +1,"), "{ran:?}");
    assert!(!sandbox.path(SETTINGS).exists());
    let before =
        "{\n\t\"env\": {\n\t\t\"LANGFUSE_SECRET_KEY\": \"sk-lf-0123456789abcdef\"\n\t}\n}\n";
    sandbox.write(SETTINGS, before.as_bytes());
    let ran = sandbox.run(&["install", "--dry-run"]).exits(0);
    assert!(ran.stdout.contains("\n+\t\"hooks\": {\n"), "{ran:?}");
    assert!(ran.stdout.contains("\"LANGFUSE_SECRET_KEY\": \"sk-lf-…\""), "{ran:?}");
    assert!(!ran.stdout.contains("0123456789"), "{ran:?}");
    assert_eq!(text(&sandbox), before);
    assert_eq!(files(&sandbox, ".claude"), ["projects", "settings.json"]);
}

#[test]
fn a_projects_entry_is_personal_unless_it_has_one_already() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("app")).unwrap();
    let ran = sandbox.run(&["install", "--project", "app", "--json"]).exits(0);
    assert_eq!(files(&sandbox, "app/.claude"), ["settings.local.json"]);
    assert!(!sandbox.path(SETTINGS).exists());
    assert_eq!(ran.json()[0]["changed"], json!(true));
    let both = sandbox.run(&["uninstall", "--project", "app", "--json"]).exits(0);
    let changed: Vec<_> = both.json().iter().map(|one| one["changed"].clone()).collect();
    assert_eq!(changed, [json!(false), json!(true)]);

    let shared = r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "claude-langfuse hook"}]}]}}"#;
    sandbox.write("app/.claude/settings.json", shared.as_bytes());
    sandbox.run(&["install", "--project", "app"]).exits(0);
    let shared = fs::read_to_string(sandbox.path("app/.claude/settings.json")).unwrap();
    assert_eq!(shared.matches("exec").count(), 2);
    assert_eq!(
        files(&sandbox, "app/.claude"),
        ["settings.json", "settings.json.before-claude-langfuse"]
    );
    sandbox.run(&["install", "--project", "nowhere"]).exits(1);
}

#[test]
fn claude_codes_folder_may_be_elsewhere_and_the_program_another() {
    let mut sandbox = Sandbox::new();
    let folder = sandbox.path("else/where").display().to_string();
    sandbox.set("CLAUDE_CONFIG_DIR", folder);
    let program = "/home/it's me/.nix-profile/bin/claude-langfuse";
    sandbox.run(&["install", "--program", program]).exits(0);
    let text = fs::read_to_string(sandbox.path("else/where/settings.json")).unwrap();
    assert!(
        text.contains(r"exec '/home/it'\\''s me/.nix-profile/bin/claude-langfuse' hook; :"),
        "{text}"
    );
    let ran = sandbox.run(&["install", "--program", "bin/claude-langfuse"]).exits(1);
    assert!(ran.stderr.contains("must be absolute"), "{ran:?}");
}

#[test]
fn install_reports_other_exporters_and_disabled_hooks() {
    let sandbox = Sandbox::new();
    let rivals = json!({
        "disableAllHooks": true,
        "enabledPlugins": {"langfuse-observability@langfuse-observability": true},
        "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "uv run ~/.claude/hooks/langfuse_hook.py"}]}]},
    });
    sandbox.write(SETTINGS, rivals.to_string().as_bytes());
    let ran = sandbox.run(&["install"]).exits(0);
    for word in ["langfuse_hook.py", "langfuse-observability@", "disableAllHooks"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn the_registered_command_delivers_and_is_silent_without_the_program() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let program = sandbox.path("bin of mine/claude-langfuse");
    fs::create_dir(program.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(PROGRAM, &program).unwrap();
    let argument = program.display().to_string();
    sandbox.run(&["install", "--program", &argument]).exits(0);
    let settings = settings(&sandbox);
    let registered = |event: &str| {
        let pointer = format!("/hooks/{event}/0/hooks/0/command");
        settings.pointer(&pointer).unwrap().as_str().unwrap().to_owned()
    };
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let stop = format!("{}\n", session.stop_event(0));
    sandbox.shell(&registered("Stop"), stop.as_bytes()).silent();
    let end = format!("{}\n", session.end_event());
    sandbox.shell(&registered("SessionEnd"), end.as_bytes()).silent();
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    fs::remove_file(&program).unwrap();
    sandbox.shell(&registered("Stop"), stop.as_bytes()).silent();
}

#[test]
fn a_new_file_is_readable_only_by_its_owner() {
    let sandbox = Sandbox::new();
    sandbox.run(&["install"]).exits(0);
    let mode = sandbox.path(SETTINGS).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn quiet_prints_only_the_changes_of_a_dry_run() {
    let sandbox = Sandbox::new();
    let shown = sandbox.run(&["install", "--quiet", "--dry-run"]).exits(0).stdout;
    assert!(shown.starts_with("--- "), "{shown}");
    for arguments in [
        &["install", "--quiet"][..],
        &["install", "--quiet"],
        &["install", "--quiet", "--dry-run"],
        &["uninstall", "--quiet"],
    ] {
        let ran = sandbox.run(arguments).exits(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "{arguments:?}");
    }
}

#[test]
fn uninstall_for_one_program_keeps_entries_of_another() {
    let sandbox = Sandbox::new();
    sandbox.run(&["install", "--program", "/profile/bin/claude-langfuse"]).exits(0);
    let registered = text(&sandbox);
    sandbox.run(&["uninstall", "--program", "/other/bin/claude-langfuse"]).exits(0);
    assert_eq!(text(&sandbox), registered);
    sandbox.run(&["uninstall", "--program", "/profile/bin/claude-langfuse"]).exits(0);
    assert!(!sandbox.path(SETTINGS).exists());
}

#[test]
fn settings_that_are_not_a_regular_file_are_rejected_and_not_waited_for() {
    let make_fifo = |path: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let link_to_zero =
        |path: &std::path::Path| std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    for make in [make_fifo as fn(&std::path::Path), link_to_zero] {
        let sandbox = Sandbox::new();
        make(&sandbox.path(SETTINGS));
        for command in ["install", "uninstall", "doctor"] {
            let ran = sandbox.run(&[command]);
            assert_ne!(ran.code, Some(0), "{ran:?}");
            let told = format!("{}{}", ran.stdout, ran.stderr).replace("\n      ", " ");
            assert!(told.contains("not a regular file"), "{command}: {told}");
        }
    }
}
