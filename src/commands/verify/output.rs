//! Output of `verify`: one line per session with its faults below, then the totals.

use std::io::{self, Write};
use std::time::Duration;

use base::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::comparison::Comparison;
use super::expected::{Excuse, ExpectedObservation, Presence};
use crate::commands::exit_status::ExitStatus;
use crate::commands::output::{error_object, merged, plural, print_error, print_json, stdout};

/// Maximum number of faults per kind and session; a missing session has hundreds.
const MAX_FAULTS: usize = 10;

/// How long Langfuse Cloud shows observations in its free plan.
const FREE_PLAN_HISTORY: Duration = Duration::from_secs(30 * 86_400);

const FAULTS: [(&str, Presence); 3] = [
    ("missing", Presence::Missing),
    ("duplicate", Presence::Duplicated),
    ("mismatch", Presence::Mismatched),
];

/// Totals of the run so far.
#[derive(Default)]
pub(super) struct VerifySummary {
    json: bool,
    /// Only faults are printed.
    quiet: bool,
    counts: VerifyCounts,
    status: ExitStatus,
}

#[derive(Default, Serialize)]
struct VerifyCounts {
    sessions: usize,
    observations: usize,
    missing: usize,
    duplicate: usize,
    mismatched: usize,
    trace_unknown: usize,
    repaired: usize,
    never_sent: usize,
    failed: usize,
    /// Missing scores, and those with another value.
    scores_missing: usize,
}

impl VerifySummary {
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, ..Self::default() }
    }

    /// Counts a session that was never sent.
    pub(super) fn never_sent(&mut self) {
        self.counts.never_sent += 1;
    }

    /// Reports a session that was never sent although its id was given: a failure.
    pub(super) fn never_sent_by_name(&mut self, id: &str, named: &str) -> io::Result<()> {
        self.never_sent();
        self.status = self.status.max(ExitStatus::Failed);
        if self.json {
            print_json("session", json!({"session": id, "never_sent": true}))
        } else {
            writeln!(
                stdout(),
                "{id}  never sent\n  help: 'claude-langfuse replay {named}' sends it"
            )
        }
    }

    /// Reports a session that could not be compared.
    pub(super) fn failed(&mut self, id: &str, error: &anyhow::Error) -> io::Result<()> {
        let status = ExitStatus::of_error(error);
        self.counts.failed += 1;
        self.status = self.status.max(status);
        if self.json {
            let error = error_object(status.name(), &format!("{error:#}"));
            return print_json("session", json!({"session": id, "error": error}));
        }
        print_error(&format!("could not verify {id}: {error:#}"));
        Ok(())
    }

    /// Reports a compared session.
    pub(super) fn session(
        &mut self,
        comparison: &Comparison,
        link: impl Fn(&str) -> String,
    ) -> io::Result<()> {
        let [missing, duplicate, mismatched] =
            FAULTS.map(|(_, fault)| comparison.count(|presence| presence == fault));
        let counts = &mut self.counts;
        counts.sessions += 1;
        counts.observations += comparison.count(|_| true);
        counts.missing += missing;
        counts.duplicate += duplicate;
        counts.mismatched += mismatched;
        counts.trace_unknown += comparison.count(|presence| presence == Presence::Unknown);
        counts.repaired += comparison.repaired;
        let scores = comparison.scores.counts();
        let faults = missing + duplicate + mismatched + scores.missing + scores.mismatched;
        counts.scores_missing += scores.missing + scores.mismatched;
        if faults > 0 {
            self.status = self.status.max(ExitStatus::Failed);
        }
        if self.json {
            return print_json("session", as_json(comparison));
        }
        if self.quiet && faults == 0 {
            return Ok(());
        }
        let mut out = stdout();
        writeln!(out, "{}", session_text(comparison))?;
        for (name, fault) in FAULTS {
            print_faults(&mut out, name, &comparison.with(fault), &link)?;
        }
        let named = &comparison.named;
        if missing > 0 {
            writeln!(
                out,
                "  help: 'claude-langfuse verify {named} --repair' sends what is missing"
            )?;
        }
        if comparison.has_other_fields() || scores.missing + scores.mismatched > 0 {
            writeln!(
                out,
                "  help: 'claude-langfuse replay {named} --again' sends it as it is now"
            )?;
        }
        if comparison.is_misplaced() {
            writeln!(
                out,
                "  help: another start or trace stays: delete the trace in Langfuse, then 'claude-langfuse replay {named} --again'"
            )?;
        }
        let oldest = comparison.with(Presence::Missing).first().map(|(_, first)| first.start);
        let is_old = |start: Timestamp| Timestamp::now().since(start) > FREE_PLAN_HISTORY;
        if comparison.is_all_missing() && oldest.is_some_and(is_old) {
            writeln!(out, "  help: the free plan of Langfuse Cloud shows only the last 30 days")?;
        }
        Ok(())
    }

    /// Prints the totals.
    pub(super) fn finish(self) -> io::Result<ExitStatus> {
        let counts = &self.counts;
        if self.json {
            print_json("summary", json!(counts))?;
            return Ok(self.status);
        }
        if self.quiet {
            return Ok(self.status);
        }
        let mut line = format!(
            "{}: {}, {} missing, {} duplicated, {} mismatched",
            plural(counts.sessions, "session"),
            plural(counts.observations, "observation"),
            counts.missing,
            counts.duplicate,
            counts.mismatched
        );
        let further = [
            (counts.scores_missing, "scores missing or mismatched"),
            (counts.trace_unknown, "skipped (trace unknown)"),
            (counts.repaired, "sent again"),
        ];
        push_counts(&mut line, &further);
        if counts.never_sent > 0 {
            let sessions = plural(counts.never_sent, "session");
            line.push_str(&format!(", {sessions} never sent ('replay' sends them)"));
        }
        if counts.failed > 0 {
            line.push_str(&format!(", {} not compared", plural(counts.failed, "session")));
        }
        writeln!(stdout(), "{line}")?;
        Ok(self.status)
    }
}

