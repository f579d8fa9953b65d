//! The figures of a run: from its transcript, from Claude Code's result, and from its checkout.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;
use transcript::{locate, reported_costs};

use crate::commands::delivery_context::outline_of;
use crate::commands::experiment::claude::Answer;
use crate::commands::experiment::record::COST;
use crate::score::{FIGURES, Value, figure_of_nothing, figures, number};
use crate::trace::{SpanId, SpanIds, TraceId};
use crate::usage::{ToolOutcome, read_session};

/// The check succeeded.
pub(super) const CHECK: &str = "check_passed";

/// The figures in the transcript of a run.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub transcript: Option<PathBuf>,
    pub turn: Option<RunTurn>,
    pub figures: BTreeMap<String, f64>,
    /// Model calls were answered, and their cost is unknown.
    pub cost_is_unknown: bool,
}

/// The turn with the item's prompt.
#[derive(Clone, Debug)]
pub(super) struct RunTurn {
    pub trace: TraceId,
    pub root: SpanId,
    pub at: Timestamp,
}

/// Reads the figures of a session.
///
/// # Errors
/// When its transcript can't be read.
pub(super) fn measure(
    session: &str,
    claude_config: &Path,
    answer: Option<&Answer>,
) -> Result<Measured> {
    let mut measured = Measured::default();
    let mut add = |name: &str, figure: f64| measured.figures.insert(name.to_owned(), figure);
    if let Some(milliseconds) = answer.and_then(|answer| answer.duration_ms) {
        add("seconds", number(milliseconds) / 1000.0);
    }
    let mut cost = answer.and_then(|answer| answer.total_cost_usd);
    let Some(path) = locate::sessions_by_prefix(claude_config, session).pop() else {
        measured.figures.extend(cost.map(|cost| (COST.to_owned(), cost)));
        return Ok(measured);
    };
    let (facts, _) = read_session(&path, session)?;
    let usage =
        |of: fn(&transcript::Usage) -> u64| facts.calls.iter().map(|call| of(&call.usage)).sum();
    let tokens: u64 =
        usage(|usage| usage.input + usage.cache_read + usage.cache_write + usage.output);
    add("tokens", number(tokens));
    add("output_tokens", number(usage(|usage| usage.output)));
    add("model_calls", number(facts.calls.len() as u64));
    let tools = |is: fn(&crate::usage::ToolFacts) -> bool| {
        facts.tools.iter().filter(|tool| is(tool)).count() as u64
    };
    add("tool_calls", number(facts.tools.len() as u64));
    add("tools_failed", number(tools(|tool| tool.outcome == ToolOutcome::Failed)));
    add("tools_denied", number(tools(|tool| tool.outcome == ToolOutcome::Denied)));
    add("tools_retried", number(tools(|tool| tool.is_retry)));
    let reported = reported_costs(&path).unwrap_or_default();
    cost = cost.or_else(|| reported.last().map(|reported| reported.dollars));
    if let Some(cost) = cost {
        add(COST, cost);
    }
    measured.cost_is_unknown = cost.is_none() && !facts.calls.is_empty();
    let mut turn = None;
    outline_of(session, &path, |of_session| {
        // A turn without any model output is not sent.
        if turn.is_none() && of_session.is_numbered() && of_session.has_begun() {
            let uuid = &of_session.opening.uuid;
            let trace = TraceId::of_seed(uuid);
            let root = SpanIds::of(&trace, uuid).turn(uuid);
            turn = Some((RunTurn { trace, root, at: of_session.opening.at }, figures(of_session)));
        }
    })?;
    if let Some((turn, figures)) = turn {
        let absent = FIGURES.into_iter().filter_map(|name| Some((name, figure_of_nothing(name)?)));
        let all: BTreeMap<&str, Value> = absent.chain(figures).collect();
        for (name, figure) in all {
            match figure {
                Value::Numeric(figure) => add(name, figure),
                Value::Boolean(yes) => add(name, f64::from(u8::from(yes))),
                Value::Categorical(_) | Value::Text(_) | Value::Correction(_) => None,
            };
        }
        measured.turn = Some(turn);
    }
    measured.transcript = Some(path);
    Ok(measured)
}
