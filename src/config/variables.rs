//! The one table of variables: `--help`, `config`, the docs and the Nix module's check are all made from it,
//! so that none of them can name a variable that the program does not read.

/// One setting: how it is spelled, what it means and what it is when nobody sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The name used in messages and docs.
    pub name: &'static str,
    /// Every accepted spelling, strongest first within one layer; the canonical name is one of them.
    pub spellings: &'static [&'static str],
    /// The default as text; empty when there is none.
    pub default: &'static str,
    /// What a value must look like, as the end of a sentence that begins with "use".
    pub accepts: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Its value is masked wherever it is shown.
    pub secret: bool,
    /// In [`Scope::FilesOnly`](super::Scope::FilesOnly) the shell's value does not count, because it belongs
    /// to whoever happens to run the command and not to the session that is sent.
    pub files_only: bool,
}

impl Variable {
    /// Whether this spelling names a file that holds the value, as `LANGFUSE_SECRET_KEY_FILE` does.
    pub fn is_file_spelling(&self, spelling: &str) -> bool {
        spelling.strip_suffix("_FILE").is_some_and(|stem| self.spellings.contains(&stem))
    }

    const fn new(name: &'static str, spellings: &'static [&'static str]) -> Self {
        Self {
            name,
            spellings,
            default: "",
            accepts: "any text",
            about: "",
            secret: false,
            files_only: false,
        }
    }

    const fn about(self, about: &'static str, accepts: &'static str) -> Self {
        Self { about, accepts, ..self }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    const fn files_only(self) -> Self {
        Self { files_only: true, ..self }
    }
}

/// The spellings of a variable that the Langfuse SDKs know as well: ours alone first.
macro_rules! shared {
    ($name:literal) => {
        Variable::new($name, &[concat!("CC_", $name), $name])
    };
    ($name:literal, older $older:literal) => {
        Variable::new($name, &[concat!("CC_", $name), concat!("CC_", $older), $name, $older])
    };
    ($name:literal, or file) => {
        Variable::new(
            $name,
            &[
                concat!("CC_", $name),
                concat!("CC_", $name, "_FILE"),
                $name,
                concat!($name, "_FILE"),
            ],
        )
    };
}

/// A variable of ours alone.
macro_rules! own {
    ($name:literal) => {
        Variable::new($name, &[$name])
    };
}

const FLAG: &str = "true or false";

/// Consent.
pub const ENABLED: Variable = own!("TRACE_TO_LANGFUSE")
    .about("Send the sessions of this project", FLAG)
    .default("false")
    .files_only();
/// Half of the credentials.
pub const PUBLIC_KEY: Variable = shared!("LANGFUSE_PUBLIC_KEY", or file)
    .about("Public key of the Langfuse project", "the key that begins with pk-lf-")
    .files_only();
/// The other half.
pub const SECRET_KEY: Variable = shared!("LANGFUSE_SECRET_KEY", or file)
    .about("Secret key of the Langfuse project", "the key that begins with sk-lf-")
    .secret()
    .files_only();
/// Where Langfuse is.
pub const BASE_URL: Variable = shared!("LANGFUSE_BASE_URL", older "LANGFUSE_HOST")
    .about("Where Langfuse is", "a URL such as https://cloud.langfuse.com")
    .default("https://cloud.langfuse.com")
    .files_only();
/// The user shown in Langfuse.
pub const USER_ID: Variable =
    shared!("LANGFUSE_USER_ID").about("User that sessions are filed under", "any text");
/// Langfuse's environment.
pub const ENVIRONMENT: Variable = shared!("LANGFUSE_TRACING_ENVIRONMENT").about(
    "Langfuse environment of the traces",
    "at most 40 of a-z, 0-9, - and _, not beginning with langfuse",
);
/// Langfuse's release.
pub const RELEASE: Variable =
    shared!("LANGFUSE_RELEASE").about("Langfuse release of the traces", "any text");
/// How long a request may take outside hooks.
pub const TIMEOUT: Variable = shared!("LANGFUSE_TIMEOUT")
    .about("Seconds a request may take, outside hooks", "seconds, from 0.1 to 600")
    .default("20");
/// More certificate authorities.
pub const CA_FILE: Variable = shared!("LANGFUSE_CA_FILE").about(
    "PEM file of certificate authorities to trust besides the built-in ones",
    "an absolute path, or one that begins with ~/",
);
/// The user's own tags.
pub const TRACE_TAGS: Variable = own!("CC_LANGFUSE_TRACE_TAGS")
    .about("Tags put on every trace", "tags with commas between them, or a JSON array of strings");
/// The user's own metadata.
pub const METADATA: Variable =
    own!("CC_LANGFUSE_METADATA").about("Metadata put on every trace", "a JSON object");
/// Trace ids that the caller can compute.
pub const TRACE_SEED: Variable = own!("CC_LANGFUSE_TRACE_SEED")
    .about("Makes trace ids from this text and the number of the turn", "any text")
    .files_only();
/// The span to hang turns under, in W3C form.
pub const TRACEPARENT: Variable = own!("CC_LANGFUSE_TRACEPARENT")
    .about(
        "Hangs turns under this span (W3C trace context)",
        "00-<32 hex digits>-<16 hex digits>-<2 hex digits>",
    )
    .files_only();
/// The same, in two parts.
pub const PARENT_TRACE_ID: Variable = own!("CC_LANGFUSE_PARENT_TRACE_ID")
    .about("Trace of the span to hang turns under", "32 hex digits")
    .files_only();
/// The same, in two parts.
pub const PARENT_SPAN_ID: Variable = own!("CC_LANGFUSE_PARENT_SPAN_ID")
    .about("Span to hang turns under", "16 hex digits")
    .files_only();
/// The experiment that the turns belong to.
pub const EXPERIMENT_ID: Variable = own!("CC_LANGFUSE_EXPERIMENT_ID")
    .about("Experiment (dataset run) that turns belong to", "any text")
    .files_only();
/// What it is called.
pub const EXPERIMENT_NAME: Variable = own!("CC_LANGFUSE_EXPERIMENT_NAME")
    .about("Name of the experiment [else its id]", "any text")
    .files_only();
/// The dataset that it goes through.
pub const EXPERIMENT_DATASET_ID: Variable = own!("CC_LANGFUSE_EXPERIMENT_DATASET_ID")
    .about("Dataset of the experiment", "the id of a dataset")
    .files_only();
/// The item that is tried.
pub const EXPERIMENT_ITEM_ID: Variable = own!("CC_LANGFUSE_EXPERIMENT_ITEM_ID")
    .about("Item of the experiment that turns try", "any text")
    .files_only();
/// Its version.
pub const EXPERIMENT_ITEM_VERSION: Variable = own!("CC_LANGFUSE_EXPERIMENT_ITEM_VERSION")
    .about("Version of the item", "a time such as 2026-11-23T10:00:00Z")
    .files_only();
/// What is to come of it.
pub const EXPERIMENT_EXPECTED_OUTPUT: Variable = own!("CC_LANGFUSE_EXPERIMENT_EXPECTED_OUTPUT")
    .about("Output that the item expects", "any text")
    .files_only();
/// Whether outcomes are scored.
pub const SCORES: Variable = own!("CC_LANGFUSE_SCORES")
    .about("Score each turn by what its transcript shows", FLAG)
    .default("false");
/// How much leaves the machine.
pub const CAPTURE: Variable = own!("CC_LANGFUSE_CAPTURE")
    .about("How much content is sent", "full, no-tool-content or metadata")
    .default("full");
/// Whether secrets are masked.
pub const MASK: Variable =
    own!("CC_LANGFUSE_MASK").about("Mask what looks like a secret", FLAG).default("true");
/// More to mask.
pub const MASK_PATTERNS: Variable =
    own!("CC_LANGFUSE_MASK_PATTERNS").about("Further patterns to mask", "any text");
/// Where values are cut.
pub const MAX_CHARS: Variable = own!("CC_LANGFUSE_MAX_CHARS")
    .about("Longest text sent as it is; the rest is cut", "a whole number from 1")
    .default("100000");
/// Where cursors and the log are.
pub const STATE_DIR: Variable = own!("CC_LANGFUSE_STATE_DIR")
    .about("Folder of the cursors and the log", "an absolute path, or one that begins with ~/")
    .default("<Claude config dir>/state");
/// More in the log.
pub const DEBUG: Variable =
    own!("CC_LANGFUSE_DEBUG").about("Write more to the log", FLAG).default("false");
/// How long a hook may take.
pub const HOOK_BUDGET: Variable = own!("CC_LANGFUSE_HOOK_BUDGET")
    .about("Seconds a Stop hook may take in all", "seconds, from 0.1 to 60")
    .default("3");
/// Whether a hook may speak.
pub const NOTIFY: Variable = own!("CC_LANGFUSE_NOTIFY")
    .about("Tell in Claude Code when only you can mend delivery", FLAG)
    .default("true");

/// Every variable, in the order of the docs.
pub static VARIABLES: &[Variable] = &[
    ENABLED,
    PUBLIC_KEY,
    SECRET_KEY,
    BASE_URL,
    USER_ID,
    ENVIRONMENT,
    RELEASE,
    TIMEOUT,
    CA_FILE,
    TRACE_TAGS,
    METADATA,
    TRACE_SEED,
    TRACEPARENT,
    PARENT_TRACE_ID,
    PARENT_SPAN_ID,
    EXPERIMENT_ID,
    EXPERIMENT_NAME,
    EXPERIMENT_DATASET_ID,
    EXPERIMENT_ITEM_ID,
    EXPERIMENT_ITEM_VERSION,
    EXPERIMENT_EXPECTED_OUTPUT,
    SCORES,
    CAPTURE,
    MASK,
    MASK_PATTERNS,
    MAX_CHARS,
    STATE_DIR,
    DEBUG,
    HOOK_BUDGET,
    NOTIFY,
];

/// The variable a name belongs to, and that spelling with a static lifetime.
pub(super) fn find(name: &str) -> Option<(&'static Variable, &'static str)> {
    VARIABLES.iter().find_map(|variable| {
        let spelling = variable.spellings.iter().find(|one| **one == name)?;
        Some((variable, *spelling))
    })
}

#[cfg(test)]
mod tests {
    use super::{BASE_URL, CA_FILE, SECRET_KEY, VARIABLES, find};

    #[test]
    fn every_langfuse_variable_has_a_form_of_ours_that_comes_first() {
        for variable in VARIABLES {
            if variable.name.starts_with("LANGFUSE_") {
                assert_eq!(variable.spellings[0], format!("CC_{}", variable.name));
            }
            assert!(variable.spellings.contains(&variable.name));
            assert!(!variable.about.is_empty(), "{} is not described", variable.name);
        }
    }

    #[test]
    fn no_spelling_belongs_to_two_variables() {
        let mut all: Vec<_> = VARIABLES.iter().flat_map(|one| one.spellings).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_name_that_ends_in_file_is_not_always_a_file_spelling() {
        assert!(SECRET_KEY.is_file_spelling("CC_LANGFUSE_SECRET_KEY_FILE"));
        assert!(!CA_FILE.is_file_spelling("LANGFUSE_CA_FILE"));
    }

    #[test]
    fn the_older_name_of_the_base_url_is_found() {
        assert_eq!(find("LANGFUSE_HOST").unwrap().0.name, BASE_URL.name);
        assert!(find("LANGFUSE_PUBLIC").is_none());
    }
}
