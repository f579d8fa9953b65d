//! Whose Langfuse a session goes to: keys and host as one unit, so that nobody's session is sent with
//! somebody else's keys and no key is shown to a host that was set for another.

use std::fmt;
use std::path::PathBuf;

use base::sha256;

use super::base_url::normalise;
use super::env::Env;
use super::key_file::{self, Unreadable};
use super::layers::{Found, Layers};
use super::provenance::Owner;
use super::request::{Request, is_trusted_without_asking};
use super::secret::Secret;
use super::source::{Layer, Problem, Source};
use super::variables::{BASE_URL, PUBLIC_KEY, SECRET_KEY, Variable};

/// One Langfuse project on one server, with the keys to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Scheme, host and base path, without a slash at the end.
    pub base_url: String,
    /// Names the Langfuse project; not a secret.
    pub public_key: String,
    /// Never shown.
    pub secret_key: Secret,
    /// Where the keys came from.
    pub keys_source: Source,
    /// Where the base URL came from.
    pub base_url_source: Source,
}

impl Destination {
    /// What cursors are filed under: 16 hex digits made of base URL and public key.
    pub fn id(&self) -> String {
        let named = format!("{}\n{}", self.base_url, self.public_key);
        sha256::hex(named.as_bytes(), 8)
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
    /// There are no keys.
    Missing {
        /// The file to put them in.
        config_file: Option<PathBuf>,
        /// The shell has keys, but they don't count in [`Scope::FilesOnly`](super::Scope::FilesOnly).
        shell_ignored: bool,
    },
    /// The highest layer with a key has only one of the two.
    HalfAPair {
        /// The canonical name of the missing one.
        missing: &'static str,
        /// Where the other one is.
        present: Source,
    },
    /// The two keys have changed places.
    Swapped {
        /// Where the public key should be.
        source: Source,
    },
    /// The shell names another host than that of the keys, which are in a file.
    HostConflict {
        /// The host of the keys.
        base_url: String,
        /// Where the keys are.
        keys: Box<Source>,
        /// The other host.
        other_url: String,
        /// Where the other host is named.
        other: Box<Source>,
    },
    /// The project's files bring keys or a host that the user has not allowed.
    NotAllowed(Box<Request>),
    /// A key file could not be read.
    UnreadableKeyFile {
        /// Where the path is written.
        source: Source,
        /// The path, expanded as far as possible.
        path: String,
        /// Why.
        reason: String,
    },
    /// The base URL can't be used.
    BadUrl {
        /// Where it is written.
        source: Source,
        /// Why; never the URL, which may hold a password.
        reason: String,
    },
}

impl DestinationProblem {
    /// A stable name, for `--json` and for telling the user of each problem once.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Suspended(_) => "suspended",
            Self::Missing { .. } => "keys-missing",
            Self::HalfAPair { .. } => "half-a-pair",
            Self::Swapped { .. } => "keys-swapped",
            Self::HostConflict { .. } => "host-conflict",
            Self::NotAllowed(_) => "not-allowed",
            Self::UnreadableKeyFile { .. } => "key-file-unreadable",
            Self::BadUrl { .. } => "bad-url",
        }
    }
}

impl DestinationProblem {
    /// What is wrong.
    pub fn what(&self) -> String {
        match self {
            Self::Off => "tracing is off here".to_owned(),
            Self::Suspended(problem) => problem.cause(),
            Self::Missing { shell_ignored: false, .. } => "no Langfuse keys".to_owned(),
            Self::Missing { .. } => {
                "no Langfuse keys (the shell's do not count for sessions it did not start)"
                    .to_owned()
            }
            Self::HalfAPair { missing, present } => {
                format!("{present} has no {missing} beside it")
            }
            Self::Swapped { source } => format!("{source} is not a public key"),
            Self::HostConflict { base_url, keys, other_url, other } => {
                format!("{other} is {other_url}, but {keys} is a key to {base_url}")
            }
            Self::NotAllowed(request) => request.what(),
            Self::UnreadableKeyFile { source, path, reason } => {
                format!("could not read the key file that {source} names: {path}: {reason}")
            }
            Self::BadUrl { source, reason } => format!("{source} can't be used: {reason}"),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Off => "set TRACE_TO_LANGFUSE to true".to_owned(),
            Self::Suspended(problem) => problem.remedy.clone(),
            Self::Missing { config_file, .. } => {
                let place = match config_file {
                    Some(path) => path.display().to_string(),
                    None => "Claude Code's settings".to_owned(),
                };
                format!(
                    "set LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, or each with _FILE, in {place}"
                )
            }
            Self::HalfAPair { .. } => {
                "set both there, because keys of two places are never mixed".to_owned()
            }
            Self::Swapped { .. } => "exchange the two keys".to_owned(),
            Self::HostConflict { .. } => {
                "set the keys where that URL is set, or remove the URL".to_owned()
            }
            Self::NotAllowed(request) => request.remedy(),
            Self::UnreadableKeyFile { .. } => "correct the path or the file".to_owned(),
            Self::BadUrl { .. } => format!("use {}", BASE_URL.accepts),
        }
    }
}

