//! The roots of a session's turns, as they would be sent: what commands that speak of turns to Langfuse go by.

use std::collections::BTreeMap;

use anyhow::Result;
use base::Timestamp;

use crate::commands::delivery_context::Session;
use crate::commands::preview::each_span;
use crate::config::{Config, Destination};
use crate::langfuse::Span;
use crate::state::Store;
use crate::trace::{Context, SpanId};

/// The root of a turn.
pub(super) struct Root {
    pub turn: u64,
    pub trace: String,
    pub span: String,
    pub start: Timestamp,
    /// The trace is somebody else's.
    pub attached: bool,
    /// What is told of the turn: the metadata of its trace, and what stands on each of its spans.
    pub about: BTreeMap<String, String>,
}

pub(super) fn roots(session: &Session, config: &Config) -> Result<Vec<Root>> {
    let mut roots = Vec::new();
    each_span(&session.looked_at(), config, |span| {
        roots.extend(root(&span));
        Ok(())
    })?;
    Ok(roots)
}

/// In somebody else's trace only the root of a turn says its number.
fn root(span: &Span) -> Option<Root> {
    let of_trace = span.attribute("langfuse.trace.metadata.turn_number");
    let of_root = span.attribute("langfuse.observation.metadata.turn_number");
    let number = of_root.or(of_trace.filter(|_| span.parent().is_none()))?;
    let prefix = match of_root {
        Some(_) => "langfuse.observation.metadata.",
        None => "langfuse.trace.metadata.",
    };
    let metadata = span.attributes_below(prefix);
    let mut about = metadata
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect::<BTreeMap<_, _>>();
    for name in ["version", "release", "environment"] {
        let value = span.attribute(&format!("langfuse.{name}"));
        about.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
    Some(Root {
        turn: number.parse().ok()?,
        trace: span.trace_id().to_owned(),
        span: span.span_id().to_owned(),
        start: span.start(),
        attached: span.parent().is_some(),
        about,
    })
}

/// Where the turn was sent, while the cursor knows: a seed or a parent may have been in the environment of its hook alone.
pub(super) fn context_as_sent(session: &Session, config: &Config, root: &str) -> Option<Context> {
    let destination = config.destination.as_ref().ok()?.id();
    let cursor = Store::new(&config.state_dir).cursor(&session.id, &destination);
    let contexts = cursor.ok()??.contexts;
    let mut contexts = contexts.into_iter();
    let (_, context) = contexts.find(|(uuid, _)| SpanId::turn(uuid).as_str() == root)?;
    Some(context)
}

/// Langfuse takes what is said of anything, and shows it when the trace comes.
pub(super) fn warn_of_unsent(
    session: &Session,
    config: &Config,
    destination: &Destination,
    named: &str,
) {
    let store = Store::new(&config.state_dir);
    if matches!(store.cursor(&session.id, &destination.id()), Ok(None)) {
        log::warn!(
            "session {} was not sent from here: 'claude-langfuse replay {named}' sends it",
            session.id
        );
    }
}
