//! One observation of the transcript, with its stored versions.

use std::collections::BTreeSet;

use base::Timestamp;
use transcript::Usage;

use super::fields::Fields;
use crate::commands::output::tokens;
use crate::langfuse::Span;

/// An observation of the transcript, and the stored versions of it.
pub(super) struct ExpectedObservation {
    pub trace: String,
    pub name: String,
    pub start: Timestamp,
    pub parent: Option<String>,
    pub usage: Usage,
    /// Why it may be absent.
    pub excuse: Option<Excuse>,
    /// The trace of its turn is unknown: no state has it, and nothing of the turn is in the expected trace.
    pub is_unplaced: bool,
    /// Another version of it waits for its delivery.
    pub is_outdated: bool,
    pub fields: Fields,
    /// Versions with the expected trace, start, tokens and fields.
    pub equal: usize,
    /// Versions that differ.
    pub different: usize,
    /// The fields in which they differ.
    pub differing: BTreeSet<&'static str>,
    /// Trace and start of further versions, which Langfuse never merges.
    pub elsewhere: BTreeSet<(String, Timestamp)>,
}

/// Why an observation may be absent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Excuse {
    /// Its turn was written before the first contact, or while tracing was off or paused.
    Skipped,
    /// The next hook or `flush` will send it.
    NotYetSent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Stored once.
    Present,
    /// Stored several times, until Langfuse merges the versions.
    Unmerged,
    /// Absent, with a known reason.
    NotExpected(Excuse),
    /// Absent, but the trace of its turn is unknown.
    Unknown,
    /// Absent without a reason.
    Missing,
    /// Also stored in another trace or with another start, permanently.
    Duplicated,
    /// Stored with another trace, start, token count or field.
    Mismatched,
}

impl ExpectedObservation {
    pub(super) fn of(span: &Span) -> Self {
        Self {
            trace: span.trace_id().to_owned(),
            name: format!(
                "{} {}",
                span.attribute("langfuse.observation.type").unwrap_or_default(),
                span.name()
            ),
            start: span.start(),
            parent: span.parent().map(str::to_owned),
            usage: tokens::from_usage_details(&span.usage()),
            is_outdated: false,
            fields: Fields::of_span(span),
            excuse: None,
            is_unplaced: false,
            equal: 0,
            different: 0,
            differing: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
        }
    }

    /// The fields in which the stored version differs.
    pub(super) fn differing(&self) -> Vec<&'static str> {
        if self.is_here() {
            self.differing.iter().copied().collect()
        } else {
            vec!["trace or start"]
        }
    }

    /// Some version of it is stored in the expected trace.
    pub(super) fn is_here(&self) -> bool {
        self.equal + self.different > 0
    }

    pub(super) fn presence(&self) -> Presence {
        let here = self.equal + self.different;
        match (here, self.elsewhere.len(), self.excuse) {
            (0, 0, Some(excuse)) => Presence::NotExpected(excuse),
            (0, 0, None) if self.is_unplaced => Presence::Unknown,
            (0, 0, None) => Presence::Missing,
            (0, 1, _) => Presence::Mismatched,
            (_, 1.., _) => Presence::Duplicated,
            _ if self.equal == 0 && self.is_outdated => Presence::NotExpected(Excuse::NotYetSent),
            _ if self.equal == 0 => Presence::Mismatched,
            (1, 0, _) => Presence::Present,
            _ => Presence::Unmerged,
        }
    }
}
