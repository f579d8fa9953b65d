//! The turns of a file without their content, to choose where to begin.

use std::path::PathBuf;

use base::Timestamp;

use super::turns::{Done, Turn, Turns};
use crate::lineage::{Guests, Lineage};
use crate::{Entry, Usage, text_of};

/// The turns of a file, in short.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// The session's own turns, in file order.
    pub turns: Vec<TurnOutline>,
    /// How many turns it inherited.
    pub inherited: usize,
    /// Turns that open before this offset are inherited.
    pub own_from: u64,
    /// The session that had the inherited turns first.
    pub parent: Option<String>,
    /// The directory in which the session was started.
    pub start_directory: Option<PathBuf>,
    /// It is known where the own rows begin.
    pub is_decided: bool,
    /// Messages were read of which it is not known whether they are copies.
    pub is_in_doubt: bool,
    /// The time of the newest row.
    pub newest: Option<Timestamp>,
    /// Other sessions of which rows stand among the own ones, with the directory of the first one.
    pub guests: Guests,
}

/// One turn, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnOutline {
    /// The opening row's uuid.
    pub uuid: String,
    /// The opening row's time.
    pub at: Timestamp,
    /// Claude Code's id of the prompt, since 2.1.100.
    pub prompt_id: Option<String>,
    /// Where its first row starts.
    pub start: u64,
    /// Where its last row ends.
    pub end: u64,
    /// A compaction that a person asked for, which has no number.
    pub is_compaction: bool,
    /// Its opening row is not in the file; it has no number either.
    pub is_continued: bool,
    /// It has its answer; neither an interrupt nor an error ended it.
    pub finished: bool,
    /// The beginning of the prompt.
    pub prompt: String,
    /// Its tokens, with those of agents between its rows.
    pub usage: Usage,
    /// Its model calls, if it has any.
    pub calls: Option<Calls>,
}

impl TurnOutline {
    /// It counts among the turns of its session.
    pub fn is_numbered(&self) -> bool {
        !self.is_compaction && !self.is_continued
    }
}

/// The model calls of a turn, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// The uuids of the rows of the first.
    pub first: Vec<String>,
    /// The uuids of the rows of the last.
    pub last: Vec<String>,
    /// The model that answered last.
    pub model: String,
}

/// More characters than a list shows, so that a secret is whole when it is masked.
const MAX_PROMPT_CHARS: usize = 1000;

impl Outline {
    /// Reads all entries of a session's file.
    ///
    /// # Errors
    /// When an entry can't be read.
    pub fn read(
        lineage: Lineage,
        entries: impl IntoIterator<Item = anyhow::Result<Entry>>,
    ) -> anyhow::Result<Self> {
        Self::read_with(lineage, entries, |_| {})
    }

    /// The same; `visit` gets each of the session's own turns.
    ///
    /// # Errors
    /// When an entry can't be read.
    pub fn read_with(
        mut lineage: Lineage,
        entries: impl IntoIterator<Item = anyhow::Result<Entry>>,
        visit: impl FnMut(&Turn),
    ) -> anyhow::Result<Self> {
        let mut own_rows = lineage.own_rows();
        if lineage.is_decided() {
            own_rows.begin_at(lineage.own_from);
        }
        let mut turns = Turns::default();
        let mut copied = None;
        let mut newest = None;
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry?;
            let was_decided = lineage.is_decided();
            lineage.observe(&entry);
            if !was_decided && lineage.is_decided() {
                own_rows.begin_at(lineage.own_from);
                copied = turns.open_turn().map(Copied::of);
            }
            if own_rows.admit(&entry) {
                newest = newest.max(entry.at);
                all.extend(turns.push(entry));
            }
        }
        all.extend(turns.finish());
        let mut outline = Self { newest, guests: own_rows.guests, ..Self::of(lineage) };
        let count = all.len();
        let is_own = |turn: &Turn| {
            turn.opening.offset >= outline.own_from
                || copied.as_ref().is_some_and(|copied| copied.goes_on_in(turn))
        };
        let own = all.iter().filter(|turn| is_own(turn));
        outline.turns = own.clone().map(in_short).collect();
        own.for_each(visit);
        outline.inherited = count - outline.turns.len();
        Ok(outline)
    }

    /// The outline without turns.
    pub fn of(lineage: Lineage) -> Self {
        Self {
            is_decided: lineage.is_decided(),
            is_in_doubt: lineage.is_in_doubt(),
            own_from: lineage.own_from,
            parent: lineage.parent,
            start_directory: lineage.start_directory,
            ..Self::default()
        }
    }
}

/// The last turn of a copied head, as it is there. It may go on in own rows.
#[derive(Clone, Debug)]
pub struct Copied {
    uuid: String,
    done: Done,
}

impl Copied {
    /// Of the turn that is open where the own rows begin.
    pub fn of(turn: &Turn) -> Self {
        Self { uuid: turn.opening.uuid.clone(), done: turn.done() }
    }

    /// Whether this is the same turn, and own rows added something to it.
    pub fn goes_on_in(&self, turn: &Turn) -> bool {
        self.uuid == turn.opening.uuid && self.done != turn.done()
    }
}

fn in_short(turn: &Turn) -> TurnOutline {
    TurnOutline {
        uuid: turn.opening.uuid.clone(),
        at: turn.opening.at,
        prompt_id: turn.opening.header.prompt_id.clone(),
        start: turn.start,
        end: turn.end,
        finished: turn.is_finished(),
        is_compaction: turn.as_manual_compaction().is_some(),
        is_continued: turn.opening.is_missing,
        prompt: text_of(&turn.opening.prompt.content).chars().take(MAX_PROMPT_CHARS).collect(),
        usage: turn
            .agents
            .runs()
            .fold(turn.activity.usage(), |sum, (_, run)| sum.plus(run.activity.usage())),
        calls: calls(turn),
    }
}

fn calls(turn: &Turn) -> Option<Calls> {
    let (first, last) = (turn.activity.generations.first()?, turn.activity.generations.last()?);
    Some(Calls {
        first: first.row_uuids.clone(),
        last: last.row_uuids.clone(),
        model: last.model.clone(),
    })
}
