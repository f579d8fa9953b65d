//! Exit codes: the end of a command, and the code of each error.

use std::fmt;

use crate::langfuse::Problem;

/// The end of a command, in the order of severity: of several sessions the worst one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ExitStatus {
    #[default]
    Done,
    Failed,
    ContentRejected,
    Unreachable,
    KeysRejected,
    Misconfigured,
    /// Also where an answer is missing, and there is no terminal to ask at.
    Usage,
}

/// Each status with its exit code, its stable name in JSON, and its meaning. `hook` always exits with 0.
pub(super) const EXIT_STATUSES: [(ExitStatus, u8, &str, &str); 7] = [
    (ExitStatus::Done, 0, "done", "done"),
    (ExitStatus::Failed, 1, "failed", "some work or a check failed"),
    (ExitStatus::Usage, 2, "usage", "wrong usage"),
    (ExitStatus::Misconfigured, 3, "misconfigured", "configuration missing or invalid"),
    (ExitStatus::Unreachable, 4, "unreachable", "server unreachable, or it asks for a pause"),
    (ExitStatus::KeysRejected, 5, "keys_refused", "keys rejected"),
    (ExitStatus::ContentRejected, 6, "content_rejected", "content rejected"),
];

impl ExitStatus {
    pub(super) fn code(self) -> u8 {
        EXIT_STATUSES.iter().find(|(status, ..)| *status == self).map_or(1, |row| row.1)
    }

    pub(super) fn name(self) -> &'static str {
        EXIT_STATUSES.iter().find(|(status, ..)| *status == self).map_or("failed", |row| row.2)
    }

    /// The status of a command that ends with this error.
    pub(super) fn of_error(error: &anyhow::Error) -> Self {
        error.downcast_ref::<StatusError>().map_or(Self::Failed, |error| error.status)
    }

    /// The status of a failed request; `None` stands for a server that is unreachable or in trouble.
    pub(super) fn of_problem(problem: Option<Problem>) -> Self {
        match problem {
            None => Self::Unreachable,
            Some(Problem::Keys | Problem::Account) => Self::KeysRejected,
            Some(Problem::Url | Problem::NotLangfuse | Problem::Certificate | Problem::Proxy) => {
                Self::Misconfigured
            }
        }
    }
}

/// An error that ends the command with a status other than [`ExitStatus::Failed`].
#[derive(Debug)]
pub(super) struct StatusError {
    status: ExitStatus,
    message: String,
}

impl fmt::Display for StatusError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for StatusError {}

pub(super) fn status_error(status: ExitStatus, message: impl fmt::Display) -> anyhow::Error {
    StatusError { status, message: message.to_string() }.into()
}

/// The error of a missing or invalid argument.
pub(super) fn wrong_usage(message: impl fmt::Display) -> anyhow::Error {
    status_error(ExitStatus::Usage, message)
}

/// The error of a missing or invalid configuration.
pub(super) fn misconfigured(message: impl fmt::Display) -> anyhow::Error {
    status_error(ExitStatus::Misconfigured, message)
}
