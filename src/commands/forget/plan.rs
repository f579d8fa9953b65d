//! The traces of a session, by their turns, as `replay` would send them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, bail};
use base::Timestamp;

use crate::commands::delivery_context::SessionTarget;
use crate::commands::output::plural;
use crate::commands::preview::each_span;
use crate::commands::session_args;
use crate::commands::session_ref::SessionRef;
use crate::config::Config;
use crate::langfuse::Span;
use crate::trace::MetadataKey;

/// Observations are searched in this time around the session.
const SEARCH_MARGIN: Duration = Duration::from_secs(86_400);

pub(super) struct ForgetPlan {
    pub session: String,
    /// The whole session is selected, with its scores and with observations outside of turns.
    pub is_whole: bool,
    /// In the order of their starts.
    pub traces: Vec<PlannedTrace>,
    /// All spans of these traces.
    pub spans: BTreeSet<String>,
    /// Turns that are part of another application's trace.
    pub attached: BTreeSet<u64>,
    pub times: Range<Timestamp>,
}

pub(super) struct PlannedTrace {
    pub id: String,
    /// `None` for a compaction or an agent outside of turns.
    pub turn: Option<u64>,
    pub root: String,
    pub start: Timestamp,
    pub observations: usize,
}

impl ForgetPlan {
    pub(super) fn of(
        session: &SessionTarget,
        config: &Config,
        reference: &SessionRef,
    ) -> Result<Self> {
        let mut traces: BTreeMap<String, (PlannedTrace, Vec<String>)> = BTreeMap::new();
        let (mut attached, mut times) = (BTreeSet::new(), None::<Range<Timestamp>>);
        each_span(&session.for_preview(), config, |span| {
            let start = span.start();
            let known = times.take().unwrap_or(start..start);
            times = Some(known.start.min(start)..known.end.max(start));
            let turn = number(&span);
            if span.attribute("session.id").is_none() {
                attached.extend(turn);
                return Ok(());
            }
            let id = span.trace_id().to_owned();
            let (trace, spans) = traces.entry(id.clone()).or_insert_with(|| {
                let root = span.name().to_owned();
                (PlannedTrace { id, turn, root, start, observations: 0 }, Vec::new())
            });
            trace.observations += 1;
            if span.parent().is_none() {
                (trace.root, trace.start) = (span.name().to_owned(), start);
            }
            spans.push(span.span_id().to_owned());
            Ok(())
        })?;
        let Some(times) = times else {
            bail!("could not forget session {}: it has no turns of its own", session.id);
        };
        let numbers = traces.values().filter_map(|(trace, _)| trace.turn);
        let numbers: Vec<u64> = numbers.chain(attached.iter().copied()).collect();
        session_args::check_turns(reference, &numbers)?;
        let is_whole = reference.turns.is_all();
        let is_meant =
            |turn: Option<u64>| is_whole || turn.is_some_and(|turn| reference.turns.contains(turn));
        traces.retain(|_, (trace, _)| is_meant(trace.turn));
        attached.retain(|turn| is_meant(Some(*turn)));
        let (mut traces, spans): (Vec<PlannedTrace>, Vec<Vec<String>>) =
            traces.into_values().unzip();
        traces.sort_by(|one, other| (one.start, &one.id).cmp(&(other.start, &other.id)));
        Ok(Self {
            session: session.id.clone(),
            is_whole,
            traces,
            spans: spans.into_iter().flatten().collect(),
            attached,
            times: times.start.before(SEARCH_MARGIN)..times.end.plus(SEARCH_MARGIN),
        })
    }

    pub(super) fn trace_ids(&self) -> BTreeSet<String> {
        self.traces.iter().map(|trace| trace.id.clone()).collect()
    }

    /// The selection, for people.
    pub(super) fn named(&self) -> String {
        let turns = self.traces.iter().filter_map(|trace| trace.turn);
        let turns: BTreeSet<u64> = turns.chain(self.attached.iter().copied()).collect();
        match (self.is_whole, turns.first()) {
            (false, Some(turn)) if turns.len() == 1 => {
                format!("turn {turn} of session {}", self.session)
            }
            (false, _) => format!("{} of session {}", plural(turns.len(), "turn"), self.session),
            (true, _) => format!("session {}", self.session),
        }
    }
}

impl PlannedTrace {
    /// The turn or the root, for people.
    pub(super) fn named(&self) -> String {
        match self.turn {
            Some(turn) => format!("turn {turn}"),
            None => self.root.clone(),
        }
    }
}

fn number(span: &Span) -> Option<u64> {
    span.metadata(MetadataKey::TurnNumber)?.parse().ok()
}
