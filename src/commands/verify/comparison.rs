//! What a replay would send of a session, beside what the server has of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, bail};
use base::Timestamp;
use transcript::Usage;
use transcript::session::{Outline, TurnOutline};

use crate::commands::delivery_context::Session;
use crate::commands::output::tokens;
use crate::commands::preview::each_span;
use crate::config::Config;
use crate::langfuse::{Span, Stored};
use crate::state::{Cursor, Lane, Placement, Runs, Within};
use crate::trace::SpanId;

/// How far from its place a row is looked for.
const ASTRAY: Duration = Duration::from_secs(86_400);

/// An observation of the transcript, and what was found of it.
pub(super) struct Expected {
    pub trace: String,
    pub name: String,
    pub start: Timestamp,
    parent: Option<String>,
    usage: Usage,
    /// What is known to be no fault.
    pub excused: Option<Excuse>,
    /// Nothing tells in which trace its turn is: neither state, nor that something of it is where it is expected.
    is_unplaced: bool,
    /// Versions at the right place, with the right tokens.
    equal: usize,
    /// Versions of other tokens.
    other_tokens: usize,
    /// Where else it is: Langfuse keeps such a row for ever.
    elsewhere: BTreeSet<(String, Timestamp)>,
}

/// Why an observation is not expected at the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Excuse {
    /// It was written before the first contact, or while tracing was off or paused.
    PassedOver,
    /// The next hook or `flush` sends it.
    NotYetSent,
}

/// What came of one observation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is there, once.
    There,
    /// It is there; versions of it that count until Langfuse merges them are too.
    Unmerged,
    /// It is not there, and need not be.
    Excused(Excuse),
    /// It is not there, and may be in a trace that nothing tells.
    Unknown,
    /// It is not there.
    Missing,
    /// It is there, and somewhere else too, for good.
    Double,
    /// It is there with another start, in another trace or with other tokens.
    Different,
}

/// A session, here and there.
pub(super) struct Comparison {
    pub session: String,
    expected: BTreeMap<String, Expected>,
    /// The traces are somebody else's, and their spans name no session.
    pub attached: bool,
    /// Observations of the session that are none of ours.
    pub foreign: usize,
    /// How many were sent again.
    pub repaired: usize,
    /// Turns and agents that can't be sent again as it was agreed.
    pub withheld: usize,
    /// The roots of turns that are known to be where they are expected, or not.
    turns: BTreeMap<String, bool>,
    /// The same of what belongs to no turn.
    is_start_placed: bool,
}

impl Comparison {
    /// What is expected, if nothing of it is excused.
    pub(super) fn of(session: &Session, config: &Config) -> Result<Self> {
        let (mut expected, mut attached) = (BTreeMap::new(), false);
        each_span(&session.looked_at(), config, |span| {
            attached |= span.attribute("session.id").is_none();
            expected.insert(span.span_id().to_owned(), Expected::of(&span));
            Ok(())
        })?;
        Ok(Self {
            session: session.id.clone(),
            expected,
            attached,
            foreign: 0,
            repaired: 0,
            withheld: 0,
            turns: BTreeMap::new(),
            is_start_placed: false,
        })
    }

    /// Takes note of the turns whose place is known.
    pub(super) fn place(&mut self, outline: &Outline, placements: &Runs<Placement>) {
        self.is_start_placed = !placements.is_empty();
        let mut within = Within::default();
        for turn in &outline.turns {
            let is_placed = placements.find(&turn.uuid, &mut within).is_some();
            self.turns.insert(root_of(turn), is_placed);
        }
    }

    /// Where nothing is known of a turn's place, what was found of it tells.
    pub(super) fn tell_places(&mut self) {
        let ids = self.expected.keys();
        let groups: BTreeMap<String, String> = ids
            .map(|id| (id.clone(), self.group(id).to_owned()))
            .collect();
        let found = self
            .expected
            .iter()
            .filter(|(_, expected)| expected.is_here());
        let proven = found
            .filter_map(|(id, _)| groups.get(id).cloned())
            .collect::<BTreeSet<_>>();
        for (id, expected) in &mut self.expected {
            let group = groups.get(id).map_or("", String::as_str);
            let is_noted = self.turns.get(group).unwrap_or(&self.is_start_placed);
            expected.is_unplaced = !is_noted && !proven.contains(group);
        }
    }

