//! `replay`: sessions that are already on disk.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::post::{Post, Session, job, origin, outcome};
use super::summary::Summary;
use super::{Outcome, complain};
use crate::cli::{Global, Replay};
use crate::config::{Config, Scope};
use crate::delivery::{Courier, Keeping, Reach, deliver};
use crate::langfuse::{Body, Reply};
use crate::mask::unmet_wish;
use crate::state::Store;
use crate::transcript::locate;

/// Runs the command.
///
/// # Errors
/// When the sessions that were named can't be found.
pub fn run(arguments: &Replay, global: &Global) -> Result<Outcome> {
    let mut post = Post::new(global.config.clone());
    let claude_config = post.surroundings.claude_config_dir().context(
        "could not find Claude Code's folder: neither CLAUDE_CONFIG_DIR nor HOME is set",
    )?;
    let transcripts = if arguments.all {
        locate::sessions(&claude_config)
    } else {
        named(&arguments.targets, &claude_config)?
    };
    let mut summary = Summary::new(arguments.json);
    for transcript in transcripts {
        one(&mut post, &transcript, arguments, &mut summary)?;
    }
    if arguments.dry_run {
        return Ok(Outcome::Done);
    }
    Ok(summary.finish("tracing is off there")?)
}

/// The transcripts that were named, each once, in the order of the names.
fn named(targets: &[String], claude_config: &Path) -> Result<Vec<PathBuf>> {
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
        } else if path.exists() || target.contains('/') {
            if path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("agent-"))
            {
                bail!(
                    "could not replay {}: it is an agent's transcript, name its session",
                    path.display()
                );
            }
            vec![
                std::path::absolute(path)
                    .with_context(|| format!("could not find transcript: {target}"))?,
            ]
        } else {
            vec![locate::session_by_prefix(claude_config, target)?]
        };
        let new: Vec<PathBuf> = found
            .into_iter()
            .filter(|path| !transcripts.contains(path))
            .collect();
        transcripts.extend(new);
    }
    Ok(transcripts)
}

fn one(
    post: &mut Post,
    transcript: &Path,
    arguments: &Replay,
    summary: &mut Summary,
) -> Result<()> {
    let name = locate::session_id(transcript);
    let (start, session_id) = match origin(transcript) {
        Ok((start, row_session)) => (start, own_id(name.clone(), row_session)),
        Err(error) => return Ok(summary.failure(&name, &format!("{error:#}"), Outcome::Failed)?),
    };
    let scope = if arguments.all {
        Scope::FilesOnly
    } else {
        Scope::Explicit
    };
    let config = post.config(start.as_deref(), scope);
    if arguments.all && !config.enabled {
        summary.pass_over();
        return Ok(());
    }
    for problem in &config.problems {
        log::warn!("{problem}");
    }
    let reach = if arguments.again {
        Reach::Again
    } else {
        Reach::Everything
    };
    let session = Session {
        id: session_id,
        transcript: transcript.to_owned(),
        reach,
        start,
    };
    if arguments.dry_run {
        return dry_run(&session, &config);
    }
    let destination = match &config.destination {
        Ok(destination) => destination,
        Err(problem) => {
            return Ok(summary.failure(
                &session.id,
                &problem.to_string(),
                Outcome::Misconfigured,
            )?);
        }
    };
    match post.deliver(&session, &config, destination) {
        Ok(report) => summary.session(&session.id, &report, destination, outcome(&report))?,
        Err(error) => summary.failure(&session.id, &format!("{error:#}"), Outcome::Failed)?,
    }
    Ok(())
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

/// Prints each request on a line of its own.
struct Printer {
    failed: Option<std::io::Error>,
}

impl Courier for Printer {
    fn send(&mut self, raw: &str, _body: &Body) -> Reply {
        match writeln!(std::io::stdout().lock(), "{raw}") {
            Ok(()) => Reply::Acknowledged,
            Err(error) => {
                let reason = format!("could not print: {error}");
                self.failed = Some(error);
                Reply::Later {
                    reason,
                    retry_after: None,
                    network: false,
                    timed_out: false,
                }
            }
        }
    }
}

fn dry_run(session: &Session, config: &Config) -> Result<()> {
    if let Some(reason) = unmet_wish(config) {
        bail!("{reason}");
    }
    let store = Store::new(&config.state_dir);
    let (destination, keeping) = match &config.destination {
        Ok(destination) => (destination.id(), Keeping::ReadOnly(&store)),
        Err(_) => (String::new(), Keeping::Forgotten),
    };
    let mut printer = Printer { failed: None };
    let report =
        deliver(&job(session, config, &destination), keeping, &mut printer)?.unwrap_or_default();
    if let Some(error) = printer.failed {
        return Err(error.into());
    }
    if report.requests == 0 {
        complain(&format!("{}: nothing new", session.id));
    }
    Ok(())
}
