//! Help, completions and the manual page come from one set of definitions and one table.

use std::process::Command;

use claude_langfuse::commands::help::spelling;
use claude_langfuse::config::VARIABLES;

use crate::sandbox::{Recording, Sandbox};

#[test]
fn without_arguments_it_prints_the_short_help() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&[]).exits(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, sandbox.run(&["-h"]).exits(0).stdout);
    sandbox.screen().types("claude-langfuse -h").types("claude-langfuse --help").is("help");
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
fn a_misspelled_command_gets_a_suggestion() {
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
    let mut table = "| variable | | values | default |\n| --- | --- | --- | --- |\n".to_owned();
    for variable in VARIABLES {
        let default = match variable.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let name = spelling(variable);
        table += &format!("| `{name}` | {} | {} | {default} |\n", variable.about, variable.accepts);
    }
    assert!(page.contains(&table), "docs/configuration.md lacks this table:\n{table}");
}

#[test]
fn help_manual_and_docs_have_every_variable_and_no_other() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["--help"]).exits(0).stdout;
    let manual = sandbox.run(&["man"]).exits(0).stdout.replace("\\-", "-");
    let manual = manual.replace("\\fB", "").replace("\\fR", "");
    let page = include_str!("../../docs/configuration.md").to_owned();
    let readme = include_str!("../../README.md").to_owned();
    for (place, text) in
        [("--help", help), ("man", manual), ("docs/configuration.md", page), ("README.md", readme)]
    {
        for variable in VARIABLES {
            // The README has the variables that a newcomer sets.
            let is_there = place == "README.md" || text.contains(variable.name);
            assert!(is_there, "{place}: {}", variable.name);
        }
        let words = text.split(|one: char| !one.is_ascii_alphanumeric() && one != '_');
        let named = words.filter(|word| word.contains("LANGFUSE_") && *word != "LANGFUSE_");
        for name in named {
            let known =
                |one: &str| VARIABLES.iter().any(|variable| variable.spellings.contains(&one));
            let name = name.trim_end_matches('_');
            assert!(known(name) || ["CC_LANGFUSE", "LANGFUSE"].contains(&name), "{place}: {name}");
        }
    }
}

#[test]
fn the_manual_has_a_page_per_command_with_all_options_and_examples() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["man"]).exits(0).stdout;
    assert!(page.contains("\n.TH claude-langfuse 1"), "{page}");
    for section in ["ENVIRONMENT", "\"EXIT STATUS\"", "FILES"] {
        assert!(page.contains(&format!("\n.SH {section}\n")), "{section}\n{page}");
    }
    sandbox.run(&["man", "--output-dir", "share/man1"]).exits(0);
    let read = |name: &str| {
        std::fs::read_to_string(sandbox.path(&format!("share/man1/{name}"))).expect(name)
    };
    assert_eq!(read("claude-langfuse.1"), page);
    for command in commands(&sandbox) {
        let name = format!("claude\\-langfuse\\-{command}(1)");
        assert!(page.contains(&name), "{name}\n{page}");
        let page = read(&format!("claude-langfuse-{command}.1"));
        assert!(page.contains("Examples:") || page.contains("Settings:"), "{page}");
    }
    assert!(read("claude-langfuse-replay.1").contains("\\-\\-dry\\-run"));
}

#[test]
fn help_lines_are_short() {
    let sandbox = Sandbox::new();
    for command in commands(&sandbox) {
        let help = sandbox.run(&[&command, "-h"]).exits(0).stdout;
        let options = help.split("\nOptions:\n").nth(1).unwrap_or_default();
        let options = options.lines().take_while(|line| !line.is_empty());
        for line in options {
            let about = line.trim().split("  ").last().unwrap_or_default();
            // Clap adds the default and the possible values of some options.
            let about = about.split(" [").next().unwrap_or_default();
            assert!(about.len() <= 60, "{command}: {about}");
        }
    }
}

#[test]
fn help_fits_the_terminal() {
    let mut sandbox = Sandbox::new();
    for columns in [60, 80, 100] {
        sandbox.set("COLUMNS", columns.to_string());
        for arguments in [&["-h"][..], &["--help"], &["replay", "-h"]] {
            let help = sandbox.run(arguments).exits(0).stdout;
            let examples = help.find("Examples:").unwrap_or(help.len());
            for line in help[..examples].lines() {
                let has_long_word = line.split_whitespace().any(|word| word.len() + 42 > columns);
                assert!(line.chars().count() <= columns || has_long_word, "{columns}: {line}");
            }
        }
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
    // Like readline: the function registered for the program fills COMPREPLY.
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

#[test]
fn bash_offers_sessions_with_titles() {
    let sandbox = Sandbox::new();
    for recording in ["v2.1.330/branch-tui", "v2.1.330/simple"] {
        let sessions = Recording::open(recording).sessions;
        sessions.iter().for_each(|session| sandbox.grow(session, usize::MAX));
    }
    let script = sandbox.run(&["completions", "bash"]).exits(0).stdout;
    let path = sandbox.write("completions.bash", script.as_bytes());
    let complete = |words: &str| {
        let program = env!("CARGO_BIN_EXE_claude-langfuse");
        let line = format!(
            "claude-langfuse() {{ '{program}' \"$@\"; }}; source \"$0\"; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             COMPREPLY=(); _claude-langfuse_or_session claude-langfuse \"${{COMP_WORDS[COMP_CWORD]}}\" x; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let home = sandbox.path("");
        let output = Command::new("bash")
            .args(["--norc", "-c", &line])
            .arg(&path)
            .env_clear()
            .envs([("HOME", home.to_str().unwrap()), ("PATH", "/usr/bin:/bin"), ("TZ", "UTC")])
            .output()
            .expect("bash is there");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let all = complete("claude-langfuse show ''");
    assert!(all.contains("2c9740f0-2c19-4671-94ef-e8117c7c36d6  project, 2024-11-23"), "{all}");
    assert!(all.contains("Prompt one (Branch), project, 2024-11-23"), "{all}");
    let single = "2c9740f0-2c19-4671-94ef-e8117c7c36d6\n";
    for words in [
        "claude-langfuse show 2c",
        "claude-langfuse replay --again 2c",
        "claude-langfuse dataset add 2c",
    ] {
        assert_eq!(complete(words), single, "{words}");
    }
    // Folders, options and commands are no sessions.
    for words in [
        "claude-langfuse sessions --project ''",
        "claude-langfuse replay --project ''",
        "claude-langfuse show --",
        "claude-langfuse sh",
    ] {
        assert!(!complete(words).contains("2c9740f0"), "{words}");
    }
}

/// The commands of the short help, in its order.
fn commands(sandbox: &Sandbox) -> Vec<String> {
    let help = sandbox.run(&["-h"]).exits(0).stdout;
    let (_, groups) = help.split_once("Set up:\n").unwrap();
    let (groups, _) = groups.split_once("Options:\n").unwrap();
    let lines = groups.lines().filter(|line| line.starts_with("  "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names.filter(|name| *name != "help").map(str::to_owned).collect();
    assert!(names.len() > 5, "{names:?}");
    names
}
