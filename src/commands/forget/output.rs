//! Output of `forget`: one line per trace, then the traces that remain.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::plan::{ForgetPlan, PlannedTrace};
use crate::commands::output::{plural, print_json, stdout};
use crate::config::Destination;

/// The outcome of the deletion.
pub(super) struct Outcome {
    /// The traces that were stored before.
    pub stored: BTreeSet<String>,
    /// The traces that are still stored.
    pub remaining: BTreeSet<String>,
    /// The number of deleted scores; `None` if the server does not list scores.
    pub scores: Option<usize>,
}

impl Outcome {
    fn of(&self, trace: &PlannedTrace) -> (&'static str, &'static str) {
        if self.remaining.contains(&trace.id) {
            ("remaining", "still there")
        } else if self.stored.contains(&trace.id) {
            ("deleted", "deleted")
        } else {
            ("not_found", "was not there")
        }
    }
}

pub(super) fn print_plan(
    plan: &ForgetPlan,
    destination: &Destination,
    json: bool,
) -> io::Result<()> {
    if json {
        let state = |_: &PlannedTrace| "planned";
        return print_json("forgotten", as_json(plan, destination, state, None));
    }
    let mut out = stdout();
    for trace in &plan.traces {
        let observations = plural(trace.observations, "observation");
        let link = destination.trace_link(&trace.id);
        writeln!(out, "{}  {link}  {observations}", trace.named())?;
    }
    let traces = plural(plan.traces.len(), "trace");
    writeln!(out, "would delete {} ({traces})", plan.named())?;
    print_attached(&mut out, plan)
}

pub(super) fn print_outcome(
    plan: &ForgetPlan,
    outcome: &Outcome,
    destination: &Destination,
    json: bool,
) -> io::Result<()> {
    if json {
        let state = |trace: &PlannedTrace| outcome.of(trace).0;
        return print_json("forgotten", as_json(plan, destination, state, outcome.scores));
    }
    let mut out = stdout();
    for trace in &plan.traces {
        let link = destination.trace_link(&trace.id);
        writeln!(out, "{}  {link}  {}", trace.named(), outcome.of(trace).1)?;
    }
    let (session, remaining) = (&plan.session, outcome.remaining.len());
    match remaining {
        0 => writeln!(out, "{}: gone from Langfuse, and not sent again", plan.named())?,
        _ => {
            let traces = plural(remaining, "trace");
            writeln!(out, "{}: Langfuse still shows {traces}", plan.named())?;
            writeln!(out, "  help: it deletes in the background; run the command again to check")?;
        }
    }
    match outcome.scores {
        Some(0) => {}
        Some(scores) => writeln!(out, "{} of the session deleted", plural(scores, "score"))?,
        None => {
            writeln!(out, "scores of the session stay: the server does not list scores")?;
        }
    }
    print_attached(&mut out, plan)?;
    writeln!(out, "dataset items stay; delete them in Langfuse")?;
    writeln!(out, "'claude-langfuse replay {session} --again' sends forgotten turns again")
}

fn print_attached(out: &mut impl Write, plan: &ForgetPlan) -> io::Result<()> {
    if plan.attached.is_empty() {
        return Ok(());
    }
    let turns = plan.attached.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    writeln!(out, "part of another application's trace, delete there: turn {turns}")
}

fn as_json(
    plan: &ForgetPlan,
    destination: &Destination,
    state: impl Fn(&PlannedTrace) -> &'static str,
    scores: Option<usize>,
) -> Value {
    let trace = |trace: &PlannedTrace| {
        json!({
            "trace": trace.id, "turn": trace.turn, "observations": trace.observations,
            "state": state(trace), "link": destination.trace_link(&trace.id),
        })
    };
    let traces: Vec<Value> = plan.traces.iter().map(trace).collect();
    json!({
        "session": plan.session, "traces": traces, "session_scores": scores,
        "attached_turns": plan.attached,
    })
}
