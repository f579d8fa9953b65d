//! What a replay would send of a session: taken from its requests, so that what is shown, compared and sent can't differ.

use std::io;

use anyhow::{Result, bail};

use crate::commands::Misconfigured;
use crate::commands::delivery_context::{Session, job};
use crate::config::Config;
use crate::delivery::{Courier, Keeping, Report, deliver};
use crate::langfuse::{Body, Reply, Span, batch};
use crate::privacy::unmet_wish;
use crate::score::Score;
use crate::state::Store;

/// A courier that goes nowhere.
struct Reader<See> {
    see: See,
    failed: Option<io::Error>,
}

impl<See: FnMut(&str) -> io::Result<()>> Courier for Reader<See> {
    fn send(&mut self, raw: &str, _body: &Body) -> Reply {
        self.show(raw)
    }

    fn score(&mut self, scores: &[Score]) -> Result<usize, Reply> {
        match self.show(&batch(scores)) {
            Reply::Acknowledged => Ok(0),
            reply => Err(reply),
        }
    }
}

impl<See: FnMut(&str) -> io::Result<()>> Reader<See> {
    fn show(&mut self, raw: &str) -> Reply {
        match (self.see)(raw) {
            Ok(()) => Reply::Acknowledged,
            Err(error) => {
                let reason = format!("could not print: {error}");
                self.failed = Some(error);
                Reply::Later {
                    reason,
                    retry_after: None,
                    timed_out: false,
                }
            }
        }
    }
}

/// Gives every request to `see` that would be made to this destination.
///
/// # Errors
/// When the transcript can't be read, when `see` fails, or when nothing of it may be sent.
fn each_request(
    session: &Session,
    config: &Config,
    destination: &str,
    keeping: Keeping<'_>,
    see: impl FnMut(&str) -> io::Result<()>,
) -> Result<Report> {
    if let Some(problem) = &config.suspended {
        return Err(Misconfigured(problem.to_string()).into());
    }
    if let Some(reason) = unmet_wish(config) {
        bail!("{reason}");
    }
    let mut reader = Reader { see, failed: None };
    let job = job(session, config, destination);
    let report = deliver(&job, keeping, &mut reader)?.unwrap_or_default();
    match reader.failed {
        Some(error) => Err(error.into()),
        None => Ok(report),
    }
}

/// The same with what state knows of the session's turns, which stays as it is.
///
/// # Errors
/// As `each_request`.
pub(super) fn each_request_as_kept(
    session: &Session,
    config: &Config,
    see: impl FnMut(&str) -> io::Result<()>,
) -> Result<Report> {
    let store = Store::new(&config.state_dir);
    let (destination, keeping) = match &config.destination {
        Ok(destination) => (destination.id(), Keeping::ReadOnly(&store)),
        Err(_) => (String::new(), Keeping::Forgotten),
    };
    each_request(session, config, &destination, keeping, see)
}

/// Gives every span of a session that can't change any more to `see`, whatever of it was sent.
///
/// # Errors
/// As `each_request`.
pub(super) fn each_span(
    session: &Session,
    config: &Config,
    mut see: impl FnMut(Span) -> io::Result<()>,
) -> Result<Report> {
    each_request_as_kept(session, config, |raw| {
        Span::all_of(raw).into_iter().try_for_each(&mut see)
    })
}