/// Appends all counts above 0.
fn push_counts(line: &mut String, counts: &[(usize, &str)]) {
    for (count, note) in counts.iter().filter(|(count, _)| *count > 0) {
        line.push_str(&format!(", {count} {note}"));
    }
}

fn session_text(comparison: &Comparison) -> String {
    let count = |presence: Presence| comparison.count(|found| found == presence);
    let all = comparison.count(|_| true);
    let scores = comparison.scores.counts();
    let present = count(Presence::Present) + count(Presence::Unmerged);
    let mut line =
        format!("{}  {present} of {} stored", comparison.session, plural(all, "observation"));
    let counts = [
        (comparison.repaired, "sent again"),
        (count(Presence::Missing), "missing"),
        (count(Presence::Unknown), "skipped: the trace of their turn is unknown"),
        (comparison.withheld, "turns and agents skipped: policy not met"),
        (count(Presence::Duplicated), "duplicated"),
        (count(Presence::Mismatched), "mismatched"),
        (count(Presence::NotExpected(Excuse::NotYetSent)), "not yet sent"),
        (count(Presence::NotExpected(Excuse::Skipped)), "skipped"),
        (count(Presence::Unmerged), "counted twice until Langfuse merges them"),
        (comparison.foreign, "from other senders"),
        (scores.missing, "scores missing"),
        (scores.mismatched, "scores mismatched"),
    ];
    push_counts(&mut line, &counts);
    line
}

fn as_json(comparison: &Comparison) -> Value {
    let count = |presence: Presence| comparison.count(|found| found == presence);
    let list = |(_, fault)| -> Value {
        let object = |(id, expected): &(&str, &ExpectedObservation)| {
            let start = expected.start.rfc3339();
            let object = json!({"trace": expected.trace, "id": id, "observation": expected.name, "start": start});
            match fault {
                Presence::Mismatched => merged(object, json!({"differing": expected.differing()})),
                _ => object,
            }
        };
        comparison.with(fault).iter().map(object).collect()
    };
    let [missing, duplicated, mismatched] = FAULTS.map(list);
    let scores = comparison.scores.counts();
    json!({
        "session": comparison.session, "observations": comparison.count(|_| true),
        "missing": missing, "duplicate": duplicated, "mismatched": mismatched, "unmerged": count(Presence::Unmerged),
        "not_yet_sent": count(Presence::NotExpected(Excuse::NotYetSent)),
        "skipped": count(Presence::NotExpected(Excuse::Skipped)),
        "trace_unknown": count(Presence::Unknown), "policy_not_met": comparison.withheld,
        "foreign": comparison.foreign, "repaired": comparison.repaired,
        "scores": {"expected": scores.expected, "missing": scores.missing, "mismatched": scores.mismatched},
    })
}

fn print_faults(
    out: &mut impl Write,
    name: &str,
    found: &[(&str, &ExpectedObservation)],
    link: impl Fn(&str) -> String,
) -> io::Result<()> {
    for (_, expected) in found.iter().take(MAX_FAULTS) {
        let (observation, at) = (&expected.name, expected.start.local_second());
        let differing = match name {
            "mismatch" => format!(" ({})", expected.differing().join(", ")),
            _ => String::new(),
        };
        writeln!(out, "  {name:9}  {observation}{differing}  {at}  {}", link(&expected.trace))?;
    }
    match found.len().saturating_sub(MAX_FAULTS) {
        0 => Ok(()),
        more => writeln!(out, "  {name:9}  and {more} more"),
    }
}
