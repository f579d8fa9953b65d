//! What a replay would send of a session, span by span: taken from its requests, so that what is shown, compared and sent
//! can't differ.

use anyhow::{Result, bail};

use super::post::{Session, job};
use crate::config::Config;
use crate::delivery::{Courier, Keeping, Report, deliver};
use crate::langfuse::{Body, Reply, Span};
use crate::mask::unmet_wish;

/// A courier that goes nowhere.
struct Reader<'a> {
    see: &'a mut dyn FnMut(Span) -> std::io::Result<()>,
    failed: Option<std::io::Error>,
}

impl Courier for Reader<'_> {
    fn send(&mut self, raw: &str, _body: &Body) -> Reply {
        let seen = Span::all_of(raw).into_iter().try_for_each(&mut *self.see);
        match seen {
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

/// Gives every span of a session that can't change any more to `see`, whatever of it was sent.
///
/// # Errors
/// When the transcript can't be read, when `see` fails, or when nothing of it may be sent.
pub(super) fn each_span(
    session: &Session,
    config: &Config,
    mut see: impl FnMut(Span) -> std::io::Result<()>,
) -> Result<Report> {
    if let Some(reason) = unmet_wish(config) {
        bail!("{reason}");
    }
    let mut reader = Reader {
        see: &mut see,
        failed: None,
    };
    let job = job(session, config, "");
    let report = deliver(&job, Keeping::Forgotten, &mut reader)?.unwrap_or_default();
    match reader.failed {
        Some(error) => Err(error.into()),
        None => Ok(report),
    }
}
