//! Reads rows that name instructions, and hashes their texts.

use base::sha256::hex;
use serde::Deserialize;
use serde_json::Value;

use super::tolerant::Tolerant;

/// The attachment of such a row.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Attachment {
    #[serde(rename = "type")]
    pub kind: String,
    pub files: Vec<Value>,
    /// A text. For nested memory an object.
    pub content: Value,
    pub is_initial: bool,
    pub added_lines: Vec<String>,
    pub removed_types: Vec<String>,
    /// The types of `added_lines`.
    pub added_types: Tolerant<Vec<String>>,
    /// Releases before 2.1.332 do not show which types are their own.
    built_in_types: Tolerant<Vec<String>>,
    built_in_plugin_types: Tolerant<Vec<String>>,
}

impl Attachment {
    /// The type of agent is the user's, not Claude Code's own.
    pub(super) fn is_users(&self, name: &String) -> bool {
        let is_in = |types: &Vec<String>| types.contains(name);
        self.built_in_types.as_ref().is_some_and(|types| !is_in(types))
            && !self.built_in_plugin_types.as_ref().is_some_and(is_in)
    }
}

/// The hash of an instruction: all 64 digits of the SHA-256 of its text as the row has it, without white space at its end,
/// because one and the same file ends with a line end in a `nested_memory` row and without one in an `instructions` row.
/// The text is the `content` of a memory file (CLAUDE.md), or of an agent type its line of `addedLines` without the leading
/// `- `. It is the text before masking.
pub fn instruction_hash(text: &str) -> String {
    hash(text, 32)
}

/// The first 16 digits of that hash, as kept in a cursor.
pub(super) fn digest(text: &str) -> String {
    hash(text, 8)
}

fn hash(text: &str, bytes: usize) -> String {
    hex(text.trim_end().as_bytes(), bytes)
}

#[cfg(test)]
mod tests {
    use super::{digest, instruction_hash};

    #[test]
    fn the_same_file_has_one_hash_in_every_kind_of_row() {
        assert_eq!(instruction_hash("Be brief.\n"), instruction_hash("Be brief."));
        assert_ne!(instruction_hash("Be brief."), instruction_hash("Be long."));
        assert_eq!(instruction_hash("Be brief.").len(), 64);
    }

    #[test]
    fn a_hash_is_found_by_what_a_cursor_keeps_of_it() {
        assert_eq!(digest("Be brief.").len(), 16);
        assert!(instruction_hash("Be brief.").starts_with(&digest("Be brief.\n")));
    }
}
