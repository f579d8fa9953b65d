//! `flush`: what hooks left behind.

use anyhow::Result;

use crate::commands::cli::{Flush, Global};
use crate::commands::delivery_context::{Post, Session};
use crate::commands::output::summary::Summary;
use crate::commands::{Outcome, told};
use crate::config::{DestinationProblem, Scope};
use crate::delivery::{Agreed, Reach};
use crate::state::{Cursor, Store};

/// Runs the command.
///
/// # Errors
/// When nothing can be printed.
pub fn run(arguments: &Flush, global: &Global) -> Result<Outcome> {
    told(arguments.json, || flush(arguments, global))
}

fn flush(arguments: &Flush, global: &Global) -> Result<Outcome> {
    let mut post = Post::new(global.config.clone())?;
    post.require_readable_config()?;
    let config = post.config(None, Scope::FilesOnly);
    post.warn(&config);
    let store = Store::new(&config.state_dir);
    let mut summary = Summary::new(arguments.json);
    for cursor in store.all_cursors() {
        one(&mut post, &store, &cursor, &mut summary)?;
    }
    Ok(summary.finish("tracing is off there, or it goes elsewhere now")?)
}

fn one(post: &mut Post, store: &Store, cursor: &Cursor, summary: &mut Summary) -> Result<()> {
    if !cursor.transcript.exists() {
        // Claude Code removes transcripts after 30 days.
        store.no_longer_waits(cursor);
        return Ok(());
    }
    let config = post.config(cursor.start_directory.as_deref(), Scope::FilesOnly);
    post.warn(&config);
    let destination = match &config.destination {
        Ok(destination) if config.enabled && destination.id() == cursor.destination => destination,
        Err(problem @ DestinationProblem::Suspended(_)) => {
            let (start, reason) = (cursor.start_directory.as_deref(), problem.to_string());
            return Ok(summary.failure(
                &cursor.session_id,
                start,
                &reason,
                Outcome::Misconfigured,
            )?);
        }
        _ => {
            summary.pass_over();
            return Ok(());
        }
    };
    let session = Session {
        id: cursor.session_id.clone(),
        transcript: cursor.transcript.clone(),
        reach: Reach::Known,
        start: cursor.start_directory.clone(),
        agreed: Agreed::Kept,
    };
    match post.deliver(&session, &config, destination) {
        Ok(report) => {
            if !report.leaves_something() {
                store.no_longer_waits(cursor);
            }
            if !report.is_empty() || report.stopped.is_some() || report.withheld > 0 {
                summary.session(&session, &report, destination)?;
            }
        }
        Err(error) => {
            let (start, reason) = (session.start.as_deref(), format!("{error:#}"));
            summary.failure(&session.id, start, &reason, Outcome::Failed)?;
        }
    }
    Ok(())
}
