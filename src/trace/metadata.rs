//! The contract of the metadata: every key, the observations that have it, and its meaning. `docs/metadata.md` shows
//! it.

mod keys;

use std::cmp::Ordering;

pub use keys::MetadataKey;

/// The version of this contract. It changes when a key is renamed, removed or changes its meaning.
pub const SCHEMA_VERSION: &str = "2";

/// Where a key is set. The documentation has these names in lower case.
#[allow(dead_code, reason = "the tests hold what is sent and docs/metadata.md to it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Every span of a trace.
    Trace,
    /// Any observation.
    Any,
    /// The root of a turn or of an agent's run.
    Root,
    /// The root of a turn.
    Turn,
    /// The turn or event that reports the end of a background task.
    Notification,
    /// An agent's run.
    Agent,
    /// A model call.
    Generation,
    /// A tool call.
    Tool,
    /// A workflow.
    Workflow,
    /// A compaction.
    Compaction,
    /// An event.
    Event,
}

/// Sorted by the sent name: the order on the wire.
impl Ord for MetadataKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl PartialOrd for MetadataKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{MetadataKey, Place};

    #[test]
    fn no_name_is_used_twice() {
        let names: BTreeSet<_> = MetadataKey::ALL.iter().collect();
        assert_eq!(names.len(), MetadataKey::ALL.len());
    }

    #[test]
    fn no_key_has_a_meaning_of_its_own_in_langfuse() {
        // These keys leave the metadata, or collide with the server's own (docs/langfuse.md, "Metadata").
        let taken = [
            "tools",
            "langfuse_user_id",
            "langfuse_session_id",
            "langfuse_tags",
            "attributes",
            "scope",
        ];
        let mut names = MetadataKey::ALL.iter().map(|key| key.name());
        assert!(names.all(|name| !taken.contains(&name) && !name.contains('.')));
    }

    #[test]
    fn the_documentation_lists_every_key_with_its_place_and_meaning() {
        let documentation = include_str!("../../docs/metadata.md");
        for key in MetadataKey::ALL {
            let place = format!("{:?}", key.place()).to_lowercase();
            let row = format!("| `{}` | {place} | {} |", key.name(), key.meaning());
            assert!(documentation.contains(&row), "docs/metadata.md lacks: {row}");
        }
        assert!(MetadataKey::ALL.iter().any(|key| key.place() == Place::Trace));
    }
}
