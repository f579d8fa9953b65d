//! Classifies lines, for releases from 1.0.128 on. `docs/claude-code.md` has the rules.

use std::time::Duration;

use base::Timestamp;
use serde_json::Value;

use super::content::{self};
use super::json_text;
use super::prefilter;
use super::row_budget::RowBudget;
use super::rows::{Row, SkillLaunch};
use super::{
    Advice, ApiError, AssistantMessage, Block, Boundary, Entry, Header, Line, Notification, Patch,
    Prompt, Record, Request, Usage,
};

/// The classification of a line.
#[derive(Debug)]
pub(super) enum Reading {
    /// A row that some span needs.
    Entry(Box<Entry>),
    /// A row that no span needs.
    Unneeded,
    /// A row of an unknown type.
    Unknown(String),
    /// No JSON object, with the reason.
    Broken(String),
}

/// The model name of rows that the CLI writes itself: errors and placeholders.
const SYNTHETIC: &str = "<synthetic>";

/// Classifies one line, if it is wanted. Texts of up to `longest` characters are kept whole; `with_media`: images are hashed.
pub(super) fn classify(
    line: Line<'_>,
    longest: usize,
    with_media: bool,
    is_wanted: &dyn Fn(&[u8]) -> bool,
) -> Reading {
    let trimmed = line.bytes.trim_ascii();
    if trimmed.is_empty() || prefilter::is_unneeded(trimmed) || !is_wanted(trimmed) {
        return Reading::Unneeded;
    }
    if trimmed.first() != Some(&b'{') {
        return Reading::Broken("no JSON object".to_owned());
    }
    if line.is_cut {
        let broken = || Reading::Broken("no JSON object".to_owned());
        return prefilter::skip_unneeded(trimmed).unwrap_or_else(broken);
    }
    let (offset, end) = (line.offset, line.end);
    let text = json_text::of_line(line.bytes);
    let unique;
    let read = match serde_json::from_str(&text) {
        // An object has a name twice. As in JavaScript, the last value counts.
        Err(error) if error.is_data() => {
            unique = json_text::without_duplicates(&text).unwrap_or_default();
            serde_json::from_str(&unique).map_err(|_| error)
        }
        read => read,
    };
    let mut row: Row = match read {
        Ok(row) => row,
        Err(error) => {
            return Reading::Broken(format!("{} at column {}", category(&error), error.column()));
        }
    };
    let mut room = RowBudget::for_texts_of(longest);
    room.media_row = with_media.then_some(offset);
    let Some(record) = record(&mut row, &room) else {
        return prefilter::unneeded_row(row.kind.as_deref().unwrap_or("(no type)"));
    };
    Reading::Entry(Box::new(Entry {
        offset,
        end,
        at: row.timestamp.as_deref().and_then(Timestamp::parse),
        uuid: row.uuid.take(),
        header: header(row),
        record,
    }))
}

/// serde_json's own message can quote the conversation.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Syntax => "no JSON",
        serde_json::error::Category::Eof => "JSON that ends too early",
        serde_json::error::Category::Data | serde_json::error::Category::Io => "no JSON object",
    }
}

fn header(row: Row<'_>) -> Header {
    Header {
        session_id: row.session_id.0,
        request_session_id: row.request_session_id.0,
        forked: row.forked_from.is_some(),
        background: row.session_kind.as_deref() == Some("bg"),
        cwd: row.cwd.0,
        version: row.version.0,
        branch: row.git_branch.0,
        entrypoint: row.entrypoint.0,
        prompt_id: row.prompt_id.0,
        sidechain: row.is_sidechain.unwrap_or(false),
        parent: row.parent_uuid.0,
    }
}

