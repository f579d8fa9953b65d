//! One turn on its way: what stands on its spans, which of them wait, what it launched.

use std::collections::BTreeMap;

use super::outbox::Owner;
use super::parcel::pack;
use super::rewind::rewind;
use super::run::Delivery;
use super::track::Step;
use crate::session::Turn;
use crate::state::{Lane, Launcher, PassedLaunch};
use crate::trace::{Context, Launch, Observation, Repository, SessionFacts, SpanId, observe_turn};

impl Delivery<'_> {
    pub(super) fn take_turn(&mut self, turn: &Turn, ended: bool) {
        if turn.opening.offset < self.cursor.own_from {
            return;
        }
        let declined = self.is_declined(turn);
        let mut step = Step {
            uuid: turn.opening.uuid.clone(),
            at: turn.opening.at,
            start: turn.start,
            next: turn.closed.then_some(turn.end),
            numbered: turn.as_manual_compaction().is_none(),
            declined,
            spans: Vec::new(),
            outstanding: 0,
            scores: Vec::new(),
            unscored: 0,
        };
        if !declined {
            (step.spans, step.outstanding) = self.post_turn(turn, ended);
            if self.job.scores && ended {
                (step.scores, step.unscored) = self.post_scores(turn);
            }
        }
        self.track.push(step, &mut self.cursor);
        if self.outbox.is_full(self.job.wire_limit) {
            self.send();
        }
    }

    /// It is the session's own and not declined.
    pub(super) fn is_wanted(&self, turn: &Turn) -> bool {
        turn.opening.offset >= self.cursor.own_from && !self.is_declined(turn)
    }

    /// It was opened while the person had paused: only an explicit replay sends it.
    fn is_declined(&self, turn: &Turn) -> bool {
        let mut times = self.job.paused.iter();
        self.job.reach.is_by_itself() && times.any(|time| time.covers(turn.opening.at))
    }

    /// Gives all spans of the turn, and how many of them are on their way now.
    fn post_turn(&mut self, turn: &Turn, ended: bool) -> (Vec<SpanId>, usize) {
        let uuid = &turn.opening.uuid;
        let context = self.context(turn);
        let rewind = rewind(turn, &self.job.transcript);
        let (observations, launches) = observe_turn(turn, rewind.as_ref(), &context, ended);
        self.take_launches(launches, uuid, None, 1);
        let spans = observations.iter().map(|it| it.span_id.clone()).collect();
        let outstanding = self.post(observations, &Owner::Turn(uuid.clone()), &context);
        (spans, outstanding)
    }

    /// What stands on every span of the turn: as it was when the turn was first seen, else as it is now.
    pub(super) fn context(&mut self, turn: &Turn) -> Context {
        let opening = &turn.opening;
        if let Some(context) = self.cursor.contexts.get(&opening.uuid) {
            return context.clone();
        }
        let number = self.track.next_number(&self.cursor);
        let (facts, attributes) = (self.facts(), &self.job.attributes);
        let mut context = match turn.as_manual_compaction() {
            Some(_) => Context::of_compaction(opening, &facts, attributes),
            None => Context::of_turn(opening, number, &facts, attributes),
        };
        self.job.policy.apply_to_context(&mut context);
        self.cursor
            .contexts
            .insert(opening.uuid.clone(), context.clone());
        context
    }

    pub(super) fn facts(&mut self) -> SessionFacts {
        let start = self.cursor.start_directory.clone();
        if self.cursor.repository.is_none() {
            self.cursor.repository = start
                .as_deref()
                .and_then(crate::repository::identity)
                .map(Repository);
        }
        SessionFacts {
            session_id: self.cursor.session_id.clone(),
            project: start
                .and_then(|start| Some(start.file_name()?.to_string_lossy().into_owned())),
            repository: self.cursor.repository.clone(),
            parent_session: self.cursor.parent_session.clone(),
        }
    }

    /// What was launched by the session itself, or by an agent; `depth`: of what was launched.
    pub(super) fn take_launches(
        &mut self,
        launches: Vec<Launch>,
        turn: &str,
        by: Option<&str>,
        depth: u64,
    ) {
        for mut launch in launches {
            if let Some(agent_type) = &mut launch.agent_type {
                self.job.policy.apply_to_name(agent_type);
            }
            if let Some(run) = launch.workflow {
                self.begin_workflow(run, launch.span_id, turn);
                continue;
            }
            let linked = |lane: &&mut Lane| {
                lane.link
                    .as_ref()
                    .is_some_and(|link| link.span.as_ref() == Some(&launch.span_id))
            };
            if let Some(lane) = self.cursor.lanes.values_mut().find(linked) {
                lane.finished |= launch.finished;
                if lane.outcome.is_none() && launch.outcome.is_some() {
                    lane.ends_as(launch.outcome.map(str::to_owned));
                }
            }
            let launcher = Launcher {
                agent_id: by.map(str::to_owned),
                offset: launch.offset,
                depth,
            };
            let known = self
                .cursor
                .launches
                .entry(launch.tool_use_id)
                .or_insert_with(|| PassedLaunch {
                    turn: turn.to_owned(),
                    span: launch.span_id,
                    launcher: None,
                    agent_id: None,
                    agent_type: None,
                    prompt: None,
                    finished: false,
                    outcome: None,
                    declined: false,
                });
            known.launcher = Some(launcher);
            known.agent_id = launch.agent_id.or(known.agent_id.take());
            known.agent_type = launch.agent_type.or(known.agent_type.take());
            known.prompt = launch.prompt.or(known.prompt.take());
            known.finished |= launch.finished;
            let outcome = || launch.outcome.map(str::to_owned);
            known.outcome = known.outcome.take().or_else(outcome);
        }
    }

    /// Puts what can be sent into the outbox; gives how many spans that are.
    pub(super) fn post(
        &mut self,
        observations: Vec<Observation>,
        owner: &Owner,
        context: &Context,
    ) -> usize {
        let none = BTreeMap::new();
        let acknowledged = match owner {
            Owner::Turn(_) => &self.cursor.acknowledged,
            Owner::Lane(agent_id) => self
                .cursor
                .lanes
                .get(agent_id)
                .map_or(&none, |lane| &lane.acknowledged),
        };
        let items: Vec<_> = observations
            .into_iter()
            .filter_map(|observation| {
                pack(observation, owner, context, &self.job.policy, acknowledged)
            })
            .collect();
        let count = items.len();
        // Once the server is given up for this run, nothing is collected any more: the transcript keeps it.
        if self.report.stopped.is_none() {
            items.into_iter().for_each(|item| self.outbox.push(item));
        }
        count
    }
}
