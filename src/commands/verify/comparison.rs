//! Expected observations of a session beside the stored ones.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, bail};
use base::Timestamp;
use transcript::session::{Outline, TurnOutline};

use super::expected::{Excuse, ExpectedObservation, Presence};
use super::fields::Fields;
use super::scores::ExpectedScores;
use crate::commands::delivery_context::{SessionTarget, job};
use crate::commands::output::tokens;
use crate::commands::preview::each_request;
use crate::config::Config;
use crate::langfuse::{Span, Stored};
use crate::privacy::Policy;
use crate::state::{Cursor, Placement, Runs, Subagent, Within};
use crate::trace::{SpanId, SpanIds, TraceId};

/// Misplaced observations are searched in this time around the session.
const SEARCH_MARGIN: Duration = Duration::from_secs(86_400);

pub(super) struct Comparison {
    pub session: String,
    /// The name of the session for commands: the given path, otherwise the id.
    pub named: String,
    expected: BTreeMap<String, ExpectedObservation>,
    /// The turns belong to another application's traces, and name no session.
    pub attached: bool,
    /// Scores of its turns.
    pub scores: ExpectedScores,
    /// Stored observations of the session that another program sent.
    pub foreign: usize,
    /// Number of observations that were sent again.
    pub repaired: usize,
    /// Number of turns and agents whose agreed policy prevents sending them again.
    pub withheld: usize,
    /// Roots of turns, and whether state has their trace.
    turns: BTreeMap<String, bool>,
    /// Whether state has the trace of observations outside of turns.
    is_start_placed: bool,
}

impl Comparison {
    /// Expects all observations of a session.
    pub(super) fn of(
        session: &SessionTarget,
        named: &str,
        config: &Config,
        cursor: Option<&Cursor>,
    ) -> Result<Self> {
        let (mut expected, mut attached) = (BTreeMap::new(), false);
        let mut scores = ExpectedScores::default();
        let preview = session.for_preview();
        let whole = |destination: &str| job(&preview, config, destination);
        each_request(&preview, config, &whole, &mut |raw| {
            for span in Span::all_of(raw) {
                attached |= span.attribute("session.id").is_none();
                expected.insert(span.span_id().to_owned(), ExpectedObservation::of(&span));
            }
            scores.take(raw);
            Ok(())
        })?;
        let today = Policy::from(config).agreement();
        if cursor.is_some_and(|cursor| cursor.agreed_otherwise(&today)) {
            expect_as_agreed(&mut expected, session, config)?;
        }
        Ok(Self {
            session: session.id.clone(),
            named: named.to_owned(),
            expected,
            attached,
            scores,
            foreign: 0,
            repaired: 0,
            withheld: 0,
            turns: BTreeMap::new(),
            is_start_placed: false,
        })
    }

    /// Notes which turns have a known trace.
    pub(super) fn note_placements(&mut self, outline: &Outline, placements: &Runs<Placement>) {
        self.is_start_placed = !placements.is_empty();
        let mut within = Within::default();
        for turn in &outline.turns {
            let is_placed = placements.find(&turn.uuid, &mut within).is_some();
            self.turns.insert(self.root_id(turn), is_placed);
        }
    }

    /// The root's id, in the trace in which it is expected.
    fn root_id(&self, turn: &TurnOutline) -> String {
        let id = |ids: &SpanIds| {
            let root =
                if turn.is_compaction { ids.compaction(&turn.uuid) } else { ids.turn(&turn.uuid) };
            root.as_str().to_owned()
        };
        let own = id(&SpanIds::of_turn(&turn.uuid));
        if self.expected.contains_key(&own) {
            return own;
        }
        let mut placed = self.expected.iter().filter_map(|(here, expected)| {
            let trace = TraceId::given(expected.trace.clone());
            let root = (expected.start == turn.at).then(|| id(&SpanIds::of(&trace, &turn.uuid)))?;
            (root == *here).then_some(root)
        });
        placed.next().unwrap_or(own)
    }

    /// Marks observations whose trace is unknown: neither state nor a stored observation of their turn shows it.
    pub(super) fn mark_unplaced(&mut self) {
        let groups: Vec<String> =
            self.expected.keys().map(|id| self.group(id).to_owned()).collect();
        let found = self.expected.values().zip(&groups).filter(|(expected, _)| expected.is_here());
        let proven = found.map(|(_, group)| group).collect::<BTreeSet<_>>();
        for (expected, group) in self.expected.values_mut().zip(&groups) {
            let is_noted = self.turns.get(group).unwrap_or(&self.is_start_placed);
            expected.is_unplaced = !is_noted && !proven.contains(group);
        }
    }

