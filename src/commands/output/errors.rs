//! Errors and notes for people and for scripts.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind as UsageErrorKind;
use serde_json::{Value, json};

use crate::commands::exit_status::ExitStatus;
use crate::commands::output::{for_people, stderr, stdout};
use crate::log_file::NOTE;

/// Ends a command: an error is printed, unless the reader of standard output is gone.
pub(in crate::commands) fn finish(result: Result<ExitStatus>) -> ExitStatus {
    match result {
        Ok(status) => status,
        // `claude-langfuse replay --dry-run | head` is a success.
        Err(error) if is_closed_pipe(&error) => ExitStatus::Done,
        Err(error) => {
            let (status, message) = (ExitStatus::of_error(&error), format!("{error:#}"));
            if is_json_wanted() {
                print_json_error(status.name(), &message);
            } else {
                print_error(&message);
            }
            status
        }
    }
}

/// Every command that prints JSON has this option, and no other has it.
fn is_json_wanted() -> bool {
    std::env::args_os().any(|argument| argument == "--json")
}

/// Prints the error of a command on standard output. If that fails, the reader is gone.
fn print_json_error(code: &str, message: &str) {
    let _ = print_json("error", json!({"error": error_object(code, message)}));
}

/// Prints one line of JSON, with the version of its format and its type.
pub(in crate::commands) fn print_json(kind: &str, object: Value) -> std::io::Result<()> {
    writeln!(stdout(), "{}", merged(json!({"schema": 1, "type": kind}), object))
}

/// An object with the fields of another one behind its own.
pub(in crate::commands) fn merged(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

/// The error of JSON output: the same code for the same exit status in every command.
pub(in crate::commands) fn error_object(code: &str, message: &str) -> Value {
    json!({"code": code, "message": message})
}

/// Prints an error on standard error. If that fails, nothing is left to print it on.
pub(in crate::commands) fn print_error(message: &str) {
    let _ = writeln!(stderr(), "claude-langfuse: {}", for_people(message));
}

/// Prints a note on standard error, unless only errors are wanted.
pub(in crate::commands) fn print_note(message: &str) {
    log::warn!(target: NOTE, "{message}");
}

/// Ends a run with wrong arguments, or a request for help or the version.
pub fn finish_usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let is_help = error.kind() == UsageErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || is_help {
        // If that fails, the reader is gone.
        let _ = error.print();
    } else if is_json_wanted() {
        print_json_error("usage", &usage_message(&text));
    } else {
        print_error(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The cause and clap's tips as one line.
fn usage_message(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim);
    let kept =
        paragraphs.filter(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
    let lines = kept.map(|part| part.lines().map(str::trim).collect::<Vec<_>>().join(" "));
    let message = lines.collect::<Vec<_>>().join("; ");
    message.strip_prefix("error: ").unwrap_or(&message).to_owned()
}

pub(in crate::commands) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
