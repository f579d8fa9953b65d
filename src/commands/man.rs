//! `man`: one page for all commands, from the same definitions as `--help`. clap_mangen would make a page a command, without
//! variables and exit codes, and add 100 KB to a program that starts with every turn.

use std::io::Write as _;

use anyhow::Result;
use clap::{Arg, Command, CommandFactory};

use crate::commands::Outcome;
use crate::commands::cli::Cli;
use crate::commands::help;
use crate::config::VARIABLES;

const FILES: [(&str, &str); 4] = [
    (
        "~/.config/claude-langfuse/config.json",
        "The configuration: {\"env\": {…}, \"projects\": {\"/path\": {\"env\": {…}}}}.",
    ),
    (
        "~/.claude/settings.json",
        "Claude Code's settings, which name this program as a hook for Stop and SessionEnd.",
    ),
    (
        "~/.claude/state/langfuse_hook.log",
        "A line for each hook that had something to do.",
    ),
    (
        "~/.claude/state/claude-langfuse/",
        "How far Langfuse has acknowledged each session. No text of a conversation.",
    ),
];

/// Runs the command.
///
/// # Errors
/// When nothing can be printed.
pub fn run() -> Result<Outcome> {
    let mut command = Cli::command();
    command.build();
    std::io::stdout()
        .lock()
        .write_all(page(&mut command).as_bytes())?;
    Ok(Outcome::Done)
}

fn page(command: &mut Command) -> String {
    let mut page = Page::default();
    let version = env!("CARGO_PKG_VERSION");
    page.raw(&format!(
        ".TH CLAUDE-LANGFUSE 1 \"\" \"claude-langfuse {version}\" \"User Commands\""
    ));
    page.heading("SH", "NAME");
    let about = command.get_about().map(ToString::to_string);
    page.text(&format!("claude-langfuse - {}", about.unwrap_or_default()));
    page.heading("SH", "SYNOPSIS");
    page.text("claude-langfuse [OPTIONS] <COMMAND>");
    page.heading("SH", "COMMANDS");
    for subcommand in command.get_subcommands_mut() {
        if subcommand.get_name() != "help" {
            one_command(&mut page, subcommand);
        }
    }
    page.heading("SH", "OPTIONS");
    let shared = |argument: &&Arg| argument.is_global_set();
    command
        .get_arguments()
        .filter(shared)
        .for_each(|argument| page.item(&name_of(argument), &help_of(argument)));
    page.heading("SH", "ENVIRONMENT");
    page.text(
        "In layers, a later one wins: the defaults, env of the configuration file, env of the longest matching path in its \
         projects, the shell and Claude Code's settings files. Each LANGFUSE_* is also read as CC_LANGFUSE_*, which wins.",
    );
    for variable in VARIABLES {
        page.item(&help::spelling(variable), &help::meaning(variable));
    }
    page.heading("SH", "EXIT STATUS");
    for (code, meaning) in help::EXIT_CODES {
        page.item(&code.to_string(), meaning);
    }
    page.heading("SH", "FILES");
    for (path, meaning) in FILES {
        page.item(path, meaning);
    }
    page.0
}

fn one_command(page: &mut Page, command: &mut Command) {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    page.heading("SS", usage.trim_start_matches("claude-langfuse "));
    let about = command.get_long_about().or(command.get_about());
    page.text(&about.map(ToString::to_string).unwrap_or_default());
    let own = |argument: &&Arg| {
        !argument.is_global_set() && argument.get_id() != "help" && argument.get_id() != "version"
    };
    for argument in command.get_arguments().filter(own) {
        page.item(&name_of(argument), &help_of(argument));
    }
    for subcommand in command
        .get_subcommands()
        .filter(|one| one.get_name() != "help")
    {
        let about = subcommand.get_about().map(ToString::to_string);
        page.item(subcommand.get_name(), &about.unwrap_or_default());
    }
    if let Some(examples) = command.get_after_help() {
        page.as_it_is(&examples.to_string());
    }
}

fn name_of(argument: &Arg) -> String {
    match argument.get_short() {
        Some(short) => format!("-{short}, {argument}"),
        None => argument.to_string(),
    }
}

fn help_of(argument: &Arg) -> String {
    argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// Text in the language of manual pages.
#[derive(Default)]
struct Page(String);

impl Page {
    fn raw(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn heading(&mut self, kind: &str, text: &str) {
        self.raw(&format!(
            ".{kind} \"{}\"",
            escaped(text).replace('"', "\\(dq")
        ));
    }

    /// Paragraphs.
    fn text(&mut self, text: &str) {
        for (number, line) in text.lines().enumerate() {
            match line {
                "" if number > 0 => self.raw(".PP"),
                line => self.raw(&escaped(line)),
            }
        }
    }

    /// A term and what it means.
    fn item(&mut self, term: &str, meaning: &str) {
        self.raw(".TP");
        self.raw(&format!("\\fB{}\\fR", escaped(term)));
        self.text(meaning);
    }

    /// Examples, line by line.
    fn as_it_is(&mut self, text: &str) {
        self.raw(".PP\n.nf");
        text.lines().for_each(|line| self.raw(&escaped(line)));
        self.raw(".fi");
    }
}

/// A backslash begins a command of the language, and so does a dot or an apostrophe at the begin of a line; a plain hyphen
/// may be printed as a dash that nobody can paste.
fn escaped(line: &str) -> String {
    let line = line
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('…', "...");
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_text_is_a_command_of_the_page() {
        assert_eq!(escaped(".env"), "\\&.env");
        assert_eq!(escaped("'replay'"), "\\&'replay'");
        assert_eq!(escaped("a\\b --all"), "a\\eb \\-\\-all");
    }
}
