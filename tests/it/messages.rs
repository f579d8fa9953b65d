//! Every message names its cause and one command or change that helps, with the same words and exit code in every
//! command.

mod selection;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, Reply, SECRET_KEY};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, traced_to, unused_address};

#[test]
fn usage_errors_are_json_for_scripts() {
    let sandbox = Sandbox::new();
    sandbox
        .screen()
        .types("claude-langfuse replay --al --json")
        .types("claude-langfuse status --json --line")
        .types("claude-langfuse show --json --turn two")
        .is("usage_errors_json");
    for arguments in [&["replay", "--json"][..], &["nonsense", "--json"]] {
        let ran = sandbox.run(arguments).exits(2);
        assert_eq!(ran.stderr, "");
        assert_eq!(ran.json()[0]["error"]["code"], "usage");
    }
}

#[test]
fn every_line_of_json_has_a_type() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    let types = |arguments: &[&str]| -> Vec<String> {
        let lines = sandbox.run(arguments).json();
        lines.iter().map(|line| line["type"].as_str().unwrap_or("?").to_owned()).collect()
    };
    for (arguments, expected) in [
        (&["status", "--json"][..], &["status"][..]),
        (&["config", "--json"], &["config"]),
        (&["config", "check", "--json"], &["checks"]),
        (&["doctor", "--offline", "--json"], &["checks"]),
        (&["install", "--json"], &["settings"]),
        (&["sessions", "--json"], &["session"]),
        (&["replay", "2c97", "--json"], &["session", "summary"]),
        (&["replay", "--all", "--json"], &["session", "project", "summary"]),
        (&["flush", "--json"], &["summary"]),
        (&["verify", "2c97", "--json"], &["session", "summary"]),
        (&["show", "2c97", "--json"], &["generation", "agent", "summary"]),
        (&["score", "2c97#1", "good=true", "--json"], &["scores"]),
        (&["dataset", "add", "2c97#1", "--dataset", "x", "--create", "--json"], &["dataset_item"]),
        (&["instructions", "push", "--json"], &["error"]),
        (&["forget", "2c97", "--yes", "--wait", "2", "--json"], &["forgotten"]),
        (&["show", "ffff", "--json"], &["error"]),
    ] {
        assert_eq!(types(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn keys_in_the_wrong_place_are_named() {
    let sandbox = Sandbox::new();
    let keys = |public: &str, secret: &str| {
        sandbox.config(&json!({"env": {
            "TRACE_TO_LANGFUSE": "true", "LANGFUSE_PUBLIC_KEY": public, "LANGFUSE_SECRET_KEY": secret,
        }}));
        sandbox.run(&["status", "--json"]).exits(3).json()[0]["error"].clone()
    };
    let told = keys(SECRET_KEY, PUBLIC_KEY);
    assert!(told["message"].as_str().unwrap().starts_with("the two keys are swapped"), "{told}");
    let told = keys(PUBLIC_KEY, "pk-lf-another");
    assert!(told["message"].as_str().unwrap().contains("LANGFUSE_SECRET_KEY in"), "{told}");
    assert_eq!(told["help"], "set it to the key that begins with sk-lf-");
    let told = keys("sk-lf-another", SECRET_KEY);
    assert!(told["message"].as_str().unwrap().contains("LANGFUSE_PUBLIC_KEY in"), "{told}");
    sandbox.screen().types("claude-langfuse doctor --offline").is("keys_of_one_kind");
}

#[test]
fn rejected_keys_are_named_with_the_source_of_each() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    sandbox.write("secret.txt", b"sk-lf-wrong");
    let mut env = traced_to(&mock.url());
    let object = env.as_object_mut().unwrap();
    object.remove("LANGFUSE_SECRET_KEY");
    object.insert("LANGFUSE_SECRET_KEY_FILE".to_owned(), json!("~/secret.txt"));
    sandbox.config(&json!({ "env": env }));
    sandbox.session("v2.1.330/simple").whole();
    let place = "~/.config/claude-langfuse/config.json";
    let both = format!("LANGFUSE_PUBLIC_KEY in {place} and LANGFUSE_SECRET_KEY_FILE in {place}");
    for command in [
        &["verify", "2c97"][..],
        &["score", "2c97#1", "a=1"],
        &["replay", "2c97"],
        &["status"],
        &["doctor"],
    ] {
        let ran = sandbox.run(command);
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(told.contains(&both), "{command:?}: {told}");
        let advice = told.contains("'claude-langfuse doctor");
        assert!(command[0] != "doctor" || !advice, "doctor advises doctor: {told}");
    }
}

#[test]
fn one_cause_has_one_exit_code_in_all_commands() {
    let mock = MockLangfuse::start();
    let every = [
        &["replay", "2c97"][..],
        &["replay", "--all", "--again"],
        &["verify", "2c97"],
        &["forget", "2c97", "--yes"],
        &["score", "2c97#1", "a=1"],
        &["dataset", "add", "2c97#1", "--dataset", "x", "--create"],
        &["doctor"],
    ];
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    sandbox.run(&["install"]).exits(0);
    let codes = |env: Value, commands: &[&[&str]], code: i32| {
        sandbox.config(&json!({ "env": env }));
        for command in commands {
            assert_eq!(sandbox.run(command).code, Some(code), "{command:?} with {env}");
        }
    };
    let with = |name: &str, value: &str| {
        let mut env = traced_to(&mock.url());
        env[name] = json!(value);
        env
    };
    codes(with("LANGFUSE_SECRET_KEY", ""), &every, 3);
    codes(traced_to(&format!("http://{}", unused_address())), &every, 4);
    codes(with("LANGFUSE_SECRET_KEY", "sk-lf-wrong"), &every, 5);
    let masked = [
        &["replay", "2c97"][..],
        &["replay", "2c97", "--dry-run"],
        &["show", "2c97"],
        &["verify", "2c97"],
        &["export", "2c97"],
        &["dataset", "add", "2c97#1", "--dataset", "x"],
        &["status"],
        &["config", "check"],
        &["doctor", "--offline"],
    ];
    codes(with("CC_LANGFUSE_MASK_PATTERNS", "(("), &masked, 3);
}

#[test]
fn rejected_content_is_reported_as_an_error() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    mock.reply_always(Some(Reply::Status(422)));
    let ran = sandbox.run(&["replay", "2c97", "--json"]).exits(6);
    let told = &ran.json()[0];
    assert_eq!(told["error"]["code"], "content_rejected");
    assert_eq!(told["error"]["message"], "2 observations rejected by Langfuse");
    let told = sandbox.run(&["replay", "2c97"]).exits(6).stdout;
    assert!(
        told.contains("2c9740f0-2c19-4671-94ef-e8117c7c36d6  2 observations rejected by Langfuse"),
        "{told}"
    );
}

#[test]
fn status_and_flush_count_the_same_sessions() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    mock.reply_always(Some(Reply::Status(503)));
    let first = sandbox.session("v2.1.330/simple");
    first.whole().stop(0);
    let second = sandbox.session_in("/home/dev/other".as_ref(), "v2.1.330/stream-multi");
    second.whole().stop(0);
    let count = || {
        let told = sandbox.run(&["status", "--json"]).json().remove(0);
        let checks = sandbox.run(&["doctor", "--offline", "--json"]).json().remove(0);
        let checks = checks["findings"].as_array().unwrap().clone();
        let waiting = checks.iter().find(|check| check["check"] == "waiting");
        let waiting = waiting.map(|check| check["message"].as_str().unwrap().to_owned());
        let sessions = told["waiting"]["sessions"].as_u64().unwrap();
        let shown = format!("{sessions} session");
        assert_eq!(waiting.is_some_and(|text| text.starts_with(&shown)), sessions > 0);
        let flushed = sandbox.run(&["flush", "--json"]).json();
        (sessions, flushed.last().unwrap()["sessions"].as_u64().unwrap())
    };
    assert_eq!(count(), (2, 2));
    let mut env = traced_to(&mock.url());
    sandbox.config(&json!({"env": env, "projects": {"/home/dev/other": {"env": {"TRACE_TO_LANGFUSE": "false"}}}}));
    assert_eq!(count(), (1, 1));
    env["LANGFUSE_PUBLIC_KEY"] = json!("pk-lf-of-another-project");
    sandbox.config(&json!({ "env": env }));
    assert_eq!(count(), (0, 0));
    sandbox.config(&json!({"env": traced_to(&mock.url())}));
    // Claude Code removes old transcripts.
    fs::remove_file(first.path()).unwrap();
    assert_eq!(count(), (1, 1));
    mock.reply_always(None);
    assert_eq!(count(), (1, 1));
    assert_eq!(count(), (0, 0));
}

