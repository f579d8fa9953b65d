//! Help of the whole program: groups of commands, variables, exit codes.

use clap::Command;
use clap::error::{ContextKind, ContextValue};

use crate::commands::exit_status::EXIT_STATUSES;
use crate::commands::output::{stdout_width, wrap};
use crate::config::{VARIABLES, Variable};

/// The commands by purpose. Every command is in one group.
const GROUPS: [(&str, &[&str]); 6] = [
    (
        "Set up",
        &["setup", "install", "uninstall", "trace", "config", "allow", "revoke", "pause", "resume"],
    ),
    ("Look", &["status", "sessions", "show", "usage", "tools"]),
    ("Send", &["replay", "flush", "verify", "forget"]),
    ("Evaluate", &["score", "export", "dataset", "experiment", "instructions"]),
    ("Help", &["doctor", "completions", "man", "help"]),
    ("Called by Claude Code", &["hook"]),
];

const AFTER_HELP: &str = "Run 'claude-langfuse <COMMAND> --help' for examples, 'claude-langfuse --help' for all variables.";

/// Width of help without a terminal.
const DEFAULT_WIDTH: usize = 100;

/// The names of `setup` in other programs.
const NAMES_OF_SETUP: [&str; 5] = ["init", "login", "auth", "configure", "connect"];

/// Suggests `setup` for its names in other programs.
pub(super) fn suggest_setup(mut error: clap::Error) -> clap::Error {
    let is_setup = matches!(
        error.get(ContextKind::InvalidSubcommand),
        Some(ContextValue::String(name)) if NAMES_OF_SETUP.contains(&name.as_str())
    );
    if is_setup {
        let suggested = ContextValue::Strings(vec!["setup".to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, suggested);
    }
    error
}

/// Adds groups, variables and exit codes to the help of the program.
pub(super) fn complete(command: Command) -> Command {
    let width = stdout_width().unwrap_or(DEFAULT_WIDTH);
    let template = template(&command, width);
    command
        .term_width(width)
        .help_template(template)
        .after_help(AFTER_HELP)
        .after_long_help(after_long_help(width))
}

/// Clap knows one list of commands only, so the groups are text of the template.
fn template(command: &Command, width: usize) -> String {
    let about = |name: &str| {
        let subcommand = command.find_subcommand(name);
        let about = subcommand.and_then(Command::get_about);
        // Clap adds the command `help` later.
        about.map_or_else(|| "Print the help of a command".to_owned(), ToString::to_string)
    };
    let mut text = String::from("{about}\n\n{usage-heading} {usage}\n\n");
    for (title, names) in GROUPS {
        text.push_str(&format!("{title}:\n"));
        for name in names {
            text.push_str(&definition(name, &about(name), 12, width));
        }
        text.push('\n');
    }
    text.push_str("Options:\n{options}{after-help}");
    text
}

fn after_long_help(width: usize) -> String {
    let mut text = String::from(
        "Variables (in the configuration file, the shell or Claude Code's settings):\n",
    );
    for variable in VARIABLES {
        text.push_str(&definition(&spelling(variable), &meaning(variable), 38, width));
    }
    text.push_str("\nEach LANGFUSE_* is also read as CC_LANGFUSE_*, which wins.\n\nExit codes:\n");
    for (_, code, _, meaning) in EXIT_STATUSES {
        text.push_str(&definition(&code.to_string(), meaning, 1, width));
    }
    text.push_str("\nRun 'claude-langfuse <COMMAND> --help' for examples.");
    text
}

/// A name and its meaning in two columns; the meaning wraps in its own.
fn definition(name: &str, meaning: &str, columns: usize, width: usize) -> String {
    // A default stays on one line.
    let meaning = meaning.replace("[default: ", "[default:\u{a0}");
    let meaning = wrap(&meaning, columns + 4, Some(width)).replace('\u{a0}', " ");
    format!("  {name:columns$}  {meaning}\n")
}

/// The name of a variable, marked where a file may hold its value.
pub fn spelling(variable: &Variable) -> String {
    let may_be_file = variable.spellings.iter().any(|spelling| variable.is_file_spelling(spelling));
    let suffix = if may_be_file { "[_FILE]" } else { "" };
    format!("{}{suffix}", variable.name)
}

/// The effect of a variable, its values and its default.
pub(super) fn meaning(variable: &Variable) -> String {
    let Variable { about, accepts, default, .. } = variable;
    match *default {
        "" => format!("{about}: {accepts}"),
        default => format!("{about}: {accepts} [default: {default}]"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{GROUPS, template};
    use crate::commands::Cli;

    #[test]
    fn every_command_is_in_one_group() {
        let command = Cli::command();
        let mut names: Vec<&str> = command.get_subcommands().map(|one| one.get_name()).collect();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .filter(|name| *name != "help")
            .collect();
        assert_eq!(grouped, names, "in the order of the enum");
        names.sort_unstable();
        grouped.sort_unstable();
        grouped.dedup();
        assert_eq!(grouped, names);
    }

    #[test]
    fn a_narrow_terminal_gets_lines_that_fit() {
        let text = template(&Cli::command(), 50);
        let commands = text.lines().skip_while(|line| *line != "Set up:");
        for line in commands.filter(|line| !line.starts_with('{')) {
            assert!(line.chars().count() <= 50, "{line}");
        }
        assert!(text.contains("\n               "), "{text}");
    }
}
