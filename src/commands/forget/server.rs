//! One session on a server: what is stored of it, and its deletion.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::plan::ForgetPlan;
use crate::commands::retry_after::RetryingClient;
use crate::config::Config;
use crate::langfuse::{Client, MAX_TRACES_PER_DELETION, Query, ScoreFilter, Verdict};
use crate::score::{Judge, Score, Subject};

/// Time between two checks: Langfuse takes between ten seconds and two minutes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct RemoteSession<'a> {
    client: RetryingClient,
    plan: &'a ForgetPlan,
    /// The server has only the older API, which can't filter by session.
    is_old: bool,
}

impl<'a> RemoteSession<'a> {
    pub(super) fn new(client: Client, config: &Config, plan: &'a ForgetPlan) -> Self {
        Self { client: RetryingClient::new(client, config), plan, is_old: false }
    }

    /// The traces of the plan with stored observations.
    pub(super) fn stored(&mut self) -> Result<BTreeSet<String>, Verdict> {
        let (plan, mut stored) = (self.plan, BTreeSet::new());
        if !self.is_old {
            let query = Query::of_session(&plan.session, plan.times.clone());
            self.is_old = !self.read(&query, &mut stored)?;
        }
        if self.is_old {
            for trace in &plan.traces {
                let query = Query::of_trace(&trace.id, plan.times.clone());
                self.read(&query, &mut stored)?;
            }
        }
        Ok(stored.intersection(&plan.trace_ids()).cloned().collect())
    }

    /// Returns whether the server has the requested API.
    fn read(&mut self, query: &Query, stored: &mut BTreeSet<String>) -> Result<bool, Verdict> {
        self.client.each_observation(query, self.is_old, |found| {
            stored.insert(found.trace_id);
        })
    }

    /// Deletes all traces, even those that nothing shows: sent spans may not be stored yet.
    pub(super) fn delete_traces(&mut self) -> Result<(), Verdict> {
        let traces: Vec<String> = self.plan.trace_ids().into_iter().collect();
        traces.chunks(MAX_TRACES_PER_DELETION).try_for_each(|traces| {
            self.client.ask(|client, deadline| client.delete_traces(traces, deadline))
        })
    }

    /// Deletes the scores of the session. Returns their number; `None` if the server does not list scores.
    pub(super) fn delete_scores(&mut self) -> Result<Option<usize>, Verdict> {
        let session = self.plan.session.clone();
        let subject = Subject::Session(session.clone());
        let mut scores = Vec::new();
        let are_listed = self.client.each_score(ScoreFilter::Session(&session), |score| {
            let is_own = score.id == Score::id(Judge::Person, &subject, &score.name);
            scores.extend(is_own.then_some(score.id));
        })?;
        if !are_listed {
            return Ok(None);
        }
        for score in &scores {
            self.client.ask(|client, deadline| client.delete_score(score, deadline))?;
        }
        Ok(Some(scores.len()))
    }

    /// Returns the traces that still exist after this time.
    pub(super) fn wait_until_gone(&mut self, wait: Duration) -> Result<BTreeSet<String>, Verdict> {
        let until = Instant::now() + wait;
        loop {
            let remaining = self.stored()?;
            if remaining.is_empty() || Instant::now() + POLL_INTERVAL > until {
                return Ok(remaining);
            }
            log::info!("{} of the traces are still there", remaining.len());
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
