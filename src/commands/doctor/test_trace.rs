//! A trace there and back: what was sent last has a price, and, if wanted, a trace of our own arrives whole.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Timestamp;

use super::{Patient, connection};
use crate::commands::Outcome;
use crate::commands::output::report::Report;
use crate::config::Destination;
use crate::langfuse::{Body, Client, Deadline, Query, Reply, SCOPE, Stored};
use crate::state::Store;
use crate::trace::TraceId;

/// Langfuse answers before it has stored.
const POLL: Duration = Duration::from_millis(500);

pub(super) fn check(
    patient: &Patient<'_>,
    destination: &Destination,
    client: &mut Client,
    report: &mut Report,
) -> Outcome {
    let store = Store::new(&patient.config.state_dir);
    let last = store
        .delivered(&destination.id())
        .and_then(|delivered| delivered.trace);
    if let Some(trace) = last {
        let deadline = Deadline::after(patient.config.timeout);
        match observations_of(client, &trace, deadline) {
            Ok(observations) => last_trace(
                &destination.trace_link(trace.as_str()),
                &observations,
                report,
            ),
            Err(reply) => return connection::refused("last trace", &reply, destination, report),
        }
    }
    match patient.arguments.send_test {
        true => send(patient, destination, client, report),
        false => Outcome::Done,
    }
}

/// The observations of a trace as far as they are stored: the first page, which holds a turn. None means: not there yet.
fn observations_of(
    client: &mut Client,
    trace: &TraceId,
    deadline: Deadline,
) -> Result<Vec<Stored>, Reply> {
    let query = Query::of_trace_with_prices(trace.as_str());
    let page = match client.observations(&query, None, deadline)? {
        Some(page) => page,
        None => client.old_observations(&query, None, deadline)?,
    };
    Ok(page.observations)
}

/// A model that Langfuse has no price for shows no cost, and nothing else says so.
fn last_trace(link: &str, observations: &[Stored], report: &mut Report) {
    if observations.is_empty() {
        return report.warn(
            "last trace",
            format!("{link} is not there: it was deleted, or Langfuse is behind with its work"),
            "look again in some minutes; 'claude-langfuse replay --again <session>' sends a session once more",
        );
    }
    let unpriced = |one: &&Stored| one.has_usage() && !one.has_cost;
    let unpriced = observations.iter().filter(unpriced);
    let models = unpriced
        .filter_map(|one| one.model.as_deref())
        .collect::<BTreeSet<_>>();
    let models: Vec<&str> = models.into_iter().collect();
    if models.is_empty() {
        return report.ok("last trace", format!("{link} is there"));
    }
    report.warn(
        "prices",
        format!("Langfuse knows no price for {}", models.join(", ")),
        "add the model with its prices in the project's settings at Langfuse, under Models",
    );
}

fn send(
    patient: &Patient<'_>,
    destination: &Destination,
    client: &mut Client,
    report: &mut Report,
) -> Outcome {
    let now = Timestamp::now();
    let trace = TraceId::of_seed(&format!(
        "claude-langfuse doctor {} {}",
        now.as_millis(),
        std::process::id()
    ));
    let link = destination.trace_link(trace.as_str());
    let body = Body::new(export(&trace, now).as_bytes());
    let reply = client.send(&body, Deadline::after(patient.config.timeout));
    if reply != Reply::Acknowledged {
        return connection::refused("test trace", &reply, destination, report);
    }
    let patience = Deadline::after(patient.config.timeout);
    loop {
        match observations_of(client, &trace, patience) {
            Ok(observations) if !observations.is_empty() => {
                report.ok("test trace", format!("it was sent and read back: {link}"));
                return Outcome::Done;
            }
            Ok(_) if patience.remaining() > POLL => std::thread::sleep(POLL),
            Ok(_) => break,
            Err(reply) => return connection::refused("test trace", &reply, destination, report),
        }
    }
    report.fail(
        "test trace",
        format!("Langfuse took it, but did not store it within {} s: {link}", patient.config.timeout.as_secs()),
        "look at the worker of a Langfuse of your own (queue, object store, ClickHouse), or at status.langfuse.com",
    );
    Outcome::Failed
}

/// One span that says what it is, as an OTLP/JSON export.
fn export(trace: &TraceId, now: Timestamp) -> String {
    let attribute =
        |key: &str, value: &str| serde_json::json!({"key": key, "value": {"stringValue": value}});
    let trace_id = trace.as_str();
    let span_id: String = trace_id.chars().take(16).collect();
    let time = now.unix_nanos();
    serde_json::json!({"resourceSpans": [{"scopeSpans": [{
        "scope": {"name": SCOPE, "version": env!("CARGO_PKG_VERSION")},
        "spans": [{
            "traceId": trace_id, "spanId": span_id, "name": "claude-langfuse doctor",
            "startTimeUnixNano": time, "endTimeUnixNano": time,
            "attributes": [
                attribute("langfuse.trace.name", "claude-langfuse doctor"),
                attribute("langfuse.observation.type", "span"),
                attribute("langfuse.observation.output", "A test of the connection. It can be deleted."),
            ],
        }],
    }]}]})
    .to_string()
}
