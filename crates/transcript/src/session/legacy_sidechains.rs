//! Agents up to 1.0.128: their rows are among those of the session, marked as a side chain, without an id.

use std::collections::BTreeMap;

use base::Timestamp;

use super::agent_run::AgentRun;
use crate::{Entry, text_of};

/// The side chains of one turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegacySidechains {
    runs: Vec<AgentRun>,
    /// The index of each row's run, by the row's uuid.
    owners: BTreeMap<String, usize>,
}

impl LegacySidechains {
    /// Adds a row of a side chain. It joins the run of its parent, or begins a run.
    pub(super) fn push(&mut self, entry: Entry, at: Timestamp) {
        let parent = entry.header.parent.as_ref();
        let known = parent.and_then(|parent| self.owners.get(parent)).copied();
        let owner = known.unwrap_or_else(|| {
            self.runs.push(AgentRun::begin(&entry, at, &[]));
            self.runs.len() - 1
        });
        if let Some(uuid) = &entry.uuid {
            self.owners.insert(uuid.clone(), owner);
        }
        if let Some(run) = self.runs.get_mut(owner) {
            run.activity.push(entry, at);
        }
    }

    /// Each run with its index.
    pub fn runs(&self) -> impl Iterator<Item = (usize, &AgentRun)> {
        self.runs.iter().enumerate()
    }

    /// The first run with this prompt that is not in `taken`. Nothing else links a run to its tool call.
    pub fn asked(&self, prompt: &str, taken: &[usize]) -> Option<(usize, &AgentRun)> {
        self.runs().find(|(place, run)| {
            !taken.contains(place) && text_of(&run.opening.prompt.content) == prompt
        })
    }
}
