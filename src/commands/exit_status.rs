//! Exit codes: how a command ended, and which error counts as what.

use std::fmt;

use crate::langfuse::Problem;

/// How a command ended, in the order of severity: of several sessions the worst one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ExitStatus {
    /// 0: all is done.
    #[default]
    Done,
    /// 1: some of the work or a check failed.
    Failed,
    /// 6: the server rejected the content.
    ContentRejected,
    /// 4: the server is unreachable, or asks for a pause.
    Unreachable,
    /// 5: the server rejected the keys.
    KeysRejected,
    /// 3: configuration is missing or invalid.
    Misconfigured,
    /// 2: an answer is missing, and there is no terminal to ask at.
    Usage,
}

/// The exit codes of all commands but `hook`, which always exits with 0.
pub(super) const EXIT_CODES: [(u8, &str); 7] = [
    (0, "done"),
    (1, "some work or a check failed"),
    (2, "wrong usage"),
    (3, "configuration missing or invalid"),
    (4, "server unreachable, or it asks for a pause"),
    (5, "keys rejected"),
    (6, "content rejected"),
];

impl ExitStatus {
    /// The exit code of the process.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Misconfigured => 3,
            Self::Unreachable => 4,
            Self::KeysRejected => 5,
            Self::ContentRejected => 6,
        }
    }

    /// The stable name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Misconfigured => "misconfigured",
            Self::Usage => "usage",
            Self::Unreachable => "unreachable",
            Self::KeysRejected => "keys_refused",
            Self::ContentRejected => "content_rejected",
        }
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