    /// The root of the turn that an observation belongs to, or what is uppermost of it.
    fn group<'a>(&'a self, id: &'a str) -> &'a str {
        let mut place = id;
        for _ in 0..self.expected.len() {
            let parent = self.expected.get(place).and_then(|it| it.parent.as_deref());
            match parent {
                Some(parent) if self.expected.contains_key(parent) => place = parent,
                Some(parent) if self.turns.contains_key(parent) => return parent,
                _ => break,
            }
        }
        place
    }

    /// Excuses what was not sent, and need not have been.
    pub(super) fn set_aside(&mut self, cursor: &Cursor, outline: &Outline) -> Result<()> {
        if !cursor.file.still_holds(&cursor.transcript) {
            bail!(
                "could not verify {}: its transcript was rewritten since it was sent, 'claude-langfuse replay' first",
                self.session
            );
        }
        let mut turns: BTreeMap<String, Excuse> = BTreeMap::new();
        for turn in &outline.turns {
            let mut passed = cursor.passed.iter();
            let root = root_of(turn);
            if passed
                .any(|range| (range.start..range.end.unwrap_or(u64::MAX)).contains(&turn.start))
            {
                turns.insert(root, Excuse::PassedOver);
            } else if turn.end > cursor.open_start {
                turns.insert(root, Excuse::NotYetSent);
            }
        }
        let lanes = cursor.lanes.iter();
        let agents = lanes
            .map(|(agent, lane)| (SpanId::agent(agent).as_str().to_owned(), lane))
            .collect::<BTreeMap<_, _>>();
        let excuses: Vec<(String, Excuse)> = self
            .expected
            .keys()
            .filter_map(|id| Some((id.clone(), self.excuse(id, cursor, &turns, &agents)?)))
            .collect();
        for (id, excuse) in excuses {
            if let Some(expected) = self.expected.get_mut(&id) {
                expected.excused = Some(excuse);
            }
        }
        Ok(())
    }

    /// By the agent or the turn that the observation belongs to, whichever is nearer.
    fn excuse(
        &self,
        id: &str,
        cursor: &Cursor,
        turns: &BTreeMap<String, Excuse>,
        agents: &BTreeMap<String, &Lane>,
    ) -> Option<Excuse> {
        let span = SpanId::given(id);
        let mut place = Some(id);
        let mut lane: Option<&Lane> = None;
        // As many steps as there are spans: a transcript may say that two agents launched each other.
        for _ in 0..self.expected.len() {
            let here = place?;
            lane = lane.or_else(|| agents.get(here).copied());
            if let Some(excuse) = turns.get(here) {
                let sent = match lane {
                    Some(lane) => is_sent(lane, &span),
                    None => cursor.acknowledged.contains_key(&span),
                };
                return (!sent || *excuse == Excuse::PassedOver).then_some(*excuse);
            }
            place = self.expected.get(here)?.parent.as_deref();
            if place.is_none_or(|parent| !self.expected.contains_key(parent)) {
                break;
            }
        }
        let lane = lane.filter(|lane| !is_sent(lane, &span))?;
        Some(match lane.declined || lane.link.is_none() {
            true => Excuse::PassedOver,
            false => Excuse::NotYetSent,
        })
    }

    /// Forgets what was found, to look once more.
    pub(super) fn begin(&mut self) {
        self.foreign = 0;
        for expected in self.expected.values_mut() {
            (expected.equal, expected.other_tokens) = (0, 0);
            expected.elsewhere.clear();
        }
    }

    /// Takes note of something that the server has.
    pub(super) fn find(&mut self, stored: &Stored) {
        let Some(expected) = self.expected.get_mut(&stored.span_id) else {
            self.foreign += usize::from(!self.attached);
            return;
        };
        if stored.trace_id != expected.trace || stored.start != expected.start {
            let place = (stored.trace_id.clone(), stored.start);
            expected.elsewhere.insert(place);
        } else if tokens::of_keys(&stored.usage) == expected.usage {
            expected.equal += 1;
        } else {
            expected.other_tokens += 1;
        }
    }

