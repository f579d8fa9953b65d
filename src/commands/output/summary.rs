//! What a delivering command tells: a line a session, then the whole in one line. People read it, or a script does.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::progress::Progress;
use crate::commands::delivery_context::{Session, outcome};
use crate::commands::remedy::remedy;
use crate::commands::{Outcome, broken_lines, error_object, many, print_json};
use crate::config::Destination;
use crate::delivery::{Report, Stopped};
use crate::trace::TraceId;

/// Links that are shown of one session; a long one has hundreds.
const LINKS: usize = 5;

/// Sums up a run.
#[derive(Debug, Default)]
pub(in crate::commands) struct Summary {
    json: bool,
    /// Nobody named the sessions: thousands of them may have nothing new.
    all: bool,
    sums: Sums,
    projects: BTreeMap<PathBuf, Sums>,
    refused: usize,
    passed_over: usize,
    withheld: usize,
    outcome: Outcome,
    last_complaint: String,
    progress: Progress,
}

/// What was done for some sessions.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sessions: usize,
    turns: usize,
    spans: usize,
    bytes: usize,
    failed: usize,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.turns += other.turns;
        self.spans += other.spans;
        self.bytes += other.bytes;
        self.failed += other.failed;
    }
}

impl Summary {
    pub(in crate::commands) fn new(json: bool) -> Self {
        Self {
            json,
            ..Self::default()
        }
    }

    /// Of all sessions that are there, project by project.
    pub(in crate::commands) fn of_all(json: bool, progress: Progress) -> Self {
        Self {
            all: true,
            progress,
            ..Self::new(json)
        }
    }

    /// A transcript of so many bytes is done with.
    pub(in crate::commands) fn step(&mut self, bytes: u64) {
        self.progress.step(bytes);
    }

    fn count(&mut self, project: Option<&Path>, sums: &Sums, outcome: Outcome) {
        self.sums.add(sums);
        self.outcome = self.outcome.max(outcome);
        if self.all {
            let project = project.unwrap_or(Path::new("(unknown)"));
            self.projects
                .entry(project.to_owned())
                .or_default()
                .add(sums);
        }
        self.progress.hide();
    }

