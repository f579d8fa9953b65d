//! Recognises rows that open a turn, precede its prompt, or continue it.

use base::Timestamp;

use crate::{Block, Entry, Record, text_of};

/// The row of a real prompt, or of a compaction that a person asked for.
pub(super) fn opens_turn(entry: &Entry) -> bool {
    let opens = match &entry.record {
        Record::Prompt(prompt) => !prompt.tentative,
        Record::Compacted(boundary) => boundary.manual,
        _ => false,
    };
    opens && entry.uuid.is_some()
}

/// Rows that the CLI sometimes writes before their prompt.
pub(super) fn precedes_prompt(record: &Record) -> bool {
    matches!(
        record,
        Record::Injected(_)
            | Record::Local(_)
            | Record::Request(_)
            | Record::Summary { .. }
            | Record::Prompt(_)
    )
}

/// Rows that continue a turn after its answer.
pub(super) fn continues_turn(record: &Record) -> bool {
    matches!(
        record,
        Record::Assistant(_)
            | Record::Results { .. }
            | Record::ApiError(_)
            | Record::Interrupt(_)
            | Record::Steering { .. }
            | Record::StopFeedback(_)
    )
}

/// A shell line (`!`): its text has a row of its own, before the one that opens the turn with the shell's output.
pub(super) fn as_shell_line(entry: &Entry) -> Option<Vec<Block>> {
    match &entry.record {
        Record::Local(blocks) if text_of(blocks).starts_with("<bash-input>") => {
            Some(blocks.clone())
        }
        _ => None,
    }
}

/// A command without an answer is input of the next call.
pub(super) fn as_text_only(mut entry: Entry) -> Entry {
    if let Record::Prompt(prompt) = &mut entry.record {
        entry.record = Record::Local(std::mem::take(&mut prompt.content));
    }
    entry
}

/// The prompt of a turn without an opening row, from the queue. It becomes input of the first call, too.
pub(super) fn queued_prompt(held: &mut [(Entry, Timestamp)]) -> Option<Vec<Block>> {
    if held.iter().any(|(entry, _)| matches!(entry.record, Record::Summary { .. })) {
        return None;
    }
    held.iter_mut().rev().find_map(|(entry, _)| {
        let Record::Queued(text) = &mut entry.record else {
            return None;
        };
        let prompt = vec![Block::Text(text.take()?)];
        entry.record = Record::Local(prompt.clone());
        Some(prompt)
    })
}
