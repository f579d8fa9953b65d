//! The instructions that rows name: memory files (CLAUDE.md), skills and commands, agent types. Claude Code writes them when a
//! process begins, after a compaction, and when they change (2.1.197 skills and agent types, 2.1.332 also memory files).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base::sha256::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::instruction_row::{Attachment, digest};
use super::scan;

/// Types of attachments that name instructions.
const KINDS: [&str; 4] = ["instructions", "nested_memory", "skill_listing", "agent_listing_delta"];

static WORDS: LazyLock<scan::Words<'_>> = LazyLock::new(|| scan::Words::new(KINDS));

/// The instructions in effect: digests of their texts, by path or name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Instructions {
    /// Memory files of the project, by path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    project: BTreeMap<String, String>,
    /// Other memory files: of the user, of the organisation, and local ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    memory: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    skills: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    agents: BTreeMap<String, String>,
}

/// Whether a row may name instructions: its type says so, or is at an unusual place.
pub(super) fn names_instructions(row: &[u8]) -> bool {
    if scan::leading_type(row).is_some() {
        return false;
    }
    match scan::attachment_type(row) {
        Some(kind) => KINDS.iter().any(|known| known.as_bytes() == kind),
        None => {
            let kind = scan::row_type(row);
            kind.is_none_or(|kind| kind == b"attachment") && WORDS.are_in(row)
        }
    }
}

impl Instructions {
    /// A hash of all of them, 12 hex digits; `None` if no row named any. Paths do not count, so that all checkouts of a
    /// repository have one hash.
    pub fn hash(&self) -> Option<String> {
        let line = |kind: &str, name: &str, digest: &str| format!("{kind} {name} {digest}");
        // Only the name of a memory file counts. Several files may have it, so that their digests are sorted with it.
        let file_name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let files = self.project.iter().chain(&self.memory);
        let files = files.map(|(path, digest)| line("Memory", &file_name(path), digest));
        let skills = self.skills.iter().map(|(name, digest)| line("Skill", name, digest));
        let agents = self.agents.iter().map(|(name, digest)| line("Agent", name, digest));
        let mut lines: Vec<String> = files.chain(skills).chain(agents).collect();
        lines.sort_unstable();
        (!lines.is_empty()).then(|| hex(lines.join("\n").as_bytes(), 6))
    }

    /// No row named any.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The digests of the project's CLAUDE.md files, the top folder's first.
    pub fn project_files(&self) -> Vec<&str> {
        let is_claude_md = |path: &&String| path.rsplit('/').next() == Some("CLAUDE.md");
        let mut paths: Vec<&String> = self.project.keys().filter(is_claude_md).collect();
        paths.sort_by_key(|path| path.len());
        paths.into_iter().filter_map(|path| self.project.get(path).map(String::as_str)).collect()
    }

    /// Agent types, each with the digest of its definition.
    pub fn agents(&self) -> impl Iterator<Item = (&str, &str)> {
        self.agents.iter().map(|(name, digest)| (name.as_str(), digest.as_str()))
    }

    /// Observes a row. An unexpected form changes nothing. Returns whether the row names instructions.
    pub(super) fn observe(&mut self, row: &str) -> bool {
        let Ok(Row { attachment }) = serde_json::from_str(row) else {
            return false;
        };
        match attachment.kind.as_str() {
            "instructions" => {
                self.project.clear();
                self.memory.clear();
                attachment.files.iter().for_each(|file| self.set_file(file));
            }
            "nested_memory" => self.set_file(&attachment.content),
            "skill_listing" => {
                if attachment.is_initial {
                    self.skills.clear();
                }
                // A description may have several lines; the next skill begins with a dash.
                let listing = attachment.content.as_str().unwrap_or_default();
                for entry in format!("\n{listing}").split("\n- ").skip(1) {
                    self.skills.insert(name_of(entry), digest(entry));
                }
            }
            "agent_listing_delta" => {
                if attachment.is_initial {
                    self.agents.clear();
                }
                for name in attachment.removed_types {
                    self.agents.remove(&name);
                }
                for line in attachment.added_lines {
                    let line = line.strip_prefix("- ").unwrap_or(&line);
                    self.agents.insert(name_of(line), digest(line));
                }
            }
            _ => return false,
        }
        true
    }

    fn set_file(&mut self, file: &Value) {
        let text = |key: &str| file.get(key).and_then(Value::as_str).unwrap_or_default();
        let files = match text("type") {
            "Project" => &mut self.project,
            _ => &mut self.memory,
        };
        files.insert(text("path").to_owned(), digest(text("content")));
    }
}

