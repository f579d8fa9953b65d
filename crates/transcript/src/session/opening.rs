//! The row that begins a turn or the run of an agent.

use base::Timestamp;

use crate::{Block, Entry, Header, Prompt, Record};

/// The row that begins a turn or an agent's run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opening {
    /// The row's uuid: the identity of the turn, the same in every fork.
    pub uuid: String,
    /// The time of the prompt.
    pub at: Timestamp,
    /// The circumstances in which the row was written.
    pub header: Header,
    /// The prompt.
    pub prompt: Prompt,
    /// The offset of the row in its file, in bytes.
    pub offset: u64,
    /// The row is missing: the CLI rewrote the file, or began a new one, during the turn.
    pub is_missing: bool,
}

impl Opening {
    /// The row that begins an agent; `None` if it has no time or no uuid.
    pub fn of_agent(entry: Entry) -> Option<Self> {
        let at = entry.at?;
        entry.uuid.is_some().then(|| Self::of(&entry, at))
    }

    /// Takes the identity of a missing row. The summary of the earlier conversation replaces its prompt.
    pub(super) fn name(&mut self, uuid: &str, summary: &str) {
        uuid.clone_into(&mut self.uuid);
        self.prompt.content = vec![Block::Text(summary.to_owned())];
    }

    pub(super) fn of(entry: &Entry, at: Timestamp) -> Self {
        let prompt = match &entry.record {
            Record::Prompt(prompt) => prompt.clone(),
            Record::Injected(content) => Prompt { content: content.clone(), ..Prompt::default() },
            _ => Prompt::default(),
        };
        Self {
            uuid: entry.uuid.clone().unwrap_or_default(),
            at,
            header: entry.header.clone(),
            prompt,
            offset: entry.offset,
            is_missing: false,
        }
    }
}
