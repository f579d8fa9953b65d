//! Output of commands that send: one line per session, then the totals. For people or for scripts.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::delivery_context::{SessionTarget, exit_status};
use crate::commands::exit_status::ExitStatus;
use crate::commands::output::{
    ProgressLine, broken_lines, byte_size, error_object, for_people, merged, plural, print_error,
    print_json, stdout, untimed_rows,
};
use crate::commands::remedy::remedy;
use crate::config::Destination;
use crate::delivery::{Report, Stopped};
use crate::trace::TraceId;

/// Maximum number of links per session; a long one has hundreds.
const MAX_LINKS: usize = 5;

#[derive(Debug, Default)]
pub(in crate::commands) struct DeliverySummary {
    json: bool,
    /// Errors only.
    quiet: bool,
    /// The run covers all sessions: thousands of them may have nothing new.
    all: bool,
    totals: DeliveryCounts,
    projects: BTreeMap<PathBuf, DeliveryCounts>,
    rejected: usize,
    skipped: usize,
    withheld: usize,
    declined: usize,
    forgotten: usize,
    inherited: usize,
    status: ExitStatus,
    last_error: String,
    progress: ProgressLine,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct DeliveryCounts {
    sessions: usize,
    turns: usize,
    spans: usize,
    bytes: usize,
    failed: usize,
}

impl DeliveryCounts {
    fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.turns += other.turns;
        self.spans += other.spans;
        self.bytes += other.bytes;
        self.failed += other.failed;
    }
}

impl DeliverySummary {
    pub(in crate::commands) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, ..Self::default() }
    }

    /// For a run over all sessions, with totals per project.
    pub(in crate::commands) fn per_project(
        json: bool,
        quiet: bool,
        progress: ProgressLine,
    ) -> Self {
        Self { all: true, progress, ..Self::new(json, quiet) }
    }

    /// Advances the progress line.
    pub(in crate::commands) fn advance(&mut self, bytes: u64) {
        self.progress.advance(bytes);
    }

    fn count(&mut self, project: Option<&Path>, counts: &DeliveryCounts, status: ExitStatus) {
        self.totals.add(counts);
        self.status = self.status.max(status);
        if self.all {
            let project = project.unwrap_or(Path::new("(unknown)"));
            self.projects.entry(project.to_owned()).or_default().add(counts);
        }
        self.progress.hide();
    }

    /// Reports a session that was delivered, at least in part.
    pub(in crate::commands) fn session(
        &mut self,
        session: &SessionTarget,
        report: &Report,
        destination: &Destination,
    ) -> io::Result<()> {
        let status = exit_status(report);
        let counts = DeliveryCounts {
            sessions: 1,
            turns: report.turns,
            spans: report.spans,
            bytes: report.bytes,
            failed: usize::from(report.stopped.is_some()),
        };
        self.count(session.start.as_deref(), &counts, status);
        self.rejected += report.refused.len() + report.postponed;
        self.withheld += report.withheld;
        self.declined += report.declined;
        self.forgotten += report.forgotten;
        self.inherited += report.inherited;
        let link = |trace: &TraceId| destination.trace_link(trace.as_str());
        if self.json {
            let links: Vec<String> = report.traces.iter().map(link).collect();
            return print_json("session", session_json(&session.id, report, status, &links));
        }
        if self.is_redundant(report) {
            return Ok(());
        }
        if self.quiet {
            if let Some(reason) = session_error(report) {
                print_error(&format!("{}: {reason}", session.id));
            }
            return Ok(());
        }
        let mut out = stdout();
        writeln!(out, "{}  {}", session.id, for_people(&session_text(report)))?;
        if let Some(help) = session_help(report, destination) {
            writeln!(out, "  help: {}", for_people(&help))?;
        }
        let skipped = [
            (report.withheld > 0).then(|| withheld_text(report.withheld)),
            (report.forgotten > 0 && !self.all).then(|| forgotten_text(report.forgotten)),
            broken_lines(&report.diagnostics),
            untimed_rows(&report.diagnostics),
        ];
        for skipped in skipped.into_iter().flatten() {
            writeln!(out, "  {skipped}")?;
        }
        if self.all {
            return Ok(());
        }
        if report.unfinished {
            writeln!(out, "  the last turn is still open: its end is sent when it ends")?;
        }
        let hidden = report.traces.len().saturating_sub(MAX_LINKS);
        if hidden > 0 {
            writeln!(out, "  … {hidden} earlier turns")?;
        }
        report.traces.iter().skip(hidden).try_for_each(|trace| writeln!(out, "  {}", link(trace)))
    }

    /// In a run over all sessions, unchanged sessions get no line; the same failure is printed once.
    fn is_redundant(&mut self, report: &Report) -> bool {
        match &report.stopped {
            None => {
                let is_done = exit_status(report) == ExitStatus::Done && report.withheld == 0;
                self.all && report.is_empty() && is_done
            }
            Some(stopped) if report.is_empty() => {
                let repeated = self.last_error == stopped.reason;
                self.last_error.clone_from(&stopped.reason);
                repeated
            }
            Some(_) => false,
        }
    }

    /// Reports a session that could not be read or sent at all.
    pub(in crate::commands) fn failure(
        &mut self,
        id: &str,
        project: Option<&Path>,
        error: &anyhow::Error,
    ) -> io::Result<()> {
        let (status, message) = (ExitStatus::of_error(error), format!("{error:#}"));
        let counts = DeliveryCounts { sessions: 1, failed: 1, ..DeliveryCounts::default() };
        self.count(project, &counts, status);
        if self.json {
            let error = error_object(status.name(), &message);
            return print_json("session", json!({"session": id, "error": error}));
        }
        // Missing keys affect every session of a folder.
        if self.last_error != message {
            print_error(&message);
            self.last_error = message;
        }
        Ok(())
    }

    /// Counts a session that this command doesn't send.
    pub(in crate::commands) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// The status so far.
    pub(in crate::commands) fn status(&self) -> ExitStatus {
        self.status
    }

    /// Prints the totals.
    pub(in crate::commands) fn finish(mut self, skip_reason: &str) -> io::Result<ExitStatus> {
        self.progress.hide();
        let Self { rejected, skipped, withheld, declined, forgotten, inherited, .. } = self;
        if self.json {
            for (project, counts) in &self.projects {
                print_json("project", merged(json!({"project": project}), json!(counts)))?;
            }
            let skipped = json!({
                "rejected": rejected, "skipped": skipped, "policy_not_met": withheld,
                "declined": declined, "forgotten": forgotten, "inherited": inherited,
            });
            print_json("summary", merged(json!(self.totals), skipped))?;
            return Ok(self.status);
        }
        if self.quiet {
            return Ok(self.status);
        }
        let mut out = stdout();
        if self.projects.len() > 1 {
            for (project, counts) in &self.projects {
                writeln!(out, "{}", for_people(&project.display().to_string()))?;
                writeln!(out, "  {}", counts_text(counts))?;
            }
        }
        let notes = [
            (rejected, rejected_text(rejected)),
            (skipped, format!("{} skipped ({skip_reason})", plural(skipped, "session"))),
            (withheld, format!("{withheld} skipped (policy not met)")),
            (declined, declined_text(declined)),
            (forgotten, format!("{} skipped (forgotten)", plural(forgotten, "turn"))),
            (inherited, inherited_text(inherited)),
        ];
        write!(out, "{}", counts_text(&self.totals))?;
        for (_, note) in notes.iter().filter(|(count, _)| *count > 0) {
            write!(out, ", {note}")?;
        }
        writeln!(out)?;
        Ok(self.status)
    }
}

