//! The configuration of one session.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::destination::{Destination, DestinationProblem, Request};
use super::secret::Secret;
use super::source::{Problem, Setting};
use super::value::{Capture, ParentSpan, RequestCapture};

/// The experiment of an evaluation that launched Claude Code, and the dataset item of its turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// The id of a dataset run.
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_id: Option<String>,
    pub item_id: String,
    /// The time at which the item became as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_output: Option<String>,
}

/// A text of patterns, as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskPatterns {
    pub text: String,
    /// Its patterns that allow texts don't count.
    pub masks_only: bool,
}

/// The configuration of one session. Resolving never fails: values that can't be used are in `problems`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Consent. Always false while the configuration can't be read.
    pub enabled: bool,
    /// Why the configuration can't be read: nothing is sent then, and nothing is declined.
    pub suspended: Option<Problem>,
    /// Keys and host. Not resolved where tracing is off, except in [`Scope::Explicit`](super::Scope::Explicit).
    pub destination: Result<Destination, DestinationProblem>,
    /// What the project's files ask for.
    pub request: Option<Box<Request>>,
    /// The user allowed it.
    pub is_request_allowed: bool,
    /// The project's personal file that brought keys or host.
    pub brought_by: Option<String>,
    pub user_id: Option<String>,
    /// Langfuse's environment, as given.
    pub environment: Option<String>,
    pub release: Option<String>,
    /// The time limit of a request outside hooks.
    pub timeout: Duration,
    /// Certificate authorities to trust besides the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// The variables for proxies and root certificates that count.
    pub network: BTreeMap<String, String>,
    /// Headers of every request, by their names.
    pub headers: Vec<(String, Secret)>,
    /// The name of all traces, with `{project}` in it where that is to be replaced.
    pub trace_name: Option<String>,
    /// The name of the project.
    pub project: Option<String>,
    pub tags: Vec<String>,
    /// The user's own metadata, in the order given.
    pub metadata: Vec<(String, String)>,
    /// Trace ids are made from this and the turn's number.
    pub trace_seed: Option<String>,
    /// Attached mode.
    pub parent: Option<ParentSpan>,
    pub experiment: Option<Experiment>,
    /// Whether each turn is scored by its transcript.
    pub scores: bool,
    /// An unclear value counts as the strictest mode.
    pub capture: Capture,
    pub mask: bool,
    /// Additional patterns to mask.
    pub mask_patterns: Vec<MaskPatterns>,
    /// Longer texts are truncated.
    pub max_chars: usize,
    /// Whether images and documents are uploaded.
    pub media: bool,
    /// How much of a request is sent beside its messages.
    pub request_capture: RequestCapture,
    /// The folder of the cursors and the log.
    pub state_dir: PathBuf,
    pub debug: bool,
    /// The time limit of a Stop hook.
    pub hook_budget: Duration,
    /// Whether a hook may notify the user of problems that only the user can fix.
    pub notify: bool,
    /// Values that could not be used.
    pub problems: Vec<Problem>,
    /// Values that were used but should be changed.
    pub warnings: Vec<Problem>,
    /// Values that don't count, and that somebody may expect to.
    pub ignored: Vec<Problem>,
    /// All variables with value and source, in the order of [`VARIABLES`](super::VARIABLES).
    pub sources: Vec<Setting>,
}

impl Config {
    /// The value of a variable and its source.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.sources.iter().find(|one| one.variable.name == name)
    }
}
