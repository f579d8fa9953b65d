//! What Langfuse says of itself and of the keys: for people who want to know, never for a hook.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use crate::langfuse::client::Client;
use crate::langfuse::deadline::Deadline;
use crate::langfuse::verdict::{Problem, Verdict};

/// A server that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Langfuse's version.
    pub version: Option<String>,
    /// How far our clock is from the server's, where it tells its time.
    pub clock_skew: Option<Duration>,
}

/// The project that the keys belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// As people named it.
    pub name: String,
    /// The organisation it belongs to.
    pub organisation: Option<String>,
}

/// Asks whether Langfuse is there. Needs no valid keys.
///
/// # Errors
/// What is in the way, as a reply to an export.
pub fn health(client: &mut Client, deadline: Deadline) -> Result<Health, Verdict> {
    let answer = ask(client, "/api/public/health", deadline)?;
    let now = OffsetDateTime::now_utc();
    let skew = |server: OffsetDateTime| (now - server).unsigned_abs();
    Ok(Health { version: text(&answer, "version"), clock_skew: client.server_time().map(skew) })
}

/// Asks whose the keys are; none where the server does not say.
///
/// # Errors
/// What is in the way, as a reply to an export.
pub fn project(client: &mut Client, deadline: Deadline) -> Result<Option<Project>, Verdict> {
    let answer = ask(client, "/api/public/projects", deadline)?;
    let project = answer.get("data").and_then(|data| data.get(0));
    Ok(project.and_then(|project| {
        let organisation = project.get("organization");
        Some(Project {
            name: text(project, "name")?,
            organisation: organisation.and_then(|organisation| text(organisation, "name")),
        })
    }))
}

/// What every Langfuse answers at this path.
fn ask(client: &mut Client, path: &str, deadline: Deadline) -> Result<Value, Verdict> {
    let answer = client.get(path, deadline)?;
    answer
        // The client lets only a JSON object through.
        .map(|answer| serde_json::from_slice(&answer).unwrap_or_default())
        .ok_or_else(|| {
            let reason = format!(
                "{} answered 404: Langfuse's endpoint is not there, check the base URL",
                client.server()
            );
            Verdict::misconfigured(Problem::Url, reason)
        })
}

fn text(value: &Value, name: &str) -> Option<String> {
    let text = value.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}
