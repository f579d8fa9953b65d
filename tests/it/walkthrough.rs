//! Each command as typed by a person, with all of its flags and all of its exit codes. The screens read like documentation.

use std::collections::BTreeSet;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use claude_langfuse::commands::Cli;
use langfuse_mock::{MockLangfuse, PUBLIC_KEY, Reply, SECRET_KEY};
use serde_json::json;

use crate::doctor::DoctorHome;
use crate::sandbox::{PROGRAM, Sandbox, traced_to, unused_address};

#[test]
fn a_hook_is_registered_and_taken_out() {
    let sandbox = Sandbox::new();
    sandbox.write("code/.git/HEAD", b"");
    sandbox
        .screen()
        .hide(PROGRAM, "/usr/bin/claude-langfuse")
        .types("claude-langfuse install --dry-run")
        .types("claude-langfuse install")
        .types("claude-langfuse install")
        .types("claude-langfuse install --json")
        .types("claude-langfuse install --program claude-langfuse")
        .types("claude-langfuse install --project code --program /opt/claude-langfuse")
        .types("claude-langfuse install --project nowhere")
        .types("claude-langfuse install --dry-run --json")
        .types("claude-langfuse uninstall --dry-run")
        .types("claude-langfuse uninstall --program /opt/another --dry-run")
        .types("claude-langfuse uninstall --json")
        .types("claude-langfuse uninstall")
        .types("claude-langfuse uninstall --project code")
        .types("claude-langfuse install --help")
        .types("claude-langfuse uninstall --help")
        .is("install");
}

#[test]
fn everything_is_set_up_by_one_command() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    sandbox.write("code/app/.git/HEAD", b"");
    sandbox.write("key", SECRET_KEY.as_bytes());
    sandbox.session_in(&sandbox.path("code/app"), "v2.1.330/simple").whole();
    let flags = format!(
        "claude-langfuse setup --non-interactive --base-url {} --public-key {PUBLIC_KEY} --secret-key-file key",
        mock.url()
    );
    sandbox
        .screen()
        .hide(mock.url(), "http://langfuse.test")
        .hide(PROGRAM, "/usr/bin/claude-langfuse")
        .types("claude-langfuse setup")
        .types("claude-langfuse setup --non-interactive --region us --public-key pk-lf-1")
        .types(&format!("{flags} --project code/app --capture metadata --yes --dry-run"))
        .types(&format!("{flags} --project code/app --send-newest"))
        .types("claude-langfuse setup --non-interactive --all-projects --no-hook --no-test --json")
        .types("claude-langfuse setup --non-interactive --no-send-newest --try-regions")
        .types("claude-langfuse setup --help")
        .is("setup");
}

#[test]
fn the_configuration_is_changed_by_commands() {
    let sandbox = Sandbox::new();
    sandbox.write("code/.git/HEAD", b"");
    sandbox
        .screen()
        .types("claude-langfuse trace on code --dry-run")
        .types("claude-langfuse trace on code")
        .types("claude-langfuse trace off code --json")
        .types("claude-langfuse config set CC_LANGFUSE_CAPTURE metadata --dry-run")
        .types("claude-langfuse config set CC_LANGFUSE_CAPTURE metadata")
        .types("claude-langfuse config set CC_LANGFUSE_CAPTURE some --project code")
        .types("claude-langfuse config set LANGFUSE_URL https://langfuse.example")
        .types("claude-langfuse config check --file-only")
        .types("claude-langfuse trace --help")
        .types("claude-langfuse config set --help")
        .is("config_set");
}

#[test]
fn tracing_is_paused_here_or_everywhere() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.write("code/notes", b"");
    sandbox
        .screen()
        .types("claude-langfuse pause")
        .types("claude-langfuse pause")
        .types("claude-langfuse status --line")
        .types("claude-langfuse resume")
        .types("claude-langfuse resume")
        .types("claude-langfuse pause --project code")
        .types("claude-langfuse status --line --project code")
        .types("claude-langfuse status --line")
        .types("claude-langfuse resume --project code")
        .types("claude-langfuse pause --project nowhere")
        .types("claude-langfuse pause --help")
        .types("claude-langfuse resume --help")
        .is("pause");
}

#[test]
fn sessions_are_sent_by_hand() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/stream-multi").answered(0).stop(0);
    sandbox.session("v2.1.330/stream-multi").whole();
    sandbox.session("v2.1.330/simple").whole();
    sandbox
        .screen()
        .hide(mock.url(), "http://langfuse.test")
        .types("claude-langfuse flush")
        .types("claude-langfuse flush --json")
        .types("claude-langfuse replay --dry-run 2c97")
        .types("claude-langfuse replay 2c97")
        .types("claude-langfuse replay 2c97")
        .types("claude-langfuse replay 2c97 --again --json")
        .types("claude-langfuse replay 2c97 --again --verbose")
        .types("claude-langfuse replay 2c97 --capture full")
        .types("claude-langfuse replay --all --until 2024-11-01 --again")
        .types("claude-langfuse replay --all --since 2024-11-01 --again --quiet")
        .types("claude-langfuse sessions --until 2024-11-01")
        .types("claude-langfuse replay 2c97 --dry-run --json")
        .types("claude-langfuse flush --help")
        .is("replay");
}