impl fmt::Display for DestinationProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}; {}", self.what(), self.remedy())
    }
}

impl std::error::Error for DestinationProblem {}

/// The destination that the layers name. `shell_ignored` is only for the message.
pub(super) fn resolve(
    layers: &Layers,
    env: &Env,
    shell_ignored: bool,
) -> Result<Destination, DestinationProblem> {
    let Some((public, secret)) = pair(layers)? else {
        return Err(DestinationProblem::Missing { config_file: env.config_file(), shell_ignored });
    };
    let host = layers.find(&BASE_URL);
    let destination = assemble(layers, env, &public, &secret, host.as_ref());
    if is_trusted_without_asking(layers, &public, &secret, host.as_ref()) {
        return destination;
    }
    let request = Request::of(layers, destination);
    match request.is_declared(layers.provenance.declared()) {
        true => request.granted,
        false => Err(DestinationProblem::NotAllowed(request)),
    }
}

/// The keys of the highest layer that has one.
fn pair(layers: &Layers) -> Result<Option<(Found<'_>, Found<'_>)>, DestinationProblem> {
    let keys = (0..layers.depth())
        .map(|depth| (layers.at(depth, &PUBLIC_KEY), layers.at(depth, &SECRET_KEY)))
        .find(|(public, secret)| public.is_some() || secret.is_some());
    let is_projects = |found: &Found<'_>| found.owner == Owner::Project;
    match keys {
        // The project's half and the user's are no pair.
        Some((Some(public), Some(secret))) if is_projects(&public) != is_projects(&secret) => {
            Err(match is_projects(&public) {
                true => half(&SECRET_KEY, &public),
                false => half(&PUBLIC_KEY, &secret),
            })
        }
        Some((Some(public), Some(secret))) => Ok(Some((public, secret))),
        Some((Some(public), None)) => Err(half(&SECRET_KEY, &public)),
        Some((None, Some(secret))) => Err(half(&PUBLIC_KEY, &secret)),
        _ => Ok(None),
    }
}

fn assemble(
    layers: &Layers,
    env: &Env,
    public: &Found<'_>,
    secret: &Found<'_>,
    host: Option<&Found<'_>>,
) -> Result<Destination, DestinationProblem> {
    let (base_url, base_url_source) = host_of(layers, public, host)?;
    let public_key = key(public, &PUBLIC_KEY, env)?;
    let secret_key = key(secret, &SECRET_KEY, env)?;
    // Otherwise the secret would be shown wherever a public key may be.
    if public_key.starts_with("sk-lf-") || secret_key.starts_with("pk-lf-") {
        return Err(DestinationProblem::Swapped { source: public.source() });
    }
    Ok(Destination {
        base_url,
        public_key,
        secret_key: Secret::new(secret_key),
        keys_source: public.source(),
        base_url_source,
    })
}

/// The base URL that the layers name, else the default. One that only the shell has, under a name that other programs have
/// too, must not differ from that of keys in a file.
fn host_of(
    layers: &Layers,
    keys: &Found<'_>,
    host: Option<&Found<'_>>,
) -> Result<(String, Source), DestinationProblem> {
    let Some(host) = host else {
        return Ok((BASE_URL.default.to_owned(), built_in(&BASE_URL)));
    };
    let base_url = url(host)?;
    let is_other_programs = host.owner == Owner::Shell && !host.spelling.starts_with("CC_");
    if host.depth < keys.depth && is_other_programs {
        let own = (host.depth + 1..layers.depth()).find_map(|depth| layers.at(depth, &BASE_URL));
        let own_url = own.as_ref().map(url).transpose()?;
        let own_url = own_url.unwrap_or_else(|| BASE_URL.default.to_owned());
        if own_url != base_url {
            return Err(DestinationProblem::HostConflict {
                base_url: own_url,
                keys: Box::new(keys.source()),
                other_url: base_url,
                other: Box::new(host.source()),
            });
        }
    }
    Ok((base_url, host.source()))
}

fn url(found: &Found<'_>) -> Result<String, DestinationProblem> {
    normalise(found.text)
        .map_err(|reason| DestinationProblem::BadUrl { source: found.source(), reason })
}

fn key(found: &Found<'_>, variable: &Variable, env: &Env) -> Result<String, DestinationProblem> {
    if !found.is_file_of(variable) {
        return Ok(found.text.to_owned());
    }
    key_file::read(found.text, env).map_err(|Unreadable { path, reason }| {
        DestinationProblem::UnreadableKeyFile { source: found.source(), path, reason }
    })
}

fn half(missing: &Variable, present: &Found<'_>) -> DestinationProblem {
    DestinationProblem::HalfAPair { missing: missing.name, present: present.source() }
}

pub(super) fn built_in(variable: &Variable) -> Source {
    Source { layer: Layer::Default, place: "the defaults".to_owned(), name: variable.name }
}
