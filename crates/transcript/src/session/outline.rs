//! The turns of a file without their content, to decide where to begin.

use std::path::PathBuf;

use base::Timestamp;

use super::{Done, Turn, Turns};
use crate::lineage::{Guests, Lineage};
use crate::{Entry, Usage, text_of};

/// The outline of a file.
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
    /// The beginning of the own rows is known.
    pub is_decided: bool,
    /// Messages were read that may be copies.
    pub is_in_doubt: bool,
    /// The time of the newest row.
    pub newest: Option<Timestamp>,
    /// Other sessions with rows among the own ones, each with the directory in its first row.
    pub guests: Guests,
}

/// The outline of one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnOutline {
    /// The opening row's uuid.
    pub uuid: String,
    /// The opening row's time.
    pub at: Timestamp,
    /// Claude Code's id of the prompt, since 2.1.100.
    pub prompt_id: Option<String>,
    /// The offset of its first row.
    pub start: u64,
    /// The end of its last row.
    pub end: u64,
    /// The offset of the row with the session's title at its opening row.
    pub title_row: Option<u64>,
    /// A compaction that a person asked for, which has no number.
    pub is_compaction: bool,
    /// Its opening row is missing, and it has no number.
    pub is_continued: bool,
    /// It has its answer, and no interrupt or error ended it.
    pub finished: bool,
    /// The beginning of the prompt.
    pub prompt: String,
    /// Its tokens, with those of agents among its rows.
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

/// The outline of a turn's model calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// The uuids of the first call's rows.
    pub first: Vec<String>,
    /// The uuids of the last call's rows.
    pub last: Vec<String>,
    /// The model that answered last.
    pub model: String,
}

/// Longer than a list shows, so that a secret is masked whole.
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

    /// Like [`Self::read`]. `visit` gets each of the session's own turns.
    ///
    /// # Errors
    /// If an entry can't be read.
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
        let mut own = OwnTurns::new(visit, lineage.is_decided().then_some(lineage.own_from));
        let mut newest = None;
        for entry in entries {
            let entry = entry?;
            let was_decided = lineage.is_decided();
            lineage.observe(&entry);
            if !was_decided && lineage.is_decided() {
                own_rows.begin_at(lineage.own_from);
                own.begin_at(lineage.own_from, turns.open_turn());
            }
            if own_rows.admit(&entry) {
                newest = newest.max(entry.at);
                if let Some(turn) = turns.push(entry) {
                    own.take(turn);
                }
            }
        }
        if let Some(turn) = turns.finish() {
            own.take(turn);
        }
        let (turns, inherited) = own.finish();
        Ok(Self { turns, inherited, newest, guests: own_rows.guests, ..Self::of(lineage) })
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

/// Separates own turns from copies, and keeps only the outline of a turn: a long session's texts would be 30 MB.
struct OwnTurns<V> {
    visit: V,
    /// The beginning of the own rows, once it is known. Until then turns are kept whole.
    from: Option<u64>,
    undecided: Vec<Turn>,
    copied: Option<Copied>,
    own: Vec<TurnOutline>,
    inherited: usize,
}

impl<V: FnMut(&Turn)> OwnTurns<V> {
    fn new(visit: V, from: Option<u64>) -> Self {
        Self { visit, from, undecided: Vec::new(), copied: None, own: Vec::new(), inherited: 0 }
    }

    /// `open`: the turn that is open there.
    fn begin_at(&mut self, from: u64, open: Option<&Turn>) {
        self.from = Some(from);
        self.copied = open.map(Copied::of);
        for turn in std::mem::take(&mut self.undecided) {
            self.sort(&turn, from);
        }
    }

    fn take(&mut self, turn: Turn) {
        match self.from {
            Some(from) => self.sort(&turn, from),
            None => self.undecided.push(turn),
        }
    }

    fn sort(&mut self, turn: &Turn, from: u64) {
        let goes_on = || self.copied.as_ref().is_some_and(|copied| copied.goes_on_in(turn));
        if turn.opening.offset >= from || goes_on() {
            self.own.push(in_short(turn));
            (self.visit)(turn);
        } else {
            self.inherited += 1;
        }
    }

    /// The own turns, and the number of inherited ones. If nothing was decided, all turns are own.
    fn finish(mut self) -> (Vec<TurnOutline>, usize) {
        if self.from.is_none() {
            self.begin_at(0, None);
        }
        (self.own, self.inherited)
    }
}

/// The last turn of a copied head, as copied. It may continue in own rows.
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

    /// Whether this is the same turn with further own rows.
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
        title_row: turn.title_before.as_ref().map(|title| title.offset),
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
