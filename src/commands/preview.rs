//! The requests and spans that `replay` would send. They come from the same code, so previews can't differ from requests.

use std::io;

use anyhow::Result;

use crate::commands::delivery_context::{SessionTarget, job};
use crate::commands::exit_status::misconfigured;
use crate::config::Config;
use crate::delivery::{Job, Report, StateAccess, Transport, deliver};
use crate::langfuse::{Body, Span, Verdict, batch};
use crate::privacy::invalid_patterns;
use crate::score::Score;

/// A transport that hands requests to a function.
struct PreviewTransport<'a> {
    on_request: &'a mut dyn FnMut(&str) -> io::Result<()>,
    print_error: Option<io::Error>,
}

impl Transport for PreviewTransport<'_> {
    fn send(&mut self, raw: &str, _body: &Body) -> Verdict {
        self.show(raw)
    }

    fn score(&mut self, scores: &[Score]) -> Result<usize, Verdict> {
        match self.show(&batch(scores)) {
            Verdict::Acknowledged => Ok(0),
            reply => Err(reply),
        }
    }
}

impl PreviewTransport<'_> {
    fn show(&mut self, raw: &str) -> Verdict {
        match (self.on_request)(raw) {
            Ok(()) => Verdict::Acknowledged,
            Err(error) => {
                let reason = format!("could not print: {error}");
                self.print_error = Some(error);
                Verdict::Later { reason, retry_after: None, timed_out: false }
            }
        }
    }
}

/// Calls `on_request` with every request of a delivery. The session's state is read and not changed. `job`: a
/// delivery to this destination.
///
/// # Errors
/// If the transcript can't be read, `on_request` fails, or the configuration is suspended or has invalid patterns.
pub(super) fn each_request(
    session: &SessionTarget,
    config: &Config,
    job: &dyn Fn(&str) -> Job,
    on_request: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<Report> {
    if let Some(problem) = &config.suspended {
        return Err(misconfigured(problem));
    }
    if let Some(reason) = invalid_patterns(config) {
        return Err(misconfigured(reason));
    }
    let mut transport = PreviewTransport { on_request, print_error: None };
    let store = session.store(config);
    let (destination, keeping) = match &config.destination {
        Ok(destination) => (destination.id(), StateAccess::ReadOnly(&store)),
        Err(_) => (String::new(), StateAccess::None),
    };
    let report = deliver(&job(&destination), keeping, &mut transport)?.unwrap_or_default();
    match transport.print_error {
        Some(error) => Err(error.into()),
        None => Ok(report),
    }
}

/// Calls `on_span` with every complete span of a session, using the state of earlier deliveries.
///
/// # Errors
/// As [`each_request`].
pub(super) fn each_span(
    session: &SessionTarget,
    config: &Config,
    mut on_span: impl FnMut(Span) -> io::Result<()>,
) -> Result<Report> {
    let job = |destination: &str| job(session, config, destination);
    each_request(session, config, &job, &mut |raw| {
        Span::all_of(raw).into_iter().try_for_each(&mut on_span)
    })
}
