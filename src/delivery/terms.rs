//! The terms of a turn: the agreement about its content, and the placement by the environment of its run. Both are
//! fixed when the turn is first met, and hold for every later sender.

use std::borrow::Cow;

use super::ledger::Ledger;
use super::{Agreed, Extent, Job};
use crate::privacy::Policy;
use crate::state::{Cursor, Placement, Runs, Within};
use crate::trace::{Agreement, Attributes, Context, TraceId};

/// Looks up and notes the terms of turns during a walk.
pub(super) struct Terms<'a> {
    job: &'a Job,
    /// The agreement of this run's configuration.
    today: Agreement,
    /// The placement by this run's environment.
    here: Placement,
    agreed_within: Within,
    placed_within: Within,
    /// The agreement of the turn before, or of the last known one.
    last_agreed: Option<Agreement>,
    last_placed: Option<Placement>,
    /// The turn directly before the next one of the walk.
    previous: Option<String>,
}

impl<'a> Terms<'a> {
    pub(super) fn new(job: &'a Job, cursor: &Cursor, placements: &Runs<Placement>) -> Self {
        let before = cursor.open_turn.as_ref().filter(|open| open.is_behind);
        Self {
            job,
            today: job.policy.agreement(),
            here: placement_of_run(job),
            agreed_within: Within::default(),
            placed_within: Within::default(),
            last_agreed: cursor.agreed.last().cloned(),
            last_placed: placements.last().cloned(),
            previous: before.map(|open| open.uuid.clone()),
        }
    }

    /// Restarts the walk behind the turn `after`.
    pub(super) fn begin_walk(&mut self, after: Option<String>) {
        (self.agreed_within, self.placed_within) = Default::default();
        self.previous = after;
    }

    /// Continues the walk behind a turn.
    pub(super) fn advance(&mut self, turn: &str) {
        self.previous = Some(turn.to_owned());
    }

    /// The agreement for a turn, and whether it is noted. Hooks and people agree anew. A sweep of a waiting session
    /// uses the last agreement of its hooks.
    fn agreed(&mut self, turn: &str, cursor: &Cursor) -> (Agreement, bool) {
        let known = cursor.agreed.find(turn, &mut self.agreed_within).cloned();
        let is_noted = known.is_some();
        let last = || self.last_agreed.clone().filter(|_| self.job.extent == Extent::Resume);
        let agreed = known.or_else(last).unwrap_or_else(|| self.today.clone());
        self.last_agreed = Some(agreed.clone());
        (agreed, is_noted)
    }

    /// The placement of a turn, and whether it is noted.
    fn placed(&mut self, turn: &str, placements: &Runs<Placement>) -> (Placement, bool) {
        let known = placements.find(turn, &mut self.placed_within).cloned();
        let is_noted = known.is_some();
        let last = || self.last_placed.clone().filter(|_| self.job.extent == Extent::Resume);
        let placed = known.or_else(last).unwrap_or_else(|| self.here.clone());
        self.last_placed = Some(placed.clone());
        (placed, is_noted)
    }

    /// Notes the terms of a turn that has none.
    fn note(
        &mut self,
        turn: &str,
        ledger: &mut Ledger<'_>,
        agreed: Option<Agreement>,
        placed: Option<Placement>,
    ) {
        ledger.is_unsaved |= agreed.is_some() || placed.is_some();
        let after = self.previous.as_deref();
        if let Some(agreed) = agreed {
            ledger.cursor.agreed.add(turn, after, agreed);
        }
        if let Some(placed) = placed {
            ledger.placements.add(turn, after, placed);
        }
    }

    /// Notes the terms of the first turn before anything else is read, so that they survive a run that is killed.
    pub(super) fn meet_first(
        &mut self,
        begun: Option<(Agreement, Placement)>,
        ledger: &mut Ledger<'_>,
    ) {
        let open = ledger.cursor.open_turn.as_ref().filter(|open| !open.is_behind);
        let Some(turn) = open.map(|open| open.uuid.clone()) else {
            return;
        };
        if self.job.extent != Extent::Live && begun.is_none() {
            return;
        }
        let (agreed, placed) = begun.unwrap_or_else(|| (self.today.clone(), self.here.clone()));
        let agreed = Some(agreed).filter(|_| !self.agreed(&turn, &ledger.cursor).1);
        let is_placed = self.placed(&turn, &ledger.placements).1;
        self.note(&turn, ledger, agreed, Some(placed).filter(|_| !is_placed));
        self.begin_walk(None);
    }