#[test]
fn hook_at_a_terminal_explains_itself() {
    let sandbox = Sandbox::new();
    for arguments in [&["hook"][..], &["-v", "hook"]] {
        let (code, screen) = sandbox.at_terminal(100, arguments).ends();
        assert_eq!(code, Some(0));
        assert!(screen.contains("Claude Code calls 'hook'"), "{screen}");
        assert!(screen.contains("'claude-langfuse doctor'"), "{screen}");
    }
    let (code, screen) = sandbox.at_terminal(100, &["hook", "--unknown"]).ends();
    assert_eq!(code, Some(2), "{screen}");
}

#[test]
fn quiet_prints_errors_only() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    let silent = |arguments: &[&str]| {
        let ran = sandbox.run(&[arguments, &["--quiet"]].concat()).exits(0);
        assert_eq!((&*ran.stdout, &*ran.stderr), ("", ""), "{arguments:?}");
    };
    silent(&["replay", "2c97"]);
    silent(&["replay", "--all"]);
    silent(&["replay", "--all", "--until", "2020-01-01"]);
    silent(&["flush"]);
    silent(&["verify", "2c97"]);
    silent(&["replay", "2c97", "--dry-run"]);
    silent(&["export", "--all", "--until", "2020-01-01"]);
    mock.reply_always(Some(Reply::Status(503)));
    let ran = sandbox.run(&["replay", "2c97", "--again", "--quiet"]).exits(4);
    assert!(ran.stderr.contains("answered 503") && ran.stdout.is_empty(), "{ran:?}");
}

