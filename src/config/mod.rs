//! Configuration: one language, environment variables, in layers that remember where each value came from.
//! Files are read at the edge ([`Files`]); the rest is a function of a snapshot ([`Surroundings`]).

mod base_url;
mod destination;
mod env;
mod file;
mod files;
mod javascript;
mod key_file;
mod layers;
mod project;
mod provenance;
mod repository;
mod request;
mod resolve;
mod secret;
mod settings;
mod source;
mod unknown_variables;
mod value;
pub mod variables;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

pub use destination::{Destination, DestinationProblem};
pub use env::Env;
pub use files::Files;
pub use provenance::{
    Doubt, MergedSettings, has_guarded, names_brought_by_project, unreadable_project_file,
};
pub use repository::identity as repository_identity;
pub use request::{Request, RequestedValue, root_of};
pub use resolve::resolve;
pub use secret::Secret;
pub use settings::settings_paths;
pub use source::{Layer, Problem, Setting, Source, masked, shown};
pub use unknown_variables::{UnknownVariable, unknown_variables};
pub use variables::{VARIABLES, Variable};

/// On whose behalf the configuration is resolved: it decides whether the shell's consent and keys count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A session's own hook. Claude Code has merged its settings files into the environment already, so none
    /// of them is read.
    OwnHook,
    /// What a person asks for by name: `replay PATH`, `doctor`, `config`. The shell with Claude Code's
    /// settings files over it. Keys are read even where tracing is off, because asking is consent.
    Explicit,
    /// Sessions that happen to be there: `flush`, `replay --all`, sessions that wait. Consent, keys, base URL,
    /// parent and seed come from files alone; the rest as in [`Scope::Explicit`].
    FilesOnly,
}

/// How much content leaves the machine.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Capture {
    /// Everything, masked.
    #[default]
    Full,
    /// Prompts and answers, but not what tools were given and returned.
    NoToolContent,
    /// No content: names, times, tokens.
    Metadata,
}

/// The span that turns are hung under in attached mode. Both ids are lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentSpan {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
}

/// The experiment of an evaluation that launched Claude Code, and the item of its dataset that the turns try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// Names the experiment: a dataset run.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_id: Option<String>,
    /// The dataset's item.
    pub item_id: String,
    /// The time at which the item became what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_version: Option<String>,
    /// What is to come of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_output: Option<String>,
}

/// The configuration of one session. Resolving never fails: what could not be used is in `problems`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Consent. While the configuration can't be read, there is none.
    pub enabled: bool,
    /// Why the configuration can't be read, if it can't: nothing is sent then, and nothing is declined.
    pub suspended: Option<Problem>,
    /// Keys and host, or why there are none. Not looked for where tracing is off, but in [`Scope::Explicit`].
    pub destination: Result<Destination, DestinationProblem>,
    /// The user sessions are filed under.
    pub user_id: Option<String>,
    /// Langfuse's environment, as given.
    pub environment: Option<String>,
    /// Langfuse's release.
    pub release: Option<String>,
    /// How long a request may take, outside hooks.
    pub timeout: Duration,
    /// Certificate authorities to trust besides the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// The user's own tags.
    pub tags: Vec<String>,
    /// The user's own metadata, in the order given.
    pub metadata: Vec<(String, String)>,
    /// Trace ids are made from this and the turn's number.
    pub trace_seed: Option<String>,
    /// Attached mode.
    pub parent: Option<ParentSpan>,
    /// The experiment that the turns belong to.
    pub experiment: Option<Experiment>,
    /// Whether each turn is scored by what its transcript shows.
    pub scores: bool,
    /// How much content leaves the machine. An unclear value counts as the least.
    pub capture: Capture,
    /// Whether secrets are masked.
    pub mask: bool,
    /// Further patterns to mask, as given.
    pub mask_patterns: Option<String>,
    /// The longest text that is sent as it is.
    pub max_chars: usize,
    /// Where the folder of cursors and the log lie.
    pub state_dir: PathBuf,
    /// Whether the log says more.
    pub debug: bool,
    /// How long a Stop hook may take in all.
    pub hook_budget: Duration,
    /// Whether a hook may tell the user that delivery needs mending.
    pub notify: bool,
    /// What could not be used.
    pub problems: Vec<Problem>,
    /// What was used and had better be mended.
    pub warnings: Vec<Problem>,
    /// Every variable with its value and its source, in the order of [`VARIABLES`].
    pub sources: Vec<Setting>,
}

impl Config {
    /// The value of a variable and where it came from.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.sources.iter().find(|one| one.variable.name == name)
    }
}