/// The record of a row. Takes texts that nothing else needs out of the row.
fn record(row: &mut Row<'_>, room: &RowBudget) -> Option<Record> {
    let content = || room.text(row.content?.get());
    match row.kind.as_deref()? {
        "user" => user(row, room),
        "assistant" => assistant(row, room),
        "system" => system(row, content),
        "attachment" => attachment(row, room),
        "queue-operation" => Some(match content().as_deref().and_then(notification) {
            Some(notification) => Record::Notified(notification),
            None => Record::Queued(content()),
        }),
        "continued-in" => Some(Record::ContinuedElsewhere),
        "api-request" => {
            let params = row.params.map_or(Value::Null, |params| room.tree(params.get()));
            let (id, shape) = (row.id.take()?, row.shape_hash.take());
            Some(Record::Request(Request { id, params, shape }))
        }
        "cost-state" => Some(Record::SessionCost),
        "fork-context-ref" => Some(Record::ForkContext),
        "custom-title" => title(row.custom_title.take(), true),
        "ai-title" => title(row.ai_title.take(), false),
        "pr-link" => Some(Record::PullRequest(row.pr_url.take()?)),
        _ => None,
    }
}

fn title(text: Option<String>, by_person: bool) -> Option<Record> {
    let text = text?.trim().to_owned();
    (!text.is_empty()).then_some(Record::Title { text, by_person })
}

fn user(row: &mut Row<'_>, room: &RowBudget) -> Option<Record> {
    let flagged = |flag: Option<bool>| flag.unwrap_or(false);
    let blocks = content::blocks(row.message.as_ref()?.content, room);
    if flagged(row.repeats_compact_summary.0) {
        return None;
    }
    if flagged(row.is_compact_summary.0) {
        let turns = row.summarized_turn_prompt_uuids.take().unwrap_or_default();
        let text = content::text_of(&blocks);
        return Some(Record::Summary { text, turn: turns.into_iter().next_back() });
    }
    if flagged(row.is_visible_in_transcript_only.0) {
        return None;
    }
    if blocks.iter().any(|block| matches!(block, Block::ToolResult(_))) {
        return Some(results(row, blocks, room));
    }
    let text = content::text_of(&blocks);
    let opens = row.turn_origin.is_some();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    Some(if opens {
        prompt(row, blocks, &text, false)
    } else if flagged(row.is_meta.0) {
        let is_feedback = is_written_by(row, "hook", &text, "Stop hook feedback");
        if is_feedback { Record::StopFeedback(blocks) } else { Record::Injected(blocks) }
    } else if is_written_by(row, "harness", &text, "[Request interrupted by user") {
        Record::Interrupt(text)
    } else if flagged(row.queue_transcript_only.0)
        || starts(&["<local-command-", "<bash-input>", "<bash-stdout>", "<bash-stderr>"])
    {
        Record::Local(blocks)
    } else {
        let tentative = starts(&["<command-name>", "<command-message>"]);
        prompt(row, blocks, &text, tentative)
    })
}

/// Whether the CLI wrote the row for `source`. Before 2.1.332 only the text shows that, and a person may type the
/// same text.
fn is_written_by(row: &Row<'_>, source: &str, text: &str, prefix: &str) -> bool {
    match row.row_source.as_deref() {
        Some(known) => known == source && (source == "hook" || text.starts_with(prefix)),
        None => text.starts_with(prefix),
    }
}

fn prompt(row: &mut Row<'_>, content: Vec<Block>, text: &str, tentative: bool) -> Record {
    Record::Prompt(Prompt {
        command: between(text, "<command-name>", "</command-name>")
            .map(|name| format!("/{}", name.trim_matches('/'))),
        skill: skill(text).map(str::to_owned),
        marked: row.turn_origin.is_some(),
        origin: row
            .turn_origin
            .take()
            .or_else(|| Some(row.origin.as_ref()?.kind.as_ref()?.replace('-', "_"))),
        source: row.prompt_source.take(),
        permission_mode: row.permission_mode.take(),
        turn_index: row.turn_position.as_ref().and_then(|it| it.turn_index.0),
        notification: notification(text),
        tentative,
        content,
    })
}

