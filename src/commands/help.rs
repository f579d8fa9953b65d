//! What help says below the options: examples, exit codes, the table of variables.

use std::fmt::Write;

use crate::config::{VARIABLES, Variable};

pub(super) const HOOK_EXAMPLES: &str = r#"Settings:
  {"hooks": {
    "Stop":       [{"hooks": [{"type": "command", "command": "claude-langfuse hook"}]}],
    "SessionEnd": [{"hooks": [{"type": "command", "command": "claude-langfuse hook", "timeout": 10}]}]}}"#;

pub(super) const REPLAY_EXAMPLES: &str = "Examples:
  claude-langfuse replay 3f2a                            the session whose id begins so
  claude-langfuse replay ~/.claude/projects/-home-me-app every session of a project
  claude-langfuse replay --all                           every project that is traced
  claude-langfuse replay --all --project . --since 30d   the last month of this project
  claude-langfuse replay --dry-run 3f2a                  what would leave this machine
  claude-langfuse replay 3f2a --again --capture full     with the content that was left out

Exit codes: 0 done, 1 some of it failed, 2 wrong usage, 3 configuration missing or invalid,
4 server not reached, 5 keys refused, 6 content refused.";

pub(super) const SESSIONS_EXAMPLES: &str = "Examples:
  claude-langfuse sessions                            the newest 20
  claude-langfuse sessions --project . --since 7d     of this project, of this week
  claude-langfuse sessions --limit 0 --json | jq -r 'select(.sent < .turns) | .session'

Exit codes: 0 listed, 1 Claude Code's folder is not known, 2 wrong usage.";

pub(super) const SHOW_EXAMPLES: &str = "Examples:
  claude-langfuse show 3f2a              the session whose id begins so
  claude-langfuse show 3f2a#2            one turn of it
  claude-langfuse show 3f2a#2..5         some turns
  claude-langfuse show 3f2a --json | jq 'select(.type == \"tool\") | .name'

Exit codes: 0 shown, 1 no such session or turn, 2 wrong usage.";

pub(super) const EXPORT_EXAMPLES: &str = "Examples:
  claude-langfuse export 3f2a                            the session whose id begins so
  claude-langfuse export 3f2a#2..5 --per turn            four of its turns, a line each
  claude-langfuse export --all --format openai --no-failed --min-turns 2 --output train.jsonl
  claude-langfuse export --all --project . --since 30d --format anthropic | head -1

Exit codes: 0 written, 1 a session could not be read or found, 2 wrong usage, 3 its configuration lets no content out.";

pub(super) const DATASET_EXAMPLES: &str = "Examples:
  claude-langfuse dataset add 3f2a#2 --dataset regressions --create      one turn; the dataset is made if need be
  claude-langfuse dataset add 3f2a --dataset regressions                 each answered turn of a session
  claude-langfuse dataset add 3f2a#2 --dataset regressions --expected answer.md
  claude-langfuse dataset add 3f2a#2..5 --dataset regressions --dry-run  what would leave this machine

Exit codes: 0 added, 1 no such session, turn or dataset, 2 wrong usage, 3 configuration missing or invalid,
4 server not reached, 5 keys refused, 6 content refused.";

pub(super) const VERIFY_EXAMPLES: &str = "Examples:
  claude-langfuse verify 3f2a             one session
  claude-langfuse verify --since 7d       all of the last week
  claude-langfuse verify --since 7d --repair

Exit codes: 0 all is there, 1 something is missing, double or different, 2 wrong usage,
3 configuration missing or invalid, 4 server not reached, 5 keys refused.";

pub(super) const SCORE_EXAMPLES: &str = "Examples:
  claude-langfuse score 3f2a#2 helpful=true
  claude-langfuse score 3f2a#2 quality=4 tone=friendly --comment 'found the cause at once'
  claude-langfuse score 3f2a solved=false         the whole session
  claude-langfuse score 3f2a#2 grade=1 --type categorical

Exit codes: 0 taken, 1 no such session or turn, or a value that does not fit, 2 wrong usage,
3 configuration missing or invalid, 4 server not reached, 5 keys refused, 6 content refused.";

pub(super) const INSTALL_EXAMPLES: &str = "Examples:
  claude-langfuse install --dry-run     what would change
  claude-langfuse install               for all projects; which are traced says the configuration
  claude-langfuse install --project .   for this project alone";

