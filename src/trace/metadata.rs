//! The contract of the metadata: every key that is ever sent, where it stands, what it means. `docs/metadata.md` shows it.

#![allow(dead_code, reason = "the program writes the keys, tests hold them to this table")]

mod keys;

pub use keys::KEYS;

/// The version of this contract; it changes when a key is renamed, removed or gets another meaning.
pub const SCHEMA_VERSION: &str = "1";

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On every span of a trace.
    Trace,
    /// On any observation.
    Any,
    /// On the root of a turn and of an agent's run.
    Root,
    /// On the root of a turn.
    Turn,
    /// On what tells of the end of a background task: the turn that it opened, or an event.
    Notification,
    /// On an agent's run.
    Agent,
    /// On a model call.
    Generation,
    /// On a tool.
    Tool,
    /// On a workflow.
    Workflow,
    /// On a compaction.
    Compaction,
    /// On an event.
    Event,
}

impl Place {
    /// Its name in the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Any => "any",
            Self::Root => "root",
            Self::Turn => "turn",
            Self::Notification => "notification",
            Self::Agent => "agent",
            Self::Generation => "generation",
            Self::Tool => "tool",
            Self::Workflow => "workflow",
            Self::Compaction => "compaction",
            Self::Event => "event",
        }
    }
}

/// One key of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it means.
    pub meaning: &'static str,
}

const fn key(name: &'static str, place: Place, meaning: &'static str) -> Key {
    Key { name, place, meaning }
}

#[cfg(test)]
mod tests {
    use super::{KEYS, Place};

    #[test]
    fn no_key_stands_twice() {
        for (position, key) in KEYS.iter().enumerate() {
            assert!(
                KEYS.iter().skip(position + 1).all(|other| other.name != key.name),
                "{}",
                key.name
            );
        }
    }

    #[test]
    fn no_key_is_one_that_langfuse_takes_for_something_else() {
        // These leave the metadata, or collide with the server's own (docs/langfuse.md, "Metadata").
        let taken = [
            "tools",
            "langfuse_user_id",
            "langfuse_session_id",
            "langfuse_tags",
            "attributes",
            "scope",
        ];
        assert!(KEYS.iter().all(|key| !taken.contains(&key.name) && !key.name.contains('.')));
    }

    #[test]
    fn the_documentation_lists_every_key_with_its_place_and_meaning() {
        let documentation = include_str!("../../docs/metadata.md");
        for key in KEYS {
            let row = format!("| `{}` | {} | {} |", key.name, key.place.as_str(), key.meaning);
            assert!(documentation.contains(&row), "docs/metadata.md lacks: {row}");
        }
        assert!(KEYS.iter().any(|key| key.place == Place::Trace));
    }
}
