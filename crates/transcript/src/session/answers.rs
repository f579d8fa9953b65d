//! Assigns the rows of answers to model calls, and results to tool calls.

use std::rc::Rc;

use base::Timestamp;

use super::{Activity, Generation, InputItem, ToolCall};
use crate::{
    AssistantMessage, Block, Notification, Request, ToolResult, ToolUse, as_text, is_trusted,
    text_of,
};

/// The place and time of a row.
pub(super) struct RowPlace {
    pub uuid: String,
    pub at: Timestamp,
    pub offset: u64,
}

impl RowPlace {
    /// A unique name for the row. No release writes an answer without a uuid.
    fn name(&self) -> String {
        if self.uuid.is_empty() { self.at.as_millis().to_string() } else { self.uuid.clone() }
    }
}

impl Activity {
    pub(super) fn answer(&mut self, answer: AssistantMessage, row: &RowPlace) {
        let known = self.call_of(&answer);
        if known.is_some_and(|known| self.is_repeated(known, &answer, row)) {
            return;
        }
        self.failed = false;
        self.interrupted = false;
        let asks = answer.blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
        let is_settled =
            !asks && !answer.aborted && answer.stop_reason.as_deref() != Some("tool_use");
        self.touch(row.at, is_settled);
        if answer.blocks.iter().any(|block| as_text(block).is_some()) {
            self.last_text = Some(text_of(&answer.blocks));
        }
        let position = known.unwrap_or_else(|| self.begin(&answer, row));
        self.is_user_next = false;
        let Some(call) = self.generations.get_mut(position) else {
            return;
        };
        let key = call.key.clone();
        for (place, block) in (1..).zip(&answer.blocks) {
            if let Block::ToolUse(request) = block {
                self.ask(Rc::clone(request), &key, row, place);
            }
        }
        if let Some(call) = self.generations.get_mut(position) {
            call.add(answer, row.at, &row.uuid);
        }
    }

    /// The call that a row belongs to, if it is known. The id of a message alone is not enough: some providers send
    /// none, or a constant (docs/claude-code.md, "Rows of a model call").
    fn call_of(&self, answer: &AssistantMessage) -> Option<usize> {
        let mut calls = self.generations.iter();
        if answer.request_ref.is_some() {
            return calls.rposition(|call| call.request_ref == answer.request_ref);
        }
        let is_same = |call: &Generation| {
            call.request_ref.is_none()
                && call.message_id == answer.message_id
                && !is_other(call.request_id.as_deref(), answer.request_id.as_deref())
        };
        if answer.message_id.as_deref().is_some_and(is_trusted) {
            return calls.rposition(|call| is_same(call) && !call.has_other_block(answer));
        }
        let last = calls.next_back().filter(|last| !self.is_user_next && is_same(last));
        last.map(|_| self.generations.len() - 1)
    }

    /// The row was written twice.
    fn is_repeated(&self, call: usize, answer: &AssistantMessage, row: &RowPlace) -> bool {
        let is_next = call + 1 == self.generations.len() && !self.is_user_next;
        let call = self.generations.get(call);
        call.is_some_and(|call| call.has_row(answer, &row.uuid, is_next))
    }

    /// Begins a call. Earlier calls are complete.
    fn begin(&mut self, answer: &AssistantMessage, row: &RowPlace) -> usize {
        self.close_all();
        let request = answer.request_ref.as_ref().and_then(|id| self.requests.remove(id));
        let started_at = request.as_ref().map(|(at, _)| *at).or(self.last_user_at);
        let input = std::mem::take(&mut self.input);
        let id = answer.message_id.as_deref().unwrap_or_default();
        let place = answer.request_ref.clone().unwrap_or_else(|| row.name());
        let key = self.used_ids.key(id, &place);
        let started_at = started_at.unwrap_or(row.at);
        let mut call = Generation::new(key, place, answer, started_at, row.at, input);
        if let Some((_, request)) = request {
            call.take_request(request);
        }
        self.generations.push(call);
        self.generations.len() - 1
    }

    /// Adds a request, which may be written after the first rows of its answer.
    pub(super) fn request(&mut self, request: Request, at: Timestamp) {
        let asked = |call: &&mut Generation| call.request_ref.as_ref() == Some(&request.id);
        match self.generations.iter_mut().rfind(asked) {
            None => drop(self.requests.insert(request.id.clone(), (at, request))),
            Some(call) if !call.has_request => {
                call.started_at = at.min(call.first_block_at);
                call.take_request(request);
            }
            Some(_) => {}
        }
    }

