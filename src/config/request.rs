//! What the files of a project ask for and the user has not allowed yet: keys or a host that would decide where a session goes.

use std::path::{Path, PathBuf};

use base::sha256;
use serde_json::json;

use super::destination::{Destination, DestinationProblem};
use super::layers::{Found, Layers};
use super::project::Allow;
use super::provenance::{Doubt, Owner};
use super::repository::main_checkout;
use super::source::{masked, shown};
use super::variables::{BASE_URL, PUBLIC_KEY, SECRET_KEY};

/// Of a digest's 32 bytes these are enough: nobody can search for another text with the same ones.
const DIGEST_BYTES: usize = 16;

/// What the files of a project ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The folder in which the session was started.
    pub start: PathBuf,
    /// The top folder of the main repository, which the user's word is kept for.
    pub root: PathBuf,
    /// The values, by name.
    pub values: Vec<RequestedValue>,
    /// Names all of that, and the public key and the host that it leads to. With another one the user is asked again.
    pub digest: String,
    /// Why it can't be told what the project asks for: then it can't be allowed.
    pub doubt: Option<Doubt>,
    /// Where the session goes once it is allowed.
    pub granted: Result<Destination, DestinationProblem>,
}

/// One value of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedValue {
    /// The variable's name, as spelled there.
    pub name: &'static str,
    /// The value as it may be shown.
    pub shown: String,
    /// The file.
    pub place: String,
}

impl Request {
    /// What the layers ask for, if keys and host are those that lead to `granted`.
    pub(super) fn of(
        layers: &Layers,
        granted: Result<Destination, DestinationProblem>,
    ) -> Box<Self> {
        let start = layers.provenance.start().unwrap_or(Path::new(""));
        let mut found: Vec<Found<'_>> = layers.of_project().collect();
        found.sort_by_key(|one| one.spelling);
        let mut values: Vec<RequestedValue> = found
            .iter()
            .map(|one| {
                let source = one.source();
                RequestedValue { name: source.name, shown: shown_value(one), place: source.place }
            })
            .collect();
        values.extend(layers.host_removed_by.as_ref().map(|place| RequestedValue {
            name: BASE_URL.name,
            shown: String::new(),
            place: place.clone(),
        }));
        Box::new(Self {
            start: start.to_path_buf(),
            root: root_of(start),
            digest: digest(&found, layers.host_removed_by.is_some(), &granted),
            values,
            doubt: layers.provenance.doubt().cloned(),
            granted,
        })
    }

    /// Whether the config file allows it.
    pub(super) fn is_declared(&self, declared: Option<&Allow>) -> bool {
        let has_it = |digests: &Vec<String>| digests.contains(&self.digest);
        self.doubt.is_none() && matches!(declared, Some(Allow::Digests(digests)) if has_it(digests))
    }

    /// What is in the way.
    pub(super) fn what(&self) -> String {
        let names: Vec<&str> = self.values.iter().map(|value| value.name).collect();
        match (&self.doubt, self.values.first()) {
            (Some(Doubt::Unreadable { place, reason }), _) => format!(
                "{} may be of this project, whose settings can't be read: {place}: {reason}",
                names.join(", ")
            ),
            (Some(Doubt::UnknownSession), _) => format!(
                "{} may be of a project: Claude Code runs this command, and its session was not found",
                names.join(", ")
            ),
            (None, Some(RequestedValue { name, shown, place })) => {
                let more = match self.values.len() {
                    1 => String::new(),
                    count => format!(" and {} more", count - 1),
                };
                format!("{name} in {place} is not allowed yet ({name}={shown}{more})")
            }
            (None, None) => "values of this project are not allowed yet".to_owned(),
        }
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> String {
        match self.doubt {
            Some(Doubt::Unreadable { .. }) => "fix the file".to_owned(),
            Some(Doubt::UnknownSession) => "run it in a terminal of your own".to_owned(),
            None => format!("run: {}", self.command()),
        }
    }

    /// The command that allows it.
    pub fn command(&self) -> String {
        let start = self.start.display().to_string();
        let is_plain =
            |one: char| one.is_alphanumeric() || matches!(one, '/' | '-' | '_' | '.' | '+' | ',');
        match start.chars().all(is_plain) {
            true => format!("claude-langfuse allow {start}"),
            false => format!("claude-langfuse allow '{}'", start.replace('\'', r"'\''")),
        }
    }
}

/// The folder that a user's word about a session is kept for.
pub fn root_of(start: &Path) -> PathBuf {
    let root = main_checkout(start).unwrap_or_else(|| start.to_path_buf());
    root.canonicalize().unwrap_or(root)
}

fn shown_value(found: &Found<'_>) -> String {
    let is_secret = SECRET_KEY.spellings.contains(&found.spelling)
        && !SECRET_KEY.is_file_spelling(found.spelling);
    match is_secret {
        true => masked(found.text),
        false => shown(found.text),
    }
}

fn digest(
    found: &[Found<'_>],
    removes_host: bool,
    granted: &Result<Destination, DestinationProblem>,
) -> String {
    let values: Vec<[&str; 2]> = found.iter().map(|one| [one.spelling, one.text]).collect();
    let leads_to = match granted {
        Ok(granted) => [granted.public_key.as_str(), granted.base_url.as_str()],
        Err(problem) => [problem.code(), ""],
    };
    let all = json!([values, removes_host, leads_to]).to_string();
    sha256::hex(all.as_bytes(), DIGEST_BYTES)
}

/// Whether the keys may go to the host without a word of the user.
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
    if layers.provenance.doubt().is_some() || removes_host || !is_literal {
        return false;
    }
    // Both keys stand in one personal file, and with them the host, unless it is the user's.
    let mut values = vec![(public.spelling, public.text), (secret.spelling, secret.text)];
    match host.map(|host| (host.owner, host)) {
        None | Some((Owner::User | Owner::Managed, _)) => {}
        Some((Owner::Shell, _)) => return false,
        Some((Owner::Project, host)) => values.push((host.spelling, host.text)),
    }
    layers.provenance.personal_file_with(&values).is_some()
}
