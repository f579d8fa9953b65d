//! The request of a tool call in one text: the command, the path, the pattern.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use transcript::locate::{AgentFile, agents};
use transcript::{Block, Record, ToolUse, Transcript};

use crate::trace::hash;

/// The most telling argument of a call of this tool.
pub fn asked<'a>(tool: &str, input: &'a Value) -> Option<&'a str> {
    let keys: &[&str] = match tool {
        "Bash" | "PowerShell" => &["command"],
        "Read" | "Edit" | "MultiEdit" | "Write" => &["file_path"],
        "NotebookEdit" => &["notebook_path"],
        "Grep" | "Glob" => &["pattern"],
        "WebFetch" => &["url"],
        "WebSearch" => &["query"],
        "Agent" | "Task" => &["description", "prompt"],
        "Skill" => &["skill", "command"],
        _ => &[],
    };
    let text = |key: &&str| input.get(key).and_then(Value::as_str);
    let first = || input.as_object()?.values().find_map(Value::as_str);
    keys.iter().find_map(text).or_else(first).filter(|text| !text.is_empty())
}

/// A digest of a tool's name and arguments.
pub(super) fn request_digest(request: &ToolUse) -> u64 {
    hash(format!("{}:{}", request.name, request.input).as_bytes())
}

/// The requests of a session whose digests are wanted.
pub fn requests_of(transcript: &Path, wanted: &BTreeSet<u64>) -> BTreeMap<u64, String> {
    let mut found = BTreeMap::new();
    let agents = agents(transcript, None, &|_| false);
    let files = std::iter::once(transcript).chain(agents.iter().flat_map(AgentFile::paths));
    for file in files {
        let Ok(mut rows) = Transcript::open(file, 0) else {
            continue;
        };
        while let Ok(Some(entry)) = rows.next_entry() {
            let Record::Assistant(answer) = &entry.record else {
                continue;
            };
            for block in &answer.blocks {
                if let Block::ToolUse(request) = block
                    && wanted.contains(&request_digest(request))
                {
                    let text = asked(&request.name, &request.input).unwrap_or_default();
                    found.insert(request_digest(request), text.to_owned());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::asked;

    #[test]
    fn a_known_tool_has_its_argument_and_another_its_first_text() {
        let bash = json!({"description": "Test", "command": "cargo test"});
        assert_eq!(asked("Bash", &bash), Some("cargo test"));
        assert_eq!(asked("mcp__calc__add", &json!({"a": 1, "why": "sum", "b": "x"})), Some("sum"));
        assert_eq!(asked("Bash", &json!({})), None);
        assert_eq!(asked("Bash", &json!("x")), None);
    }
}
