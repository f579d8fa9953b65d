//! Links from model calls to the prompts in Langfuse that `instructions push` made of instructions. Marks do not
//! compare them, so that a push resends nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A version of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptLink {
    pub name: String,
    pub version: u32,
}

/// The prompts of a turn's instructions. Langfuse takes one per model call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptLinks {
    /// For calls of the session itself: CLAUDE.md of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<PromptLink>,
    /// For calls of agents, by their type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<String, PromptLink>,
}

impl PromptLinks {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
