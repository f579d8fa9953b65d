//! Groups a session's entries into turns. A turn begins at a real prompt, a slash command that calls the model, or a
//! notification, and lasts until the next one.

mod rows;
mod title;
mod turn;

use std::ops::Range;

use base::Timestamp;

use self::rows::{
    as_shell_line, as_text_only, continues_turn, opens_turn, precedes_prompt, queued_prompt,
};
use super::{Activity, Opening};
use crate::{Entry, Record, shown_by_command, text_of};
pub use title::SessionTitle;
pub use turn::{Done, Rewind, Turn};

/// Splits a session's entries into turns.
#[derive(Debug, Default)]
pub struct Turns {
    turn: Option<Turn>,
    /// Rows that belong to the turn only if it continues, otherwise to the next one: the CLI writes some text for the
    /// model, and sometimes the request, before their prompt.
    held: Vec<(Entry, Timestamp)>,
    last_at: Option<Timestamp>,
    /// The time at which the last compaction began.
    compacted_at: Option<Timestamp>,
    /// The session's title.
    title: Option<SessionTitle>,
    /// The release marks rows that open a turn (`turnOrigin`), so that a command row without a mark is local.
    marks_origins: bool,
}

impl Turns {
    /// `last_at`: the time of the row before the first one. A row without a time gets that of the row before it.
    pub fn after(last_at: Option<Timestamp>) -> Self {
        Self { last_at, ..Self::default() }
    }

    /// Sets the session's title at the first row.
    #[must_use]
    pub fn titled(self, title: Option<SessionTitle>) -> Self {
        Self { title, ..self }
    }

    /// Adds a row. Returns the turn that it closes.
    pub fn push(&mut self, entry: Entry) -> Option<Turn> {
        if let Record::Title { text, by_person } = entry.record {
            let title = SessionTitle { text, by_person, offset: entry.offset };
            self.title = SessionTitle::merge(self.title.take(), title);
            self.give_title(true);
            return None;
        }
        self.last_at = entry.at.or(self.last_at);
        let at = self.last_at?;
        if self.is_repeated(&entry) {
            return None;
        }
        if entry.header.sidechain {
            if let Some(turn) = &mut self.turn {
                turn.end = entry.end;
                turn.agents.push(entry, at);
            }
            return None;
        }
        if self.turn.is_none() && !opens_turn(&entry) {
            self.push_first(entry, at);
            return None;
        }
        match &entry.record {
            Record::Compacted(boundary) => {
                self.compacted_at = Some(at.before(boundary.duration));
                if boundary.manual && entry.uuid.is_some() {
                    return self.open(entry, at);
                }
                self.add(entry, at);
            }
            Record::Prompt(prompt) => {
                self.marks_origins |= prompt.marked;
                if entry.uuid.is_some() && !prompt.tentative {
                    return self.open(entry, at);
                }
                self.held.push((entry, at));
            }
            Record::Injected(_) | Record::Local(_) | Record::Request(_) if self.is_between() => {
                self.held.push((entry, at));
            }
            Record::Summary { text, .. } if self.is_between() => {
                if let Some(turn) = &mut self.turn {
                    turn.activity.summarize(text);
                    turn.take_name(&entry.record);
                }
                // It is input of the next call, which may belong to the next turn.
                self.held.push((entry, at));
            }
            record if continues_turn(record) => {
                self.give_title(false);
                let closed = self.release();
                self.add(entry, at);
                return closed;
            }
            _ => self.add(entry, at),
        }
        None
    }

    /// A row before the first opening row. An answer there continues a turn whose opening row is missing.
    fn push_first(&mut self, entry: Entry, at: Timestamp) {
        let may_open = |(entry, _): &(Entry, Timestamp)| matches!(entry.record, Record::Prompt(_));
        if !matches!(entry.record, Record::Assistant(_)) || entry.uuid.is_none() {
            self.held.push((entry, at));
        } else if !self.marks_origins && self.held.iter().any(may_open) {
            self.release();
            self.add(entry, at);
        } else {
            let mut turn = Turn::without_opening(std::mem::take(&mut self.held), &entry, at);
            turn.title_before.clone_from(&self.title);
            self.turn = Some(turn);
            self.add(entry, at);
        }
    }

    /// The open turn.
    pub fn open_turn(&self) -> Option<&Turn> {
        self.turn.as_ref()
    }

    /// The turn that is still open at the end of the file.
    pub fn finish(self) -> Option<Turn> {
        self.turn
    }

    /// A title after the turn's end belongs to the next one, unless the turn continues: it may have been sent.
    fn give_title(&mut self, may_have_ended: bool) {
        let turn = self.turn.as_mut();
        if let Some(turn) = turn.filter(|turn| !(may_have_ended && turn.activity.is_settled)) {
            let is_new = |title: &&SessionTitle| !title.says_the_same(turn.title_before.as_ref());
            turn.session_title = self.title.as_ref().filter(is_new).cloned();
        }
    }

    /// The turn may continue, or the next one may begin.
    fn is_between(&self) -> bool {
        !self.held.is_empty() || self.turn.as_ref().is_none_or(|turn| turn.activity.is_settled)
    }

