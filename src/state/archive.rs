//! Restores finished agents that earlier builds moved to a file beside the cursor.

use std::path::Path;

use serde::Deserialize;

use super::cursor::Cursor;
use super::files;

/// The place of the agents of a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Archive {
    /// They are in the second of two files.
    in_second: bool,
    /// The number of valid bytes.
    length: usize,
}

impl Archive {
    /// Adds the agents and their contexts to the cursor that was read from `path`.
    pub(super) fn restore(&self, cursor: &mut Cursor, path: &Path) {
        let path = path.with_extension(if self.in_second { "resting2" } else { "resting" });
        let content = files::read_file(&path).ok().flatten().unwrap_or_default();
        let kept = content.get(..self.length).unwrap_or_default();
        let mut missing = self.length;
        for line in str::from_utf8(kept).unwrap_or_default().split_inclusive('\n') {
            let Ok(mut archived) = serde_json::from_str::<Cursor>(line) else {
                break;
            };
            archived.upgrade();
            missing -= line.len();
            for (id, subagent) in archived.subagents {
                cursor.subagents.entry(id).or_insert(subagent);
            }
            for (turn, context) in archived.contexts {
                cursor.contexts.entry(turn).or_insert(context);
            }
        }
        if missing > 0 {
            // They are complete. Without their state they look like lost agents.
            cursor.had_skipped = true;
            log::warn!("state was damaged: {}: finished agents are missing", path.display());
        }
    }
}
