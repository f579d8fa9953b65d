//! Reads the last trace back, and with `--send-test` sends a trace and reads it back.

use std::time::Duration;

use super::DoctorContext;
use super::server::report_failure;
use crate::commands::exit_status::ExitStatus;
use crate::commands::output::CheckReport;
use crate::config::Destination;
use crate::langfuse::{Body, Client, Deadline, Query, SCOPE, Stored, Verdict};
use crate::state::Store;
use crate::trace::TraceId;
use base::Timestamp;

/// Time between two reads: Langfuse acknowledges before it stores.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

pub(super) fn check(
    context: &DoctorContext<'_>,
    destination: &Destination,
    client: &mut Client,
    report: &mut CheckReport,
) -> ExitStatus {
    let store = Store::new(&context.config.state_dir);
    let last = store.delivered(&destination.id()).and_then(|delivered| delivered.trace);
    if let Some(trace) = last {
        let deadline = Deadline::after(context.config.timeout);
        match observations_of(client, &trace, deadline) {
            Ok(observations) => {
                check_last_trace(&destination.trace_link(trace.as_str()), &observations, report)
            }
            Err(reply) => return report_failure("last trace", &reply, destination, report),
        }
    }
    if context.args.send_test {
        send_test_trace(context, destination, client, report)
    } else {
        ExitStatus::Done
    }
}

/// The stored observations of a trace: the first page, which is enough for a turn. Empty if nothing is stored yet.
fn observations_of(
    client: &mut Client,
    trace: &TraceId,
    deadline: Deadline,
) -> Result<Vec<Stored>, Verdict> {
    let query = Query::of_whole_trace(trace.as_str());
    let page = match client.observations(&query, None, deadline)? {
        Some(page) => page,
        None => client.old_observations(&query, None, deadline)?,
    };
    Ok(page.observations)
}

fn check_last_trace(link: &str, observations: &[Stored], report: &mut CheckReport) {
    if observations.is_empty() {
        return report.warn(
            "last trace",
            format!("{link} not found: it was deleted, or Langfuse has not stored it yet"),
            "retry in some minutes; 'claude-langfuse replay --again <session>' sends the session again",
        );
    }
    report.ok("last trace", format!("{link} found"));
}

fn send_test_trace(
    context: &DoctorContext<'_>,
    destination: &Destination,
    client: &mut Client,
    report: &mut CheckReport,
) -> ExitStatus {
    let now = Timestamp::now();
    let trace = TraceId::of_seed(&format!(
        "claude-langfuse doctor {} {}",
        now.as_millis(),
        std::process::id()
    ));
    let link = destination.trace_link(trace.as_str());
    let body = Body::new(test_trace_body(&trace, now).as_bytes());
    let reply = client.send(&body, Deadline::after(context.config.timeout));
    if reply != Verdict::Acknowledged {
        return report_failure("test trace", &reply, destination, report);
    }
    let deadline = Deadline::after(context.config.timeout);
    loop {
        match observations_of(client, &trace, deadline) {
            Ok(observations) if !observations.is_empty() => {
                report.ok("test trace", format!("sent and read back: {link}"));
                return ExitStatus::Done;
            }
            Ok(_) if deadline.remaining() > POLL_INTERVAL => std::thread::sleep(POLL_INTERVAL),
            Ok(_) => break,
            Err(reply) => return report_failure("test trace", &reply, destination, report),
        }
    }
    report.fail(
        "test trace",
        format!("Langfuse accepted it, but did not store it within {} s: {link}", context.config.timeout.as_secs()),
        "check the worker of a self-hosted Langfuse (queue, object store, ClickHouse), or status.langfuse.com",
    );
    ExitStatus::Failed
}

/// One self-describing span, as an OTLP/JSON export.
fn test_trace_body(trace: &TraceId, now: Timestamp) -> String {
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
