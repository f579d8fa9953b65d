//! `replay`: sessions that are already on disk.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};

use super::post::{Post, Session, job, outcome};
use super::summary::Summary;
use super::{Outcome, complain, which};
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
    let claude_config = which::claude_config(&post)?;
    let transcripts = if arguments.all {
        locate::sessions(&claude_config).collect()
    } else {
        which::named(&arguments.targets, &claude_config)?
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

fn one(
    post: &mut Post,
    transcript: &Path,
    arguments: &Replay,
    summary: &mut Summary,
) -> Result<()> {
    let scope = if arguments.all {
        Scope::FilesOnly
    } else {
        Scope::Explicit
    };
    let reach = if arguments.again {
        Reach::Again
    } else {
        Reach::Everything
    };
    let (session, config) = match which::session(post, transcript, reach, scope) {
        Ok(found) => found,
        Err(error) => {
            let id = locate::session_id(transcript);
            return Ok(summary.failure(&id, &format!("{error:#}"), Outcome::Failed)?);
        }
    };
    if arguments.all && !config.enabled {
        summary.pass_over();
        return Ok(());
    }
    for problem in config.problems.iter().chain(&config.warnings) {
        log::warn!("{problem}");
    }
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