fn results(row: &mut Row<'_>, blocks: Vec<Block>, room: &RowBudget) -> Record {
    let outcome = row.tool_use_result.take().unwrap_or_default();
    let permission = row
        .permission_decision
        .as_ref()
        .and_then(|permission| permission.decision.0.clone().zip(permission.source.0.clone()));
    let structured = row.mcp_meta.as_ref();
    let structured = structured.and_then(|meta| meta.structured_content);
    let structured = structured.map(|content| room.tree(content.get()));
    let mut git = outcome.git_operation.clone().map(Box::new);
    let (mut results, mut beside) = (Vec::new(), Vec::new());
    for block in blocks {
        match block {
            Block::ToolResult(mut result) => {
                result.agent_id.clone_from(&outcome.agent_id);
                result.workflow.clone_from(&outcome.run_id);
                result.workflow_name.clone_from(&outcome.workflow_name);
                result.background_task.clone_from(&outcome.background_task_id);
                result.status.clone_from(&outcome.status);
                result.is_async = outcome.is_async.unwrap_or_else(|| result.announces_launch());
                result.ends_turn = row.tool_ends_turn.unwrap_or(false);
                result.denial.clone_from(&row.tool_denial_kind);
                result.denied_before_run = row.tool_denial_before_run.unwrap_or(false);
                result.permission.clone_from(&permission);
                result.saved_to.clone_from(&outcome.persisted_output_path);
                result.saved_size = outcome.persisted_output_size.0;
                result.structured.clone_from(&structured);
                result.patch = outcome.structured_patch.as_deref().map(Patch::of);
                result.diff = outcome.structured_patch.as_deref().and_then(content::diff);
                // The row has one operation: with several results it would count several times.
                result.git = git.take();
                results.push(*result);
            }
            block => beside.push(block),
        }
    }
    Record::Results { results, beside, asked_by: row.source_tool_assistant_uuid.take() }
}

fn assistant(row: &mut Row<'_>, room: &RowBudget) -> Option<Record> {
    let message = row.message.as_mut()?;
    let blocks = content::blocks(message.content, room);
    if row.is_api_error_message.unwrap_or(false) {
        return Some(Record::ApiError(ApiError {
            message: content::text_of(&blocks),
            retried: false,
            cut: row.stream_cut_cause.is_some(),
            status: row.api_error_status.0,
            kind: row.api_error_type.take().or_else(|| row.api_error.take()),
            attempt: None,
        }));
    }
    if message.model.as_deref() == Some(SYNTHETIC) {
        return None;
    }
    let message_id = message.id.take().filter(|id| !id.is_empty());
    if message_id.is_none() && blocks.is_empty() {
        return None;
    }
    let mut usage = message.usage.take();
    Some(Record::Assistant(AssistantMessage {
        message_id,
        block_index: row.api_block_index.0,
        model: message.model.take().unwrap_or_default(),
        stop_reason: message.stop_reason.take(),
        service_tier: usage.as_mut().and_then(|usage| usage.service_tier.take()),
        speed: usage.as_mut().and_then(|usage| usage.speed.take()),
        advice: usage.as_ref().map(Advice::of).unwrap_or_default(),
        usage: usage.as_ref().map(Usage::from).unwrap_or_default(),
        request_id: row.request_id.take(),
        request_ref: row.request_ref.take(),
        requested_model: row.requested_model.take(),
        effort: row.effort.take(),
        skill: row.attribution_skill.take(),
        aborted: row.is_aborted_mid_stream.unwrap_or(false),
        blocks,
    }))
}

