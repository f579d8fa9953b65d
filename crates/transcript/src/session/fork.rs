//! The rows that a fork agent's file repeats from its parent's file. They are input of the agent, never its work.

use std::collections::BTreeSet;

use crate::scan::Words;
use crate::{AssistantMessage, Entry, Prompt, Record};

/// The identity of a model call that its parent's file may have too: the request and the message.
pub type Call = (String, Option<String>);

/// Removes the head that was copied from the parent: the rows before the first user row, and the tool results in that
/// row. Returns nothing until that row is written. `is_fork`: from the file's metadata; the first row may mark the
/// fork too.
pub fn without_head(mut entries: Vec<Entry>, is_fork: bool) -> Vec<Entry> {
    let begins_with_head = entries.first().is_some_and(|first| first.record == Record::ForkContext);
    if !is_fork && !begins_with_head {
        return entries;
    }
    let Some(first_user) = entries.iter().position(|entry| entry.record.is_user_row()) else {
        return Vec::new();
    };
    let mut own = entries.split_off(first_user);
    if let Some(opening) = own.first_mut()
        && let Record::Results { beside, .. } = &mut opening.record
    {
        opening.record =
            Record::Prompt(Prompt { content: std::mem::take(beside), ..Prompt::default() });
    }
    own
}

/// The calls without a request row in the file, which may belong to the parent's file.
pub fn calls_without_request(entries: &[Entry]) -> BTreeSet<Call> {
    let mut calls: BTreeSet<Call> = entries.iter().filter_map(call).collect();
    for entry in entries {
        if let Record::Request(request) = &entry.record {
            calls.retain(|(request_ref, _)| *request_ref != request.id);
        }
    }
    calls
}

/// Recognises rows that may belong to one of `calls`, by their bytes.
pub fn rows_of(calls: &BTreeSet<Call>) -> impl Fn(&[u8]) -> bool {
    let requests = Words::new(calls.iter().map(|(request, _)| &**request));
    move |row| requests.are_in(row)
}

/// The model call of an answer's row. Equal message ids alone do not make two calls the same.
pub fn call(entry: &Entry) -> Option<Call> {
    match &entry.record {
        Record::Assistant(AssistantMessage {
            message_id, request_ref: Some(request_ref), ..
        }) => Some((request_ref.clone(), message_id.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::{calls_without_request, without_head};
    use crate::session::AgentRun;
    use crate::{
        AssistantMessage, Block, Entry, Header, Prompt, Record, Request, ToolResult, text_of,
    };

    fn rows(records: Vec<Record>) -> Vec<Entry> {
        let row = |(number, record): (u64, Record)| Entry {
            offset: number * 10,
            end: number * 10 + 10,
            at: Some(Timestamp::from_millis(number * 1000)),
            uuid: Some(number.to_string()),
            header: Header::default(),
            record,
        };
        (0..).zip(records).map(row).collect()
    }

    fn answer(request_ref: Option<&str>, message_id: &str) -> Record {
        Record::Assistant(AssistantMessage {
            message_id: Some(message_id.to_owned()),
            request_ref: request_ref.map(str::to_owned),
            ..AssistantMessage::default()
        })
    }

    fn prompt(text: &str) -> Record {
        Record::Prompt(Prompt { content: vec![Block::Text(text.to_owned())], ..Prompt::default() })
    }

    fn results(beside: &str) -> Record {
        Record::Results {
            results: vec![ToolResult::default()],
            beside: vec![Block::Text(beside.to_owned())],
            asked_by: None,
        }
    }

    /// The prompt of the agent, and its calls.
    fn run(records: Vec<Record>, is_fork: bool) -> Option<(String, Vec<String>)> {
        let run = AgentRun::read(without_head(rows(records), is_fork), &[])?;
        let calls = run.activity.generations.iter();
        let calls = calls.filter_map(|call| call.message_id.clone()).collect();
        Some((text_of(&run.opening.prompt.content), calls))
    }

    #[test]
    fn the_head_of_a_fork_is_no_work_whichever_of_the_marks_is_there() {
        let file = || vec![answer(None, "parent's"), results("go on"), answer(None, "own")];
        let marked = || [vec![Record::ForkContext], file()].concat();
        let own = Some(("go on".to_owned(), vec!["own".to_owned()]));
        assert_eq!(run(marked(), false), own);
        assert_eq!(run(file(), true), own);
        assert_eq!(run(marked(), true), own);
        let (_, calls) = run(file(), false).unwrap();
        assert_eq!(calls, ["parent's", "own"], "nothing says that it is a fork");
    }

    #[test]
    fn a_fork_that_a_person_started_begins_with_its_prompt() {
        let file = vec![Record::ForkContext, prompt("go on"), answer(None, "own")];
        let own = Some(("go on".to_owned(), vec!["own".to_owned()]));
        assert_eq!(run(file, true), own);
    }

    #[test]
    fn a_head_that_is_still_being_written_is_nothing() {
        assert_eq!(run(vec![Record::ForkContext], false), None);
        let head = vec![Record::ForkContext, answer(None, "parent's")];
        assert_eq!(run(head, false), None);
    }

    #[test]
    fn only_calls_without_their_request_may_be_the_parents() {
        let request = Record::Request(Request {
            id: "here".to_owned(),
            params: serde_json::Value::Null,
            shape: None,
        });
        let file = vec![
            request,
            answer(Some("here"), "1"),
            answer(Some("elsewhere"), "2"),
            answer(None, "3"),
        ];
        let calls = calls_without_request(&rows(file));
        let expected = ("elsewhere".to_owned(), Some("2".to_owned()));
        assert_eq!(calls.into_iter().collect::<Vec<_>>(), [expected]);
    }
}
