//! Arguments that name sessions: paths, folders, id prefixes, and filters over all sessions on disk.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use base::Timestamp;
use clap::Args;
use transcript::{last_activity, locate, names_session, origin};

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::newest_first::NewestFirst;
use crate::commands::session_ref::SessionRef;
use crate::commands::time_arg::{self, TimeArg};
use crate::config::{Config, Env, Scope};
use crate::delivery::{Agreed, Extent};

/// Maximum number of sessions that an ambiguous prefix lists.
const MAX_CANDIDATES: usize = 5;

/// Options that select some of the sessions on disk.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct SessionFilter {
    /// Only sessions started in or below this directory
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Only sessions active since WHEN (90m, 12h, 7d, 2026-11-23)
    #[arg(long, value_name = "WHEN", value_parser = time_arg::parse)]
    pub since: Option<TimeArg>,
    /// Only sessions not active after WHEN or the end of its day
    #[arg(long, value_name = "WHEN", value_parser = time_arg::parse_until)]
    pub until: Option<TimeArg>,
}

/// Decides which transcripts a [`SessionFilter`] selects.
pub(super) struct SessionSelector<'a> {
    filter: &'a SessionFilter,
    /// The project as typed, and with links resolved: Claude Code records the resolved path.
    project: Option<[PathBuf; 2]>,
    claude_config: &'a Path,
}

impl<'a> SessionSelector<'a> {
    /// # Errors
    /// If the project is missing. Sessions outlive a removed project, so that a directory in their rows counts as
    /// well.
    pub(super) fn new(filter: &'a SessionFilter, claude_config: &'a Path) -> Result<Self> {
        let project = filter.project.as_deref().map(|project| {
            // Claude Code's rows have a path that is not UTF-8 as text.
            forms_of(project).map(|path| PathBuf::from(path.to_string_lossy().into_owned()))
        });
        let selector = Self { filter, project, claude_config };
        if let Some(project) = filter.project.as_ref().filter(|project| !project.is_dir())
            && !locate::sessions(claude_config).any(|path| selector.matches_project(&path))
        {
            bail!("could not find project: {} is not a directory", project.display());
        }
        Ok(selector)
    }

    /// The message for a filter that selects no session.
    pub(super) fn none_found(&self) -> String {
        let SessionFilter { project, since, until } = &self.filter;
        let mut message =
            format!("no sessions found in {}", self.claude_config.join("projects").display());
        let project = project.as_ref();
        message
            .extend(project.map(|project| format!(", started in or below {}", project.display())));
        message.extend(since.as_ref().map(|since| format!(", active since {}", since.typed)));
        message.extend(until.as_ref().map(|until| format!(", not active after {}", until.typed)));
        message
    }

    pub(super) fn matches(&self, transcript: &Path) -> bool {
        self.may_match(transcript) && self.matches_rows(transcript)
    }

    /// Also selects a missing transcript, so that opening it reports the error.
    pub(super) fn matches_or_missing(&self, transcript: &Path) -> bool {
        transcript.metadata().is_err() || self.matches(transcript)
    }

    /// Decides by modification time alone: no row is newer than that.
    pub(super) fn may_match(&self, transcript: &Path) -> bool {
        may_be_since(transcript, self.filter.since.as_ref())
    }

    /// Decides by the first and last rows.
    pub(super) fn matches_rows(&self, transcript: &Path) -> bool {
        self.matches_time(transcript) && self.matches_project(transcript)
    }

    fn matches_time(&self, transcript: &Path) -> bool {
        let SessionFilter { since, until, .. } = &self.filter;
        if since.is_none() && until.is_none() {
            return true;
        }
        last_activity(transcript).is_some_and(|last| {
            let is_since = since.as_ref().is_none_or(|since| last >= since.at);
            is_since && until.as_ref().is_none_or(|until| last < until.at)
        })
    }

    fn matches_project(&self, transcript: &Path) -> bool {
        let Some(projects) = &self.project else {
            return true;
        };
        let start = origin(transcript).ok().and_then(|(start, _)| start);
        start.is_some_and(|start| projects.iter().any(|project| start.starts_with(project)))
    }
}

/// A folder as typed, and with links resolved. Sessions outlive a folder that was removed.
pub(super) fn forms_of(folder: &Path) -> [PathBuf; 2] {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let real = absolute.canonicalize().unwrap_or_else(|_| absolute.clone());
    [absolute, real]
}

/// Whether a transcript may have a row since a time; a missing one has none.
pub(super) fn may_be_since(transcript: &Path, since: Option<&TimeArg>) -> bool {
    let modified = transcript.metadata().and_then(|file| file.modified());
    modified.is_ok_and(|modified| since.is_none_or(|since| Timestamp::of(modified) >= since.at))
}

/// The folder in which Claude Code keeps its sessions.
///
/// # Errors
/// When neither CLAUDE_CONFIG_DIR nor HOME is set.
pub(super) fn claude_config_dir(env: &Env) -> Result<PathBuf> {
    env.claude_config_dir()
        .context("could not find Claude Code's folder: neither CLAUDE_CONFIG_DIR nor HOME is set")
}

/// The transcripts of all targets, each once, in the order of the targets.
///
/// # Errors
/// When a target names no session, or an id prefix several.
pub(super) fn find_all(targets: &[PathBuf], claude_config: &Path) -> Result<Vec<PathBuf>> {
    let mut transcripts: Vec<PathBuf> = Vec::new();
    for target in targets {
        let found = if target.is_dir() {
            let found = locate::sessions_in(target);
            if found.is_empty() {
                bail!("could not find sessions: no transcript in {}", target.display());
            }
            found
        } else {
            vec![find_one(target, claude_config)?]
        };
        for transcript in found {
            if !transcripts.contains(&transcript) {
                transcripts.push(transcript);
            }
        }
    }
    Ok(transcripts)
}