    /// A session went through, whole or in part.
    pub(in crate::commands) fn session(
        &mut self,
        session: &Session,
        report: &Report,
        destination: &Destination,
    ) -> io::Result<()> {
        let outcome = outcome(report);
        let sums = Sums {
            sessions: 1,
            turns: report.turns,
            spans: report.spans,
            bytes: report.bytes,
            failed: usize::from(report.stopped.is_some()),
        };
        self.count(session.start.as_deref(), &sums, outcome);
        self.refused += report.refused.len() + report.postponed;
        self.withheld += report.withheld;
        let link = |trace: &TraceId| destination.trace_link(trace.as_str());
        if self.json {
            let links: Vec<String> = report.traces.iter().map(link).collect();
            return print_json(&json!({
                "schema": 1, "session": session.id, "turns": report.turns, "spans": report.spans, "scores": report.scores, "bytes": report.bytes,
                "refused": report.refused.len() + report.postponed, "broken_lines": report.diagnostics.broken_lines,
                "unfinished": report.unfinished, "withheld": report.withheld,
                "error": report.stopped.as_ref().map(|stopped| error_object(outcome, &stopped.reason)), "traces": links,
            }));
        }
        if self.is_told_already(report) {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{}  {}", session.id, said(report))?;
        if let Some(help) = help(report, destination) {
            writeln!(out, "  help: {help}")?;
        }
        if report.withheld > 0 {
            writeln!(out, "  {}", withheld(report.withheld))?;
        }
        if let Some(broken) = broken_lines(&report.diagnostics) {
            writeln!(out, "  {broken}")?;
        }
        if self.all {
            return Ok(());
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

    /// Of thousands of sessions those with nothing new need no line, and a server that is down is told of once.
    fn is_told_already(&mut self, report: &Report) -> bool {
        match &report.stopped {
            None => {
                let is_done = outcome(report) == Outcome::Done && report.withheld == 0;
                self.all && report.is_empty() && is_done
            }
            Some(stopped) if report.is_empty() => {
                let told = self.last_complaint == stopped.reason;
                self.last_complaint.clone_from(&stopped.reason);
                told
            }
            Some(_) => false,
        }
    }

    /// A session could not be read or sent at all.
    pub(in crate::commands) fn failure(
        &mut self,
        id: &str,
        project: Option<&Path>,
        message: &str,
        outcome: Outcome,
    ) -> io::Result<()> {
        let sums = Sums {
            sessions: 1,
            failed: 1,
            ..Sums::default()
        };
        self.count(project, &sums, outcome);
        if self.json {
            return print_json(
                &json!({"schema": 1, "session": id, "error": error_object(outcome, message)}),
            );
        }
        // Keys that are missing are missing for every session of a folder.
        if self.last_complaint != message {
            crate::commands::complain(message);
            message.clone_into(&mut self.last_complaint);
        }
        Ok(())
    }

    /// A session is none of this command's business.
    pub(in crate::commands) fn pass_over(&mut self) {
        self.passed_over += 1;
    }

    /// How it came out so far.
    pub(in crate::commands) fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Ends the run.
    pub(in crate::commands) fn finish(mut self, passed_over_because: &str) -> io::Result<Outcome> {
        self.progress.hide();
        let Sums {
            sessions,
            turns,
            spans,
            bytes,
            failed,
        } = self.sums;
        let (refused, passed_over, withheld) = (self.refused, self.passed_over, self.withheld);
        if self.json {
            for (project, sums) in &self.projects {
                print_json(&json!({
                    "schema": 1, "project": project, "sessions": sums.sessions, "turns": sums.turns, "spans": sums.spans,
                    "bytes": sums.bytes, "failed": sums.failed,
                }))?;
            }
            print_json(&json!({
                "schema": 1, "sessions": sessions, "turns": turns, "spans": spans, "bytes": bytes,
                "failed": failed, "refused": refused, "passed_over": passed_over, "withheld": withheld,
            }))?;
            return Ok(self.outcome);
        }
        if self.projects.len() > 1 {
            by_project(&self.projects)?;
        }
        let mut line = in_words(&self.sums);
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
        if withheld > 0 {
            line.push_str(&format!(", {withheld} skipped (policy not met)"));
        }
        writeln!(io::stdout().lock(), "{line}")?;
        Ok(self.outcome)
    }
}

/// Of what stays here, and what to do about it.
pub(in crate::commands) fn withheld(count: usize) -> String {
    format!(
        "{count} skipped (turns and agents): policy not met. Set CC_LANGFUSE_MASK_PATTERNS as it was when the turn began, then run 'claude-langfuse replay'"
    )
}

fn by_project(projects: &BTreeMap<PathBuf, Sums>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (project, sums) in projects {
        writeln!(out, "{}", project.display())?;
        writeln!(out, "  {}", in_words(sums))?;
    }
    Ok(())
}

fn in_words(sums: &Sums) -> String {
    format!(
        "{}: {}, {} sent ({}), {} failed",
        many(sums.sessions, "session"),
        many(sums.turns, "turn"),
        many(sums.spans, "observation"),
        human(sums.bytes),
        sums.failed
    )
}

fn said(report: &Report) -> String {
    let mut sent = vec![
        many(report.turns, "turn"),
        many(report.spans, "observation"),
    ];
    sent.extend((report.scores > 0).then(|| many(report.scores, "score")));
    let sent = format!("{} sent", sent.join(", "));
    match &report.stopped {
        Some(stopped) if report.is_empty() => format!("not sent: {}", stopped.reason),
        Some(stopped) => format!("{sent}, the rest failed: {}", stopped.reason),
        None if report.is_empty() => "nothing new".to_owned(),
        None => sent,
    }
}

/// What to do next, where a person can do something.
fn help(report: &Report, destination: &Destination) -> Option<String> {
    match &report.stopped {
        Some(Stopped {
            problem: problem @ Some(_),
            ..
        }) => Some(remedy(*problem, destination)),
        Some(_) => Some("nothing is lost; run it again when the server can be reached".to_owned()),
        None if outcome(report) == Outcome::ContentRefused => {
            Some("the next run tries again what was refused; -v says why".to_owned())
        }
        None => None,
    }
}

fn human(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
