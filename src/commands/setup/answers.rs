//! The user's answers, from flags and questions. Nothing is written here.

use std::path::PathBuf;

use crate::config::{Capture, Secret};

/// All answers.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) keys: Keys,
    pub(super) projects: Projects,
    /// `None` leaves the configured mode.
    pub(super) capture: Option<Capture>,
    /// The transcript of a session to send.
    pub(super) newest: Option<PathBuf>,
}

/// The keys and their host.
#[derive(Debug)]
pub(super) enum Keys {
    /// The configured keys stay.
    Kept,
    New {
        base_url: String,
        public_key: String,
        secret: SecretSource,
    },
}

/// The source of the secret key.
#[derive(Debug)]
pub(super) enum SecretSource {
    /// It was typed, and gets a file of its own.
    Typed(Secret),
    /// It is in a file of the user.
    File(PathBuf),
}

/// The projects to trace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Projects {
    /// The configured projects stay.
    Kept,
    All,
    These(Vec<PathBuf>),
}