    /// The root of the turn of an observation, or its topmost ancestor outside of turns.
    fn group<'a>(&'a self, id: &'a str) -> &'a str {
        let mut here = id;
        for _ in 0..self.expected.len() {
            let parent = self.expected.get(here).and_then(|found| found.parent.as_deref());
            match parent {
                Some(parent) if self.expected.contains_key(parent) => here = parent,
                Some(parent) if self.turns.contains_key(parent) => return parent,
                _ => break,
            }
        }
        here
    }

    /// Excuses observations of skipped turns, and those that are not sent yet.
    pub(super) fn excuse_unsent(&mut self, cursor: &Cursor, outline: &Outline) -> Result<()> {
        if !cursor.file.still_holds(&cursor.transcript) {
            bail!(
                "could not verify {}: its transcript was rewritten after it was sent; run 'claude-langfuse replay' first",
                self.session
            );
        }
        let mut turns: BTreeMap<String, Excuse> = BTreeMap::new();
        for turn in &outline.turns {
            let mut skipped = cursor.skipped.iter();
            let root = self.root_id(turn);
            if skipped
                .any(|range| (range.start..range.end.unwrap_or(u64::MAX)).contains(&turn.start))
            {
                turns.insert(root, Excuse::Skipped);
            } else if turn.end > cursor.open_start && !self.is_elsewhere(turn, cursor) {
                turns.insert(root, Excuse::NotYetSent);
            }
        }
        let subagents = cursor.subagents.iter();
        let agents = subagents
            .map(|(agent, subagent)| {
                let turn = subagent.link.as_ref().map_or("", |link| &link.turn);
                (cursor.span_ids(turn).agent(agent).as_str().to_owned(), subagent)
            })
            .collect::<BTreeMap<_, _>>();
        let ids = self.expected.keys();
        let excuses: Vec<Option<Excuse>> =
            ids.map(|id| self.excuse(id, cursor, &turns, &agents)).collect();
        for (expected, excuse) in self.expected.values_mut().zip(excuses) {
            expected.excuse = excuse;
        }
        let length = std::fs::metadata(&cursor.transcript).map_or(0, |file| file.len());
        if length > cursor.file.length {
            let is_open = |id: &&String| turns.get(self.group(id)) == Some(&Excuse::NotYetSent);
            let open: BTreeSet<String> = self.expected.keys().filter(is_open).cloned().collect();
            for (id, expected) in &mut self.expected {
                expected.is_outdated |= open.contains(id);
            }
        }
        Ok(())
    }

    /// It was sent to another trace than expected, under other ids.
    fn is_elsewhere(&self, turn: &TurnOutline, cursor: &Cursor) -> bool {
        let sent = cursor.contexts.get(&turn.uuid).map(|context| context.trace_id.as_str());
        let expected = self.expected.get(&self.root_id(turn)).map(|root| root.trace.as_str());
        sent.zip(expected).is_some_and(|(sent, expected)| sent != expected)
    }

    /// Decides by the nearest enclosing subagent or turn.
    fn excuse(
        &self,
        id: &str,
        cursor: &Cursor,
        turns: &BTreeMap<String, Excuse>,
        agents: &BTreeMap<String, &Subagent>,
    ) -> Option<Excuse> {
        let span = SpanId::given(id);
        let mut ancestor = Some(id);
        let mut subagent: Option<&Subagent> = None;
        // At most one step per span: in a broken transcript two subagents may have launched each other.
        for _ in 0..self.expected.len() {
            let here = ancestor?;
            subagent = subagent.or_else(|| agents.get(here).copied());
            if let Some(excuse) = turns.get(here) {
                let sent = match subagent {
                    Some(subagent) => is_sent(subagent, &span),
                    None => cursor.acknowledged.contains_key(&span),
                };
                return (!sent || *excuse == Excuse::Skipped).then_some(*excuse);
            }
            ancestor = self.expected.get(here)?.parent.as_deref();
            if ancestor.is_none_or(|parent| !self.expected.contains_key(parent)) {
                break;
            }
        }
        let subagent = subagent.filter(|subagent| !is_sent(subagent, &span))?;
        Some(if subagent.declined || subagent.link.is_none() {
            Excuse::Skipped
        } else {
            Excuse::NotYetSent
        })
    }

    /// Forgets all stored observations.
    pub(super) fn clear(&mut self) {
        self.foreign = 0;
        for expected in self.expected.values_mut() {
            (expected.equal, expected.different) = (0, 0);
            expected.differing.clear();
            expected.elsewhere.clear();
        }
    }

    /// Adds a stored observation.
    pub(super) fn add_stored(&mut self, stored: &Stored) {
        let Some(expected) = self.expected.get_mut(&stored.span_id) else {
            self.foreign += usize::from(!self.attached);
            return;
        };
        if stored.trace_id != expected.trace || stored.start != expected.start {
            let place = (stored.trace_id.clone(), stored.start);
            expected.elsewhere.insert(place);
            return;
        }
        let mut differing = expected.fields.differing(&Fields::of_stored(stored));
        if tokens::from_usage_details(&stored.usage) != expected.usage {
            differing.push("tokens");
        }
        expected.equal += usize::from(differing.is_empty());
        expected.different += usize::from(!differing.is_empty());
        expected.differing.extend(differing);
    }

