//! The turns of a file without their content, to choose where to begin.

use std::path::PathBuf;

use base::Timestamp;

use super::lineage::Lineage;
use super::turns::{Turn, Turns};
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
        session: &str,
        entries: impl IntoIterator<Item = anyhow::Result<Entry>>,
    ) -> anyhow::Result<Self> {
        let mut lineage = Lineage::new(session);
        let mut turns = Turns::default();
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry?;
            lineage.observe(&entry);
            all.extend(turns.push(entry).map(|turn| in_short(&turn)));
        }
        all.extend(turns.finish().map(|turn| in_short(&turn)));
        let mut outline = Self::of(lineage);
        let count = all.len();
        outline.turns = all
            .into_iter()
            .filter(|(opened_at, _)| *opened_at >= outline.own_from)
            .map(|(_, turn)| turn)
            .collect();
        outline.inherited = count - outline.turns.len();
        Ok(outline)
    }

    /// The outline without turns.
    pub fn of(lineage: Lineage) -> Self {
        Self {
            own_from: lineage.own_from,
            parent: lineage.parent,
            start_directory: lineage.start_directory,
            ..Self::default()
        }
    }
}

fn in_short(turn: &Turn) -> (u64, TurnOutline) {
    let outline = TurnOutline {
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
    };
    (turn.opening.offset, outline)
}

fn calls(turn: &Turn) -> Option<Calls> {
    let (first, last) = (turn.activity.generations.first()?, turn.activity.generations.last()?);
    Some(Calls {
        first: first.row_uuids.clone(),
        last: last.row_uuids.clone(),
        model: last.model.clone(),
    })
}
