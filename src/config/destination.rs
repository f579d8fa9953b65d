//! Keys and host as one unit, and the reasons for having none.

use std::fmt;
use std::path::PathBuf;

use base::sha256;

use super::secret::Secret;
use super::source::{Problem, Source, sentences};
use super::variables::BASE_URL;

/// One Langfuse project on one server, with the keys to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Scheme, host and base path, without a slash at the end.
    pub base_url: String,
    /// The public key, which names the Langfuse project. Not a secret.
    pub public_key: String,
    pub secret_key: Secret,
    /// Where the public key came from.
    pub keys_source: Source,
    /// Where the secret key came from.
    pub secret_key_source: Source,
    pub base_url_source: Source,
}

impl Destination {
    /// The key under which cursors are stored: 16 hex digits made of base URL and public key.
    pub fn id(&self) -> String {
        let named = format!("{}\n{}", self.base_url, self.public_key);
        sha256::hex(named.as_bytes(), 8)
    }

    /// Where each of the two keys came from.
    pub fn key_sources(&self) -> String {
        format!("{} and {}", self.keys_source, self.secret_key_source)
    }

    /// The page of a trace.
    pub fn trace_link(&self, trace_id: &str) -> String {
        format!("{}/trace/{trace_id}", self.base_url)
    }
}

/// Why nothing can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationProblem {
    /// Tracing is off, so keys were not looked for.
    Off,
    /// The configuration can't be read, so keys were not looked for.
    Suspended(Box<Problem>),
    Missing {
        /// The file to put keys in.
        config_file: Option<PathBuf>,
        /// The shell has keys that don't count in [`Scope::FilesOnly`](super::Scope::FilesOnly).
        shell_ignored: bool,
    },
    /// The highest layer with a key has only one of the two.
    HalfAPair {
        /// The canonical name of the missing one.
        missing: &'static str,
        present: Source,
    },
    /// The two keys are swapped.
    Swapped {
        /// The place of the public key.
        source: Source,
    },
    /// The public key holds a secret key, which would be shown.
    SecretInPublicKey { source: Source },
    /// Both keys are of one kind.
    WrongKind {
        /// The place where a key of the other kind belongs.
        source: Source,
        /// The kind of both.
        kind: &'static str,
        /// The prefix of the right kind.
        prefix: &'static str,
    },
    /// The project's files bring keys or a host that the user has not allowed.
    NotAllowed(Box<Request>),
    UnreadableKeyFile {
        /// The place of the path.
        source: Source,
        /// The path, expanded as far as possible.
        path: String,
        reason: String,
    },
    BadUrl {
        source: Source,
        /// Never quotes the URL, which may hold a password.
        reason: String,
    },
}

impl DestinationProblem {
    /// A stable name, for `--json` and for notices that appear once.
    pub fn code(&self) -> &'static str {
        self.parts().0
    }

    /// The problem with its place.
    pub fn what(&self) -> String {
        self.parts().1
    }

    /// The remedy, as an imperative.
    pub fn remedy(&self) -> String {
        self.parts().2
    }

    fn parts(&self) -> (&'static str, String, String) {
        let (code, what, remedy) = match self {
            Self::Off => ("off", "tracing is off here".to_owned(), "set TRACE_TO_LANGFUSE to true"),
            Self::Suspended(problem) => {
                return ("suspended", problem.cause(), problem.remedy.clone());
            }
            Self::Missing { config_file, shell_ignored } => {
                let shell = if *shell_ignored {
                    " (the shell's count only for sessions that it started)"
                } else {
                    ""
                };
                let place = config_file.as_ref().map(|path| path.display().to_string());
                let place = place.unwrap_or_else(|| "Claude Code's settings".to_owned());
                let keys = "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, or each with _FILE,";
                let remedy = format!("set {keys} in {place}");
                return ("keys-missing", format!("no Langfuse keys{shell}"), remedy);
            }
            Self::HalfAPair { missing, present } => {
                let what = format!("incomplete keys: {present} has no {missing} beside it");
                ("half-a-pair", what, "set both keys in the same place")
            }
            Self::Swapped { source } => {
                let what = format!("the two keys are swapped: {source} is not a public key");
                ("keys-swapped", what, "swap the two keys")
            }
            Self::SecretInPublicKey { source } => {
                let place = "secret key in the wrong place";
                let what = format!("{place}: {source} is to be the public key alone");
                let remedy = "set it to the key that begins with pk-lf- and nothing else";
                ("secret-in-public-key", what, remedy)
            }
            Self::WrongKind { source, kind, prefix } => {
                let what = format!("wrong key: {source} is a {kind} key, as the other one");
                let remedy = format!("set it to the key that begins with {prefix}");
                return ("key-of-wrong-kind", what, remedy);
            }
            Self::NotAllowed(request) => return ("not-allowed", request.what(), request.remedy()),
            Self::UnreadableKeyFile { source, path, reason } => {
                let what = format!("could not read key file of {source}: {path}: {reason}");
                ("key-file-unreadable", what, "fix the path or the file")
            }
            Self::BadUrl { source, reason } => {
                let remedy = format!("use {}", BASE_URL.accepts);
                return ("bad-url", format!("invalid URL: {source} {reason}"), remedy);
            }
        };
        (code, what, remedy.to_owned())
    }
}