    /// The traces of all expected observations.
    pub(super) fn traces(&self) -> BTreeSet<String> {
        let expected = self.expected.values();
        expected.map(|expected| expected.trace.clone()).collect()
    }

    /// The time range of all starts, with a day before and after for misplaced observations.
    pub(super) fn times(&self) -> Option<Range<Timestamp>> {
        let starts = || self.expected.values().map(|expected| expected.start);
        Some(starts().min()?.before(SEARCH_MARGIN)..starts().max()?.plus(SEARCH_MARGIN))
    }

    /// The current scores of stored traces, without those that wait for a delivery or were skipped.
    pub(super) fn scores_to_read(&mut self) -> Vec<String> {
        let mut settled: BTreeMap<&str, bool> = BTreeMap::new();
        for (_, expected, presence) in
            self.expected.iter().map(|(id, one)| (id, one, one.presence()))
        {
            let is_here = !matches!(
                presence,
                Presence::NotExpected(_) | Presence::Unknown | Presence::Missing
            );
            *settled.entry(&expected.trace).or_insert(true) &= is_here;
        }
        self.scores.keep_of(|trace| settled.get(trace).copied().unwrap_or(false));
        self.scores.ids()
    }

    pub(super) fn is_all_missing(&self) -> bool {
        self.presences()
            .all(|(_, _, presence)| matches!(presence, Presence::Missing | Presence::Unknown))
    }

    pub(super) fn has_missing(&self) -> bool {
        self.presences().any(|(_, _, presence)| presence == Presence::Missing)
    }

    /// A missing observation may be on its way, and a different one may be replaced.
    pub(super) fn may_change(&self) -> bool {
        let scores = self.scores.counts();
        let mut all = self.presences();
        scores.missing + scores.mismatched > 0
            || all.any(|(_, _, presence)| {
                matches!(presence, Presence::Missing | Presence::Mismatched)
            })
    }

    /// Some observation is in its place, with other fields or tokens.
    pub(super) fn has_other_fields(&self) -> bool {
        self.presences().any(|(_, it, presence)| presence == Presence::Mismatched && it.is_here())
    }

    /// Some observation is stored with another trace or start.
    pub(super) fn is_misplaced(&self) -> bool {
        self.presences().any(|(_, it, presence)| {
            presence == Presence::Duplicated || presence == Presence::Mismatched && !it.is_here()
        })
    }

    /// The span ids of missing observations.
    pub(super) fn missing(&self) -> BTreeSet<String> {
        let missing = self.presences().filter(|(_, _, presence)| *presence == Presence::Missing);
        missing.map(|(id, _, _)| id.to_owned()).collect()
    }

    fn presences(&self) -> impl Iterator<Item = (&str, &ExpectedObservation, Presence)> {
        let expected = self.expected.iter();
        expected.map(|(id, expected)| (id.as_str(), expected, expected.presence()))
    }

    /// The observations with this presence, by their starts.
    pub(super) fn with(&self, presence: Presence) -> Vec<(&str, &ExpectedObservation)> {
        let found = self.presences().filter(|(_, _, found)| *found == presence);
        let mut found: Vec<_> = found.map(|(id, expected, _)| (id, expected)).collect();
        found.sort_unstable_by(|(left_id, left), (right_id, right)| {
            (left.start, left_id).cmp(&(right.start, right_id))
        });
        found
    }

    pub(super) fn count(&self, matches: impl Fn(Presence) -> bool) -> usize {
        self.presences().filter(|(_, _, presence)| matches(*presence)).count()
    }
}

/// The agreement of a turn decides which part of its content was sent.
fn expect_as_agreed(
    expected: &mut BTreeMap<String, ExpectedObservation>,
    session: &SessionTarget,
    config: &Config,
) -> Result<()> {
    let as_agreed = |destination: &str| job(session, config, destination);
    let mut agreed = BTreeMap::new();
    each_request(session, config, &as_agreed, &mut |raw| {
        let spans = Span::all_of(raw);
        agreed.extend(spans.iter().map(|span| (span.span_id().to_owned(), Fields::of_span(span))));
        Ok(())
    })?;
    for (id, observation) in expected {
        match agreed.remove(id) {
            Some(fields) => observation.fields = fields,
            None => observation.fields.output = None,
        }
    }
    Ok(())
}

/// All spans of an idle subagent were acknowledged.
fn is_sent(subagent: &Subagent, span: &SpanId) -> bool {
    subagent.idle || subagent.acknowledged.contains_key(span)
}
