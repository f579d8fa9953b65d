//! What `verify` tells: a line a session, what is wrong with it below, and the whole at the end.

use std::io::{self, Write};
use std::time::Duration;

use base::Timestamp;
use serde_json::{Value, json};

use super::comparison::{Comparison, Excuse, Expected, Verdict};
use crate::commands::{Outcome, complain, error_object, many, print_json};

/// Faults that are shown of one session; one that is missing as a whole has hundreds.
const SHOWN: usize = 10;

/// How far back the smallest plan lets people look.
const FREE_PLAN: Duration = Duration::from_secs(30 * 86_400);

const FAULTS: [(&str, Verdict); 3] = [
    ("missing", Verdict::Missing),
    ("double", Verdict::Double),
    ("different", Verdict::Different),
];

/// What was found so far.
pub(super) struct Findings {
    json: bool,
    sessions: usize,
    observations: usize,
    missing: usize,
    double: usize,
    different: usize,
    unknown: usize,
    repaired: usize,
    never_sent: usize,
    failed: usize,
    outcome: Outcome,
}

impl Findings {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            sessions: 0,
            observations: 0,
            missing: 0,
            double: 0,
            different: 0,
            unknown: 0,
            repaired: 0,
            never_sent: 0,
            failed: 0,
            outcome: Outcome::Done,
        }
    }

    /// Nothing of a session was ever sent: there is nothing to look for.
    pub(super) fn never_sent(&mut self) {
        self.never_sent += 1;
    }

    /// As [`Self::never_sent`], of a session whose name was given: so it is not there, which is what was asked.
    pub(super) fn named_never_sent(&mut self, id: &str) -> io::Result<()> {
        self.never_sent();
        self.outcome = self.outcome.max(Outcome::Failed);
        match self.json {
            true => print_json(&json!({"schema": 1, "session": id, "never_sent": true})),
            false => writeln!(
                io::stdout().lock(),
                "{id}  never sent\n  help: 'claude-langfuse replay {id}' sends it"
            ),
        }
    }

    /// A session could not be compared.
    pub(super) fn failed(&mut self, id: &str, reason: &str, outcome: Outcome) -> io::Result<()> {
        self.failed += 1;
        self.outcome = self.outcome.max(outcome);
        match self.json {
            true => print_json(
                &json!({"schema": 1, "session": id, "error": error_object(outcome, reason)}),
            ),
            false => {
                complain(&format!("could not verify {id}: {reason}"));
                Ok(())
            }
        }
    }

    /// A session was compared.
    pub(super) fn session(
        &mut self,
        comparison: &Comparison,
        link: impl Fn(&str) -> String,
    ) -> io::Result<()> {
        let [missing, double, different] =
            FAULTS.map(|(_, fault)| comparison.count(|verdict| verdict == fault));
        self.sessions += 1;
        self.observations += comparison.count(|_| true);
        self.missing += missing;
        self.double += double;
        self.different += different;
        self.unknown += comparison.count(|verdict| verdict == Verdict::Unknown);
        self.repaired += comparison.repaired;
        if missing + double + different > 0 {
            self.outcome = self.outcome.max(Outcome::Failed);
        }
        if self.json {
            return print_json(&as_json(comparison));
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{}", line(comparison))?;
        for (name, fault) in FAULTS {
            faulty(&mut out, name, &comparison.with(fault), &link)?;
        }
        if missing > 0 {
            let id = &comparison.session;
            writeln!(
                out,
                "  help: 'claude-langfuse verify {id} --repair' sends what is missing"
            )?;
        }
        let oldest = comparison
            .with(Verdict::Missing)
            .first()
            .map(|(_, first)| first.start);
        let is_old = |start: Timestamp| Timestamp::now().since(start) > FREE_PLAN;
        if comparison.is_absent() && oldest.is_some_and(is_old) {
            writeln!(
                out,
                "  help: the free plan of Langfuse Cloud shows nothing that is older than 30 days"
            )?;
        }
        Ok(())
    }

    /// Ends the run.
    pub(super) fn finish(self) -> io::Result<Outcome> {
        let Self {
            json,
            sessions,
            observations,
            missing,
            double,
            different,
            unknown,
            repaired,
            never_sent,
            failed,
            outcome,
        } = self;
        if json {
            print_json(&json!({
                "schema": 1, "sessions": sessions, "observations": observations, "missing": missing, "double": double,
                "different": different, "unknown": unknown, "repaired": repaired, "never_sent": never_sent, "failed": failed,
            }))?;
            return Ok(outcome);
        }
        let mut line = format!(
            "{}: {}, {missing} missing, {double} double, {different} different",
            many(sessions, "session"),
            many(observations, "observation"),
        );
        if unknown > 0 {
            line.push_str(&format!(", {unknown} skipped (trace unknown)"));
        }
        if repaired > 0 {
            line.push_str(&format!(", {repaired} sent again"));
        }
        if never_sent > 0 {
            let sessions = many(never_sent, "session");
            line.push_str(&format!(", {sessions} never sent ('replay' sends them)"));
        }
        if failed > 0 {
            line.push_str(&format!(", {} not compared", many(failed, "session")));
        }
        writeln!(io::stdout().lock(), "{line}")?;
        Ok(outcome)
    }
}

