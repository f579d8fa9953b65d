//! The table of all variables. `--help`, `config`, the docs and the Nix module's check are made from it, so that none
//! of them can name a variable that the program does not read.

use super::base_url::normalise;
use super::headers;
use super::source::{masked, shown};

use ProjectMay::{Ask, Lead, Never, Set, Switch, Tighten};

/// A setting with its spellings, default and help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The name used in messages and docs.
    pub name: &'static str,
    /// All accepted spellings, strongest first within one layer; the canonical name is one of them.
    pub spellings: &'static [&'static str],
    /// The default as text; empty if there is none.
    pub default: &'static str,
    /// The form of a value, as the end of a sentence that begins with "use".
    pub accepts: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// Its value is masked wherever it is shown.
    pub secret: bool,
    /// It also counts in the shell of commands that send unnamed sessions: it is about the command, not about the
    /// sessions.
    pub of_command: bool,
    /// The rights of a project's own files.
    pub project_may: ProjectMay,
}

/// The rights of a project's own files before the user's permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectMay {
    /// Name something or add to it.
    Set,
    /// Switch it, unless the user says `false`.
    Switch,
    /// Only make it stricter.
    Tighten,
    /// Nothing: it is ignored.
    Ask,
    /// Nothing: while it would decide the destination, nothing is sent.
    Lead,
    /// Nothing, and no other file may either: it belongs to one run of Claude Code.
    Never,
}

impl Variable {
    /// Whether it is a key or a host.
    pub(super) fn leads(&self) -> bool {
        self.project_may == Lead
    }

    /// Whether two values of it are the same: hosts are compared as URLs.
    pub(super) fn is_same(&self, left: &str, right: &str) -> bool {
        let are_same_urls = || {
            let urls = normalise(left).ok().zip(normalise(right).ok());
            urls.is_some_and(|(left, right)| left == right)
        };
        left == right || (*self == BASE_URL && are_same_urls())
    }

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
            of_command: false,
            project_may: Set,
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