#[test]
fn json_output() {
    let home = DoctorHome::healthy();
    let sandbox = &home.sandbox;
    sandbox.write("code/notes", b"");
    let told = sandbox.run(&["status", "--json"]).json()[0].clone();
    let delivered = told["delivered_at"].as_str().unwrap().to_owned();
    sandbox
        .screen()
        .hide(home.mock.url(), "http://langfuse.test")
        .hide(home.mock.url().replace("http://", ""), "langfuse.test:80")
        .hide(PROGRAM, "/usr/bin/claude-langfuse")
        .hide(delivered, "2024-11-23T12:00:00.000Z")
        .hide(format!("{OS} {ARCH}"), "linux x86_64")
        .types("claude-langfuse status --json")
        .types("claude-langfuse config --json")
        .types("claude-langfuse config check --help")
        .types("claude-langfuse config check --json")
        .types("claude-langfuse doctor --offline --json --project code")
        .types("claude-langfuse doctor --offline --yes")
        .types("claude-langfuse status --help")
        .types("claude-langfuse config --help")
        .types("claude-langfuse doctor --help")
        .is("json");
}

#[test]
fn a_project_is_allowed_its_own_keys() {
    let sandbox = Sandbox::new();
    let settings = json!({"env": {
        "TRACE_TO_LANGFUSE": "true",
        "LANGFUSE_BASE_URL": "https://langfuse.example",
        "LANGFUSE_PUBLIC_KEY": "pk-lf-of-the-project",
        "LANGFUSE_SECRET_KEY": "sk-lf-of-the-project",
    }});
    sandbox.write("code/.claude/settings.json", settings.to_string().as_bytes());
    sandbox
        .screen()
        .types("claude-langfuse allow --help")
        .types("claude-langfuse revoke --help")
        .types("claude-langfuse allow code")
        .types("claude-langfuse allow --print code")
        .types("claude-langfuse allow --list")
        .types("claude-langfuse revoke code")
        .is("allow");
}

#[test]
fn completions_and_manual_pages_are_printed() {
    Sandbox::new()
        .screen()
        .types("claude-langfuse completions --help")
        .types("claude-langfuse man --help")
        .types("claude-langfuse man --output-dir man1")
        .types("claude-langfuse hook --help")
        .is("shell_help");
}

#[test]
fn exit_codes_distinguish_failures() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    let replay = "claude-langfuse replay 2c97";
    mock.reply_next(Reply::Status(401));
    let screen = sandbox.screen().hide(mock.url().replace("http://", ""), "langfuse.test");
    let screen = screen.types(replay);
    mock.reply_always(Some(Reply::Status(422)));
    let screen = screen.types(replay);
    mock.reply_always(None);
    let nobody = unused_address().to_string();
    sandbox.config(&json!({"env": traced_to(&format!("http://{nobody}"))}));
    let screen = screen.hide(nobody, "nobody.test").types(replay);
    sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    screen
        .types(replay)
        .types("claude-langfuse replay ffff")
        .types("claude-langfuse replay")
        .is("exit_codes");
}

/// An untested flag may do anything.
#[test]
fn every_flag_of_every_command_and_every_exit_code_was_typed() {
    let lines = typed();
    let mut program = Cli::command();
    program.build();
    let mut missing = BTreeSet::new();
    for command in program.get_subcommands() {
        note_untyped(command, "claude-langfuse", &lines, &mut missing);
    }
    for code in 1..=6 {
        let code = format!("exit {code}");
        if !lines.contains(&code) {
            missing.insert(code);
        }
    }
    assert_eq!(missing, BTreeSet::new());
}

fn note_untyped(command: &Command, before: &str, lines: &[String], missing: &mut BTreeSet<String>) {
    let name = format!("{before} {}", command.get_name());
    let begin = format!("$ {name} ");
    let flags = command.get_arguments().filter(|flag| !flag.is_global_set());
    let flags = flags.filter_map(|flag| flag.get_long());
    for flag in flags.filter(|flag| *flag != "version") {
        let flag = format!("--{flag}");
        let has_flag = |line: &String| {
            let rest = line.strip_prefix(&begin);
            rest.is_some_and(|rest| rest.split(' ').any(|word| word == flag))
        };
        if !lines.iter().any(has_flag) {
            missing.insert(format!("{name} {flag}"));
        }
    }
    for below in command.get_subcommands() {
        note_untyped(below, &name, lines, missing);
    }
}

/// The command lines and exit codes of all screens.
fn typed() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/screens");
    let screens = fs::read_dir(folder).unwrap();
    let texts = screens.map(|screen| fs::read_to_string(screen.unwrap().path()).unwrap());
    let texts: Vec<String> = texts.collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let is_typed = |line: &&str| line.starts_with("$ ") || line.starts_with("exit ");
    lines.filter(is_typed).map(str::to_owned).collect()
}
