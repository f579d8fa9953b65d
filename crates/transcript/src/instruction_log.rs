//! Which instructions were in effect at each place of a file.

use std::borrow::Cow;
use std::path::Path;
use std::rc::Rc;

use anyhow::Result;

use super::instructions::names_instructions;
use super::{Instructions, Line, Lines, json_text, session::Turn};

/// The instructions in effect around a turn.
#[derive(Clone, Debug, Default)]
pub struct TurnInstructions {
    /// Where the turn starts.
    pub before: Rc<Instructions>,
    /// At its first model call.
    pub at_first_call: Rc<Instructions>,
    /// At the last row by which its work went on: those of the turn. What rows name behind it belongs to the next turn.
    pub within: Rc<Instructions>,
    /// Where the turn ends.
    pub behind: Rc<Instructions>,
}

/// The instructions in effect from each row on that names some, in the part of a file that was read.
#[derive(Clone, Debug)]
pub(super) struct InstructionLog {
    /// What was known where reading began.
    first: Rc<Instructions>,
    /// The end of each row, and what is in effect behind it.
    rows: Vec<(u64, Rc<Instructions>)>,
}

impl InstructionLog {
    /// `known`: what rows before name.
    pub(super) fn new(known: Rc<Instructions>) -> Self {
        Self { first: known, rows: Vec::new() }
    }

    /// Those of the next turn. What was in effect only before it is forgotten: a file may name instructions a thousand times.
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

    /// The instructions that rows before this offset name.
    fn before(&self, offset: u64) -> &Rc<Instructions> {
        let mut rows = self.rows.iter().rev();
        rows.find(|(end, _)| *end <= offset).map_or(&self.first, |(_, named)| named)
    }

    /// Takes a row into account, if it names instructions. Returns whether it does.
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

/// Adds the instructions that rows of a file name between two offsets.
///
/// # Errors
/// When the file can't be read.
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
