//! What a replay would send of a session, beside what the server has of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::commands::delivery_context::Session;
use crate::commands::output::tokens;
use crate::commands::preview::each_span;
use crate::config::Config;
use crate::langfuse::{Span, Stored};
use crate::ordered;
use crate::session::Outline;
use crate::state::{Cursor, Lane};
use crate::trace::SpanId;
use crate::transcript::{Timestamp, Usage};

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
}

impl Comparison {
    /// What is expected, if nothing of it is excused.
    pub(super) fn of(session: &Session, config: &Config) -> Result<Self> {
        let (mut expected, mut attached) = (BTreeMap::new(), false);
        each_span(session, config, |span| {
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
        })
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
            let root = match turn.is_compaction {
                true => SpanId::compaction(&turn.uuid),
                false => SpanId::turn(&turn.uuid),
            };
            let root = root.as_str().to_owned();
            if passed
                .any(|range| (range.start..range.end.unwrap_or(u64::MAX)).contains(&turn.start))
            {
                turns.insert(root, Excuse::PassedOver);
            } else if turn.end > cursor.open_start {
                turns.insert(root, Excuse::NotYetSent);
            }
        }
        let lanes = cursor.lanes.iter();
        let agents = ordered::map(
            lanes.map(|(agent, lane)| (SpanId::agent(agent).as_str().to_owned(), lane)),
        );
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
        ordered::set(expected.map(|expected| expected.trace.clone()))
    }

    /// The times within which all of it began, and a day around them for what went astray.
    pub(super) fn times(&self) -> Option<Range<Timestamp>> {
        let starts = || self.expected.values().map(|expected| expected.start);
        Some(starts().min()?.before(ASTRAY)..starts().max()?.plus(ASTRAY))
    }

    /// Nothing of it is there.
    pub(super) fn is_absent(&self) -> bool {
        self.verdicts()
            .all(|(_, _, verdict)| verdict == Verdict::Missing)
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
        ordered::set(missing.map(|(id, _, _)| id.to_owned()))
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
            equal: 0,
            other_tokens: 0,
            elsewhere: BTreeSet::new(),
        }
    }

    fn verdict(&self) -> Verdict {
        let here = self.equal + self.other_tokens;
        match (here, self.elsewhere.len(), self.excused) {
            (0, 0, Some(excuse)) => Verdict::Excused(excuse),
            (0, 0, None) => Verdict::Missing,
            (0, 1, _) => Verdict::Different,
            (_, 1.., _) => Verdict::Double,
            _ if self.equal == 0 => Verdict::Different,
            (1, 0, _) => Verdict::There,
            _ => Verdict::Unmerged,
        }
    }
}
