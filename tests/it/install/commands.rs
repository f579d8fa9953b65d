//! `install --commands` adds slash commands, and `uninstall` removes unchanged ones.

use std::fs;

use crate::sandbox::{PROGRAM, Sandbox};

const FOLDER: &str = ".claude/commands";
const SCORE: &str = ".claude/commands/langfuse-score.md";

fn text(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path(SCORE)).unwrap()
}

#[test]
fn slash_commands_are_installed_and_removed() {
    let sandbox = Sandbox::new();
    sandbox.run(&["install"]).exits(0);
    assert!(!sandbox.path(FOLDER).exists(), "only if they are asked for");
    let shown = sandbox.run(&["install", "--commands", "--dry-run"]).exits(0).stdout;
    assert!(shown.contains("+!`") && !sandbox.path(FOLDER).exists(), "{shown}");
    for state in ["slash command added: ", "slash command added, nothing to do: "] {
        let ran = sandbox.run(&["install", "--commands"]).exits(0);
        assert_eq!(ran.stdout.matches(state).count(), 2, "{}", ran.stdout);
    }
    let text = text(&sandbox);
    assert!(text.starts_with("---\n# written by claude-langfuse"), "{text}");
    assert!(text.contains(&format!("\n!`{PROGRAM} score $ARGUMENTS`\n")), "{text}");
    assert!(text.contains(&format!("\nallowed-tools: Bash({PROGRAM} score:*)\n")), "{text}");
    let files = |sandbox: &Sandbox| super::files(sandbox, FOLDER);
    assert_eq!(files(&sandbox), ["langfuse-review.md", "langfuse-score.md"]);
    sandbox.run(&["uninstall"]).exits(0);
    assert!(files(&sandbox).is_empty());
}

#[test]
fn a_command_changed_or_written_by_a_person_stays() {
    let sandbox = Sandbox::new();
    sandbox.run(&["install", "--commands"]).exits(0);
    let changed = text(&sandbox).replace("one short sentence", "two words");
    sandbox.write(SCORE, changed.as_bytes());
    sandbox.run(&["uninstall"]).exits(0);
    assert_eq!(super::files(&sandbox, FOLDER), ["langfuse-score.md"]);
    assert_eq!(text(&sandbox), changed);
    let ran = sandbox.run(&["install", "--commands"]).exits(1);
    assert!(ran.stderr.contains("it exists with other content"), "{}", ran.stderr);
    assert_eq!(text(&sandbox), changed);
}

#[test]
fn another_program_takes_unchanged_commands_over() {
    let sandbox = Sandbox::new();
    sandbox.run(&["install", "--commands"]).exits(0);
    sandbox.run(&["install", "--commands", "--program", "/opt/claude-langfuse"]).exits(0);
    assert!(text(&sandbox).contains("!`/opt/claude-langfuse score $ARGUMENTS`"));
    assert_eq!(super::files(&sandbox, FOLDER).len(), 2, "no backups");
    sandbox.run(&["uninstall", "--program", "/elsewhere/claude-langfuse"]).exits(0);
    assert_eq!(super::files(&sandbox, FOLDER).len(), 2);
    sandbox.run(&["uninstall", "--program", "/opt/claude-langfuse"]).exits(0);
    assert!(super::files(&sandbox, FOLDER).is_empty());
    // A permission rule of Claude Code takes no quotes.
    sandbox.run(&["install", "--commands", "--program", "/my tools/claude-langfuse"]).exits(0);
    assert!(text(&sandbox).contains("!`claude-langfuse score $ARGUMENTS`"));
}

#[test]
fn a_project_has_commands_of_its_own() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("project")).unwrap();
    let project = sandbox.path("project").display().to_string();
    let told =
        sandbox.run(&["install", "--commands", "--project", &project, "--json"]).exits(0).json();
    assert_eq!(told.len(), 3);
    assert_eq!(super::files(&sandbox, "project/.claude/commands").len(), 2);
    assert!(!sandbox.path(FOLDER).exists());
}

#[test]
fn terminal_screens() {
    let sandbox = Sandbox::new();
    let program = ["--program", "/profile/bin/claude-langfuse"];
    let line = format!("claude-langfuse install --commands {}", program.join(" "));
    sandbox.screen().types(&line).types(&line).is("slash_commands");
}
