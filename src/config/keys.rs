//! From layers to a destination. Keys come in pairs, and no key is sent to a host that was set for another.

use super::base_url::normalise;
use super::destination::{Destination, DestinationProblem};
use super::env::Env;
use super::key_file::{self, Unreadable};
use super::layers::{Found, Layers};
use super::provenance::Owner;
use super::request::{is_declared, is_trusted_without_asking, request};
use super::secret::Secret;
use super::source::Source;
use super::variables::{BASE_URL, PUBLIC_KEY, SECRET_KEY, Variable};

/// The destination of the layers. `shell_ignored` is only for the message.
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
    let request = request(layers, destination);
    match is_declared(&request, layers) {
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
        // Halves of the project and of the user are never mixed.
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
    // A public key is shown, and this one holds the secret.
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
        return Ok((BASE_URL.default.to_owned(), Source::built_in(&BASE_URL)));
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
