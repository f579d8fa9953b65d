//! The projects of the sessions on disk, the most recently active first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base::Timestamp;
use transcript::{last_activity, locate, origin};

use crate::config::root_of;

/// A folder in which sessions were started. A repository is one, with its subfolders and worktrees.
#[derive(Debug)]
pub(super) struct ProjectHistory {
    pub(super) folder: PathBuf,
    pub(super) sessions: usize,
    pub(super) last: Timestamp,
    /// The transcript with the latest activity.
    pub(super) newest: PathBuf,
}

/// Reads one session of each of Claude Code's folders: a folder holds the sessions of one start directory.
pub(super) fn projects(claude_config: &Path) -> Vec<ProjectHistory> {
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in locate::sessions(claude_config) {
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        folders.entry(folder).or_default().push(path);
    }
    let mut projects: BTreeMap<PathBuf, ProjectHistory> = BTreeMap::new();
    for transcripts in folders.into_values() {
        let Some(found) = newest(&transcripts) else {
            continue;
        };
        match projects.get_mut(&found.folder) {
            Some(known) => {
                known.sessions += found.sessions;
                if found.last > known.last {
                    (known.last, known.newest) = (found.last, found.newest);
                }
            }
            None => {
                projects.insert(found.folder.clone(), found);
            }
        }
    }
    let mut projects: Vec<ProjectHistory> = projects.into_values().collect();
    projects.sort_by_key(|project| std::cmp::Reverse(project.last));
    projects
}

/// The project of one of Claude Code's folders; `None` if its directory is gone.
fn newest(transcripts: &[PathBuf]) -> Option<ProjectHistory> {
    let modified = |path: &&PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    let mut by_time: Vec<&PathBuf> = transcripts.iter().collect();
    by_time.sort_by_cached_key(|path| std::cmp::Reverse(modified(path)));
    let (newest, start) = by_time.iter().find_map(|path| {
        let (start, _) = origin(path).ok()?;
        Some(((*path).clone(), start?))
    })?;
    if !start.is_dir() {
        return None;
    }
    Some(ProjectHistory {
        folder: root_of(&start),
        sessions: transcripts.len(),
        last: last_activity(&newest)?,
        newest,
    })
}
