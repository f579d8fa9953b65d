//! The one table of variables: `--help`, `config`, the docs and the Nix module's check are all made from it,
//! so that none of them can name a variable that the program does not read.

/// A setting with its spellings, default and help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The name used in messages and docs.
    pub name: &'static str,
    /// All accepted spellings, strongest first within one layer; the canonical name is one of them.
    pub spellings: &'static [&'static str],
    /// The default as text; empty when there is none.
    pub default: &'static str,
    /// The form of a value, as the end of a sentence that begins with "use".
    pub accepts: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// Its value is masked wherever it is shown.
    pub secret: bool,
    /// Ignored in the shell of commands that send sessions nobody named: it belongs to the person at the shell and
    /// not to the session.
    pub files_only: bool,
    /// A repository has no say about it until its user was asked.
    pub guarded: bool,
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
            guarded: false,
        }
    }

    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    const fn accepts(self, accepts: &'static str) -> Self {
        Self { accepts, ..self }
    }

    const fn switch(self, default: &'static str) -> Self {
        Self { default, accepts: "true or false", ..self }
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

    const fn guarded(self) -> Self {
        Self { guarded: true, ..self }
    }
}

/// A variable that the Langfuse SDKs know as well: our spelling first.
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

/// Each variable as a constant, and all of them in the order of the docs.
macro_rules! variables {
    ($($constant:ident = $variable:expr;)*) => {
        $(pub(super) const $constant: Variable = $variable;)*

        /// All variables, in the order of the docs.
        pub static VARIABLES: &[Variable] = &[$($constant),*];
    };
}

variables! {
    ENABLED = own!("TRACE_TO_LANGFUSE").about("Trace the sessions of this project").switch("false").files_only();
    PUBLIC_KEY = shared!("LANGFUSE_PUBLIC_KEY", or file).about("Langfuse public key")
        .accepts("the key that begins with pk-lf-").files_only().guarded();
    SECRET_KEY = shared!("LANGFUSE_SECRET_KEY", or file).about("Langfuse secret key")
        .accepts("the key that begins with sk-lf-").secret().files_only().guarded();
    BASE_URL = shared!("LANGFUSE_BASE_URL", older "LANGFUSE_HOST").about("Langfuse base URL")
        .accepts("a URL such as https://cloud.langfuse.com").default("https://cloud.langfuse.com").files_only().guarded();
    USER_ID = shared!("LANGFUSE_USER_ID").about("Langfuse user of all sessions");
    ENVIRONMENT = shared!("LANGFUSE_TRACING_ENVIRONMENT").about("Langfuse environment of all traces")
        .accepts("at most 40 of a-z, 0-9, - and _, not beginning with langfuse");
    RELEASE = shared!("LANGFUSE_RELEASE").about("Langfuse release of all traces");
    TIMEOUT = shared!("LANGFUSE_TIMEOUT").about("Timeout of a request outside hooks, in seconds")
        .accepts("seconds, from 0.1 to 600").default("20");
    CA_FILE = shared!("LANGFUSE_CA_FILE").about("PEM file of additional certificate authorities")
        .accepts("an absolute path, or one that begins with ~/");
    TRACE_TAGS = own!("CC_LANGFUSE_TRACE_TAGS").about("Tags of all traces")
        .accepts("tags with commas between them, or a JSON array of strings");
    METADATA = own!("CC_LANGFUSE_METADATA").about("Metadata of all traces").accepts("a JSON object");
    TRACE_SEED = own!("CC_LANGFUSE_TRACE_SEED").about("Seed of trace ids, used with the turn number").files_only();
    TRACEPARENT = own!("CC_LANGFUSE_TRACEPARENT").about("Parent span for all turns (W3C traceparent)")
        .accepts("00-<32 hex digits>-<16 hex digits>-<2 hex digits>").files_only();
    PARENT_TRACE_ID = own!("CC_LANGFUSE_PARENT_TRACE_ID").about("Trace id of the parent span")
        .accepts("32 hex digits").files_only();
    PARENT_SPAN_ID = own!("CC_LANGFUSE_PARENT_SPAN_ID").about("Span id of the parent span")
        .accepts("16 hex digits").files_only();
    EXPERIMENT_ID = own!("CC_LANGFUSE_EXPERIMENT_ID").about("Experiment (dataset run) of all turns").files_only();
    EXPERIMENT_NAME = own!("CC_LANGFUSE_EXPERIMENT_NAME").about("Name of the experiment, by default its id").files_only();
    EXPERIMENT_DATASET_ID = own!("CC_LANGFUSE_EXPERIMENT_DATASET_ID").about("Dataset of the experiment")
        .accepts("the id of a dataset").files_only();
    EXPERIMENT_ITEM_ID = own!("CC_LANGFUSE_EXPERIMENT_ITEM_ID").about("Dataset item of all turns").files_only();
    EXPERIMENT_ITEM_VERSION = own!("CC_LANGFUSE_EXPERIMENT_ITEM_VERSION").about("Version of the dataset item")
        .accepts("a time such as 2026-11-23T10:00:00Z").files_only();
    EXPERIMENT_EXPECTED_OUTPUT = own!("CC_LANGFUSE_EXPERIMENT_EXPECTED_OUTPUT")
        .about("Expected output of the dataset item").files_only();
    SCORES = own!("CC_LANGFUSE_SCORES").about("Score each turn by its transcript").switch("false");
    CAPTURE = own!("CC_LANGFUSE_CAPTURE").about("Content to send: full, no-tool-content or metadata")
        .accepts("full, no-tool-content or metadata").default("full");
    MASK = own!("CC_LANGFUSE_MASK").about("Mask secrets").switch("true");
    MASK_PATTERNS = own!("CC_LANGFUSE_MASK_PATTERNS").about("Additional patterns to mask");
    MAX_CHARS = own!("CC_LANGFUSE_MAX_CHARS").about("Maximum length of a text, in characters")
        .accepts("a whole number from 1").default("100000");
    STATE_DIR = own!("CC_LANGFUSE_STATE_DIR").about("Folder of the cursors and the log")
        .accepts("an absolute path, or one that begins with ~/").default("<Claude config dir>/state");
    DEBUG = own!("CC_LANGFUSE_DEBUG").about("Write more to the log").switch("false");
    HOOK_BUDGET = own!("CC_LANGFUSE_HOOK_BUDGET").about("Time budget of a Stop hook, in seconds")
        .accepts("seconds, from 0.1 to 60").default("3");
    NOTIFY = own!("CC_LANGFUSE_NOTIFY").about("Notify in Claude Code when only you can fix delivery").switch("true");
}

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