/// `content`: the message for the person.
fn system(row: &Row<'_>, content: impl Fn() -> Option<String>) -> Option<Record> {
    match row.subtype.as_deref()? {
        "stop_hook_summary" => Some(Record::StopHooks),
        "turn_duration" => Some(Record::TurnTook(Duration::from_millis(row.duration_ms.0?))),
        "model_fallback" | "model_refusal_fallback" | "model_consent_fallback" => {
            Some(Record::Fallback(content().unwrap_or_default()))
        }
        "compact_boundary" => Some(Record::Compacted(boundary(row))),
        "local_command" => command_output(&content()?),
        "informational" => row.launched_agent_id.0.clone().map(Record::AgentStarted),
        "api_error" => {
            let error = row.error.as_ref();
            let message = error
                .and_then(|error| error.formatted.0.clone().or_else(|| error.message.0.clone()));
            Some(Record::ApiError(ApiError {
                message: message.unwrap_or_default(),
                retried: true,
                status: error.and_then(|error| error.status.0),
                attempt: row.retry_attempt.0,
                ..ApiError::default()
            }))
        }
        _ => None,
    }
}

/// The output of a command. The agent's id comes from the name of the element, because the output may be any text of
/// a model.
fn command_output(content: &str) -> Option<Record> {
    let shown = shown_by_command(content);
    let (text, rest) = shown.unwrap_or(("", content));
    let launch = between(rest, "<forked-skill-launch>", "</forked-skill-launch>");
    let launch = launch.and_then(|json| serde_json::from_str::<SkillLaunch>(json).ok());
    match (shown, launch.and_then(|launch| launch.agent_id.0)) {
        (None, agent_id) => agent_id.map(Record::AgentStarted),
        (Some(_), agent_id) => Some(Record::CommandOutput { text: text.to_owned(), agent_id }),
    }
}

/// The output of a command, and the text after it.
pub(crate) fn shown_by_command(content: &str) -> Option<(&str, &str)> {
    let text = content.trim_start().strip_prefix("<local-command-stdout>")?;
    let (text, rest) = text.rsplit_once("</local-command-stdout>")?;
    Some((text.trim(), rest))
}

fn boundary(row: &Row<'_>) -> Boundary {
    let metadata = row.compact_metadata.as_ref();
    Boundary {
        manual: metadata.and_then(|metadata| metadata.trigger.as_deref()) == Some("manual"),
        tokens_before: metadata.and_then(|metadata| metadata.pre_tokens.0),
        tokens_after: metadata.and_then(|metadata| metadata.post_tokens.0),
        duration: Duration::from_millis(metadata.and_then(|it| it.duration_ms.0).unwrap_or(0)),
    }
}

fn attachment(row: &Row<'_>, room: &RowBudget) -> Option<Record> {
    let attachment = row.attachment.as_ref()?;
    match attachment.kind.as_deref()? {
        "queued_command" => {
            let content = content::blocks(attachment.prompt, room);
            let notification = notification(&content::text_of(&content));
            Some(Record::Steering { content, notification })
        }
        "structured_output" => Some(Record::StructuredOutput),
        "max_turns_reached" => Some(Record::MaxTurns(attachment.max_turns.unwrap_or(0))),
        _ => None,
    }
}

/// Parses the notification that a background task ended.
fn notification(text: &str) -> Option<Notification> {
    let text = text.trim_start().strip_prefix("<task-notification>")?;
    let tag =
        |name: &str| between(text, &format!("<{name}>"), &format!("</{name}>")).map(str::to_owned);
    // Anybody may have pasted a similar text; ids and states go into metadata.
    let word = |name: &str| tag(name).filter(|word| !word.contains(char::is_whitespace));
    Some(Notification {
        task_id: word("task-id"),
        tool_use_id: word("tool-use-id"),
        status: word("status"),
        summary: tag("summary"),
    })
}

/// The skill that a person's command runs. Its row begins with the skill's message. That of an older command says
/// "greet is running…", that of a local command begins with the name.
fn skill(text: &str) -> Option<&str> {
    let message = text.strip_prefix("<command-message>")?;
    let (message, rest) = message.split_once("</command-message>")?;
    let name = between(rest, "<command-name>", "</command-name>")?.trim_start_matches('/');
    let says_loading = || message.strip_prefix("The \"")?.strip_suffix("\" skill is loading");
    let is_skill = message == name || says_loading() == Some(name);
    is_skill.then_some(name)
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inner, _)| inner.trim())
}

#[cfg(test)]
mod tests;
