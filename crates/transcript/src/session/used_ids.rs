//! The keys of model calls and tools, which their span ids are made of.

use std::collections::BTreeSet;

use crate::is_trusted;

/// The key of a call or a tool whose id another one has.
pub fn again(id: &str, place: &str) -> String {
    format!("{id}#{place}")
}

/// The trusted ids that were used within one trace, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UsedIds {
    /// Those of the turn that launched the agent.
    pub(super) inherited: BTreeSet<String>,
    own: BTreeSet<String>,
    /// An inherited one came again: the provider gives no new ones, and the turn may have any of this agent's later.
    come_again: bool,
}

impl UsedIds {
    pub(super) fn after(ids: &[String]) -> Self {
        Self { inherited: ids.iter().cloned().collect(), ..Self::default() }
    }

    /// The key of a call or a tool: its id if that is trusted and new. `place` is unique in all sessions, and stays the same in
    /// a copy of the row.
    pub(super) fn key(&mut self, id: &str, place: &str) -> String {
        if !is_trusted(id) {
            return format!("@{place}");
        }
        self.come_again |= self.inherited.contains(id);
        let is_new = !self.come_again && self.own.insert(id.to_owned());
        if is_new { id.to_owned() } else { again(id, place) }
    }
}
