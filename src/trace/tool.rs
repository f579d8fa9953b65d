//! A tool call as an observation of its own, beside the model call that asked for it.

use base::Timestamp;
use serde_json::{Value, json};
use transcript::session::ToolCall;
use transcript::{ToolResult, text_of};

use super::content::{content, media_in, parts_with_media, plain_or_parts, reference};
use super::{
    Content, Kind, Level, MetadataKey, Observation, Placeholder, SpanId, SpanIds, SpanName, Status,
    WithMedia,
};

/// Observes a tool call. `last_at` is the time of the file's last row, the end of a tool without result. `closed`: no
/// result will come.
pub(super) fn observe(
    tool: &ToolCall,
    ids: &SpanIds,
    parent: &SpanId,
    last_at: Timestamp,
    closed: bool,
) -> Observation {
    let (trace_id, span_id) = (ids.trace_id(), ids.tool(&tool.key));
    let name = SpanName::of_tool(&tool.request);
    let mut observation = Observation::new(name, trace_id, span_id, Some(parent), tool.called_at);
    observation.kind = match tool.request.name.as_str() {
        "WebSearch" | "WebFetch" => Kind::Retriever,
        _ => Kind::Tool,
    };
    observation.end = tool.answered_at.unwrap_or(last_at).max(tool.called_at);
    observation.complete = tool.result.is_some() || closed;
    observation.input = Some(Content::Json(tool.request.input.clone()));
    observation.output = tool.result.as_deref().map(output);
    observation.with_media = tool.result.as_deref().and_then(with_media);
    let missing = match &tool.result {
        _ if tool.stopped => Placeholder::Stopped,
        None => Placeholder::NoResult,
        Some(_) => Placeholder::NoOutput,
    };
    observation.fill(Placeholder::NoInput, missing);
    note_failure(&mut observation, tool);
    let skill = tool.request.input.get("skill").or_else(|| tool.request.input.get("command"));
    let skill = skill.and_then(Value::as_str).filter(|_| tool.request.name == "Skill");
    observation.note(MetadataKey::Skill, skill);
    observation.note(MetadataKey::ToolUseId, Some(&tool.request.id));
    observation.note(MetadataKey::CausedBy, Some(ids.generation(&tool.call).as_str()));
    if let Some((server, name)) =
        tool.request.name.strip_prefix("mcp__").and_then(|name| name.split_once("__"))
    {
        observation.note(MetadataKey::McpServer, Some(server));
        observation.note(MetadataKey::McpTool, Some(name));
    }
    if let Some(result) = &tool.result {
        note_result(&mut observation, result);
    }
    if let Some(end) = &tool.task_end {
        observation.note(MetadataKey::BackgroundTaskStatus, end.status.as_ref());
        observation.note(MetadataKey::ExitCode, end.exit_code());
    }
    observation
}

/// The result for the model, with an MCP server's structured content unless that repeats the text.
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
        None => match (plain_or_parts(&result.content), &result.diff) {
            (Content::Text(text), Some(diff)) => Content::Text(with_diff(&text, diff)),
            (output, _) => output,
        },
    }
}

/// A single image or document is the whole output, so that Langfuse shows it at once.
fn with_media(result: &ToolResult) -> Option<Box<WithMedia>> {
    let media: Vec<_> = media_in(&result.content, "output").collect();
    if media.is_empty() {
        return None;
    }
    let output = match (result.content.as_slice(), &result.structured) {
        ([only], None) => Content::Text(reference(only)?),
        (blocks, structured) => {
            let mut message = json!({"role": "tool", "content": parts_with_media(blocks)});
            if let (Some(fields), Some(structured)) = (message.as_object_mut(), structured) {
                fields.insert("structured_content".to_owned(), structured.clone());
            }
            Content::Json(message)
        }
    };
    Some(Box::new(WithMedia { input: None, output: Some(output), media }))
}

/// The message and the change as a fenced block, which Langfuse shows as code.
fn with_diff(message: &str, diff: &str) -> String {
    let mut fence = "```".to_owned();
    while diff.contains(&fence) {
        fence.push('`');
    }
    format!("{message}\n\n{fence}diff\n{diff}{fence}").trim_start().to_owned()
}

