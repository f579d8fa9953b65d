//! One turn on its way: what stands on its spans, which of them wait, what it launched.

use transcript::session::Turn;

use super::Extent;
use super::outbox::Owner;
use super::parcel::pack;
use super::rewind::rewind;
use super::run::Delivery;
use super::track::Step;
use crate::privacy::Clean;
use crate::state::{Launcher, PendingLaunch, SkipReason, Subagent};
use crate::trace::{Context, Launch, Observation, Repository, SessionFacts, observe_turn};

impl Delivery<'_> {
    pub(super) fn take_turn(&mut self, turn: &Turn, ended: bool) {
        if turn.opening.offset < self.cursor.own_from {
            return;
        }
        self.openings.add(turn);
        let skipped = self.is_declined(turn).then_some(SkipReason::Declined);
        let context = skipped.is_none().then(|| self.context(turn));
        let step = Step {
            uuid: turn.opening.uuid.clone(),
            at: turn.opening.at,
            start: turn.start,
            next: None,
            numbered: turn.as_manual_compaction().is_none(),
            skipped,
            spans: Vec::new(),
            outstanding: 0,
            scores: Vec::new(),
            unscored: 0,
        };
        self.track.begin(step, &mut self.cursor);
        if let Some(context) = context {
            self.post_turn(turn, &context, ended);
            if self.job.scores && ended && !self.withheld.contains(&turn.opening.uuid) {
                self.post_scores(turn, &context);
            }
        }
        self.terms.went_past(&turn.opening.uuid);
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
        self.job.extent.is_by_itself() && times.any(|time| time.covers(turn.opening.at))
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
        self.take_commands(turn);
    }

    /// What stands on every span of the turn: as it was when the turn was first met, else as it is now.
    pub(super) fn context(&mut self, turn: &Turn) -> Context {
        let opening = &turn.opening;
        if !self.cursor.contexts.contains_key(&opening.uuid) {
            self.cursor.wake_if_named(&opening.uuid);
        }
        let known = self.cursor.contexts.get(&opening.uuid).cloned();
        let (agreed, attributes) = self.terms_of(&opening.uuid, known.as_ref());
        if let Some(mut context) = known {
            if context.agreed.is_none() && self.job.extent == Extent::Live {
                context.agreed = Some(agreed);
                (self.cursor.contexts).insert(opening.uuid.clone(), context.clone());
            }
            return context;
        }
        let number = self.track.next_number(&self.cursor);
        let facts = self.facts();
        let mut context = match turn.as_manual_compaction() {
            Some(_) => Context::of_compaction(opening, &facts, &attributes),
            None => Context::of_turn(opening, number, &facts, &attributes),
        };
        self.job.policy.apply_to_context(&mut context);
        context.agreed = Some(agreed);
        if self.policy_of(&context).is_some() {
            // Else what stands on its spans is not masked as it was agreed.
            (self.cursor.contexts).insert(opening.uuid.clone(), context.clone());
        }
        context
    }

    pub(super) fn facts(&mut self) -> SessionFacts {
        let start = self.cursor.start_directory.clone();
        if self.cursor.repository.is_none()
            && let Some(start) = start.as_deref().filter(|_| !self.sought_repository)
        {
            // Once a run: where there is none, each turn would ask every folder up to the root, with two calls each.
            self.sought_repository = true;
            self.cursor.repository = crate::config::repository_identity(start).map(Repository);
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
                let launcher =
                    Launcher { agent_id: by.map(str::to_owned), offset: launch.offset, depth };
                self.begin_workflow(run, launch.span_id, launcher, turn);
                continue;
            }
            let linked = |subagent: &Subagent| {
                subagent
                    .link
                    .as_ref()
                    .is_some_and(|link| link.span.as_ref() == Some(&launch.span_id))
            };
            if !self.cursor.subagents.values().any(linked) {
                self.cursor.wake_if_named(&launch.tool_use_id);
            }
            let mut subagents = self.cursor.subagents.values_mut();
            if let Some(subagent) = subagents.find(|subagent| linked(subagent)) {
                subagent.finished |= launch.finished;
                if subagent.outcome.is_none() && launch.outcome.is_some() {
                    subagent.ends_as(launch.outcome.map(str::to_owned));
                }
            }
            let launcher =
                Launcher { agent_id: by.map(str::to_owned), offset: launch.offset, depth };
            let known = self
                .cursor
                .launches
                .entry(launch.tool_use_id)
                .or_insert_with(|| PendingLaunch::new(turn, launch.span_id));
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
        let span_id = observation.span_id.clone();
        let changed = self.changed(observation, owner);
        let policy = self.policy_of(context);
        let is_withheld = changed.is_some() && policy.is_none();
        if is_withheld {
            self.withhold(owner);
        }
        if let Owner::Turn(_) = owner {
            let is_skipped = is_withheld && self.job.extent == Extent::Live;
            self.track.add(span_id, changed.is_some() && !is_skipped);
            if is_skipped {
                self.track.skip(SkipReason::PolicyNotMet);
            }
        }
        // Once the server is given up for this run, nothing is collected any more: the transcript keeps it.
        let Some((changed, policy)) = changed.zip(policy).filter(|_| self.report.stopped.is_none())
        else {
            return;
        };
        let item = pack(changed, owner, context, &policy, &mut self.clean);
        self.outbox.push(item);
        self.send_full();
    }
}