fn name_of(line: &str) -> String {
    line.split(": ").next().unwrap_or_default().to_owned()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Row {
    attachment: Attachment,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Instructions, names_instructions};

    fn observed(attachments: &[Value]) -> Instructions {
        let mut instructions = Instructions::default();
        for attachment in attachments {
            let row = json!({"parentUuid": null, "attachment": attachment}).to_string();
            assert!(names_instructions(row.as_bytes()), "{row}");
            assert!(instructions.observe(&row), "{row}");
        }
        instructions
    }

    fn memory(path: &str, content: &str) -> Value {
        json!({"type": "instructions", "files": [{"path": path, "type": "Project", "content": content}]})
    }

    fn skills(content: &str, is_initial: bool) -> Value {
        json!({"type": "skill_listing", "content": content, "isInitial": is_initial})
    }

    #[test]
    fn a_hash_changes_with_a_text_and_not_with_a_checkout() {
        let first = observed(&[memory("/a/CLAUDE.md", "Be brief.")]).hash();
        assert_eq!(first.as_ref().map(String::len), Some(12));
        assert_eq!(observed(&[memory("/b/CLAUDE.md", "Be brief.")]).hash(), first);
        assert_ne!(observed(&[memory("/a/CLAUDE.md", "Be long.")]).hash(), first);
        assert_eq!(Instructions::default().hash(), None);
    }

    #[test]
    fn a_new_list_replaces_and_an_addition_extends() {
        let brief = memory("/a/CLAUDE.md", "Be brief.");
        let long = memory("/a/CLAUDE.md", "Be long.");
        assert_eq!(observed(&[brief.clone(), long.clone()]), observed(std::slice::from_ref(&long)));
        let nested = json!({
            "type": "nested_memory", "path": "/a/sub/CLAUDE.md",
            "content": {"path": "/a/sub/CLAUDE.md", "content": "Sub.\n"},
        });
        assert_ne!(
            observed(&[long.clone(), nested.clone()]),
            observed(std::slice::from_ref(&long))
        );
        assert_eq!(observed(&[long.clone(), nested, brief.clone()]), observed(&[brief]));
        let one = skills("- knock: Knocks\n  twice\n- greet: Greets", true);
        let more = skills("- run: Runs", false);
        let all = skills("- greet: Greets\n- knock: Knocks\n  twice\n- run: Runs", true);
        assert_eq!(observed(&[one.clone(), more]), observed(std::slice::from_ref(&all)));
        assert_eq!(observed(&[all, one.clone()]), observed(&[one]));
        let agents = |added: &[&str], removed: &[&str], is_initial: bool| {
            json!({
                "type": "agent_listing_delta", "addedLines": added, "removedTypes": removed, "isInitial": is_initial,
            })
        };
        assert_eq!(
            observed(&[agents(&["- a: A", "- b: B"], &[], true), agents(&[], &["b"], false)]),
            observed(&[agents(&["- a: A"], &[], true)])
        );
        // A changed one may be named as removed and added.
        assert_eq!(
            observed(&[agents(&["- a: A"], &[], true), agents(&["- a: B"], &["a"], false)]),
            observed(&[agents(&["- a: B"], &[], true)])
        );
    }

    #[test]
    fn a_type_is_found_behind_fields_of_later_releases() {
        let far = "x".repeat(5000);
        for row in [
            json!({"new": far, "attachment": memory("/a/CLAUDE.md", "Be brief.")}),
            json!({"attachment": {"new": far, "type": "skill_listing", "content": "- a: A"}}),
            json!({"new": {"attachment": {}}, "attachment": skills("- a: A", true), "type": "attachment"}),
        ] {
            assert!(names_instructions(row.to_string().as_bytes()), "{row}");
            assert!(Instructions::default().observe(&row.to_string()), "{row}");
        }
        for row in [
            json!({"parentUuid": "instructions", "type": "user", "attachment": {"a": "instructions"}}),
            json!({"type": "api-request", "attachment": {"type": "instructions"}}),
            json!({"parentUuid": "p", "attachment": {"type": "date", "a": "instructions"}}),
        ] {
            assert!(!names_instructions(row.to_string().as_bytes()), "{row}");
        }
    }

    #[test]
    fn a_row_of_another_form_changes_nothing() {
        let mut instructions = observed(&[memory("/a/CLAUDE.md", "Be brief.")]);
        let before = instructions.clone();
        for row in
            ["", "{", r#"{"attachment":7}"#, r#"{"attachment":{"type":"instructions","files":7}}"#]
        {
            assert!(!instructions.observe(row), "{row}");
        }
        assert_eq!(instructions, before);
    }
}
