//! One file a command; what they have in common is here: how they end, and how they reach a server.

pub mod allow;
pub mod cli;
pub mod completions;
pub mod config;
pub mod dataset;
mod delivery_context;
pub mod doctor;
pub mod export;
pub mod flush;
pub mod help;
pub mod install;
pub mod man;
mod newest_first;
mod output;
pub mod pause;
mod preview;
mod remedy;
pub mod replay;
mod retry_after;
pub mod score;
mod session_args;
pub mod session_ref;
pub mod sessions;
pub mod show;
mod start_directory;
pub mod status;
pub mod time_arg;
mod turn_roots;
pub mod verify;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use serde_json::{Value, json};
use transcript::Diagnostics;

use crate::langfuse::Problem;

/// How a command ended, by its exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// 0: all is done.
    #[default]
    Done,
    /// 1: some of it failed.
    Failed,
    /// 6: the server refused the content.
    ContentRefused,
    /// 4: the server was not reached, or wants to be left alone.
    Unreachable,
    /// 5: the server refused the keys.
    KeysRefused,
    /// 3: configuration is missing or invalid.
    Misconfigured,
}

impl Outcome {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misconfigured => 3,
            Self::Unreachable => 4,
            Self::KeysRefused => 5,
            Self::ContentRefused => 6,
        }
    }

    /// The name that scripts know it by.
    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Misconfigured => "misconfigured",
            Self::Unreachable => "unreachable",
            Self::KeysRefused => "keys_refused",
            Self::ContentRefused => "content_refused",
        }
    }

    /// How an error counts.
    fn of_error(error: &anyhow::Error) -> Self {
        match error.is::<Misconfigured>() {
            true => Self::Misconfigured,
            false => Self::Failed,
        }
    }

    /// How a server counts that did not take something; `None` stands for one that was not reached or is in trouble.
    fn of(problem: Option<Problem>) -> Self {
        match problem {
            None => Self::Unreachable,
            Some(Problem::Keys | Problem::Account) => Self::KeysRefused,
            Some(Problem::Url | Problem::NotLangfuse | Problem::Certificate | Problem::Proxy) => {
                Self::Misconfigured
            }
        }
    }
}

/// The exit code of a command; an error is told on standard error.
pub fn exit_code(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(outcome) => ExitCode::from(outcome.code()),
        // `claude-langfuse replay --dry-run | head` is no failure.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(Outcome::of_error(&error).code())
        }
    }
}

/// What a command can't even begin with.
#[derive(Debug)]
struct Misconfigured(String);

impl std::fmt::Display for Misconfigured {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Misconfigured {}

/// Runs a command whose result a script reads: it is told of an error in its own language too.
fn told(json: bool, run: impl FnOnce() -> anyhow::Result<Outcome>) -> anyhow::Result<Outcome> {
    match run() {
        Err(error) if json && !is_closed_pipe(&error) => {
            failed(json, &format!("{error:#}"), Outcome::of_error(&error))
        }
        result => result,
    }
}

/// Ends a command that could not do what it was asked: a script is told in its own language.
fn failed(json: bool, message: &str, outcome: Outcome) -> anyhow::Result<Outcome> {
    match json {
        true => print_json(&json!({"schema": 1, "error": error_object(outcome, message)}))?,
        false => complain(message),
    }
    Ok(outcome)
}

/// A line for scripts.
fn print_json(object: &Value) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{object}")
}

/// What went wrong, for scripts: the same words for the same exit code in every command.
fn error_object(outcome: Outcome, message: &str) -> Value {
    json!({"code": outcome.name(), "message": message})
}

/// A number of things, in words.
fn many(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

/// What of a transcript could not be read, in words.
fn broken_lines(diagnostics: &Diagnostics) -> Option<String> {
    let (offset, reason) = diagnostics.broken.first()?;
    let lines = many(usize::try_from(diagnostics.broken_lines).ok()?, "line");
    Some(format!(
        "{lines} can't be read, the first at byte {offset}: {reason}"
    ))
}

/// A time in words: `8s`, `1m23s`, `2h05m`.
fn clock(seconds: u128) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// Tells the person what went wrong. Where nobody listens there is nothing to be done about it.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "claude-langfuse: {message}");
}
