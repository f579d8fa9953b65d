//! What the program says about itself: help, completions and the manual page come from one set of definitions and one table.

use std::process::Command;

use claude_langfuse::cli::help::spelling;
use claude_langfuse::config::VARIABLES;

use crate::sandbox::Sandbox;

#[test]
fn without_arguments_it_says_what_it_can_do() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&[]).exits(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, sandbox.run(&["-h"]).exits(0).stdout);
    sandbox
        .screen()
        .types("claude-langfuse -h")
        .types("claude-langfuse --help")
        .is("help");
}

#[test]
fn every_command_has_examples() {
    let sandbox = Sandbox::new();
    for command in commands(&sandbox) {
        let help = sandbox.run(&[&command, "--help"]).exits(0).stdout;
        let told = ["Examples:", "Settings:"];
        assert!(told.iter().any(|word| help.contains(word)), "{help}");
    }
}

#[test]
fn a_typing_error_is_answered_with_what_may_be_meant() {
    Sandbox::new()
        .screen()
        .types("claude-langfuse replai")
        .types("claude-langfuse replay")
        .types("claude-langfuse replay --al")
        .types("claude-langfuse completions tcsh")
        .is("usage_errors");
}

#[test]
fn the_page_on_configuration_has_the_table_of_variables() {
    let page = include_str!("../../docs/configuration.md");
    let mut table = "| variable | | default |\n| --- | --- | --- |\n".to_owned();
    for variable in VARIABLES {
        let default = match variable.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let name = spelling(variable);
        table += &format!("| `{name}` | {} | {default} |\n", variable.about);
    }
    assert!(
        page.contains(&table),
        "docs/configuration.md lacks this table:\n{table}"
    );
}

#[test]
fn help_manual_and_docs_know_every_variable_and_no_other() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["--help"]).exits(0).stdout;
    let manual = sandbox.run(&["man"]).exits(0).stdout.replace("\\-", "-");
    let manual = manual.replace("\\fB", "").replace("\\fR", "");
    let page = include_str!("../../docs/configuration.md").to_owned();
    let readme = include_str!("../../README.md").to_owned();
    for (place, text) in [
        ("--help", help),
        ("man", manual),
        ("docs/configuration.md", page),
        ("README.md", readme),
    ] {
        for variable in VARIABLES {
            // The README has those that a newcomer sets.
            let is_there = place == "README.md" || text.contains(variable.name);
            assert!(is_there, "{place}: {}", variable.name);
        }
        let words = text.split(|one: char| !one.is_ascii_alphanumeric() && one != '_');
        let named = words.filter(|word| word.contains("LANGFUSE_") && *word != "LANGFUSE_");
        for name in named {
            let known = |one: &str| {
                VARIABLES
                    .iter()
                    .any(|variable| variable.spellings.contains(&one))
            };
            let name = name.trim_end_matches('_');
            assert!(
                known(name) || ["CC_LANGFUSE", "LANGFUSE"].contains(&name),
                "{place}: {name}"
            );
        }
    }
}

#[test]
fn the_manual_page_tells_all_commands_options_and_exit_codes() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["man"]).exits(0).stdout;
    assert!(page.starts_with(".TH CLAUDE-LANGFUSE 1"), "{page}");
    for command in commands(&sandbox) {
        assert!(page.contains(&format!("\n.SS \"{command} ")), "{command}");
    }
    for text in [
        "\\-\\-dry\\-run",
        "\\-\\-config <FILE>",
        "EXIT STATUS",
        "FILES",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
}

#[test]
fn every_shell_is_offered_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = sandbox.run(&["completions", shell]).exits(0).stdout;
        for command in commands(&sandbox) {
            assert!(script.contains(&command), "{shell}: {command}");
        }
    }
}

#[test]
fn bash_completes_a_command() {
    let sandbox = Sandbox::new();
    let script = sandbox.run(&["completions", "bash"]).exits(0).stdout;
    let path = sandbox.write("completions.bash", script.as_bytes());
    // As readline does: the function that is registered for the program fills COMPREPLY.
    let line = "source \"$0\"; COMP_WORDS=(claude-langfuse comp); COMP_CWORD=1; \
                function=$(complete -p claude-langfuse); function=${function#*-F }; \
                ${function%% *} claude-langfuse comp claude-langfuse; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["--norc", "-c", line])
        .arg(&path)
        .output()
        .expect("bash is there");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "completions\n");
}

/// The commands of the short help, in its order.
fn commands(sandbox: &Sandbox) -> Vec<String> {
    let help = sandbox.run(&["-h"]).exits(0).stdout;
    let list = help.split("Commands:\n").nth(1).unwrap();
    let names = list.lines().take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 5, "{names:?}");
    names
}
