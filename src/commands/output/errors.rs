//! Errors for people and for scripts.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde_json::{Value, json};

use crate::commands::exit_status::ExitStatus;
use crate::commands::output::screen::{stderr, stdout};

/// Ends a command: an error is printed on standard error, unless the reader of standard output is gone.
pub(in crate::commands) fn finish(result: Result<ExitStatus>) -> ExitStatus {
    match result {
        Ok(status) => status,
        // `claude-langfuse replay --dry-run | head` is a success.
        Err(error) if is_closed_pipe(&error) => ExitStatus::Done,
        Err(error) => {
            print_error(&format!("{error:#}"));
            ExitStatus::of_error(&error)
        }
    }
}

/// Runs a command; with `--json` its error is printed as JSON on standard output.
pub(in crate::commands) fn with_json_errors(
    json: bool,
    run: impl FnOnce() -> Result<ExitStatus>,
) -> Result<ExitStatus> {
    match run() {
        Err(error) if json && !is_closed_pipe(&error) => {
            let status = ExitStatus::of_error(&error);
            let error = error_object(status, &format!("{error:#}"));
            print_json(&json!({"schema": 1, "error": error}))?;
            Ok(status)
        }
        result => result,
    }
}

/// Prints one line of JSON.
pub(in crate::commands) fn print_json(object: &Value) -> std::io::Result<()> {
    writeln!(stdout(), "{object}")
}

/// The error of JSON output: the same code for the same exit status in every command.
pub(in crate::commands) fn error_object(status: ExitStatus, message: &str) -> Value {
    json!({"code": status.name(), "message": message})
}

/// Prints an error on standard error. If that fails, nothing is left to print it on.
pub(in crate::commands) fn print_error(message: &str) {
    let _ = writeln!(stderr(), "claude-langfuse: {message}");
}

pub(in crate::commands) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
