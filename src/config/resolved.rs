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
    /// The time at which the item got its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_output: Option<String>,
}

/// A text of patterns, as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskPatterns {
    pub text: String,
    /// Its allow patterns don't count.
    pub masks_only: bool,
}

/// The configuration of one session. Resolving never fails: unusable values become `problems`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Consent. Always false while the configuration can't be read.
    pub enabled: bool,
    /// Why the configuration can't be read. Nothing is sent then, and nothing is declined.
    pub suspended: Option<Problem>,
    /// Keys and host. Not resolved while tracing is off, except in [`Scope::Explicit`](super::Scope::Explicit).
    pub destination: Result<Destination, DestinationProblem>,
    /// The request of the project's files.
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
    /// The variables for proxies and root certificates that apply.
    pub network: BTreeMap<String, String>,
    /// Headers of every request, by their names.
    pub headers: Vec<(String, Secret)>,
    /// The name of all traces, with the placeholder `{project}`.
    pub trace_name: Option<String>,
    /// The name of the project.
    pub project: Option<String>,
    pub tags: Vec<String>,
    /// The user's own metadata, in the order given.
    pub metadata: Vec<(String, String)>,
    /// The seed of trace ids, with the turn's number.
    pub trace_seed: Option<String>,
    /// Attached mode.
    pub parent: Option<ParentSpan>,
    pub experiment: Option<Experiment>,
    /// Each turn is scored from its transcript.
    pub scores: bool,
    /// An unclear value counts as the strictest mode.
    pub capture: Capture,
    pub mask: bool,
    /// Additional patterns to mask.
    pub mask_patterns: Vec<MaskPatterns>,
    /// The longest text that is sent whole, in characters.
    pub max_chars: usize,
    /// Images and documents are uploaded.
    pub media: bool,
    /// The part of a request that is sent beside its messages.
    pub request_capture: RequestCapture,
    /// The folder of the cursors and the log.
    pub state_dir: PathBuf,
    pub debug: bool,
    /// The time limit of a Stop hook.
    pub hook_budget: Duration,
    /// A hook may notify the user of problems that only the user can fix.
    pub notify: bool,
    /// Unusable values.
    pub problems: Vec<Problem>,
    /// Values that are used but should be changed.
    pub warnings: Vec<Problem>,
    /// Ignored values that somebody may expect to count.
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
