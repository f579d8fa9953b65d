//! Langfuse's version and the project of the keys. For commands, never for a hook.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use crate::langfuse::{Client, Deadline, Problem, Verdict};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub version: Option<String>,
    /// Difference to the server's clock, if the response has a date.
    pub clock_skew: Option<Duration>,
}

/// The project that the keys belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub name: String,
    pub organisation: Option<String>,
}

/// Checks that Langfuse answers. Needs no valid keys.
///
/// # Errors
/// The verdict of the failed request.
pub fn health(client: &mut Client, deadline: Deadline) -> Result<Health, Verdict> {
    let answer = ask(client, "/api/public/health", deadline)?;
    let now = OffsetDateTime::now_utc();
    let skew = |server: OffsetDateTime| (now - server).unsigned_abs();
    Ok(Health { version: text(&answer, "version"), clock_skew: client.server_time().map(skew) })
}

/// The project of the keys; `None` if the server does not say.
///
/// # Errors
/// The verdict of the failed request.
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

/// GETs a path that every Langfuse has.
fn ask(client: &mut Client, path: &str, deadline: Deadline) -> Result<Value, Verdict> {
    let answer = client.get(path, deadline)?;
    answer
        // The client accepts only JSON objects.
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