/// The transcript of one session.
///
/// # Errors
/// When the target names no session, or several.
pub(super) fn find_one(target: &Path, claude_config: &Path) -> Result<PathBuf> {
    let name = target.as_os_str().to_string_lossy();
    if name.trim().is_empty() {
        bail!("could not find a session: its name is empty; 'claude-langfuse sessions' lists them");
    }
    if !target.exists() && !name.contains('/') {
        return find_by_prefix(&name, claude_config);
    }
    let shown = target.display();
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("agent-") {
        bail!("could not use {shown}: it is an agent transcript, name its session");
    }
    if target.is_dir() {
        bail!("could not use {shown}: it is a folder, name one session");
    }
    if target.is_file() && matches!(origin(target), Ok((None, None))) {
        bail!("could not use {shown}: it is not a transcript of Claude Code");
    }
    std::path::absolute(target).with_context(|| format!("could not find transcript: {shown}"))
}

fn find_by_prefix(prefix: &str, claude_config: &Path) -> Result<PathBuf> {
    let mut found = locate::sessions_by_prefix(claude_config, prefix);
    match found.len() {
        0 => bail!(
            "could not find session: no transcript under {} has an id that starts with '{prefix}'; 'claude-langfuse sessions' lists them",
            claude_config.join("projects").display()
        ),
        1 => found.pop().context("could not find session"),
        count => {
            let mut message =
                format!("could not tell which session is meant: {count} ids start with '{prefix}'");
            for candidate in NewestFirst::new(found.into_iter()).take(MAX_CANDIDATES) {
                let start = origin(&candidate).ok().and_then(|(start, _)| start);
                let start = start.map(|start| start.display().to_string()).unwrap_or_default();
                let last = last_activity(&candidate).map(Timestamp::local_minute);
                let (id, last) = (locate::session_id(&candidate), last.unwrap_or_default());
                message.push_str(&format!("\n  {id}  {last}  {start}"));
            }
            if let more @ 1.. = count.saturating_sub(MAX_CANDIDATES) {
                message.push_str(&format!("\n  and {more} more"));
            }
            Err(anyhow!(message))
        }
    }
}

/// The transcript of the session that Claude Code runs this command in; `None` outside of one.
///
/// # Errors
/// When that session is not on disk.
pub(super) fn current(context: &DeliveryContext) -> Result<Option<PathBuf>> {
    let session = context.env.variable("CLAUDE_CODE_SESSION_ID");
    session.map(|session| find_by_prefix(session, &claude_config_dir(&context.env)?)).transpose()
}

/// The transcript of the most recently active session.
///
/// # Errors
/// When there is no session.
pub(super) fn newest(context: &DeliveryContext) -> Result<PathBuf> {
    let claude_config = claude_config_dir(&context.env)?;
    let mut newest = NewestFirst::new(locate::sessions(&claude_config));
    newest.next().with_context(|| {
        format!("no sessions found in {}", claude_config.join("projects").display())
    })
}

/// Checks that the session has the selected turns; `numbers` are those of its own turns.
///
/// # Errors
/// When a turn is missing.
pub(super) fn check_turns(reference: &SessionRef, numbers: &[u64]) -> Result<()> {
    if reference.turns.is_all() {
        return Ok(());
    }
    let session = reference.session.display();
    let (Some(first), Some(last)) = (numbers.iter().min(), numbers.iter().max()) else {
        bail!("could not find a turn in {session}: the session has no turns of its own");
    };
    match reference.turns.first_outside(*first..=*last) {
        None => Ok(()),
        Some(turn) => bail!(
            "could not find turn {turn}: the session's turns are {first} to {last}; 'claude-langfuse show {session}' lists them"
        ),
    }
}

/// Opens the session that a person names, as all of it would be sent again.
///
/// # Errors
/// When the target names no session, or several, or the transcript can't be read.
pub(super) fn open_named(
    context: &mut DeliveryContext,
    target: &Path,
) -> Result<(SessionTarget, Config)> {
    let transcript = find_one(target, &claude_config_dir(&context.env)?)?;
    open(context, &transcript, Extent::Resend, Scope::Explicit)
}

/// Opens a session, with the configuration of its start directory. Warns about problems of that configuration.
///
/// # Errors
/// When the transcript can't be read.
pub(super) fn open(
    context: &mut DeliveryContext,
    transcript: &Path,
    extent: Extent,
    scope: Scope,
) -> Result<(SessionTarget, Config)> {
    let (start, row_session) = origin(transcript)?;
    let id = session_id(transcript, row_session)?;
    let start = context.configured_in(&id, start);
    let config = context.config(start.as_deref(), scope);
    context.warn(&config);
    let session = SessionTarget {
        id,
        is_named: !context.replays_all,
        sends_forgotten: false,
        transcript: transcript.to_owned(),
        extent,
        host: None,
        start,
        agreed: match context.capture {
            Some(_) => Agreed::AnyCapture,
            None => Agreed::Kept,
        },
    };
    Ok((session, config))
}

/// The file name is the id; a renamed copy keeps the id of its rows, and so does a file of which no row names its own.
pub(super) fn session_id(transcript: &Path, row_session: Option<String>) -> Result<String> {
    let file_name = locate::session_id(transcript);
    let is_uuid = file_name.len() == 36
        && file_name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    Ok(match row_session {
        Some(row_session) if !is_uuid => row_session,
        Some(row_session)
            if row_session != file_name && !names_session(transcript, &file_name)? =>
        {
            row_session
        }
        _ => file_name,
    })
}
