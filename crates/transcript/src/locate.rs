//! Finds files: sessions in the Claude config folder, and the agents of a session.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use base::regular_file;
use serde::{Deserialize, Serialize};

use super::lineage::hash;
use super::{Entry, Transcript, last_activity};

/// Larger than a few lines of JSON: another file.
const MAX_META_BYTES: u64 = 1024 * 1024;

/// An agent's transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFile {
    /// `a` and 16 hex digits. A teammate's id contains its name.
    pub agent_id: String,
    /// The transcript. Of several files the last written one.
    pub path: PathBuf,
    /// Further files of the agent: the session entered or left a worktree while it ran.
    pub others: Vec<PathBuf>,
}

/// The content of `agent-<id>.meta.json` (since 2.1.100).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentMeta {
    /// e.g. `Explore`, `general-purpose`.
    pub agent_type: Option<String>,
    /// The model's description of the task.
    pub description: Option<String>,
    /// The tool call that launched it.
    pub tool_use_id: Option<String>,
    /// 1 = launched by the session.
    pub spawn_depth: Option<u64>,
    /// The phase of its workflow.
    pub workflow_phase: Option<String>,
    /// Its file begins with rows of its parent.
    #[serde(deserialize_with = "super::tolerant::field")]
    pub is_fork: Option<bool>,
    /// The agent that launched it.
    #[serde(deserialize_with = "super::tolerant::text")]
    pub parent_agent_id: Option<String>,
}

impl AgentFile {
    /// All its files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.others).map(PathBuf::as_path)
    }

    /// Reads the file beside the transcript. An unreadable file counts as missing.
    pub fn meta(&self) -> AgentMeta {
        let mut metas = self.paths().map(|path| path.with_extension("meta.json"));
        let meta = metas.find_map(|path| {
            let bytes = regular_file::read(&path, MAX_META_BYTES).ok()?;
            serde_json::from_slice(&bytes).ok()
        });
        meta.unwrap_or_default()
    }

    /// Its rows in the order in which they were written, each once: people copy folders, and programs write rows
    /// again. `read` returns the rows of one file.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn rows(&self, mut read: impl FnMut(&Path) -> Result<Vec<Entry>>) -> Result<Vec<Entry>> {
        let mut rows = read(&self.path)?;
        for path in &self.others {
            rows.extend(read(path)?);
        }
        if !self.others.is_empty() {
            rows.sort_by_key(|row| row.at);
        }
        let mut known = HashSet::new();
        rows.retain(|row| row.uuid.as_ref().is_none_or(|uuid| known.insert(uuid.clone())));
        Ok(rows)
    }

    /// Its first row.
    pub fn first_row(&self, read: impl Fn(&Path) -> Option<Entry>) -> Option<Entry> {
        self.paths().filter_map(read).min_by_key(|row| row.at)
    }

    /// The workflow run in whose folder the transcript is.
    pub fn workflow(&self) -> Option<String> {
        let folder = self.path.parent()?;
        let is_run = folder.parent()?.file_name()? == "workflows";
        is_run.then_some(folder.file_name()?.to_str()?.to_owned())
    }

    /// The session that its first row names.
    fn session(&self) -> Option<String> {
        let mut transcript = Transcript::open(&self.path, 0).ok()?;
        transcript.next_entry().ok()??.header.session_id
    }
}

/// The place of the transcripts of a session's agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `<folder>/<session>/subagents/**/agent-<id>.jsonl`, since 2.1.50.
    Below,
    /// Like `Below`, in the folder of the worktree that the session is in at that time, while its own file stays; up
    /// to 2.1.197 at least (docs/claude-code.md, "Files of subagents").
    Scattered,
    /// `<folder>/agent-<7 hex>.jsonl`, among the agents of all sessions of the folder; up to 2.1.0.
    Beside,
}

impl Layout {
    /// The layout after a row of this release. A session that continues after an update has agents in both places,
    /// and each layout includes the ones before it.
    pub fn after(known: Option<Self>, version: &str) -> Self {
        Self::of_version(version).max(known.unwrap_or(Self::Below))
    }

    /// No agent is among those of other sessions.
    pub fn is_below(self) -> bool {
        self != Self::Beside
    }

    /// The layout of a release, by its version.
    pub fn of_version(version: &str) -> Self {
        let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
        let version = (numbers.next(), numbers.next(), numbers.next());
        match version {
            (Some(_), Some(_), Some(_)) if version < (Some(2), Some(1), Some(50)) => Self::Beside,
            (Some(_), Some(_), Some(_)) if version < (Some(2), Some(1), Some(330)) => {
                Self::Scattered
            }
            _ => Self::Below,
        }
    }
}

/// The agents of a session, sorted by id. `is_known`: agents of this session, whose files need not be opened if the
/// layout mixes sessions (as an unknown layout may).
pub fn agents(
    transcript: &Path,
    layout: Option<Layout>,
    is_known: &dyn Fn(&str) -> bool,
) -> Vec<AgentFile> {
    let mut found = agents_below(transcript);
    if layout != Some(Layout::Below) {
        found.extend(folders_elsewhere(transcript).flat_map(|session| agents_below(&session)));
    }
    if !layout.is_some_and(Layout::is_below) {
        let session = session_id(transcript);
        let folder = transcript.parent().unwrap_or(Path::new(""));
        let agents = |entry: DirEntry| agent_file(&entry).filter(|_| !is_link(&entry));
        let beside = entries(folder).filter_map(agents);
        found.extend(
            beside.filter(|file| {
                is_known(&file.agent_id) || file.session().as_ref() == Some(&session)
            }),
        );
    }
    // Most agents have one file, whose time does not matter.
    found.sort_unstable_by(|one, other| {
        let newest_first = || written_at(&other.path).cmp(&written_at(&one.path));
        one.agent_id.cmp(&other.agent_id).then_with(newest_first)
    });
    found.dedup_by(|other, file| {
        let is_same = other.agent_id == file.agent_id;
        if is_same {
            file.others.push(std::mem::take(&mut other.path));
        }
        is_same
    });
    found
}