    /// The traces in which something is expected.
    pub(super) fn traces(&self) -> BTreeSet<String> {
        let expected = self.expected.values();
        expected.map(|expected| expected.trace.clone()).collect()
    }

    /// The times within which all of it began, and a day around them for what went astray.
    pub(super) fn times(&self) -> Option<Range<Timestamp>> {
        let starts = || self.expected.values().map(|expected| expected.start);
        Some(starts().min()?.before(ASTRAY)..starts().max()?.plus(ASTRAY))
    }

    /// Nothing of it is there.
    pub(super) fn is_absent(&self) -> bool {
        self.verdicts()
            .all(|(_, _, verdict)| matches!(verdict, Verdict::Missing | Verdict::Unknown))
    }

    /// Something is not there that should be.
    pub(super) fn is_lacking(&self) -> bool {
        self.verdicts()
            .any(|(_, _, verdict)| verdict == Verdict::Missing)
    }

    /// The ids of what is missing.
    pub(super) fn missing(&self) -> BTreeSet<String> {
        let missing = self
            .verdicts()
            .filter(|(_, _, verdict)| *verdict == Verdict::Missing);
        missing.map(|(id, _, _)| id.to_owned()).collect()
    }

    /// What came of each observation.
    fn verdicts(&self) -> impl Iterator<Item = (&str, &Expected, Verdict)> {
        let expected = self.expected.iter();
        expected.map(|(id, expected)| (id.as_str(), expected, expected.verdict()))
    }

    /// The observations that came out so, by their starts.
    pub(super) fn with(&self, wanted: Verdict) -> Vec<(&str, &Expected)> {
        let found = self.verdicts().filter(|(_, _, verdict)| *verdict == wanted);
        let mut found: Vec<_> = found.map(|(id, expected, _)| (id, expected)).collect();
        found.sort_unstable_by(|(left_id, left), (right_id, right)| {
            (left.start, left_id).cmp(&(right.start, right_id))
        });
        found
    }

    /// How many observations came out so.
    pub(super) fn count(&self, wanted: impl Fn(Verdict) -> bool) -> usize {
        self.verdicts()
            .filter(|(_, _, verdict)| wanted(*verdict))
            .count()
    }
}

fn root_of(turn: &TurnOutline) -> String {
    let root = match turn.is_compaction {
        true => SpanId::compaction(&turn.uuid),
        false => SpanId::turn(&turn.uuid),
    };
    root.as_str().to_owned()
}

/// Of a lane at rest everything was acknowledged.
fn is_sent(lane: &Lane, span: &SpanId) -> bool {
    lane.idle || lane.acknowledged.contains_key(span)
}

impl Expected {
    fn of(span: &Span) -> Self {
        Self {
            trace: span.trace_id().to_owned(),
            name: format!(
                "{} {}",
                span.attribute("langfuse.observation.type")
                    .unwrap_or_default(),
                span.name()
            ),
            start: span.start(),
            parent: span.parent().map(str::to_owned),
            usage: tokens::of_keys(&span.usage()),
            excused: None,
            is_unplaced: false,
            equal: 0,
            other_tokens: 0,
            elsewhere: BTreeSet::new(),
        }
    }

    /// Some version of it is where it is expected.
    fn is_here(&self) -> bool {
        self.equal + self.other_tokens > 0
    }

    fn verdict(&self) -> Verdict {
        let here = self.equal + self.other_tokens;
        match (here, self.elsewhere.len(), self.excused) {
            (0, 0, Some(excuse)) => Verdict::Excused(excuse),
            (0, 0, None) if self.is_unplaced => Verdict::Unknown,
            (0, 0, None) => Verdict::Missing,
            (0, 1, _) => Verdict::Different,
            (_, 1.., _) => Verdict::Double,
            _ if self.equal == 0 => Verdict::Different,
            (1, 0, _) => Verdict::There,
            _ => Verdict::Unmerged,
        }
    }
}
