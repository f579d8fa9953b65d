//! Which sessions a person means: paths, folders, ids or their beginnings.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use base::Timestamp;
use transcript::{last_activity, locate, origin};

use crate::commands::cli::Filter;
use crate::commands::delivery_context::{Post, Session};
use crate::commands::session_ref::Reference;
use crate::config::{Config, Scope};
use crate::delivery::{Agreed, Reach};

/// The sessions that a filter lets through.
pub(super) struct Wanted<'a> {
    filter: &'a Filter,
    /// The project as it was typed and as it is without links: Claude Code names it whole.
    project: Option<[PathBuf; 2]>,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(filter: &'a Filter) -> Self {
        let project = filter.project.as_ref().map(|project| {
            let absolute = std::path::absolute(project).unwrap_or_else(|_| project.clone());
            // A project that is no longer there may have sessions still.
            let real = absolute.canonicalize().unwrap_or_else(|_| absolute.clone());
            [absolute, real]
        });
        Self { filter, project }
    }

    /// Whether a transcript is wanted.
    pub(super) fn has(&self, transcript: &Path) -> bool {
        self.by_file(transcript) && self.by_content(transcript)
    }

    /// Whether a transcript is to be tried: one that is gone is told of where it is.
    pub(super) fn has_or_misses(&self, transcript: &Path) -> bool {
        transcript.metadata().is_err() || self.has(transcript)
    }

    /// Whether a file can be wanted, by when it was last written: nothing in it is younger.
    pub(super) fn by_file(&self, transcript: &Path) -> bool {
        let modified = transcript.metadata().and_then(|file| file.modified());
        let since = self.filter.since;
        modified.is_ok_and(|modified| since.is_none_or(|since| Timestamp::of(modified) >= since))
    }

    /// Whether a transcript is wanted, by its first and last rows.
    pub(super) fn by_content(&self, transcript: &Path) -> bool {
        self.by_time(transcript) && self.by_project(transcript)
    }

    fn by_time(&self, transcript: &Path) -> bool {
        let Filter { since, until, .. } = self.filter;
        if since.is_none() && until.is_none() {
            return true;
        }
        last_activity(transcript).is_some_and(|last| {
            since.is_none_or(|since| last >= since) && until.is_none_or(|until| last < until)
        })
    }

    fn by_project(&self, transcript: &Path) -> bool {
        let Some(projects) = &self.project else {
            return true;
        };
        let start = origin(transcript).ok().and_then(|(start, _)| start);
        start.is_some_and(|start| projects.iter().any(|project| start.starts_with(project)))
    }
}

/// Where Claude Code keeps its sessions.
///
/// # Errors
/// When neither a home nor a folder is known.
pub(super) fn claude_config(post: &Post) -> Result<PathBuf> {
    post.surroundings
        .claude_config_dir()
        .context("could not find Claude Code's folder: neither CLAUDE_CONFIG_DIR nor HOME is set")
}

/// The transcripts that were named, each once, in the order of the names.
///
/// # Errors
/// When one of the names leads to no session, or to more than one.
pub(super) fn named(targets: &[String], claude_config: &Path) -> Result<Vec<PathBuf>> {
    let mut transcripts: Vec<PathBuf> = Vec::new();
    for target in targets {
        let path = Path::new(target);
        let found = if path.is_dir() {
            let found = locate::sessions_in(path);
            if found.is_empty() {
                bail!(
                    "could not find sessions: no transcript in {}",
                    path.display()
                );
            }
            found
        } else {
            vec![one(target, claude_config)?]
        };
        let new: Vec<PathBuf> = found
            .into_iter()
            .filter(|path| !transcripts.contains(path))
            .collect();
        transcripts.extend(new);
    }
    Ok(transcripts)
}

/// The transcript of one session.
///
/// # Errors
/// When the name leads to no session, or to more than one.
pub(super) fn one(target: &str, claude_config: &Path) -> Result<PathBuf> {
    let path = Path::new(target);
    if !path.exists() && !target.contains('/') {
        let found = locate::session_by_prefix(claude_config, target);
        return found.map_err(|error| anyhow!("{error:#}; 'claude-langfuse sessions' lists them"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("agent-") {
        bail!("could not use {target}: it is an agent's transcript, name its session");
    }
    if path.is_dir() {
        bail!("could not use {target}: it is a folder, name one session");
    }
    std::path::absolute(path).with_context(|| format!("could not find transcript: {target}"))
}

/// Makes sure that a session has the turns that are meant of it; `own`: the numbers of its turns.
///
/// # Errors
/// When it has not.
pub(super) fn check_turns(reference: &Reference, own: &[u64]) -> Result<()> {
    if reference.turns.are_all() {
        return Ok(());
    }
    let session = &reference.session;
    let (Some(first), Some(last)) = (own.iter().min(), own.iter().max()) else {
        bail!("could not find a turn in {session}: the session has no turns of its own");
    };
    match reference.turns.beyond(*first..=*last) {
        None => Ok(()),
        Some(turn) => bail!(
            "could not find turn {turn}: the session's turns are {first} to {last}; 'claude-langfuse show {session}' lists them"
        ),
    }
}

/// A session with the configuration of the place where it was started, of which is told what is wrong with it.
///
/// # Errors
/// When its transcript can't be read.
pub(super) fn session(
    post: &mut Post,
    transcript: &Path,
    reach: Reach,
    scope: Scope,
) -> Result<(Session, Config)> {
    let (start, row_session) = origin(transcript)?;
    let config = post.config(start.as_deref(), scope);
    post.warn(&config);
    let session = Session {
        id: own_id(locate::session_id(transcript), row_session),
        transcript: transcript.to_owned(),
        reach,
        start,
        agreed: match post.capture {
            Some(_) => Agreed::AnyCapture,
            None => Agreed::Kept,
        },
    };
    Ok((session, config))
}

/// A session is called as its file; a copy that a person gave another name keeps the id of its rows.
fn own_id(name: String, row_session: Option<String>) -> String {
    let is_uuid = name.len() == 36
        && name
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    match row_session {
        Some(row_session) if !is_uuid => row_session,
        _ => name,
    }
}
