//! `completions`: generated from the command line's definitions, so that they never offer a missing option, with
//! sessions and their titles where a command takes one.

use std::io::Write;

use crate::commands::exit_status::ExitStatus;
use anyhow::Result;
use clap::{Args, Command};
use clap_complete::Shell;

const EXAMPLES: &str = "Examples:
  claude-langfuse completions bash > ~/.local/share/bash-completion/completions/claude-langfuse
  claude-langfuse completions zsh > ~/.zfunc/_claude-langfuse
  claude-langfuse completions fish > ~/.config/fish/completions/claude-langfuse.fish";

/// Generate shell completions
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// Shell
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be printed.
pub(super) fn run(args: &CompletionsArgs, mut command: Command) -> Result<ExitStatus> {
    let mut script = Vec::new();
    // Not straight to standard output: clap_complete panics when that is closed.
    clap_complete::generate(args.shell, &mut command, "claude-langfuse", &mut script);
    let script = String::from_utf8_lossy(&script);
    let script = match args.shell {
        Shell::Bash => bash(&script, &command),
        Shell::Zsh => zsh(&script),
        Shell::Fish => fish(&script),
        _ => script.into_owned(),
    };
    std::io::stdout().lock().write_all(script.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// The commands that take a session.
const SESSION_COMMANDS: [&str; 7] =
    ["show", "replay", "verify", "forget", "score", "export", "dataset"];

/// Prints lines of an id, a tab and a title.
const CANDIDATES: &str = "claude-langfuse sessions --complete";

/// Bash shows no descriptions: several candidates are listed with their titles, a single one is inserted without.
fn bash(script: &str, command: &Command) -> String {
    let own = "complete -F _claude__langfuse ";
    let with_sessions = "complete -F _claude-langfuse_or_session ";
    let (commands, options) = (SESSION_COMMANDS.join("|"), options_with_values(command).join("|"));
    format!(
        r#"{}
_claude-langfuse_or_session() {{
    _claude__langfuse "$@"
    local word="${{COMP_WORDS[COMP_CWORD]}}" line found=()
    case "${{COMP_WORDS[1]}}" in {commands}) ;; *) return 0 ;; esac
    case "${{COMP_WORDS[COMP_CWORD-1]}}" in {options}) return 0 ;; esac
    case "${{COMP_CWORD}}:$word" in 1:*|*:-*|*:*/*) return 0 ;; esac
    while IFS= read -r line; do found+=("$line"); done < <({CANDIDATES} "$word" 2>/dev/null)
    case "${{#found[@]}}" in
        0) ;;
        1) COMPREPLY=("${{found[0]%%$'\t'*}}") ;;
        *) COMPREPLY=("${{found[@]/$'\t'/  }}") ;;
    esac
}}
"#,
        script.replace(own, with_sessions)
    )
}

/// The options of those commands that take a value, so that no session follows them.
fn options_with_values(command: &Command) -> Vec<String> {
    let commands = command.get_subcommands();
    let mut options: Vec<String> = commands
        .filter(|one| SESSION_COMMANDS.contains(&one.get_name()))
        .flat_map(Command::get_arguments)
        .chain(command.get_arguments())
        .filter(|argument| argument.get_action().takes_values())
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect();
    options.sort_unstable();
    options.dedup();
    options
}

fn zsh(script: &str) -> String {
    // The places of sessions by the beginning of their help; clap completes files there.
    let lines = script.lines().map(|line| {
        if line.contains(" -- Transcript") {
            line.replace(":_default'", ":_claude-langfuse_sessions'")
        } else {
            line.to_owned()
        }
    });
    let script = lines.collect::<Vec<_>>().join("\n");
    let sessions = format!(
        r#"_claude-langfuse_sessions() {{
    local -a sessions
    sessions=(${{(f)"$({CANDIDATES} "$PREFIX" 2>/dev/null)"}})
    sessions=(${{${{sessions//:/\:}}//$'\t'/:}})
    (( $#sessions )) && _describe -V 'session' sessions
    _files
}}

if [ "$funcstack[1]""#
    );
    script.replacen("if [ \"$funcstack[1]\"", &sessions, 1) + "\n"
}

fn fish(script: &str) -> String {
    let mut script = script.to_owned();
    for command in SESSION_COMMANDS {
        script.push_str(&format!(
            "complete -c claude-langfuse -k -n \"__fish_claude_langfuse_using_subcommand {command}\" -a \"({CANDIDATES} (commandline -ct) 2>/dev/null)\"\n"
        ));
    }
    script
}
