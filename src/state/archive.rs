//! Finished agents that earlier builds moved to a file beside the cursor. They go back into it.

use std::path::Path;

use serde::Deserialize;

use super::cursor::Cursor;
use super::files;

/// Where the agents of a cursor are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Archive {
    /// Which of two files it is.
    in_second: bool,
    /// How many bytes of it count.
    length: usize,
}

impl Archive {
    /// Adds the agents, and what stands on their spans, to the cursor that was read from `path`.
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
            // Nothing of them waits. Without their state they look like agents that nothing links.
            cursor.had_skipped = true;
            log::warn!("state was damaged: {}: finished agents are missing", path.display());
        }
    }
}
