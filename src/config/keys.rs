//! Finds the destination in the layers. Keys come in pairs, and no key is sent to a host that was set for another.

use super::base_url::normalise;
use super::destination::{Destination, DestinationProblem, Request};
use super::env::Env;
use super::key_file::{self, Unreadable};
use super::layers::{Found, Layers};
use super::provenance::Owner;
use super::request::{is_declared, is_trusted_without_asking, request};
use super::secret::Secret;
use super::source::Source;
use super::variables::{BASE_URL, PUBLIC_KEY, SECRET_KEY, Variable};

/// The destination of a session, and the request of its project.
pub(super) struct Lead {
    pub(super) destination: Result<Destination, DestinationProblem>,
    pub(super) request: Option<Box<Request>>,
    pub(super) is_allowed: bool,
    /// The project's personal file that brought keys or host.
    pub(super) brought_by: Option<String>,
}

impl Lead {
    /// The result without a search for keys.
    pub(super) fn nowhere(problem: DestinationProblem) -> Self {
        Self { destination: Err(problem), request: None, is_allowed: false, brought_by: None }
    }
}

/// The destination of the layers. `shell_ignored` is only for the message.
pub(super) fn resolve(layers: &Layers, env: &Env, shell_ignored: bool) -> Lead {
    let host = layers.find(&BASE_URL);
    let (destination, is_trusted, brought_by) = match pair(layers) {
        Ok(Some((public, secret))) => {
            let is_projects = |found: &&Found<'_>| found.owner == Owner::Project;
            let brought = [Some(&public), host.as_ref()].into_iter().flatten().find(is_projects);
            let place = brought.map(|found| found.place.to_owned());
            let is_trusted = is_trusted_without_asking(layers, &public, &secret, host.as_ref());
            let destination = assemble(env, &public, &secret, host.as_ref());
            (destination, is_trusted, place.filter(|_| is_trusted))
        }
        Ok(None) => {
            let config_file = env.config_file();
            (Err(DestinationProblem::Missing { config_file, shell_ignored }), true, None)
        }
        Err(problem) => (Err(problem), true, None),
    };
    let request = request(layers, !is_trusted, &destination);
    let is_allowed = request
        .as_ref()
        .is_some_and(|request| is_declared(request, layers) || env.has_allowed(request));
    let destination = match &request {
        Some(request) if !is_trusted && !is_allowed => {
            Err(DestinationProblem::NotAllowed(request.clone()))
        }
        _ => destination,
    };
    Lead { destination, request, is_allowed, brought_by }
}

/// The keys of the highest layer with a key.
fn pair(layers: &Layers) -> Result<Option<(Found<'_>, Found<'_>)>, DestinationProblem> {
    let keys = (0..layers.depth())
        .map(|depth| (layers.at(depth, &PUBLIC_KEY), layers.at(depth, &SECRET_KEY)))
        .find(|(public, secret)| public.is_some() || secret.is_some());
    let is_projects = |found: &Found<'_>| found.owner == Owner::Project;
    match keys {
        // A key of the project and one of the user never form a pair.
        Some((Some(public), Some(secret))) if is_projects(&public) != is_projects(&secret) => {
            Err(if is_projects(&public) {
                half(&SECRET_KEY, &public)
            } else {
                half(&PUBLIC_KEY, &secret)
            })
        }
        Some((Some(public), Some(secret))) => Ok(Some((public, secret))),
        Some((Some(public), None)) => Err(half(&SECRET_KEY, &public)),
        Some((None, Some(secret))) => Err(half(&PUBLIC_KEY, &secret)),
        _ => Ok(None),
    }
}

fn assemble(
    env: &Env,
    public: &Found<'_>,
    secret: &Found<'_>,
    host: Option<&Found<'_>>,
) -> Result<Destination, DestinationProblem> {
    let (base_url, base_url_source) = match host {
        Some(host) => (url(host)?, host.source()),
        None => (BASE_URL.default.to_owned(), Source::built_in(&BASE_URL)),
    };
    let public_key = key(public, &PUBLIC_KEY, env)?;
    let secret_key = key(secret, &SECRET_KEY, env)?;
    check_kinds(public, &public_key, secret, &secret_key)?;
    Ok(Destination {
        base_url,
        public_key,
        secret_key: Secret::new(secret_key),
        keys_source: public.source(),
        secret_key_source: secret.source(),
        base_url_source,
    })
}

/// A public key is shown, so it must not be the secret one.
fn check_kinds(
    public: &Found<'_>,
    public_key: &str,
    secret: &Found<'_>,
    secret_key: &str,
) -> Result<(), DestinationProblem> {
    const PUBLIC: &str = "pk-lf-";
    const SECRET: &str = "sk-lf-";
    let wrong_kind = |found: &Found<'_>, kind, prefix| {
        Err(DestinationProblem::WrongKind { source: found.source(), kind, prefix })
    };
    match (public_key.starts_with(SECRET), secret_key.starts_with(PUBLIC)) {
        (false, false) if public_key.contains(SECRET) || public_key.contains(secret_key) => {
            Err(DestinationProblem::SecretInPublicKey { source: public.source() })
        }
        (false, false) => Ok(()),
        (true, false) if secret_key.starts_with(SECRET) => wrong_kind(public, "secret", PUBLIC),
        (false, true) if public_key.starts_with(PUBLIC) => wrong_kind(secret, "public", SECRET),
        _ => Err(DestinationProblem::Swapped { source: public.source() }),
    }
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