/// How a session came out, in one line.
fn line(comparison: &Comparison) -> String {
    let count = |wanted: Verdict| comparison.count(|verdict| verdict == wanted);
    let all = comparison.count(|_| true);
    let there = count(Verdict::There) + count(Verdict::Unmerged);
    let how = if there == all {
        "there"
    } else {
        "there as they should be"
    };
    let mut line = format!(
        "{}  {there} of {} {how}",
        comparison.session,
        many(all, "observation")
    );
    for (count, note) in [
        (comparison.repaired, "sent again"),
        (count(Verdict::Missing), "missing"),
        (
            count(Verdict::Unknown),
            "skipped: no state says in which trace they are",
        ),
        (
            comparison.withheld,
            "turns and agents skipped: policy not met",
        ),
        (count(Verdict::Double), "double"),
        (count(Verdict::Different), "different"),
        (count(Verdict::Excused(Excuse::NotYetSent)), "not yet sent"),
        (count(Verdict::Excused(Excuse::PassedOver)), "passed over"),
        (
            count(Verdict::Unmerged),
            "counted twice until Langfuse merges",
        ),
        (comparison.foreign, "of other senders"),
    ] {
        if count > 0 {
            line.push_str(&format!(", {count} {note}"));
        }
    }
    line
}

fn as_json(comparison: &Comparison) -> Value {
    let count = |wanted: Verdict| comparison.count(|verdict| verdict == wanted);
    let list = |(_, fault)| -> Vec<Value> {
        let found = comparison.with(fault);
        let told = found.iter().map(|(id, expected)| {
            let start = expected.start.rfc3339();
            json!({"trace": expected.trace, "id": id, "observation": expected.name, "start": start})
        });
        told.collect()
    };
    let [missing, double, different] = FAULTS.map(list);
    json!({
        "schema": 1, "session": comparison.session, "observations": comparison.count(|_| true),
        "missing": missing, "double": double, "different": different, "unmerged": count(Verdict::Unmerged),
        "not_yet_sent": count(Verdict::Excused(Excuse::NotYetSent)),
        "passed_over": count(Verdict::Excused(Excuse::PassedOver)),
        "unknown": count(Verdict::Unknown), "withheld": comparison.withheld,
        "foreign": comparison.foreign, "repaired": comparison.repaired,
    })
}

fn faulty(
    out: &mut impl Write,
    name: &str,
    found: &[(&str, &Expected)],
    link: impl Fn(&str) -> String,
) -> io::Result<()> {
    for (_, expected) in found.iter().take(SHOWN) {
        let (what, at) = (&expected.name, expected.start.rfc3339());
        writeln!(out, "  {name:9}  {what}  {at}  {}", link(&expected.trace))?;
    }
    match found.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  {name:9}  and {more} more"),
    }
}
