//! The texts of instructions in rows: memory files of the project (CLAUDE.md), and agent types of the user. The row
//! of an agent type has its description and tools, not its prompt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::instruction_row::Attachment;
use super::instructions::names_instructions;
use super::lines::Lines;

/// The type of a memory file of the project. Other types are the user's or the organisation's.
const PROJECT_FILE: &str = "Project";

/// The instructions in effect at the end of a transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstructionTexts {
    /// Memory files of the project, by path.
    pub files: BTreeMap<PathBuf, InstructionText>,
    /// Agent types, by name.
    pub agents: BTreeMap<String, InstructionText>,
}

/// A text, with Claude Code's directory when it wrote the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstructionText {
    pub text: String,
    pub working_directory: Option<PathBuf>,
    pub branch: Option<String>,
}

/// Reads the texts of a transcript.
///
/// # Errors
/// When the file can't be read.
pub fn instruction_texts(transcript: &Path) -> Result<InstructionTexts> {
    let mut lines = Lines::open(transcript, 0)?;
    let mut texts = InstructionTexts::default();
    while let Some(line) = lines.next_line()? {
        if names_instructions(line.bytes.trim_ascii_start())
            && let Ok(row) = serde_json::from_slice::<Row>(&line.bytes)
            && !row.is_sidechain
        {
            texts.observe(row);
        }
    }
    Ok(texts)
}

impl InstructionTexts {
    fn observe(&mut self, row: Row) {
        let Row { attachment, cwd, git_branch, .. } = row;
        let text = |text: &str| InstructionText {
            text: text.to_owned(),
            working_directory: cwd.clone(),
            branch: git_branch.clone().filter(|branch| !branch.is_empty()),
        };
        match attachment.kind.as_str() {
            "instructions" => {
                self.files.clear();
                attachment.files.iter().for_each(|file| self.set_file(file, text));
            }
            "nested_memory" => self.set_file(&attachment.content, text),
            "agent_listing_delta" => {
                if attachment.is_initial {
                    self.agents.clear();
                }
                for name in &attachment.removed_types {
                    self.agents.remove(name);
                }
                let types = attachment.added_types.iter().flatten();
                let lines = types.zip(&attachment.added_lines);
                for (name, line) in lines.filter(|(name, _)| attachment.is_users(name)) {
                    let line = line.strip_prefix("- ").unwrap_or(line);
                    self.agents.insert(name.clone(), text(line));
                }
            }
            _ => {}
        }
    }

    fn set_file(&mut self, file: &Value, text: impl Fn(&str) -> InstructionText) {
        let field = |name: &str| file.get(name).and_then(Value::as_str);
        if field("type") == Some(PROJECT_FILE)
            && let (Some(path), Some(content)) = (field("path"), field("content"))
        {
            self.files.insert(PathBuf::from(path), text(content));
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Row {
    is_sidechain: bool,
    attachment: Attachment,
    cwd: Option<PathBuf>,
    git_branch: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::{InstructionTexts, instruction_texts};

    fn read(attachments: &[Value]) -> InstructionTexts {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.jsonl");
        let row = |attachment: &Value| {
            let row = json!({
                "parentUuid": null, "isSidechain": false, "attachment": attachment, "type": "attachment", "cwd": "/a",
                "gitBranch": "main",
            });
            format!("{row}\n")
        };
        std::fs::write(&path, attachments.iter().map(row).collect::<String>()).unwrap();
        instruction_texts(&path).unwrap()
    }

    fn file(path: &str, kind: &str, content: &str) -> Value {
        json!({"path": path, "type": kind, "content": content})
    }

    #[test]
    fn a_listing_replaces_all_files_and_a_nested_file_is_added() {
        let texts = read(&[
            json!({"type": "instructions", "files": [file("/a/old.md", "Project", "Old.")]}),
            json!({"new": {}, "type": "instructions", "files": [file("/a/CLAUDE.md", "Project", "Be brief.")]}),
            json!({"type": "nested_memory", "content": file("/a/sub/CLAUDE.md", "Project", "Sub.\n")}),
        ]);
        let paths: Vec<_> = texts.files.keys().collect();
        assert_eq!(paths, [Path::new("/a/CLAUDE.md"), Path::new("/a/sub/CLAUDE.md")]);
        let main = &texts.files[Path::new("/a/CLAUDE.md")];
        assert_eq!(main.text, "Be brief.");
        assert_eq!(main.working_directory.as_deref(), Some(Path::new("/a")));
        assert_eq!(main.branch.as_deref(), Some("main"));
    }

    #[test]
    fn files_of_the_user_and_the_organisation_are_left_out() {
        let files =
            ["User", "Local", "Managed", "AutoMem"].map(|kind| file("/b.md", kind, "Mine."));
        assert_eq!(read(&[json!({"type": "instructions", "files": files})]), Default::default());
    }

    #[test]
    fn agent_types_of_claude_code_are_left_out() {
        let listing = |added: &[&str], built_in: Value, removed: &[&str]| {
            let lines: Vec<String> = added.iter().map(|name| format!("- {name}: Helps")).collect();
            json!({
                "type": "agent_listing_delta", "addedTypes": added, "addedLines": lines, "builtInTypes": built_in,
                "builtInPluginTypes": ["pack:own"], "removedTypes": removed, "isInitial": removed.is_empty(),
            })
        };
        let first = listing(&["Explore", "helper", "pack:own"], json!(["Explore"]), &[]);
        let texts = read(std::slice::from_ref(&first));
        let names: Vec<_> = texts.agents.keys().collect();
        assert_eq!(names, ["helper"]);
        assert_eq!(texts.agents["helper"].text, "helper: Helps");
        let older = listing(&["Explore", "helper"], Value::Null, &[]);
        assert_eq!(read(&[older]).agents.len(), 0, "they can't be told apart");
        let changed = listing(&["other"], json!([]), &["helper"]);
        let texts = read(&[first, changed]);
        assert_eq!(texts.agents.into_keys().collect::<Vec<_>>(), ["other"]);
    }
}
