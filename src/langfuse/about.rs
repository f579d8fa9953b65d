//! What Langfuse says of itself, of the keys and of a trace: for people who want to know, never for a hook.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use crate::langfuse::client::Client;
use crate::langfuse::deadline::Deadline;
use crate::langfuse::reply::{Problem, Reply};

/// The most observations that one answer holds.
const PAGE: usize = 1000;

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

/// An observation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// The span's id.
    pub id: String,
    /// The model, where it is a model call with one.
    pub model: Option<String>,
    /// Whether it has tokens.
    pub has_usage: bool,
    /// Whether Langfuse knew a price for them.
    pub has_cost: bool,
}

/// Asks whether Langfuse is there. Needs no valid keys.
///
/// # Errors
/// What is in the way, as a reply to an export.
pub fn health(client: &mut Client, deadline: Deadline) -> Result<Health, Reply> {
    let answer = ask(client, "/api/public/health", deadline)?;
    let now = OffsetDateTime::now_utc();
    let skew = |server: OffsetDateTime| (now - server).unsigned_abs();
    Ok(Health {
        version: text(&answer, "version"),
        clock_skew: client.server_time().map(skew),
    })
}

/// Asks whose the keys are; none where the server does not say.
///
/// # Errors
/// What is in the way, as a reply to an export.
pub fn project(client: &mut Client, deadline: Deadline) -> Result<Option<Project>, Reply> {
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

/// The observations of a trace as far as they are stored, at most a thousand. An empty list means: not there yet.
///
/// # Errors
/// What is in the way, as a reply to an export.
pub fn observations_of(
    client: &mut Client,
    trace: &str,
    deadline: Deadline,
) -> Result<Vec<ReadBack>, Reply> {
    let newer = format!(
        "/api/public/v2/observations?traceId={trace}&limit={PAGE}&fields=core,basic,model,usage,metrics"
    );
    // Where Langfuse has only its older tables, a trace is known by its own page.
    let older = format!("/api/public/traces/{trace}");
    for (path, list) in [(newer, "data"), (older, "observations")] {
        if let Some(answer) = client.get(&path, deadline)? {
            let answer = json(&answer);
            let list = answer.get(list).and_then(Value::as_array);
            return Ok(list.into_iter().flatten().filter_map(read_back).collect());
        }
    }
    Ok(Vec::new())
}

/// What every Langfuse answers at this path.
fn ask(client: &mut Client, path: &str, deadline: Deadline) -> Result<Value, Reply> {
    let answer = client.get(path, deadline)?;
    answer
        .as_deref()
        .map(json)
        .ok_or_else(|| Reply::Misconfigured {
            reason: format!(
                "{} answered 404: Langfuse's endpoint is not there, check the base URL",
                client.server()
            ),
            problem: Problem::Url,
        })
}

/// The client lets only a JSON object through.
fn json(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).unwrap_or_default()
}

fn read_back(observation: &Value) -> Option<ReadBack> {
    let number = |name: &str| {
        observation
            .get(name)
            .and_then(Value::as_f64)
            .unwrap_or_default()
    };
    let members = |name: &str| observation.get(name).and_then(Value::as_object);
    Some(ReadBack {
        id: text(observation, "id")?,
        model: text(observation, "providedModelName").or_else(|| text(observation, "model")),
        has_usage: members("usageDetails").is_some_and(|usage| {
            let mut counts = usage.values();
            counts.any(|count| count.as_f64().is_some_and(|count| count > 0.0))
        }),
        has_cost: number("totalCost") > 0.0
            || number("calculatedTotalCost") > 0.0
            || members("costDetails").is_some_and(|costs| !costs.is_empty()),
    })
}

fn text(value: &Value, name: &str) -> Option<String> {
    let text = value.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}
