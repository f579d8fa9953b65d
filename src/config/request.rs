//! Decides whether keys and host need permission, and builds the request to the user.

use std::path::Path;

use base::sha256;
use serde_json::json;

use super::destination::{Destination, DestinationProblem, Request, RequestedValue};
use super::layers::{Found, Layers};
use super::project::Allow;
use super::provenance::Owner;
use super::repository::root_of;
use super::variables::{BASE_URL, PUBLIC_KEY, SECRET_KEY, shown_as};

/// 16 of a digest's 32 bytes are enough: no second text with the same ones can be found.
const DIGEST_BYTES: usize = 16;

/// Whether the keys may go to the host without permission.
pub(super) fn is_trusted_without_asking(
    layers: &Layers,
    public: &Found<'_>,
    secret: &Found<'_>,
    host: Option<&Found<'_>>,
) -> bool {
    let is_projects = |found: &Found<'_>| found.owner == Owner::Project;
    let removes_host = host.is_none() && layers.host_removed_by.is_some();
    if !is_projects(public) && !host.is_some_and(is_projects) && !removes_host {
        return true;
    }
    let is_literal = !public.is_file_of(&PUBLIC_KEY) && !secret.is_file_of(&SECRET_KEY);
    if layers.provenance.doubt.is_some() || removes_host || !is_literal {
        return false;
    }
    // Both keys are in one personal file, and the host is too, unless it is the user's.
    let mut values = vec![(public.spelling, public.text), (secret.spelling, secret.text)];
    match host.map(|host| (host.owner, host)) {
        None | Some((Owner::User | Owner::Managed, _)) => {}
        Some((Owner::Shell, _)) => return false,
        Some((Owner::Project, host)) => values.push((host.spelling, host.text)),
    }
    layers.provenance.is_in_personal_file(&values)
}

/// The request of the project's files, if keys and host are those that lead to `granted`. `leads`: values that need
/// permission. `None` if nothing does.
pub(super) fn request(
    layers: &Layers,
    leads: bool,
    granted: &Result<Destination, DestinationProblem>,
) -> Option<Box<Request>> {
    if !leads && layers.withheld.is_empty() {
        return None;
    }
    let start = layers.provenance.start.as_deref().unwrap_or(Path::new(""));
    let mut found: Vec<Found<'_>> = layers.of_project().filter(|_| leads).collect();
    found.sort_by_key(|one| one.spelling);
    let mut values: Vec<RequestedValue> = found.iter().map(requested).collect();
    let removes_host = layers.host_removed_by.as_ref().filter(|_| leads);
    values.extend(removes_host.map(|place| RequestedValue {
        name: BASE_URL.name,
        shown: String::new(),
        place: place.clone(),
        instead_of: None,
    }));
    values.extend(layers.withheld.iter().map(|withheld| RequestedValue {
        name: withheld.spelling,
        shown: shown_as(withheld.spelling, &withheld.given.text),
        place: withheld.given.place.to_string(),
        instead_of: Some(shown_as(withheld.spelling, &withheld.instead)),
    }));
    Some(Box::new(Request {
        start: start.to_path_buf(),
        root: root_of(start),
        digest: digest(&found, removes_host.is_some(), layers, granted),
        values,
        doubt: layers.provenance.doubt.clone(),
        granted: granted.clone(),
    }))
}

/// Whether the config file allows the request.
pub(super) fn is_declared(request: &Request, layers: &Layers) -> bool {
    let declared = layers.provenance.declared();
    request.doubt.is_none()
        && matches!(declared, Some(Allow::Digests(digests)) if digests.contains(&request.digest))
}

fn requested(found: &Found<'_>) -> RequestedValue {
    RequestedValue {
        name: found.spelling,
        shown: shown_as(found.spelling, found.text),
        place: found.place.to_owned(),
        instead_of: None,
    }
}

/// The digest of everything that the user is shown: the values, the public key and host that they lead to, and what
/// becomes looser.
fn digest(
    found: &[Found<'_>],
    removes_host: bool,
    layers: &Layers,
    granted: &Result<Destination, DestinationProblem>,
) -> String {
    let values: Vec<[&str; 2]> = found.iter().map(|one| [one.spelling, one.text]).collect();
    let looser: Vec<[&str; 3]> = layers
        .withheld
        .iter()
        .map(|one| [one.spelling, one.given.text.as_str(), one.instead.as_str()])
        .collect();
    let leads_to = match granted {
        Ok(granted) => [granted.public_key.as_str(), granted.base_url.as_str()],
        Err(problem) => [problem.code(), ""],
    };
    let all = json!([values, removes_host, looser, leads_to]).to_string();
    sha256::hex(all.as_bytes(), DIGEST_BYTES)
}