    /// 2.1.100 writes the rows that a compaction keeps again.
    fn is_repeated(&self, entry: &Entry) -> bool {
        let repeatable = match &entry.record {
            // The row of /compact itself is older than its compaction.
            Record::Prompt(prompt) => !prompt.tentative,
            Record::Assistant(_) | Record::Results { .. } | Record::Interrupt(_) => true,
            _ => false,
        };
        repeatable && entry.at.zip(self.compacted_at).is_some_and(|(at, since)| at < since)
    }

    /// The turn continues with the held rows. If one of them is a command that might have been local, that command
    /// opened the continuing turn.
    fn release(&mut self) -> Option<Turn> {
        let mut closed = None;
        for (entry, at) in std::mem::take(&mut self.held) {
            let is_command = matches!(&entry.record, Record::Prompt(_)) && entry.uuid.is_some();
            if is_command && !self.marks_origins {
                closed = self.open(entry, at).or(closed);
            } else {
                self.add(as_text_only(entry), at);
            }
        }
        closed
    }

    fn add(&mut self, entry: Entry, at: Timestamp) {
        let Some(turn) = &mut self.turn else {
            return;
        };
        turn.end = entry.end;
        if continues_turn(&entry.record) || matches!(entry.record, Record::CommandOutput { .. }) {
            turn.worked_until = entry.end;
        }
        if matches!(entry.record, Record::Assistant(_)) {
            turn.first_answer_end = turn.first_answer_end.or(Some(entry.end));
        }
        turn.take_name(&entry.record);
        match &entry.record {
            Record::StopHooks => turn.stopped = true,
            Record::SessionCost => turn.left = true,
            Record::ContinuedElsewhere => turn.continues_elsewhere = true,
            Record::Assistant(_) | Record::Results { .. } | Record::StopFeedback(_) => {
                (turn.stopped, turn.left) = (false, false);
            }
            Record::AgentStarted(agent_id) => turn.started.push(agent_id.clone()),
            Record::CommandOutput { text, agent_id } => {
                turn.take_command_output(text, agent_id.clone(), at);
            }
            Record::Local(blocks) => {
                // Until 2.1.197 at least, the output of a command is a user row.
                if let Some((text, _)) = shown_by_command(&text_of(blocks)) {
                    turn.take_command_output(text, None, at);
                }
            }
            _ => {}
        }
        turn.activity.push(entry, at);
    }

    fn open(&mut self, entry: Entry, at: Timestamp) -> Option<Turn> {
        let mut held = std::mem::take(&mut self.held);
        if self.turn.is_none() {
            // Rows of a turn that is not in the file.
            held.retain(|(entry, _)| precedes_prompt(&entry.record));
        }
        // The rows before it belong to earlier turns.
        let is_it = |turn: &mut Turn| entry.uuid.as_ref() == Some(&turn.opening.uuid);
        self.turn.take_if(|turn| turn.opening.is_missing && is_it(turn));
        let start = held.first().map_or(entry.offset, |(first, _)| first.offset);
        let mut turn = Turn::begin(entry, at, held, start);
        turn.title_before.clone_from(&self.title);
        let before = self.turn.replace(turn);
        before.map(|mut turn| {
            turn.activity.close_all();
            turn.closed = true;
            turn.end = start;
            turn
        })
    }
}

impl Turn {
    fn begin(entry: Entry, at: Timestamp, held: Vec<(Entry, Timestamp)>, start: u64) -> Self {
        let shell_line = held.iter().find_map(|(entry, _)| as_shell_line(entry));
        let first = held.iter().find(|(entry, _)| entry.uuid.is_some());
        let first = first.map_or(&entry, |(first, _)| first);
        let follows = first.header.parent.clone();
        let mut activity = Activity::default();
        for (entry, at) in held {
            activity.push(as_text_only(entry), at);
        }
        let mut opening = Opening::of(&entry, at);
        let is_shell_answer = text_of(&opening.prompt.content).starts_with("<bash-stdout>");
        if let Some(typed) = shell_line.filter(|_| is_shell_answer) {
            opening.prompt.content.splice(0..0, typed);
        }
        let end = entry.end;
        activity.is_settled = matches!(entry.record, Record::Compacted(_));
        activity.push(entry, at);
        Self { follows, ..Self::new(opening, activity, start..end) }
    }

    /// A turn whose opening row is missing. It begins with the rows before its first answer.
    fn without_opening(mut held: Vec<(Entry, Timestamp)>, answer: &Entry, at: Timestamp) -> Self {
        let mut opening = Opening::of(answer, at);
        opening.is_missing = true;
        opening.prompt.content = queued_prompt(&mut held).unwrap_or_default();
        if let Some((first, first_at)) = held.first() {
            (opening.offset, opening.at) = (first.offset, *first_at);
        }
        let rows = opening.offset..answer.end;
        let mut turn = Self::new(opening, Activity::default(), rows);
        for (entry, at) in held {
            turn.take_name(&entry.record);
            turn.activity.push(as_text_only(entry), at);
        }
        turn
    }

    fn new(opening: Opening, activity: Activity, rows: Range<u64>) -> Self {
        Self {
            opening,
            activity,
            start: rows.start,
            end: rows.end,
            worked_until: rows.end,
            ..Self::default()
        }
    }

    /// The summary of a compaction names the turn that continues after it.
    fn take_name(&mut self, record: &Record) {
        if let Record::Summary { text, turn: Some(uuid) } = record
            && self.opening.is_missing
        {
            self.opening.name(uuid, text);
        }
    }
}

#[cfg(test)]
mod tests;
