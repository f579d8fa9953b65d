//! The keys of model calls and tools, from which their span ids are made.

use std::collections::BTreeSet;

use crate::is_trusted;

/// The key of a call or a tool whose id another one has.
pub fn again(id: &str, place: &str) -> String {
    format!("{id}#{place}")
}

/// The trusted ids used within one trace, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UsedIds {
    /// The ids of the launching turn.
    pub(super) inherited: BTreeSet<String>,
    own: BTreeSet<String>,
    /// An inherited one was repeated: the provider gives no new ids, and the turn may use any of this agent's later.
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