    /// The agreement for a turn, and its attributes under its placement. `known`: its stored context, if there is
    /// one.
    pub(super) fn of_turn(
        &mut self,
        turn: &str,
        known: Option<&Context>,
        ledger: &mut Ledger<'_>,
    ) -> (Agreement, Cow<'a, Attributes>) {
        let (mut agreed, is_agreed) = self.agreed(turn, &ledger.cursor);
        let (mut placed, is_placed) = self.placed(turn, &ledger.placements);
        let mut is_known = true;
        if let Some(context) = known {
            if let Some(kept) = context.agreed.clone() {
                agreed = kept;
            }
            if !is_placed {
                let told = placement_of_context(turn, context);
                is_known = told.is_some() || self.here.seed.is_some();
                placed = told.unwrap_or_else(|| self.here.clone());
            }
        }
        if self.policy_within(&agreed).is_some() {
            let agreed = (!is_agreed).then(|| agreed.clone());
            let noted = (!is_placed && is_known).then(|| placed.clone());
            self.note(turn, ledger, agreed, noted);
        }
        (agreed, self.attributes_at(placed))
    }

    fn attributes_at(&self, placed: Placement) -> Cow<'a, Attributes> {
        if placed == self.here {
            return Cow::Borrowed(&self.job.attributes);
        }
        Cow::Owned(Attributes {
            trace_seed: placed.seed,
            parent: placed.parent,
            experiment: placed.experiment,
            ..self.job.attributes.clone()
        })
    }

    /// The agreement and attributes for an agent that no turn launched. It runs at the start of a session that may
    /// have no turn.
    pub(super) fn of_start(
        &self,
        uuid: &str,
        ledger: &mut Ledger<'_>,
    ) -> (Agreement, Cow<'a, Attributes>) {
        if ledger.cursor.agreed.is_empty() {
            ledger.cursor.agreed.add(uuid, None, self.today.clone());
            ledger.is_unsaved = true;
        }
        if ledger.placements.is_empty() {
            ledger.placements.add(uuid, None, self.here.clone());
            ledger.is_unsaved = true;
        }
        let agreed = ledger.cursor.agreed.first().unwrap_or(&self.today).clone();
        let placed = ledger.placements.first().unwrap_or(&self.here).clone();
        (agreed, self.attributes_at(placed))
    }

    /// The policy for spans with this context. `None` if the agreement can't be kept.
    pub(super) fn policy_of(&self, context: &Context) -> Option<Cow<'a, Policy>> {
        match &context.agreed {
            None => Some(Cow::Borrowed(&self.job.policy)),
            Some(agreed) => self.policy_within(agreed),
        }
    }

    pub(super) fn policy_within(&self, agreed: &Agreement) -> Option<Cow<'a, Policy>> {
        let policy = &self.job.policy;
        if *agreed == self.today || self.job.agreed == Agreed::Ignored {
            return Some(Cow::Borrowed(policy));
        }
        let mut agreed = agreed.clone();
        if self.job.agreed == Agreed::AnyCapture {
            (agreed.capture, agreed.request) = (self.today.capture, self.today.request);
            agreed.media = self.today.media;
        }
        policy.within(&agreed).map(Cow::Owned)
    }
}

/// The placement by the environment of this run.
pub(super) fn placement_of_run(job: &Job) -> Placement {
    let mut experiment = job.attributes.experiment.clone();
    if let Some(experiment) = &mut experiment {
        job.policy.apply_to_experiment(experiment);
    }
    Placement {
        seed: job.attributes.trace_seed.clone(),
        parent: job.attributes.parent.clone(),
        experiment,
    }
}

/// The placement that a context shows. `None` for a seed, which its trace id does not reveal.
fn placement_of_context(turn: &str, context: &Context) -> Option<Placement> {
    let is_by_seed = context.parent.is_none() && context.trace_id != TraceId::of_seed(turn);
    let experiment = context.experiment.as_ref();
    (!is_by_seed).then(|| Placement {
        seed: None,
        parent: context.parent.clone(),
        experiment: experiment.map(|trial| trial.of.clone()),
    })
}