fn note_failure(observation: &mut Observation, tool: &ToolCall) {
    let text = tool.result.as_ref().map_or(String::new(), |result| text_of(&result.content));
    let Some(category) = category(tool, text.trim()) else {
        return;
    };
    let (name, level, status) = category.details();
    observation.level = level;
    let said = match &tool.task_end {
        Some(end) => end.summary.as_deref(),
        None => Some(text.trim()).filter(|text| !text.is_empty()),
    };
    observation.status = Some(said.map_or(status, Status::quoting));
    observation.note(MetadataKey::ErrorCategory, Some(name));
    if category == ErrorCategory::ExitCode {
        observation.note(MetadataKey::ExitCode, exit_code(text.trim()));
    }
}

fn note_result(observation: &mut Observation, result: &ToolResult) {
    observation.note(MetadataKey::DenialReason, result.denial.as_ref());
    observation.note(MetadataKey::BackgroundTaskId, result.background_task.as_ref());
    observation.note(MetadataKey::OutputFile, result.saved_to.as_ref());
    observation.note(MetadataKey::OutputFileBytes, result.saved_size);
    if let Some(git) = &result.git {
        let commit = git.commit.as_ref();
        observation.note(MetadataKey::Commit, commit.map(|commit| &commit.sha));
        let kind = commit.and_then(|commit| commit.kind.as_ref());
        observation.note(MetadataKey::CommitKind, kind);
        observation.note(MetadataKey::PushedBranch, git.pushed_branch());
        observation.note(MetadataKey::PullRequest, git.pull_request());
    }
    observation.note(
        MetadataKey::AgentStatus,
        result.status.as_ref().filter(|_| result.agent_id.is_some()),
    );
    if let Some((decision, source)) = &result.permission {
        observation.note(MetadataKey::PermissionDecision, Some(decision));
        observation.note(MetadataKey::PermissionSource, Some(source));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ErrorCategory {
    ExitCode,
    InvalidInput,
    UnknownTool,
    Tool,
    Denied,
    Stopped,
    NoResult,
}

impl ErrorCategory {
    /// Its name, its level, and the status of a tool whose result says nothing.
    fn details(self) -> (&'static str, Level, Status) {
        match self {
            Self::ExitCode => ("exit code", Level::Error, Status::Failed),
            Self::InvalidInput => ("invalid input", Level::Error, Status::Failed),
            Self::UnknownTool => ("unknown tool", Level::Error, Status::Failed),
            Self::Tool => ("tool", Level::Error, Status::Failed),
            Self::Denied => ("denied", Level::Warning, Status::Denied),
            Self::Stopped => ("stopped", Level::Warning, Status::Stopped),
            Self::NoResult => ("no result", Level::Warning, Status::NoResult),
        }
    }
}

fn category(tool: &ToolCall, text: &str) -> Option<ErrorCategory> {
    let result = match &tool.result {
        _ if tool.stopped => return Some(ErrorCategory::Stopped),
        None => return Some(ErrorCategory::NoResult),
        Some(result) => result,
    };
    if result.denial.is_some() {
        return Some(ErrorCategory::Denied);
    }
    if let Some(end) = &tool.task_end {
        return match end.status.as_deref().and_then(Status::of_outcome) {
            Some(Status::Failed) if end.exit_code().is_some() => Some(ErrorCategory::ExitCode),
            Some(Status::Failed) => Some(ErrorCategory::Tool),
            Some(Status::Killed | Status::Stopped) => Some(ErrorCategory::Stopped),
            _ => None,
        };
    }
    let reason = text.strip_prefix("<tool_use_error>").unwrap_or_default();
    result.is_error.then(|| match exit_code(text) {
        Some(_) => ErrorCategory::ExitCode,
        None if reason.contains("No such tool available") => ErrorCategory::UnknownTool,
        None if reason.starts_with("InputValidationError") => ErrorCategory::InvalidInput,
        None => ErrorCategory::Tool,
    })
}

fn exit_code(text: &str) -> Option<&str> {
    text.strip_prefix("Exit code ")?.lines().next().map(str::trim)
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
    fn shows_structured_mcp_content_unless_it_repeats_the_text() {
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
