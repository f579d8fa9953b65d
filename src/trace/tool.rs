//! A tool call as an observation of its own, beside the model call that asked for it.

use base::Timestamp;
use transcript::session::ToolCall;
use transcript::{ToolResult, text_of};

use super::content::{content, plain_or_parts, short};
use super::ids::{SpanId, TraceId};
use super::observation::{Content, Kind, Level, Observation};
use serde_json::{Value, json};

/// `last_at`: the lane's last row, by which a tool without result ends; `closed`: no result will come.
pub(super) fn observe(
    tool: &ToolCall,
    trace_id: &TraceId,
    parent: &SpanId,
    last_at: Timestamp,
    closed: bool,
) -> Observation {
    let span_id = SpanId::tool(&tool.request.id);
    let mut observation =
        Observation::new(trace_id.clone(), span_id, Some(parent.clone()), tool.called_at);
    observation.name.clone_from(&tool.request.name);
    observation.kind = match tool.request.name.as_str() {
        "WebSearch" | "WebFetch" => Kind::Retriever,
        _ => Kind::Tool,
    };
    observation.end = tool.answered_at.unwrap_or(last_at).max(tool.called_at);
    observation.complete = tool.result.is_some() || closed;
    observation.input = Some(Content::Json(tool.request.input.clone()));
    observation.output = tool.result.as_deref().map(output);
    note_failure(&mut observation, tool);
    let skill = tool.request.input.get("skill").or_else(|| tool.request.input.get("command"));
    let skill = skill.and_then(Value::as_str).filter(|_| tool.request.name == "Skill");
    observation.note("skill", skill);
    observation.note("tool_use_id", Some(&*tool.request.id));
    observation.note("caused_by", Some(SpanId::generation(&tool.message_id).as_str()));
    if let Some((server, name)) =
        tool.request.name.strip_prefix("mcp__").and_then(|name| name.split_once("__"))
    {
        observation.note("mcp_server", Some(server));
        observation.note("mcp_tool", Some(name));
    }
    if let Some(result) = &tool.result {
        note_result(&mut observation, result);
    }
    if let Some(end) = &tool.task_end {
        observation.note("background_outcome", end.status.clone());
        observation.note("exit_code", end.exit_code());
    }
    observation
}

/// What the model was given; and what an MCP server gave beside it, unless it is the same once more.
fn output(result: &ToolResult) -> Content {
    let text = text_of(&result.content);
    let is_new = |structured: &&Value| {
        serde_json::from_str::<Value>(&text).map_or(true, |text| text != **structured)
    };
    match result.structured.as_ref().filter(is_new) {
        Some(structured) => Content::Json(json!({
            "content": content(&result.content),
            "structured_content": structured,
        })),
        None => plain_or_parts(&result.content),
    }
}

fn note_failure(observation: &mut Observation, tool: &ToolCall) {
    let result = tool.result.as_ref();
    let text = result.map_or(String::new(), |result| text_of(&result.content));
    if let Some(failure) = failure(tool, text.trim()) {
        observation.level = failure.level;
        let of_task = tool.task_end.as_ref().map(|end| end.summary.as_deref());
        let status = match of_task {
            Some(summary) => summary.unwrap_or(failure.category),
            None if text.is_empty() => failure.category,
            None => text.trim(),
        };
        observation.status_message = Some(short(status));
        observation.note("error_category", Some(failure.category));
        observation.note("exit_code", failure.exit_code);
    }
}

fn note_result(observation: &mut Observation, result: &ToolResult) {
    observation.note("denial", result.denial.clone());
    observation.note("background_task", result.background_task.clone());
    observation.note("saved_to", result.saved_to.clone());
    observation.note("saved_size", result.saved_size.map(|size| size.to_string()));
    observation.note("agent_status", result.status.clone().filter(|_| result.agent_id.is_some()));
    if let Some((decision, source)) = &result.permission {
        observation.note("permission_decision", Some(&**decision));
        observation.note("permission_source", Some(&**source));
    }
}

/// How a tool ended that did not end well.
struct Failure {
    level: Level,
    category: &'static str,
    exit_code: Option<String>,
}

fn failure(tool: &ToolCall, text: &str) -> Option<Failure> {
    let warning = |category| Failure { level: Level::Warning, category, exit_code: None };
    let error = |category| Failure { level: Level::Error, category, exit_code: None };
    let result = match &tool.result {
        _ if tool.stopped => return Some(warning("stopped")),
        None => return Some(warning("no result")),
        Some(result) => result,
    };
    if result.denial.is_some() {
        return Some(warning("refused"));
    }
    if let Some(end) = &tool.task_end {
        return match end.status.as_deref() {
            Some("failed") if end.exit_code().is_some() => Some(error("exit code")),
            Some("failed") => Some(error("tool")),
            Some("killed" | "stopped") => Some(warning("stopped")),
            _ => None,
        };
    }
    if !result.is_error {
        return None;
    }
    if let Some(code) = text.strip_prefix("Exit code ").and_then(|rest| rest.lines().next()) {
        return Some(Failure { exit_code: Some(code.trim().to_owned()), ..error("exit code") });
    }
    Some(match text.strip_prefix("<tool_use_error>") {
        Some(reason) if reason.contains("No such tool available") => error("unknown tool"),
        Some(reason) if reason.starts_with("InputValidationError") => error("invalid input"),
        _ => error("tool"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use transcript::{Block, ToolResult};

    use super::{Content, output};

    fn shown(text: &str, structured: Option<Value>) -> Content {
        output(&ToolResult {
            content: vec![Block::Text(text.to_owned())],
            structured,
            ..ToolResult::default()
        })
    }

    #[test]
    fn what_an_mcp_server_gave_beside_the_text_is_shown_unless_it_is_the_text() {
        let text = |text: &str| Content::Text(text.to_owned());
        assert_eq!(shown("five", None), text("five"));
        let same = shown("{\"sum\": 5}", Some(json!({"sum": 5})));
        assert_eq!(same, text("{\"sum\": 5}"));
        assert_eq!(
            shown("five", Some(json!({"sum": 5}))),
            Content::Json(json!({"content": "five", "structured_content": {"sum": 5}}))
        );
    }
}