    const fn project_may(self, project_may: ProjectMay) -> Self {
        Self { project_may, ..self }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    const fn of_command(self) -> Self {
        Self { of_command: true, ..self }
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
    ENABLED = own!("TRACE_TO_LANGFUSE").about("Trace the sessions of this project").switch("false").project_may(Switch);
    PUBLIC_KEY = shared!("LANGFUSE_PUBLIC_KEY", or file).about("Langfuse public key")
        .accepts("the key that begins with pk-lf-").project_may(Lead);
    SECRET_KEY = shared!("LANGFUSE_SECRET_KEY", or file).about("Langfuse secret key")
        .accepts("the key that begins with sk-lf-").secret().project_may(Lead);
    BASE_URL = shared!("LANGFUSE_BASE_URL", older "LANGFUSE_HOST").about("Langfuse base URL")
        .accepts("a URL such as https://cloud.langfuse.com").default("https://cloud.langfuse.com").project_may(Lead);
    USER_ID = shared!("LANGFUSE_USER_ID").about("Langfuse user of all sessions");
    ENVIRONMENT = shared!("LANGFUSE_TRACING_ENVIRONMENT").about("Langfuse environment of all traces")
        .accepts("at most 40 of a-z, 0-9, - and _, not beginning with langfuse");
    RELEASE = shared!("LANGFUSE_RELEASE").about("Langfuse release of all traces");
    TIMEOUT = shared!("LANGFUSE_TIMEOUT").about("Timeout of a request outside hooks")
        .accepts("seconds, from 0.1 to 600").default("20").of_command().project_may(Ask);
    CA_FILE = shared!("LANGFUSE_CA_FILE").about("PEM file of additional certificate authorities")
        .accepts("an absolute path, or one that begins with ~/").of_command().project_may(Ask);
    HEADERS = shared!("LANGFUSE_HEADERS", or file).about("Headers of every request to Langfuse")
        .accepts("a JSON object of texts").secret().project_may(Ask);
    TRACE_NAME = own!("CC_LANGFUSE_TRACE_NAME").about("Name of all traces; {project} is replaced")
        .default("Claude Code: {project}");
    PROJECT = own!("CC_LANGFUSE_PROJECT").about("Name of the project, by default its repository's");
    TRACE_TAGS = own!("CC_LANGFUSE_TRACE_TAGS").about("Tags of all traces")
        .accepts("tags with commas between them, or a JSON array of strings");
    METADATA = own!("CC_LANGFUSE_METADATA").about("Metadata of all traces").accepts("a JSON object");
    TRACE_SEED = own!("CC_LANGFUSE_TRACE_SEED").about("Seed of trace ids, used with the turn number").project_may(Never);
    TRACEPARENT = own!("CC_LANGFUSE_TRACEPARENT").about("Parent span for all turns, as W3C traceparent")
        .accepts("00-<32 hex digits>-<16 hex digits>-<2 hex digits>").project_may(Never);
    PARENT_TRACE_ID = own!("CC_LANGFUSE_PARENT_TRACE_ID").about("Trace id of the parent span")
        .accepts("32 hex digits").project_may(Never);
    PARENT_SPAN_ID = own!("CC_LANGFUSE_PARENT_SPAN_ID").about("Span id of the parent span")
        .accepts("16 hex digits").project_may(Never);
    EXPERIMENT_ID = own!("CC_LANGFUSE_EXPERIMENT_ID").about("Experiment (dataset run) of all turns").project_may(Ask);
    EXPERIMENT_NAME = own!("CC_LANGFUSE_EXPERIMENT_NAME").about("Name of the experiment, by default its id").project_may(Ask);
    EXPERIMENT_DESCRIPTION = own!("CC_LANGFUSE_EXPERIMENT_DESCRIPTION").about("Description of the experiment").project_may(Ask);
    EXPERIMENT_DATASET_ID = own!("CC_LANGFUSE_EXPERIMENT_DATASET_ID").about("Dataset of the experiment")
        .accepts("the id of a dataset").project_may(Ask);
    EXPERIMENT_ITEM_ID = own!("CC_LANGFUSE_EXPERIMENT_ITEM_ID").about("Dataset item of all turns").project_may(Never);
    EXPERIMENT_ITEM_VERSION = own!("CC_LANGFUSE_EXPERIMENT_ITEM_VERSION").about("Version of the dataset item")
        .accepts("a time such as 2026-11-23T10:00:00Z").project_may(Never);
    EXPERIMENT_EXPECTED_OUTPUT = own!("CC_LANGFUSE_EXPERIMENT_EXPECTED_OUTPUT")
        .about("Expected output of the dataset item").project_may(Never);
    SCORES = own!("CC_LANGFUSE_SCORES").about("Score each turn by its transcript").switch("false");
    CAPTURE = own!("CC_LANGFUSE_CAPTURE").about("Content to send")
        .accepts("full, no-tool-content or metadata").default("full").project_may(Tighten);
    MASK = own!("CC_LANGFUSE_MASK").about("Mask secrets").switch("true").project_may(Tighten);
    MASK_PATTERNS = own!("CC_LANGFUSE_MASK_PATTERNS").about("Additional patterns to mask").project_may(Tighten);
    MAX_CHARS = own!("CC_LANGFUSE_MAX_CHARS").about("Maximum length of a text")
        .accepts("a number of characters, from 1").default("100000").project_may(Ask);
    MEDIA = own!("CC_LANGFUSE_MEDIA").about("Upload images and documents").switch("false").project_may(Ask);
    REQUEST = own!("CC_LANGFUSE_REQUEST").about("Send tools and system prompt of requests")
        .accepts("off, tools (names) or full").default("off").project_may(Ask);
    STATE_DIR = own!("CC_LANGFUSE_STATE_DIR").about("Folder of the cursors and the log")
        .accepts("an absolute path, or one that begins with ~/").default("<Claude config dir>/state")
        .of_command().project_may(Ask);
    DEBUG = own!("CC_LANGFUSE_DEBUG").about("Write more to the log").switch("false").of_command().project_may(Ask);
    HOOK_BUDGET = own!("CC_LANGFUSE_HOOK_BUDGET").about("Time budget of a Stop hook")
        .accepts("seconds, from 0.1 to 60").default("3").project_may(Tighten);
    NOTIFY = own!("CC_LANGFUSE_NOTIFY").about("Notify in Claude Code when only you can fix delivery").switch("true").project_may(Ask);
}

/// The system's roots, which replace the built-in ones after a certificate failure.
pub(super) const SYSTEM_ROOTS: Variable = network("SSL_CERT_FILE", &["SSL_CERT_FILE"], Ask);
pub(super) const NIX_ROOTS: Variable = network("NIX_SSL_CERT_FILE", &["NIX_SSL_CERT_FILE"], Ask);
/// A proxy can't read TLS, so that anybody may name one for https.
const HTTPS_PROXY: Variable = network("HTTPS_PROXY", &["https_proxy", "HTTPS_PROXY"], Set);
/// These decide for plain http as well.
const OTHER_PROXIES: [Variable; 3] = [
    network("HTTP_PROXY", &["http_proxy", "HTTP_PROXY"], Set),
    network("ALL_PROXY", &["all_proxy", "ALL_PROXY"], Set),
    network("NO_PROXY", &["no_proxy", "NO_PROXY"], Set),
];

/// Variables of other programs that decide how a server is reached.
pub(super) static NETWORK: &[Variable] =
    &[SYSTEM_ROOTS, NIX_ROOTS, HTTPS_PROXY, OTHER_PROXIES[0], OTHER_PROXIES[1], OTHER_PROXIES[2]];

const fn network(
    name: &'static str,
    spellings: &'static [&'static str],
    project_may: ProjectMay,
) -> Variable {
    Variable::new(name, spellings).of_command().project_may(project_may)
}

/// Whether a variable can lead a request that is not encrypted to another machine.
pub(super) fn is_plain_proxy(variable: &Variable) -> bool {
    OTHER_PROXIES.contains(variable)
}

/// A value in a form that may be shown, by its spelling.
pub fn shown_as(spelling: &str, value: &str) -> String {
    match find(spelling) {
        Some((variable, spelling)) if variable.secret && !variable.is_file_spelling(spelling) => {
            if *variable == HEADERS {
                headers::shown(value)
            } else {
                masked(value)
            }
        }
        _ => shown(value),
    }
}

/// The variable of a name, and that spelling with a static lifetime.
pub fn find(name: &str) -> Option<(&'static Variable, &'static str)> {
    find_in(VARIABLES, name)
}

/// Like [`find`], for names in Claude Code's settings, which reach hooks with all other variables.
pub(super) fn find_in_settings(name: &str) -> Option<(&'static Variable, &'static str)> {
    find(name).or_else(|| find_in(NETWORK, name))
}

fn find_in(
    variables: &'static [Variable],
    name: &str,
) -> Option<(&'static Variable, &'static str)> {
    variables.iter().find_map(|variable| {
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
        all.sort_unstable();
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
