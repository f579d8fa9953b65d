//! A compaction as a span: below the turn in which the context was full, or the root of its own trace if the user asked for
//! it between two turns. Its model call has no row, so it has no tokens.

use transcript::session::Compaction;

use super::{
    Content, Kind, MetadataKey, Observation, Placeholder, SpanId, SpanIds, SpanName, Status,
};

pub(super) fn observe(
    compaction: &Compaction,
    ids: &SpanIds,
    parent: Option<&SpanId>,
    ended: bool,
) -> Observation {
    let (span_id, at) = (ids.compaction(&compaction.uuid), compaction.started_at);
    let (name, trace_id) = (SpanName::COMPACTION, ids.trace_id());
    let mut observation = Observation::new(name, trace_id, span_id, parent, at);
    observation.kind = Kind::Span;
    observation.end = compaction.ended_at.max(at);
    observation.complete = ended || compaction.summary.is_some();
    observation.output = compaction.summary.clone().map(Content::Text);
    let (input, trigger) = match compaction.boundary.manual {
        true => (Placeholder::Manual, "manual"),
        false => (Placeholder::ContextFull, "auto"),
    };
    if ended && observation.lacks_output() {
        observation.warn(Status::NoResult);
        if parent.is_none() {
            observation.note(MetadataKey::Outcome, Some(Placeholder::NoResult.word()));
        }
    }
    observation.fill(input, Placeholder::NoResult);
    observation.note(MetadataKey::CompactionTrigger, Some(trigger));
    observation.note(MetadataKey::TokensBefore, compaction.boundary.tokens_before);
    observation.note(MetadataKey::TokensAfter, compaction.boundary.tokens_after);
    observation
}