fn written_at(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// The place of the session's folder in the folders of other projects.
fn folders_elsewhere(transcript: &Path) -> impl Iterator<Item = PathBuf> {
    let own = transcript.with_extension("");
    let session = own.file_name().unwrap_or_default().to_owned();
    let folders = projects_of(transcript).into_iter().flat_map(entries);
    folders.map(move |folder| folder.path().join(&session)).filter(move |folder| *folder != own)
}

fn is_link(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink())
}

fn agent_file(entry: &DirEntry) -> Option<AgentFile> {
    let name = entry.file_name();
    let agent_id = name.to_str()?.strip_prefix("agent-")?.strip_suffix(".jsonl")?.to_owned();
    Some(AgentFile { agent_id, path: entry.path(), others: Vec::new() })
}

fn agents_below(transcript: &Path) -> Vec<AgentFile> {
    let mut found = Vec::new();
    let mut folders = vec![transcript.with_extension("").join("subagents")];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder) {
            match agent_file(&entry) {
                // Claude Code writes no links here. A link may lead to another session.
                Some(_) if is_link(&entry) => {}
                Some(file) => found.push(file),
                None if entry.file_type().is_ok_and(|kind| kind.is_dir()) => {
                    folders.push(entry.path());
                }
                None => {}
            }
        }
    }
    found
}

/// The session id in a transcript's file name.
pub fn session_id(transcript: &Path) -> String {
    transcript.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The transcript of a session in the folders of `projects`: of several the one with the newest dated last row.
/// Claude Code may name a folder that does not exist, and people copy, restore and link folders.
pub fn session_file(projects: &Path, session_id: &str) -> Option<PathBuf> {
    let name = format!("{session_id}.jsonl");
    // An id comes from outside, and must not lead out of the folder.
    if Path::new(&name).components().count() != 1 {
        return None;
    }
    newest(subfolders(projects).map(|folder| folder.join(&name)).filter(|path| is_session(path)))
}

/// The folder of all projects, if the path is where Claude Code keeps a session.
pub fn projects_of(transcript: &Path) -> Option<&Path> {
    let projects = transcript.parent()?.parent()?;
    (projects.file_name()? == "projects").then_some(projects)
}

/// Of several files of one session the one with the newest dated last row. Of equal ones the first by path.
pub fn newest(files: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = files.collect();
    if files.len() > 1 {
        files.sort_by_cached_key(|path| (Reverse(last_activity(path)), path.clone()));
    }
    files.into_iter().next()
}

/// The transcripts of all sessions under `<Claude config folder>/projects`, sorted by path, each session once. One folder's
/// names are in memory at a time.
pub fn sessions(claude_config: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let projects = claude_config.join("projects");
    let mut folders: Vec<PathBuf> = subfolders(&projects).collect();
    folders.sort_unstable();
    let (mut seen, mut several) = (HashSet::new(), HashSet::new());
    for name in folders.iter().flat_map(|folder| names(folder)) {
        if !seen.insert(hash(name.as_encoded_bytes())) {
            several.insert(name);
        }
    }
    folders.into_iter().flat_map(move |folder| {
        let mut found: Vec<PathBuf> = names(&folder).map(|name| folder.join(name)).collect();
        found.retain(|path| is_session(path));
        found.retain(|path| {
            let is_only = path.file_name().is_none_or(|name| !several.contains(name));
            is_only || session_file(&projects, &session_id(path)).as_ref() == Some(path)
        });
        found.sort_unstable();
        found
    })
}

fn names(folder: &Path) -> impl Iterator<Item = OsString> + use<> {
    entries(folder).map(|entry| entry.file_name())
}

/// The sessions with ids that start with `prefix`. Only one if that is a whole id.
pub fn sessions_by_prefix(claude_config: &Path, prefix: &str) -> Vec<PathBuf> {
    match session_file(&claude_config.join("projects"), prefix) {
        Some(path) => vec![path],
        None => {
            sessions(claude_config).filter(|path| session_id(path).starts_with(prefix)).collect()
        }
    }
}

/// The transcripts of sessions in a project's folder, or in the folder above it, each session once.
pub fn sessions_in(folder: &Path) -> Vec<PathBuf> {
    let below = subfolders(folder).flat_map(|folder| entries(&folder));
    let files = entries(folder).chain(below).map(|entry| entry.path());
    let mut found: Vec<PathBuf> = files.filter(|path| is_session(path)).collect();
    found.sort_unstable();
    let all = found.clone();
    found.retain(|path| {
        let same = all.iter().filter(|other| other.file_name() == path.file_name());
        newest(same.cloned()).as_ref() == Some(path)
    });
    found
}

/// The entries of a folder; none if it can't be read.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    entries(folder).map(|entry| entry.path()).filter(|path| path.is_dir())
}

fn is_session(path: &Path) -> bool {
    // Up to 2.1.0 agents are beside the sessions, as agent-<7 hex>.jsonl.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".jsonl") && !name.starts_with("agent-") && path.is_file()
}