    /// `place`: the 1-based position of the block in its row.
    fn ask(&mut self, request: Rc<ToolUse>, call: &str, row: &RowPlace, place: usize) {
        let place = match place {
            1 => row.name(),
            place => format!("{}/{place}", row.name()),
        };
        self.tools.push(ToolCall {
            key: self.used_ids.key(&request.id, &place),
            place,
            request,
            call: call.to_owned(),
            row: row.uuid.clone(),
            called_at: row.at,
            offset: row.offset,
            ..ToolCall::default()
        });
    }

    /// `asked_by`: the asking rows that the results name.
    pub(super) fn results(
        &mut self,
        results: Vec<ToolResult>,
        asked_by: [Option<String>; 2],
        at: Timestamp,
    ) {
        self.touch(at, results.iter().any(|result| result.ends_turn));
        self.last_user_at = Some(at);
        for result in results {
            let result = Rc::new(result);
            self.input.push(InputItem::Tool(Rc::clone(&result)));
            let asked = self.tool_of(&result, &asked_by);
            if let Some(tool) = asked.and_then(|position| self.tools.get_mut(position)) {
                if result.ends_turn {
                    self.structured = Some(tool.request.input.clone());
                }
                tool.result = Some(result);
                tool.answered_at = Some(at);
                let stopped = stopped_task(tool);
                self.end_task(stopped.as_ref());
            }
        }
    }

    /// The tool call that a result answers: that of the row that it names, otherwise the oldest one without a result.
    fn tool_of(&self, result: &ToolResult, asked_by: &[Option<String>; 2]) -> Option<usize> {
        let has_id = |tool: &ToolCall| tool.request.id == result.tool_use_id;
        let is_open = |tool: &ToolCall| has_id(tool) && tool.result.is_none();
        for row in asked_by.iter().flatten() {
            let mut named = self.tools.iter();
            let open = named.position(|tool| tool.row == *row && is_open(tool));
            let mut named = self.tools.iter();
            let known = open.or_else(|| named.rposition(|tool| tool.row == *row && has_id(tool)));
            if known.is_some() {
                return known;
            }
        }
        let open = self.tools.iter().position(is_open);
        open.or_else(|| self.tools.iter().rposition(has_id))
    }

    /// Trusted ids that an agent's own calls can't use as keys: those of the launching call, and all earlier ones of
    /// the turn if one of them was repeated. A provider that gives each answer new ids never returns to older ones.
    pub fn ids_used_for(&self, launch: &ToolCall) -> Vec<String> {
        let is_launching = |key: &String| *key == launch.call;
        let launched_by = self.generations.iter().position(|call| is_launching(&call.key));
        let calls = self.generations.iter().take(launched_by.map_or(0, |position| position + 1));
        let calls =
            calls.filter_map(|call| Some((&call.key, call.message_id.as_ref()?, &call.key)));
        let is_until_then =
            |tool: &&ToolCall| tool.offset <= launch.offset || is_launching(&tool.call);
        let tools = self.tools.iter().filter(is_until_then);
        let tools = tools.map(|tool| (&tool.key, &tool.request.id, &tool.call));
        let known: Vec<_> = calls.chain(tools).filter(|(_, id, _)| is_trusted(id)).collect();
        let come_again = known.iter().any(|(key, id, _)| key != id);
        let used = known.into_iter().filter(|(.., call)| come_again || is_launching(call));
        let used = used.map(|(_, id, _)| id);
        let mut ids: Vec<String> = self.used_ids.inherited.iter().chain(used).cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// No further row of this call will come.
    pub fn is_closed(&self, call: &str) -> bool {
        self.generations.iter().any(|known| known.key == call && known.closed)
    }
}

/// Both are set and differ.
fn is_other(one: Option<&str>, other: Option<&str>) -> bool {
    let given = |id: &&str| !id.is_empty();
    one.filter(given).zip(other.filter(given)).is_some_and(|(one, other)| one != other)
}

/// The background task that this call stopped. The model stops it, and no notification follows.
fn stopped_task(tool: &ToolCall) -> Option<Notification> {
    let key = match tool.request.name.as_str() {
        "TaskStop" => "task_id",
        "KillShell" => "shell_id",
        _ => return None,
    };
    tool.result.as_ref().filter(|result| !result.is_error)?;
    Some(Notification {
        task_id: Some(tool.request.input.get(key)?.as_str()?.to_owned()),
        status: Some("killed".to_owned()),
        ..Notification::default()
    })
}

#[cfg(test)]
mod tests;
