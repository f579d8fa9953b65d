//! `replay`: sessions that are already on disk.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use transcript::locate;

use super::post::{Post, Session};
use super::preview::each_request_as_kept;
use super::progress::{Amount, Progress};
use super::summary::{Summary, withheld};
use super::which::{self, Wanted};
use super::{Outcome, complain, told};
use crate::cli::{Global, Replay};
use crate::config::{Config, Scope};
use crate::delivery::Extent;

/// Runs the command.
///
/// # Errors
/// When the sessions that were named can't be found.
pub fn run(arguments: &Replay, global: &Global) -> Result<Outcome> {
    told(arguments.json, || replay(arguments, global))
}

fn replay(arguments: &Replay, global: &Global) -> Result<Outcome> {
    let mut post = Post::new(global.config.clone())?;
    post.patient = true;
    if arguments.all {
        post.require_readable_config()?;
    }
    post.capture = arguments.capture;
    let claude_config = which::claude_config(&post)?;
    let wanted = Wanted::new(&arguments.filter);
    let mut summary = match arguments.all && !arguments.dry_run {
        true => Summary::of_all(
            arguments.json,
            Progress::begin(global.quiet, || amount(locate::sessions(&claude_config))),
        ),
        false => Summary::new(arguments.json),
    };
    let transcripts: Box<dyn Iterator<Item = PathBuf>> = match arguments.all {
        true => Box::new(locate::sessions(&claude_config)),
        false => Box::new(which::named(&arguments.targets, &claude_config)?.into_iter()),
    };
    for transcript in transcripts {
        let length = transcript.metadata().map_or(0, |file| file.len());
        if wanted.has_or_misses(&transcript) {
            one(&mut post, &transcript, arguments, &mut summary)?;
        }
        summary.step(length);
    }
    if arguments.dry_run {
        return Ok(summary.outcome());
    }
    Ok(summary.finish("tracing is off there")?)
}

fn amount(transcripts: impl Iterator<Item = PathBuf>) -> Amount {
    transcripts.fold(Amount::default(), |all, path| Amount {
        sessions: all.sessions + 1,
        bytes: all.bytes + path.metadata().map_or(0, |metadata| metadata.len()),
    })
}

fn one(
    post: &mut Post,
    transcript: &Path,
    arguments: &Replay,
    summary: &mut Summary,
) -> Result<()> {
    let scope = if arguments.all { Scope::FilesOnly } else { Scope::Explicit };
    let extent = if arguments.again { Extent::Resend } else { Extent::Backfill };
    let (session, config) = match which::session(post, transcript, extent, scope) {
        Ok(found) => found,
        Err(error) => {
            let id = locate::session_id(transcript);
            let reason = format!("{error:#}");
            return Ok(summary.failure(&id, None, &reason, Outcome::Failed)?);
        }
    };
    if arguments.all && !config.enabled && config.suspended.is_none() {
        summary.pass_over();
        return Ok(());
    }
    if arguments.dry_run {
        return dry_run(&session, &config);
    }
    let destination = match &config.destination {
        Ok(destination) => destination,
        Err(problem) => {
            return Ok(summary.failure(
                &session.id,
                session.start.as_deref(),
                &problem.to_string(),
                Outcome::Misconfigured,
            )?);
        }
    };
    match post.deliver(&session, &config, destination) {
        Ok(report) => summary.session(&session, &report, destination)?,
        Err(error) => {
            let (start, reason) = (session.start.as_deref(), format!("{error:#}"));
            summary.failure(&session.id, start, &reason, Outcome::Failed)?;
        }
    }
    Ok(())
}

/// Prints each request on a line of its own.
fn dry_run(session: &Session, config: &Config) -> Result<()> {
    let report =
        each_request_as_kept(session, config, |raw| writeln!(std::io::stdout().lock(), "{raw}"))?;
    if report.withheld > 0 {
        complain(&format!("{}: {}", session.id, withheld(report.withheld)));
    }
    if report.requests == 0 {
        complain(&format!("{}: nothing new", session.id));
    }
    Ok(())
}