fn session_json(id: &str, report: &Report, status: ExitStatus, links: &[String]) -> Value {
    json!({
        "session": id, "turns": report.turns, "spans": report.spans, "scores": report.scores, "bytes": report.bytes,
        "rejected": report.refused.len() + report.postponed, "broken_lines": report.diagnostics.broken_lines,
        "in_progress": report.unfinished, "policy_not_met": report.withheld, "forgotten": report.forgotten, "inherited": report.inherited,
        "error": session_error(report).map(|reason| error_object(status.name(), &reason)), "traces": links,
    })
}

pub(in crate::commands) fn declined_text(count: usize) -> String {
    format!("{} skipped (declined or paused)", plural(count, "turn"))
}

pub(in crate::commands) fn inherited_text(count: usize) -> String {
    format!("{} skipped (of the session copied from)", plural(count, "turn"))
}

/// Turns and agents that are not sent because of their policy, and the remedy.
pub(in crate::commands) fn withheld_text(count: usize) -> String {
    format!(
        "{count} skipped (turns and agents): policy not met. Set CC_LANGFUSE_MASK_PATTERNS as it was when the turn began, then run 'claude-langfuse replay'"
    )
}

/// Turns that were deleted in Langfuse, and how to send them anyway.
pub(in crate::commands) fn forgotten_text(count: usize) -> String {
    format!("{} skipped: forgotten. 'replay --again --yes' sends them again", plural(count, "turn"))
}

fn counts_text(counts: &DeliveryCounts) -> String {
    format!(
        "{}: {}, {} sent ({}), {} failed",
        plural(counts.sessions, "session"),
        plural(counts.turns, "turn"),
        plural(counts.spans, "observation"),
        byte_size(counts.bytes),
        counts.failed
    )
}

/// Why a part of the session was not delivered.
fn session_error(report: &Report) -> Option<String> {
    let rejected = report.refused.len() + report.postponed;
    match &report.stopped {
        Some(stopped) => Some(stopped.reason.clone()),
        None => (rejected > 0).then(|| rejected_text(rejected)),
    }
}

fn rejected_text(observations: usize) -> String {
    format!("{} rejected by Langfuse", plural(observations, "observation"))
}

fn session_text(report: &Report) -> String {
    let rejected = report.refused.len() + report.postponed;
    let mut sent = vec![plural(report.turns, "turn"), plural(report.spans, "observation")];
    sent.extend((report.scores > 0).then(|| plural(report.scores, "score")));
    let sent = format!("{} sent", sent.join(", "));
    match &report.stopped {
        Some(stopped) if report.is_empty() => format!("not sent: {}", stopped.reason),
        Some(stopped) => format!("{sent}, the rest failed: {}", stopped.reason),
        None if report.is_empty() && rejected > 0 => rejected_text(rejected),
        None if report.is_empty() => "nothing new".to_owned(),
        None if rejected > 0 => format!("{sent}, {}", rejected_text(rejected)),
        None => sent,
    }
}

fn session_help(report: &Report, destination: &Destination) -> Option<String> {
    match &report.stopped {
        Some(Stopped { problem: problem @ Some(_), .. }) => Some(remedy(*problem, destination)),
        Some(_) => {
            Some("nothing is lost; run the command again when the server is reachable".to_owned())
        }
        None if exit_status(report) == ExitStatus::ContentRejected => {
            Some("run the command again: Langfuse may accept it later".to_owned())
        }
        None => None,
    }
}
