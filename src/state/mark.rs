//! The mark of an acknowledged span, which decides later whether the span is sent again.

use std::fmt;

use base::Timestamp;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::trace::{Digest, Observation, Role};

/// The acknowledged state of a span. Taken before policy, configuration and program version, so that none of these
/// causes a resend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A model call, with the number of its rows. `start` is unknown in marks of schema 2.
    Call {
        /// The acknowledged start.
        start: Option<Timestamp>,
        /// The number of its rows.
        rows: u32,
        /// A digest of its request or its first row, which identifies the call. Unknown in older marks.
        place: Option<u32>,
    },
    /// The content digest of any other span.
    Content {
        /// The acknowledged start.
        start: Timestamp,
        /// The acknowledged end.
        end: Timestamp,
        /// A digest of its content. `None` if another version of this program made the mark, which may describe the
        /// same content in other words.
        said: Option<Digest>,
    },
    /// Any span but a model call, by schema 2: a digest of the sent content, which can't show what changed.
    Legacy,
}

impl Mark {
    /// The mark of an observation.
    pub fn of(observation: &Observation) -> Self {
        match observation.role {
            Role::Generation { rows, place } => {
                Self::Call { start: Some(observation.start), rows, place: Some(place) }
            }
            Role::Root | Role::Part => Self::Content {
                start: observation.start,
                end: observation.end,
                said: Some(observation.fingerprint()),
            },
        }
    }

    /// The acknowledged start. Another start would create a second row in Langfuse.
    pub fn start(&self) -> Option<Timestamp> {
        match self {
            Self::Call { start, .. } => *start,
            Self::Content { start, .. } => Some(*start),
            Self::Legacy => None,
        }
    }

    /// Whether it marks another call with the same id than the one at this place.
    pub fn is_of_other_call(&self, started_at: Timestamp, its_place: u32) -> bool {
        match self {
            Self::Call { start: Some(start), place: Some(place), .. } => {
                *start != started_at && *place != its_place
            }
            _ => false,
        }
    }

    /// Whether the acknowledged span, if it is no model call, ends later.
    pub fn ends_after(&self, end: Timestamp) -> bool {
        matches!(self, Self::Content { end: before, .. } if *before > end)
    }

    /// Whether an observation with the mark `now` is acknowledged. `known_until`: the time of the last row that was
    /// read when marks of schema 2 were made. A span that ends later has grown since.
    pub fn covers(&self, now: &Self, known_until: Option<Timestamp>) -> bool {
        match (self, now) {
            (Self::Call { rows: before, .. }, Self::Call { rows, .. }) => before >= rows,
            (Self::Content { end: before, said: None, .. }, Self::Content { end, .. }) => {
                end <= before
            }
            (Self::Content { said: before, .. }, Self::Content { said, .. }) => before == said,
            (Self::Legacy, Self::Content { end, .. }) => {
                known_until.is_none_or(|known_until| *end <= known_until)
            }
            _ => false,
        }
    }

    /// Drops the content digest of another version, which can't be compared.
    pub(super) fn forget_said(&mut self) {
        if let Self::Content { said, .. } = self {
            *said = None;
        }
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Call { start, rows, place: None } => (start, rows).serialize(serializer),
            Self::Call { start, rows, place: Some(place) } => {
                (start, rows, place).serialize(serializer)
            }
            Self::Content { start, end, said } => (start, end, said).serialize(serializer),
            Self::Legacy => serializer.serialize_str(""),
        }
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MarkVisitor)
    }
}

struct MarkVisitor;

impl<'de> Visitor<'de> for MarkVisitor {
    type Value = Mark;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mark of an acknowledged span")
    }

    /// The form of schema 2.
    fn visit_str<E: Error>(self, text: &str) -> Result<Mark, E> {
        let rows = text.strip_prefix("rows:");
        let Some(rows) = rows else {
            return Ok(Mark::Legacy);
        };
        let rows = rows.parse().map_err(E::custom)?;
        Ok(Mark::Call { start: None, rows, place: None })
    }

    /// Two parts for a model call, or three with its place; three for any other span.
    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Mark, A::Error> {
        let missing = || A::Error::custom("a part of a mark is missing");
        let start: Option<Timestamp> = parts.next_element()?.ok_or_else(missing)?;
        let second: u64 = parts.next_element()?.ok_or_else(missing)?;
        let place = match parts.next_element()? {
            Some(Third::Said(said)) => {
                let (start, end) = (start.ok_or_else(missing)?, Timestamp::from_millis(second));
                return Ok(Mark::Content { start, end, said });
            }
            Some(Third::Place(place)) => Some(place),
            None => None,
        };
        Ok(Mark::Call { start, rows: second.try_into().map_err(A::Error::custom)?, place })
    }
}

/// The last part of a mark.
#[derive(Deserialize)]
#[serde(untagged)]
enum Third {
    /// The place of a model call.
    Place(u32),
    /// The content digest of any other span.
    Said(Option<Digest>),
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::Mark;
    use crate::trace::{Observation, Role, SpanId, SpanName, TraceId};

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn mark(role: Role, end: u64) -> Mark {
        let (trace, span) = (TraceId::of_seed("t"), SpanId::given("s"));
        let mut observation = Observation::new(SpanName::CHAT, &trace, span, None, at(1));
        (observation.role, observation.end) = (role, at(end));
        Mark::of(&observation)
    }

    #[test]
    fn comes_back_as_it_was_written() {
        let mut other_version = mark(Role::Root, 2);
        other_version.forget_said();
        let legacy_call = Mark::Call { start: None, rows: 3, place: None };
        let call = mark(Role::Generation { rows: 3, place: 7 }, 2);
        for mark in [mark(Role::Root, 2), call, other_version, legacy_call, Mark::Legacy] {
            let written = serde_json::to_string(&mark).unwrap();
            let read: Mark = serde_json::from_str(&written).unwrap();
            assert_eq!(read, mark, "{written}");
        }
    }

    #[test]
    fn reads_what_schema_2_wrote() {
        let read = |text: &str| serde_json::from_str::<Mark>(text);
        let call = Mark::Call { start: None, rows: 12, place: None };
        assert_eq!(read(r#""rows:12""#).unwrap(), call);
        assert_eq!(read(r#""0123456789abcdef""#).unwrap(), Mark::Legacy);
        for damaged in ["7", "[]", "[1]", "[1,-1]", "[null,2,null]", r#""rows:x""#] {
            assert!(read(damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn a_call_is_sent_again_for_further_rows_only() {
        let call = |rows| mark(Role::Generation { rows, place: 7 }, 1);
        assert!(call(3).covers(&call(3), None) && call(3).covers(&call(2), None));
        assert!(!call(3).covers(&call(4), None));
    }

    #[test]
    fn resends_an_incomparable_span_that_ends_later() {
        let mut other_version = mark(Role::Root, 5);
        other_version.forget_said();
        assert!(other_version.covers(&mark(Role::Root, 5), None));
        assert!(!other_version.covers(&mark(Role::Root, 6), None));
        assert!(Mark::Legacy.covers(&mark(Role::Part, 5), Some(at(5))));
        assert!(!Mark::Legacy.covers(&mark(Role::Part, 6), Some(at(5))));
    }
}