pub(super) const ALLOW_EXAMPLES: &str = "Examples:
  claude-langfuse allow                 values of this project, after a question
  claude-langfuse allow --print         the same as a declaration for config.json
  claude-langfuse allow --list          all that is allowed
  claude-langfuse revoke                nothing of this project

Exit codes: 0 done, 1 not allowed, 2 wrong usage, 3 a file can't be read, or there are no keys.";

pub(super) const PAUSE_EXAMPLES: &str = "Examples:
  claude-langfuse pause                 everything
  claude-langfuse pause --project .     this project
  claude-langfuse resume                end every pause";

pub(super) const FLUSH_EXAMPLES: &str = "Examples:
  claude-langfuse flush          after being offline
  claude-langfuse flush --json   from a timer

Exit codes: as of 'replay'.";

pub(super) const UNINSTALL_EXAMPLES: &str = "Examples:
  claude-langfuse uninstall --dry-run     what would change
  claude-langfuse uninstall               for all projects; the configuration and what was sent stay as they are
  claude-langfuse uninstall --project .   for this project alone";

pub(super) const STATUS_EXAMPLES: &str = "Examples:
  claude-langfuse status                        sessions started here
  claude-langfuse status --project ~/code/app   sessions of another project
  claude-langfuse status --line                 for Claude Code's statusLine or a prompt

Exit codes: 0 all is well, also where tracing is off, 1 something waits or failed, 3 configuration missing or invalid.";

pub(super) const DOCTOR_EXAMPLES: &str = "Examples:
  claude-langfuse doctor                        when nothing arrives, or for a bug report
  claude-langfuse doctor --project ~/code/app   for sessions of another project
  claude-langfuse doctor --send-test            there and back, with a trace of its own

Exit codes: 0 nothing fails, 1 a check failed, 3 configuration missing or invalid, 4 server not reached,
5 keys refused.";

pub(super) const CONFIG_EXAMPLES: &str = "Examples:
  claude-langfuse config                        for sessions started here
  claude-langfuse config --project ~/code/app   for sessions of another project
  claude-langfuse config check                  what is wrong, and what to do; exit code 3 when something is";

pub(super) const COMPLETIONS_EXAMPLES: &str = "Examples:
  claude-langfuse completions bash > ~/.local/share/bash-completion/completions/claude-langfuse
  claude-langfuse completions zsh > ~/.zfunc/_claude-langfuse
  claude-langfuse completions fish > ~/.config/fish/completions/claude-langfuse.fish";

pub(super) const MAN_EXAMPLES: &str = "Examples:
  claude-langfuse man | man -l -
  claude-langfuse man > ~/.local/share/man/man1/claude-langfuse.1";

/// What each exit code means. Hooks exit with 0 alone.
pub const EXIT_CODES: [(u8, &str); 7] = [
    (0, "done"),
    (1, "some of the work failed, or a check did"),
    (2, "wrong usage"),
    (3, "configuration missing or invalid"),
    (4, "server not reached, or it wants to be left alone"),
    (5, "keys refused"),
    (6, "content refused"),
];

/// The end of `claude-langfuse --help`.
pub(super) fn below_all() -> String {
    let mut text = String::from(
        "Variables (in the configuration file, the shell or Claude Code's settings):\n",
    );
    for variable in VARIABLES {
        // Writing to a string can't fail.
        let _ = writeln!(text, "  {:<38} {}", spelling(variable), meaning(variable));
    }
    text.push_str("\nEach LANGFUSE_* is also read as CC_LANGFUSE_*, which wins.\n\nExit codes:\n");
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(text, "  {code}  {meaning}");
    }
    text.push_str("\nRun 'claude-langfuse <COMMAND> --help' for examples.");
    text
}

/// The name of a variable, with a mark where it may also name a file.
pub fn spelling(variable: &Variable) -> String {
    let may_be_file = variable
        .spellings
        .iter()
        .any(|spelling| variable.is_file_spelling(spelling));
    let ending = if may_be_file { "[_FILE]" } else { "" };
    format!("{}{ending}", variable.name)
}

/// What a variable does, and what it is when nobody sets it.
pub fn meaning(variable: &Variable) -> String {
    match variable.default {
        "" => variable.about.to_owned(),
        default => format!("{} [default: {default}]", variable.about),
    }
}