#[test]
fn home_manager_is_named_only_if_it_is_used() {
    let sandbox = Sandbox::new();
    let told = || sandbox.run(&["doctor", "--offline"]).stdout;
    assert!(!told().contains("home-manager"), "{}", told());
    fs::create_dir_all(sandbox.path(".local/state/nix/profiles/home-manager")).unwrap();
    assert!(told().contains("with programs.claude-langfuse.enable = true"), "{}", told());
}

#[test]
fn help_of_a_variable_has_its_values() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["--help"]).exits(0).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for values in [
        "Content to send: full, no-tool-content or metadata [default: full]",
        "Mask secrets: true or false [default: true]",
        "Time budget of a Stop hook: seconds, from 0.1 to 60 [default: 3]",
        "Langfuse secret key: the key that begins with sk-lf-",
    ] {
        assert!(help.contains(values), "{values}: {help}");
    }
}

#[test]
fn a_dash_as_output_is_standard_output() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/simple").whole();
    let plain = sandbox.run(&["export", "--all"]).exits(0).stdout;
    assert_eq!(sandbox.run(&["export", "--all", "--output", "-"]).exits(0).stdout, plain);
    assert!(!sandbox.path("-").exists() && !plain.is_empty());
}

#[test]
fn verbose_names_the_destination() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    let told = sandbox.run(&["replay", "2c97", "-v"]).exits(0).stderr;
    for text in ["info: configuration file: ~/.config", "with pk-lf-test", "1 request, "] {
        assert!(told.contains(text), "{text}: {told}");
    }
}

#[test]
fn an_interrupted_replay_names_the_command_to_continue() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    mock.reply_always(Some(Reply::Hang));
    let running = sandbox.start(&["replay", "--all"], b"");
    while mock.requests().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.signal("INT");
    let ran = running.end().exits(130);
    assert_eq!(ran.stderr, "claude-langfuse: stopped; run the command again to continue\n");
    mock.reply_always(None);
    sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(mock.rows().len(), 2);
}

#[test]
fn a_program_under_another_file_name_is_recognised() {
    let sandbox = Sandbox::new();
    let program = sandbox.path("bin/clf").display().to_string();
    let file = sandbox.write("bin/clf", b"");
    fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
    sandbox.run(&["install", "--program", &program]).exits(0);
    let told = sandbox.run(&["install", "--program", &program]).exits(0).stdout;
    assert!(told.contains("nothing to do"), "{told}");
    let told = sandbox.run(&["doctor", "--offline"]).stdout;
    assert!(told.contains("runs ~/bin/clf"), "{told}");
    sandbox.run(&["uninstall"]).exits(0);
    assert!(!sandbox.path(".claude/settings.json").exists());
}
