//! The instructions in effect at each offset of a file.

use std::borrow::Cow;
use std::path::Path;
use std::rc::Rc;

use anyhow::Result;

use super::instructions::names_instructions;
use super::{Instructions, Line, Lines, json_text, session::Turn};

/// The instructions in effect around a turn.
#[derive(Clone, Debug, Default)]
pub struct TurnInstructions {
    /// At its start.
    pub before: Rc<Instructions>,
    /// At its first model call.
    pub at_first_call: Rc<Instructions>,
    /// At the last row of its work: those of the turn. Instructions in later rows belong to the next turn.
    pub within: Rc<Instructions>,
    /// At its end.
    pub behind: Rc<Instructions>,
}

/// The instructions in effect from each row on that names some, in the part of a file that was read.
#[derive(Clone, Debug)]
pub(super) struct InstructionLog {
    /// The instructions where reading began.
    first: Rc<Instructions>,
    /// The end of each row, with the instructions behind it.
    rows: Vec<(u64, Rc<Instructions>)>,
}

impl InstructionLog {
    /// `known`: the instructions of earlier rows.
    pub(super) fn new(known: Rc<Instructions>) -> Self {
        Self { first: known, rows: Vec::new() }
    }

    /// The instructions of the next turn. Older ones are dropped: a file may name instructions a thousand times.
    pub(super) fn of_turn(&mut self, turn: &Turn) -> TurnInstructions {
        let gone = self.rows.iter().take_while(|(end, _)| *end <= turn.start).count();
        if let Some((_, last)) = self.rows.drain(..gone).next_back() {
            self.first = last;
        }
        TurnInstructions {
            before: Rc::clone(self.before(turn.start)),
            at_first_call: Rc::clone(self.before(turn.first_answer_end.unwrap_or(turn.start))),
            within: Rc::clone(self.before(turn.worked_until)),
            behind: Rc::clone(self.before(turn.end)),
        }
    }

    /// The instructions named before this offset.
    fn before(&self, offset: u64) -> &Rc<Instructions> {
        let mut rows = self.rows.iter().rev();
        rows.find(|(end, _)| *end <= offset).map_or(&self.first, |(_, named)| named)
    }

    /// Observes a row. Returns whether it names instructions.
    pub(super) fn observe(&mut self, line: &Line<'_>) -> bool {
        let mut named = Rc::clone(self.before(line.end));
        let text = json_text::of_line(Cow::Borrowed(&line.bytes));
        let names_some = Rc::make_mut(&mut named).observe(&text);
        if names_some {
            self.rows.push((line.end, named));
        }
        names_some
    }
}

/// Adds the instructions that rows name between two offsets.
///
/// # Errors
/// If the file can't be read.
pub fn add_instructions(
    known: &mut Instructions,
    transcript: &Path,
    from: u64,
    until: u64,
) -> Result<()> {
    let mut lines = Lines::open(transcript, from)?;
    (lines.for_spans, lines.for_instructions) = (true, true);
    while lines.offset() < until
        && let Some(line) = lines.next_line()?
    {
        if line.end <= until && names_instructions(line.bytes.trim_ascii_start()) {
            known.observe(&json_text::of_line(line.bytes));
        }
    }
    Ok(())
}
