//! One turn on its way: what stands on its spans, which of them wait, what it launched.

use std::collections::BTreeMap;

use super::outbox::Owner;
use super::parcel::{is_sent, pack};
use super::rewind::rewind;
use super::run::Delivery;
use super::track::Step;
use crate::privacy::Clean;
use crate::session::Turn;
use crate::state::{Lane, Launcher, PassedLaunch};
use crate::trace::{Context, Launch, Observation, Repository, SessionFacts, observe_turn};

impl Delivery<'_> {
    pub(super) fn take_turn(&mut self, turn: &Turn, ended: bool) {
        if turn.opening.offset < self.cursor.own_from {
            return;
        }
        let declined = self.is_declined(turn);
        let context = (!declined).then(|| self.context(turn));
        let step = Step {
            uuid: turn.opening.uuid.clone(),
            at: turn.opening.at,
            start: turn.start,
            next: None,
            numbered: turn.as_manual_compaction().is_none(),
            declined,
            spans: Vec::new(),
            outstanding: 0,
            scores: Vec::new(),
            unscored: 0,
        };
        self.track.begin(step, &mut self.cursor);
        if let Some(context) = context {
            self.post_turn(turn, &context, ended);
            if self.job.scores && ended {
                self.post_scores(turn, &context);
            }
        }
        let next = turn.closed.then_some(turn.end);
        self.track.close(next, &mut self.cursor);
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

    fn post_turn(&mut self, turn: &Turn, context: &Context, ended: bool) {
        // What is there twice is nearly always in one turn.
        self.clean = Clean::default();
        let uuid = &turn.opening.uuid;
        let rewind = rewind(turn, &self.job.transcript);
        let owner = Owner::Turn(uuid.clone());
        let launches = observe_turn(turn, rewind.as_ref(), context, ended, &mut |observation| {
            self.post(observation, &owner, context);
        });
        self.take_launches(launches, uuid, None, 1);
    }

    /// What stands on every span of the turn: as it was when the turn was first seen, else as it is now.
    pub(super) fn context(&mut self, turn: &Turn) -> Context {
        let opening = &turn.opening;
        if !self.cursor.contexts.contains_key(&opening.uuid) {
            self.cursor.wake_if_named(&opening.uuid);
        }
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
        if self.cursor.repository.is_none()
            && let Some(start) = start.as_deref().filter(|_| !self.sought_repository)
        {
            // Once a run: where there is none, each turn would ask every folder up to the root, with two calls each.
            self.sought_repository = true;
            self.cursor.repository = crate::repository::identity(start).map(Repository);
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
            let linked = |lane: &Lane| {
                lane.link
                    .as_ref()
                    .is_some_and(|link| link.span.as_ref() == Some(&launch.span_id))
            };
            if !self.cursor.lanes.values().any(linked) {
                self.cursor.wake_if_named(&launch.tool_use_id);
            }
            let mut lanes = self.cursor.lanes.values_mut();
            if let Some(lane) = lanes.find(|lane| linked(lane)) {
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

    /// Puts an observation into the outbox, if it can be sent, and sends what is there once that is a request's worth.
    pub(super) fn post(&mut self, observation: Observation, owner: &Owner, context: &Context) {
        let none = BTreeMap::new();
        let acknowledged = match owner {
            Owner::Turn(_) => &self.cursor.acknowledged,
            Owner::Lane(agent_id) => self
                .cursor
                .lanes
                .get(agent_id)
                .map_or(&none, |lane| &lane.acknowledged),
        };
        let span_id = observation.span_id.clone();
        if let Some(mark) = self.early.catch_up(&span_id) {
            let is_on_its_way = acknowledged.get(&span_id) != Some(&mark);
            self.track.add(span_id.clone(), is_on_its_way);
            if is_sent(&observation, &mark) {
                return;
            }
        }
        let policy = &self.job.policy;
        let item = pack(
            observation,
            owner,
            context,
            policy,
            &mut self.clean,
            acknowledged,
        );
        if let Owner::Turn(_) = owner {
            self.track.add(span_id, item.is_some());
        }
        // Once the server is given up for this run, nothing is collected any more: the transcript keeps it.
        if let Some(item) = item.filter(|_| self.report.stopped.is_none()) {
            self.outbox.push(item);
            self.send_full();
        }
    }
}
