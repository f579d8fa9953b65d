//! What a delivering command tells: a line a session, then the whole in one line. People read it, or a script does.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Outcome, many};
use crate::config::Destination;
use crate::delivery::Report;
use crate::trace::TraceId;

/// Links that are shown of one session; a long one has hundreds.
const LINKS: usize = 5;

/// Sums up a run.
#[derive(Debug, Default)]
pub(super) struct Summary {
    json: bool,
    sessions: usize,
    turns: usize,
    spans: usize,
    bytes: usize,
    failed: usize,
    refused: usize,
    passed_over: usize,
    outcome: Outcome,
    last_complaint: String,
}

impl Summary {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            ..Self::default()
        }
    }

    /// A session went through, whole or in part.
    pub(super) fn session(
        &mut self,
        id: &str,
        report: &Report,
        destination: &Destination,
        outcome: Outcome,
    ) -> io::Result<()> {
        self.sessions += 1;
        self.turns += report.turns;
        self.spans += report.spans;
        self.bytes += report.bytes;
        self.refused += report.refused.len() + report.postponed;
        self.failed += usize::from(report.stopped.is_some());
        self.outcome = self.outcome.max(outcome);
        let link = |trace: &TraceId| destination.trace_link(trace.as_str());
        if self.json {
            let links: Vec<String> = report.traces.iter().map(link).collect();
            return print(&json!({
                "session": id, "turns": report.turns, "spans": report.spans, "bytes": report.bytes,
                "refused": report.refused.len() + report.postponed, "broken_lines": report.diagnostics.broken_lines,
                "unfinished": report.unfinished,
                "error": report.stopped.as_ref().map(|stopped| &stopped.reason), "traces": links,
            }));
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{id}  {}", said(report))?;
        if let Some(help) = help(outcome, destination) {
            writeln!(out, "  help: {help}")?;
        }
        if report.unfinished {
            writeln!(
                out,
                "  the last turn is not over: its end is sent when it is"
            )?;
        }
        let hidden = report.traces.len().saturating_sub(LINKS);
        if hidden > 0 {
            writeln!(out, "  … {hidden} earlier turns")?;
        }
        report
            .traces
            .iter()
            .skip(hidden)
            .try_for_each(|trace| writeln!(out, "  {}", link(trace)))
    }

    /// A session could not be read or sent at all.
    pub(super) fn failure(&mut self, id: &str, message: &str, outcome: Outcome) -> io::Result<()> {
        self.sessions += 1;
        self.failed += 1;
        self.outcome = self.outcome.max(outcome);
        if self.json {
            return print(&json!({"session": id, "error": message}));
        }
        // Keys that are missing are missing for every session of a folder.
        if self.last_complaint != message {
            super::complain(message);
            message.clone_into(&mut self.last_complaint);
        }
        Ok(())
    }

    /// A session is none of this command's business.
    pub(super) fn pass_over(&mut self) {
        self.passed_over += 1;
    }

    /// Ends the run.
    pub(super) fn finish(self, passed_over_because: &str) -> io::Result<Outcome> {
        let Self {
            json,
            sessions,
            turns,
            spans,
            bytes,
            failed,
            refused,
            passed_over,
            outcome,
            last_complaint: _,
        } = self;
        if json {
            print(&json!({
                "schema": 1, "sessions": sessions, "turns": turns, "spans": spans, "bytes": bytes,
                "failed": failed, "refused": refused, "passed_over": passed_over,
            }))?;
            return Ok(outcome);
        }
        let size = human(bytes);
        let mut line = format!(
            "{}: {}, {} sent ({size}), {failed} failed",
            many(sessions, "session"),
            many(turns, "turn"),
            many(spans, "observation"),
        );
        if refused > 0 {
            line.push_str(&format!(
                ", {} refused by the server",
                many(refused, "observation")
            ));
        }
        if passed_over > 0 {
            line.push_str(&format!(
                ", {} passed over ({passed_over_because})",
                many(passed_over, "session")
            ));
        }
        writeln!(io::stdout().lock(), "{line}")?;
        Ok(outcome)
    }
}

fn said(report: &Report) -> String {
    let sent = format!(
        "{}, {} sent",
        many(report.turns, "turn"),
        many(report.spans, "observation")
    );
    match &report.stopped {
        Some(stopped) if report.spans == 0 => format!("not sent: {}", stopped.reason),
        Some(stopped) => format!("{sent}, the rest failed: {}", stopped.reason),
        None if report.spans == 0 => "nothing new".to_owned(),
        None => sent,
    }
}

/// What to do next, where a person can do something.
fn help(outcome: Outcome, destination: &Destination) -> Option<String> {
    match outcome {
        Outcome::Done | Outcome::Failed => None,
        Outcome::Unreachable => {
            Some("nothing is lost; run it again when the server can be reached".to_owned())
        }
        Outcome::KeysRefused => Some(format!("check the keys: {}", destination.keys_source)),
        Outcome::Misconfigured => Some(format!(
            "check the address: {}",
            destination.base_url_source
        )),
        Outcome::ContentRefused => {
            Some("the next run tries again what was refused; -v says why".to_owned())
        }
    }
}

fn human(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

fn print(value: &Value) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{value}")
}
