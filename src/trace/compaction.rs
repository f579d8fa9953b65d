//! A compaction as a span: below the turn in whose middle the context was full, or, asked for by a person between two
//! turns, the root of a trace of its own. Its model call has no row, so it has no tokens here.

use transcript::session::Compaction;

use super::ids::{SpanId, TraceId};
use super::metadata::MetadataKey;
use super::observation::{Content, Kind, Observation};
use super::span_name::SpanName;

pub(super) fn observe(
    compaction: &Compaction,
    trace_id: &TraceId,
    parent: Option<&SpanId>,
    ended: bool,
) -> Observation {
    let mut observation = Observation::new(
        trace_id.clone(),
        SpanId::compaction(&compaction.uuid),
        parent.cloned(),
        compaction.started_at,
    );
    observation.name = SpanName::COMPACTION;
    observation.kind = Kind::Span;
    observation.end = compaction.ended_at.max(compaction.started_at);
    observation.complete = ended || compaction.summary.is_some();
    observation.output = compaction.summary.clone().map(Content::Text);
    let trigger = if compaction.boundary.manual { "manual" } else { "auto" };
    observation.note(MetadataKey::CompactionTrigger, Some(trigger));
    observation.note(MetadataKey::TokensBefore, compaction.boundary.tokens_before);
    observation.note(MetadataKey::TokensAfter, compaction.boundary.tokens_after);
    observation
}
