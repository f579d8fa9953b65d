//! What a tool was asked to do, in one text: the command, the path, the pattern.

use serde_json::Value;

/// The argument that says most about a call of this tool.
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
