//! One turn on its way: what stands on its spans, which of them wait, what it launched.

use std::borrow::Cow;
use std::collections::BTreeSet;

use transcript::session::Turn;

use super::pending::PendingTurn;
use super::plan::{Inputs, changed, encode_span};
use super::queue::{Owner, QueuedScore};
use super::rewind::rewind;
use super::run::Delivery;
use super::{Extent, Job};
use crate::config::folder_name;
use crate::langfuse::batch;
use crate::privacy::Clean;
use crate::score::outcomes;
use crate::state::{Launcher, PendingLaunch, SkipReason, Subagent};
use crate::trace::{
    Context, Launch, Observation, Repository, Role, SessionFacts, SpanId, digest, observe_turn,
};

impl Delivery<'_> {
    pub(super) fn take_turn(&mut self, turn: &Turn, ended: bool) {
        let copied = self.copied.take_if(|copied| copied.opening.uuid == turn.opening.uuid);
        let is_own = turn.opening.offset >= self.ledger.cursor.own_from
            || copied.as_ref().is_some_and(|copied| copied.done() != turn.done());
        if !is_own {
            return;
        }
        let turn = &*self.known_as(turn);
        self.openings.add(turn);
        let skipped = self.is_declined(turn).then_some(SkipReason::Declined);
        let context = skipped.is_none().then(|| self.context(turn));
        let mut pending = PendingTurn::new(&turn.opening.uuid, turn.opening.at, turn.start);
        pending.is_numbered = turn.is_numbered() || self.counts_again(turn);
        pending.skipped = skipped;
        self.declined += usize::from(skipped.is_some());
        self.ledger.begin_turn(pending);
        if let Some(context) = context {
            self.queue_turn(turn, copied.as_ref(), &context, ended);
            if self.job.scores && ended && !self.withheld.contains(&turn.opening.uuid) {
                self.queue_scores(turn, &context);
            }
        }
        self.terms.went_past(&turn.opening.uuid);
        let next = turn.closed.then_some(turn.end);
        self.ledger.end_turn(next);
    }

    /// A turn whose opening row is gone, as it was met before: by its uuid, else by what was acknowledged of it.
    fn known_as<'t>(&self, turn: &'t Turn) -> Cow<'t, Turn> {
        let open = self.ledger.cursor.open_turn.as_ref();
        let known = open.filter(|open| {
            turn.opening.is_missing
                && (open.uuid == turn.opening.uuid || self.is_acknowledged(turn, &open.uuid))
        });
        let Some(known) = known else {
            return Cow::Borrowed(turn);
        };
        let mut turn = turn.clone();
        turn.opening.uuid.clone_from(&known.uuid);
        turn.opening.at = known.at;
        Cow::Owned(turn)
    }

    /// Some of its spans were acknowledged as those of the turn with this uuid.
    fn is_acknowledged(&self, turn: &Turn, uuid: &str) -> bool {
        let ids = self.ledger.cursor.span_ids(uuid);
        let calls = turn.activity.generations.iter().map(|call| ids.generation(&call.key));
        let tools = turn.activity.tools.iter().map(|tool| ids.tool(&tool.key));
        calls.chain(tools).any(|span| self.ledger.cursor.acknowledged.contains_key(&span))
    }

    /// A turn whose opening row is gone counts if it was counted when that row was there.
    fn counts_again(&self, turn: &Turn) -> bool {
        let open = self.ledger.cursor.open_turn.as_ref();
        let open = open.filter(|open| turn.opening.is_missing && open.uuid == turn.opening.uuid);
        open.is_some_and(|open| !open.is_behind && !open.is_compaction)
    }

    /// It is the session's own and not declined.
    pub(super) fn is_wanted(&self, turn: &Turn) -> bool {
        turn.opening.offset >= self.ledger.cursor.own_from && !self.is_declined(turn)
    }

    /// It was opened while the person had paused or tracing was off: only an explicit replay sends it.
    fn is_declined(&self, turn: &Turn) -> bool {
        let Job { paused, declined, .. } = self.job;
        !self.job.sends_declined()
            && (paused.iter().any(|time| time.covers(turn.opening.at))
                || declined.iter().any(|range| range.contains(&turn.opening.offset)))
    }

    /// `copied`: what of the turn the session had first that it was copied from, which sends that itself.
    fn queue_turn(&mut self, turn: &Turn, copied: Option<&Turn>, context: &Context, ended: bool) {
        let sent_elsewhere = copied.map(|copied| parts_of(copied, context)).unwrap_or_default();
        // The file in which it goes on has its answer.
        let without_root = turn.continues_elsewhere && !turn.is_finished();
        // What is there twice is nearly always in one turn.
        self.clean = Clean::default();
        let uuid = &turn.opening.uuid;
        let rewind = rewind(turn, &self.job.transcript);
        let owner = Owner::Turn(uuid.clone());
        let launches = observe_turn(turn, rewind.as_ref(), context, ended, &mut |observation| {
            let span = &observation.span_id;
            let is_left = without_root && observation.role == Role::Root;
            if is_left || sent_elsewhere.contains(span) {
                return;
            }
            let is_sent = self.ledger.cursor.acknowledged.contains_key(span);
            if turn.opening.is_missing && observation.role == Role::Root && is_sent {
                // It said more than the rows that are left.
                return self.ledger.add_span(&owner, span, false);
            }
            self.queue(observation, &owner, context);
        });
        self.take_launches(launches, uuid, None, 1);
        self.take_commands(turn);
    }

    /// What stands on every span of the turn: as it was when the turn was first met, else as it is now.
    pub(super) fn context(&mut self, turn: &Turn) -> Context {
        let opening = &turn.opening;
        let known = self.ledger.cursor.contexts.get(&opening.uuid).cloned();
        let (agreed, attributes) = self.terms_of(&opening.uuid, known.as_ref());
        if let Some(mut context) = known {
            if context.agreed.is_none() && self.job.extent == Extent::Live {
                context.agreed = Some(agreed);
                (self.ledger.cursor.contexts).insert(opening.uuid.clone(), context.clone());
            }
            return context;
        }
        let number = self.ledger.next_number();
        let facts = self.facts();
        let mut context = match turn.as_manual_compaction() {
            Some(_) => Context::of_compaction(opening, &facts, &attributes),
            None if opening.is_missing => Context::of_continued_turn(opening, &facts, &attributes),
            None => Context::of_turn(opening, number, &facts, &attributes),
        };
        self.job.policy.apply_to_context(&mut context);
        context.agreed = Some(agreed);
        if self.policy_of(&context).is_some() {
            // Else what stands on its spans is not masked as it was agreed.
            (self.ledger.cursor.contexts).insert(opening.uuid.clone(), context.clone());
        }
        context
    }

    pub(super) fn facts(&mut self) -> SessionFacts {
        let start = self.ledger.cursor.start_directory.clone();
        if self.ledger.cursor.repository.is_none()
            && let Some(start) = start.as_deref().filter(|_| !self.sought_repository)
        {
            // Once a run: where there is none, each turn would ask every folder up to the root, with two calls each.
            self.sought_repository = true;
            self.ledger.cursor.repository =
                crate::config::repository_identity(start).map(Repository);
            self.ledger.cursor.main_directory = crate::config::in_main_checkout(start);
        }
        SessionFacts {
            session_id: self.ledger.cursor.session_id.clone(),
            project: start.as_deref().and_then(folder_name),
            repository: self.ledger.cursor.repository.clone(),
            parent_session: self.ledger.cursor.parent_session.clone(),
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
            let mut subagents = self.ledger.cursor.subagents.values_mut();
            if let Some(subagent) = subagents.find(|subagent| linked(subagent)) {
                subagent.finished |= launch.finished;
                if subagent.outcome.is_none() && launch.outcome.is_some() {
                    subagent.ends_as(launch.outcome.map(str::to_owned));
                }
            }
            let launcher =
                Launcher { agent_id: by.map(str::to_owned), offset: launch.offset, depth };
            let known = self
                .ledger
                .cursor
                .launches
                .entry(launch.key.clone())
                .or_insert_with(|| PendingLaunch::new(turn, launch.span_id));
            known.tool_use_id = Some(launch.tool_use_id).filter(|id| *id != launch.key);
            known.used_ids = launch.used_ids;
            known.launcher = Some(launcher);
            known.agent_id = launch.agent_id.or(known.agent_id.take());
            known.agent_type = launch.agent_type.or(known.agent_type.take());
            known.prompt = launch.prompt.or(known.prompt.take());
            known.finished |= launch.finished;
            let outcome = || launch.outcome.map(str::to_owned);
            known.outcome = known.outcome.take().or_else(outcome);
        }
    }

    /// Queues the scores of a turn that are not acknowledged as they are. Each is sent once its turn's spans are acknowledged, and
    /// holds the cursor back as they do.
    fn queue_scores(&mut self, turn: &Turn, context: &Context) {
        for score in outcomes(turn, context) {
            let mark = digest(batch(std::slice::from_ref(&score)).as_bytes());
            let is_new = self.ledger.cursor.scored.get(&score.id) != Some(&mark);
            self.ledger.add_score(score.id.clone(), is_new);
            if is_new {
                let turn = turn.opening.uuid.clone();
                self.uploader.push_score(QueuedScore { turn, score, mark });
            }
        }
    }

    /// Queues an observation that has to be sent, and sends the queue once it is a request's worth.
    pub(super) fn queue(&mut self, observation: Observation, owner: &Owner, context: &Context) {
        let span_id = observation.span_id.clone();
        let mark = self.ledger.mark(owner, &span_id);
        let changed = changed(observation, mark, self.known_until);
        let policy = self.policy_of(context);
        let is_withheld = changed.is_some() && policy.is_none();
        if is_withheld {
            self.withhold(owner);
        }
        let refusals = self.ledger.cursor.refused.get(&span_id).copied().unwrap_or_default();
        if let Owner::Turn(_) = owner {
            let is_skipped = is_withheld && self.job.extent == Extent::Live;
            self.ledger.add_span(owner, &span_id, changed.is_some() && !is_skipped);
            if is_skipped {
                self.ledger.skip_turn(SkipReason::PolicyNotMet);
            }
        }
        let Some((changed, policy)) = changed.zip(policy).filter(|_| !self.uploader.is_stopped())
        else {
            return;
        };
        let inputs = Inputs { owner, context, policy: &policy, refusals };
        self.uploader.push(encode_span(changed, &inputs, &mut self.clean));
        self.send_full();
    }
}

/// The spans of a turn but for its root.
fn parts_of(turn: &Turn, context: &Context) -> BTreeSet<SpanId> {
    let mut parts = BTreeSet::new();
    observe_turn(turn, None, context, true, &mut |observation| {
        if observation.role != Role::Root {
            parts.insert(observation.span_id);
        }
    });
    parts
}
