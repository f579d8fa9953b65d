//! One server: reading back from it, and sending it what it lacks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base::Timestamp;

use super::comparison::Comparison;
use crate::commands::cli::Verify;
use crate::commands::delivery_context::Session;
use crate::commands::preview::each_span;
use crate::commands::retry_after::patiently;
use crate::config::{Config, Destination};
use crate::delivery::LARGEST_REQUEST;
use crate::langfuse::{Body, Client, Deadline, Query, Reply, export};

/// How often it is looked again for what was sent just now: Langfuse takes a second or two.
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is no comparison.
pub(super) enum Failed {
    /// The server did not tell.
    Server(Reply),
    /// It went wrong on this machine.
    Here(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Here(error)
    }
}

/// A connection to one server.
pub(super) struct Server {
    client: Client,
    request_time: Duration,
    /// It has only the older tables.
    old: bool,
}

impl Server {
    pub(super) fn new(
        config: &Config,
        destination: &Destination,
        environment: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::to(destination, config.ca_file.as_deref(), environment)?,
            request_time: config.timeout,
            old: false,
        })
    }

    /// Compares, and looks again for a while for what was sent just now.
    pub(super) fn read_back(
        &mut self,
        comparison: &mut Comparison,
        sent_at: Option<Timestamp>,
        arguments: &Verify,
    ) -> Result<(), Failed> {
        let wait = Duration::from_secs(arguments.wait);
        let since = |sent_at| Timestamp::now().since(sent_at);
        let left = sent_at.map_or(Duration::ZERO, |sent_at| {
            wait.saturating_sub(since(sent_at))
        });
        let until = Instant::now() + left.min(wait);
        loop {
            self.look(comparison)?;
            if !comparison.is_lacking() || Instant::now() + PAUSE > until {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Sends what is missing, and looks for it.
    pub(super) fn repair(
        &mut self,
        comparison: &mut Comparison,
        session: &Session,
        config: &Config,
        arguments: &Verify,
    ) -> Result<(), Failed> {
        let missing = comparison.missing();
        let (mut waiting, mut size, mut found) = (Vec::new(), 0, 0);
        let mut failed = None;
        let report = each_span(session, config, |span| {
            if failed.is_none() && missing.contains(span.span_id()) {
                let encoded = span.encoded();
                if size + encoded.len() > LARGEST_REQUEST {
                    failed = self.send(&mut waiting).err();
                    size = 0;
                }
                size += encoded.len();
                found += 1;
                waiting.push(encoded);
            }
            Ok(())
        })?;
        match failed.map_or_else(|| self.send(&mut waiting), Err) {
            Ok(()) => {
                comparison.repaired = found;
                comparison.withheld = report.withheld;
            }
            Err(reply) => return Err(Failed::Server(reply)),
        }
        self.read_back(comparison, Some(Timestamp::now()), arguments)
    }

    fn send(&mut self, spans: &mut Vec<String>) -> Result<(), Reply> {
        if spans.is_empty() {
            return Ok(());
        }
        let body = Body::new(export(spans.iter().map(String::as_str)).as_bytes());
        spans.clear();
        self.patiently(|client, deadline| match client.send(&body, deadline) {
            Reply::Acknowledged => Ok(()),
            reply => Err(reply),
        })
    }

    fn look(&mut self, comparison: &mut Comparison) -> Result<(), Failed> {
        comparison.begin();
        self.read(comparison).map_err(Failed::Server)?;
        comparison.tell_places();
        Ok(())
    }

    /// By the session, or trace by trace where the server or the spans do not know it.
    fn read(&mut self, comparison: &mut Comparison) -> Result<(), Reply> {
        let Some(times) = comparison.times() else {
            return Ok(());
        };
        let traces = comparison.traces();
        let by_trace: Vec<Query> = traces
            .iter()
            .map(|trace| Query::of_trace(trace, times.clone()))
            .collect();
        if !self.old {
            let by_session = [Query::of_session(&comparison.session, times)];
            let queries = match comparison.attached {
                true => by_trace.as_slice(),
                false => &by_session,
            };
            self.old = !self.read_all(queries, comparison)?;
        }
        if self.old {
            self.read_all(&by_trace, comparison)?;
        }
        Ok(())
    }

    /// Gives whether the server has the API that it was asked by.
    fn read_all(&mut self, queries: &[Query], comparison: &mut Comparison) -> Result<bool, Reply> {
        let old = self.old;
        for query in queries {
            let mut next: Option<String> = None;
            loop {
                let page = self.patiently(|client, deadline| match old {
                    true => client
                        .old_observations(query, next.as_deref(), deadline)
                        .map(Some),
                    false => client.observations(query, next.as_deref(), deadline),
                })?;
                let Some(page) = page else { return Ok(false) };
                page.observations
                    .iter()
                    .for_each(|stored| comparison.find(stored));
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(true)
    }

    fn patiently<Answer>(
        &mut self,
        mut ask: impl FnMut(&mut Client, Deadline) -> Result<Answer, Reply>,
    ) -> Result<Answer, Reply> {
        patiently(|| ask(&mut self.client, Deadline::after(self.request_time)))
    }
}
