//! The root observations of a session's turns, as `replay` would send them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use base::Timestamp;

use crate::commands::delivery_context::SessionTarget;
use crate::commands::preview::each_span;
use crate::config::{Config, Destination};
use crate::langfuse::Span;
use crate::state::Store;
use crate::trace::{Context, SpanIds};

pub(super) struct TurnRoot {
    pub turn: u64,
    pub trace: String,
    pub span: String,
    pub start: Timestamp,
    /// Whether the turn is part of another application's trace.
    pub attached: bool,
    /// Whether the turn tries an item of an experiment.
    pub in_experiment: bool,
    /// Metadata of the turn, with version, release and environment.
    pub metadata: BTreeMap<String, String>,
}

pub(super) fn turn_roots(session: &SessionTarget, config: &Config) -> Result<Vec<TurnRoot>> {
    let mut roots = Vec::new();
    each_span(&session.for_preview(), config, |span| {
        roots.extend(turn_root(&span));
        Ok(())
    })?;
    Ok(roots)
}

/// In another application's trace, only the root of a turn has its number.
fn turn_root(span: &Span) -> Option<TurnRoot> {
    let trace_number = span.attribute("langfuse.trace.metadata.turn_number");
    let root_number = span.attribute("langfuse.observation.metadata.turn_number");
    let number = root_number.or(trace_number.filter(|_| span.parent().is_none()))?;
    let prefix = match root_number {
        Some(_) => "langfuse.observation.metadata.",
        None => "langfuse.trace.metadata.",
    };
    let attributes = span.attributes_below(prefix);
    let mut metadata = attributes
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect::<BTreeMap<_, _>>();
    for name in ["version", "release", "environment"] {
        let value = span.attribute(&format!("langfuse.{name}"));
        metadata.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
    Some(TurnRoot {
        turn: number.parse().ok()?,
        trace: span.trace_id().to_owned(),
        span: span.span_id().to_owned(),
        start: span.start(),
        attached: span.parent().is_some(),
        in_experiment: span.attribute("langfuse.experiment.id").is_some(),
        metadata,
    })
}

/// The trace context with which the turn was sent, while the cursor has it: only the hook's environment may have had
/// the seed or the parent.
pub(super) fn sent_context(
    session: &SessionTarget,
    config: &Config,
    root: &str,
) -> Option<Context> {
    let destination = config.destination.as_ref().ok()?.id();
    let cursor = Store::new(&config.state_dir).cursor(&session.id, &destination);
    let contexts = cursor.ok()??.contexts;
    let mut contexts = contexts.into_iter();
    let (_, context) = contexts
        .find(|(uuid, context)| SpanIds::of(&context.trace_id, uuid).turn(uuid).as_str() == root)?;
    Some(context)
}

/// The trace of a turn: the one to which it was sent, otherwise the one to which it would be.
pub(super) fn sent_trace(session: &SessionTarget, config: &Config, root: &TurnRoot) -> String {
    let sent = sent_context(session, config, &root.span);
    sent.map_or_else(|| root.trace.clone(), |context| context.trace_id.as_str().to_owned())
}

/// Warns that the session was not sent. Langfuse accepts scores and items of traces that it doesn't have yet.
pub(super) fn warn_if_unsent(
    session: &SessionTarget,
    config: &Config,
    destination: &Destination,
    typed: &Path,
) {
    let store = Store::new(&config.state_dir);
    if matches!(store.cursor(&session.id, &destination.id()), Ok(None)) {
        log::warn!(
            "session {} was not sent from here: 'claude-langfuse replay {}' sends it",
            session.id,
            typed.display()
        );
    }
}