impl fmt::Display for DestinationProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, what, remedy) = self.parts();
        out.write_str(&sentences(&what, &remedy))
    }
}

impl std::error::Error for DestinationProblem {}

/// Values in the project's files that need the user's permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The folder in which the session was started.
    pub start: PathBuf,
    /// The top folder of the main repository, for which the permission is kept.
    pub root: PathBuf,
    /// The values, by name.
    pub values: Vec<RequestedValue>,
    /// The digest of the values, of the public key and the host that they lead to, and of the values that they
    /// override. Another digest asks the user again.
    pub digest: String,
    /// A request in doubt can't be allowed.
    pub doubt: Option<Doubt>,
    /// The destination of the session once the request is allowed.
    pub granted: Result<Destination, DestinationProblem>,
}

/// One value of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedValue {
    /// The variable's name, as spelled there.
    pub name: &'static str,
    /// The value in a form that may be shown.
    pub shown: String,
    /// The file.
    pub place: String,
    /// The value that applies until this one is allowed. Keys and hosts have none: nothing is sent until then.
    pub instead_of: Option<String>,
}

/// Why the owner of the environment's values is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// A file of the project can't be read.
    Unreadable { place: String, reason: String },
    /// Claude Code runs this command, and the transcript of its session was not found.
    UnknownSession,
}

impl Request {
    fn what(&self) -> String {
        let names: Vec<&str> = self.values.iter().map(|value| value.name).collect();
        match (&self.doubt, self.values.first()) {
            (Some(Doubt::Unreadable { place, reason }), _) => format!(
                "{} may be of this project: could not read its settings: {place}: {reason}",
                names.join(", ")
            ),
            (Some(Doubt::UnknownSession), _) => format!(
                "{} may be of a project: Claude Code runs this command, and its session was not found",
                names.join(", ")
            ),
            (None, Some(RequestedValue { name, shown, place, .. })) => {
                let more = match self.values.len() {
                    1 => String::new(),
                    count => format!(" and {} more", count - 1),
                };
                format!("{name} in {place} is not allowed yet ({name}={shown}{more})")
            }
            (None, None) => "values of this project are not allowed yet".to_owned(),
        }
    }

    pub(super) fn remedy(&self) -> String {
        match self.doubt {
            Some(Doubt::Unreadable { .. }) => "fix the file".to_owned(),
            Some(Doubt::UnknownSession) => "run the command in your own terminal".to_owned(),
            None => format!("run: {}", self.command()),
        }
    }

    /// The command that allows it.
    pub fn command(&self) -> String {
        format!("claude-langfuse allow {}", in_shell(&self.start.display().to_string()))
    }
}

/// Quotes a word for a shell.
pub fn in_shell(word: &str) -> String {
    let is_plain =
        |one: char| one.is_alphanumeric() || matches!(one, '/' | '-' | '_' | '.' | '+' | ',');
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
