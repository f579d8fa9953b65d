//! Agents at rest. All of theirs is acknowledged, and most are never heard of again; but a session can have hundreds of
//! them, and every hook reads its cursor. So they sleep in a file beside it, which is read only when the file of one of them
//! changes or a row names one. What a run leaves awake without need is laid to rest at its end.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::mem;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use transcript::{FileMark, Notification};

use super::cursor::Cursor;
use super::files;
use super::store::Store;
use super::subagent::Subagent;
use crate::trace::hash;

/// Sixteen letters from a to p, which stand for the digits of a hash: in the order of letters they are in that of numbers.
type Mark = [u8; 16];

/// What a cursor knows of its agents at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resting {
    /// What wakes them: the names that have to do with them, and how their files look while nothing is written there. In
    /// ascending order and one after the other, because every hook reads all of them to look some up.
    marks: String,
    /// They are in the second of two files: what the kept cursor knows is never written over.
    in_second: bool,
    /// They are the first so many bytes of it. What stands behind was not kept.
    length: usize,
    /// The cursor's own file.
    #[serde(skip)]
    cursor_path: PathBuf,
}

impl Resting {
    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    fn has(&self, mark: &Mark) -> bool {
        let (marks, _) = self.marks.as_bytes().as_chunks();
        marks.binary_search(mark).is_ok()
    }

    fn mark(&mut self, sleepers: &Cursor) {
        let (marks, _) = self.marks.as_bytes().as_chunks();
        let mut marks = marks.to_vec();
        let mut add = |mark: Mark| {
            if let Err(place) = marks.binary_search(&mark) {
                marks.insert(place, mark);
            }
        };
        for (agent_id, subagent) in &sleepers.subagents {
            add(look(agent_id, &subagent.file));
            let turn = subagent.link.as_ref().map(|link| &link.turn);
            for name in [Some(agent_id), subagent.tool_use_id.as_ref(), turn] {
                name.into_iter().for_each(|name| add(mark(name.as_bytes())));
            }
        }
        // They are letters.
        self.marks = String::from_utf8(marks.into_flattened()).unwrap_or_default();
    }

    fn path(&self) -> PathBuf {
        let ending = if self.in_second { "resting2" } else { "resting" };
        self.cursor_path.with_extension(ending)
    }

    /// As a cursor that holds nothing else, on a line.
    fn add(&mut self, sleepers: &Cursor) -> Result<()> {
        let mut line = sleepers.encoded()?;
        line.push(b'\n');
        files::write_from(&self.path(), self.length as u64, &line)?;
        self.length += line.len();
        self.mark(sleepers);
        Ok(())
    }
}

/// How an agent's file looks while nothing is written there.
fn look(agent_id: &str, file: &FileMark) -> Mark {
    let numbers = [file.device, file.inode, file.length].map(u64::to_le_bytes);
    mark(&[agent_id.as_bytes(), numbers.as_flattened()].concat())
}

fn mark(content: &[u8]) -> Mark {
    let digits = hash(content).to_be_bytes();
    let mut mark = [0; 16];
    for (letters, digits) in mark.as_chunks_mut().0.iter_mut().zip(digits) {
        *letters = [digits >> 4, digits & 15].map(|digit| b'a' + digit);
    }
    mark
}

impl Cursor {
    /// It was read from this file.
    pub(super) fn rests_beside(&mut self, path: &Path) {
        if self.is_partly_asleep() {
            self.resting.cursor_path = path.to_owned();
        }
    }

    /// Some agents sleep: they are not in `lanes`, nor in `contexts` what they alone need.
    pub fn is_partly_asleep(&self) -> bool {
        !self.resting.is_empty()
    }

    /// The agent sleeps, and nothing was written to its file since.
    pub fn lets_sleep(&self, agent_id: &str, file: &Metadata) -> bool {
        self.resting.has(&look(agent_id, &FileMark::of(file)))
    }

    /// Wakes the agents at rest if this is the name of one of them, or of the tool call or the turn that launched one.
    pub fn wake_if_named(&mut self, name: &str) {
        if self.resting.has(&mark(name.as_bytes())) {
            self.wake();
        }
    }

    /// Wakes the agents at rest: all is as if they had never slept.
    pub fn wake(&mut self) {
        if !self.is_partly_asleep() {
            return;
        }
        let resting = mem::take(&mut self.resting);
        self.resting.in_second = !resting.in_second;
        let path = resting.path();
        let content = files::read(&path).ok().flatten().unwrap_or_default();
        let kept = content.get(..resting.length).unwrap_or_default();
        let mut missing = resting.length;
        for line in str::from_utf8(kept).unwrap_or_default().split_inclusive('\n') {
            let Ok(mut sleepers) = serde_json::from_str::<Self>(line) else {
                break;
            };
            sleepers.upgrade();
            missing -= line.len();
            for (agent_id, subagent) in sleepers.subagents {
                self.subagents.entry(agent_id).or_insert(subagent);
            }
            for (turn, context) in sleepers.contexts {
                self.contexts.entry(turn).or_insert(context);
            }
        }
        // Without what was known of them they look like agents that nothing links.
        self.had_skipped |= missing > 0;
        if missing > 0 {
            // Nothing of them waits: the session goes on without them.
            log::warn!("state was damaged: {}: agents at rest are missing", path.display());
        }
    }
}

impl Store {
    /// Lays to rest whoever has nothing left to send and is not named by what the next run will read again: turns that are
    /// `still_open`, and what was told of agents.
    pub fn lay_to_rest(
        &self,
        cursor: &mut Cursor,
        still_open: &BTreeSet<String>,
        told: &[Notification],
    ) {
        let is_named = |agent_id: &String, subagent: &Subagent| {
            let turn = subagent.link.as_ref().map(|link| &link.turn);
            let is_told_of = |told: &Notification| {
                let calls = (&told.tool_use_id, &subagent.tool_use_id);
                told.task_id.as_ref() == Some(agent_id) || calls.0.is_some() && calls.0 == calls.1
            };
            turn.is_some_and(|turn| still_open.contains(turn)) || told.iter().any(is_told_of)
        };
        let mut sleepers = Cursor::of_sleepers();
        for (agent_id, subagent) in mem::take(&mut cursor.subagents) {
            if !subagent.can_rest() || is_named(&agent_id, &subagent) {
                cursor.subagents.insert(agent_id, subagent);
                continue;
            }
            if let Some(link) = &subagent.link
                && let Some(context) = cursor.contexts.get(&link.turn)
            {
                sleepers.contexts.insert(link.turn.clone(), context.clone());
            }
            sleepers.subagents.insert(agent_id, subagent);
        }
        if sleepers.subagents.is_empty() {
            return;
        }
        cursor.resting.cursor_path = self.cursor_path(&cursor.session_id, &cursor.destination);
        if let Err(error) = cursor.resting.add(&sleepers) {
            // What can't be written is told with the cursor itself.
            log::debug!("{error:#}");
            cursor.wake();
            for (agent_id, subagent) in sleepers.subagents {
                cursor.subagents.insert(agent_id, subagent);
            }
        }
    }
}

#[cfg(test)]
mod tests;
