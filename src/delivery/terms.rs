//! What holds for a turn since it was first met: what was agreed about its content, and where the environment of its run
//! placed it. Whoever sends it later keeps both.

use std::borrow::Cow;

use super::outbox::Owner;
use super::run::Delivery;
use super::{Agreed, Extent, Job};
use crate::privacy::Policy;
use crate::state::{Cursor, Placement, Runs, Within};
use crate::trace::{Agreement, Attributes, Context, TraceId};

/// What holds for turns, and the place of the walk through them.
pub(super) struct Terms {
    /// What this run's configuration agrees to.
    today: Agreement,
    /// Where this run's environment places turns.
    here: Placement,
    /// Where turns were placed.
    placements: Runs<Placement>,
    agreed_within: Within,
    placed_within: Within,
    /// What was agreed for the turn before, or for the last one that is known.
    last_agreed: Option<Agreement>,
    last_placed: Option<Placement>,
    /// The turn directly before the next one of the walk.
    previous: Option<String>,
    /// Something was noted that is not written yet.
    is_unsaved: bool,
}

impl Terms {
    pub(super) fn new(job: &Job, cursor: &Cursor, placements: Runs<Placement>) -> Self {
        let before = cursor.open_turn.as_ref().filter(|open| open.is_behind);
        Self {
            today: job.policy.agreement(),
            here: placement_of_run(job),
            agreed_within: Within::default(),
            placed_within: Within::default(),
            last_agreed: cursor.agreed.last().cloned(),
            last_placed: placements.last().cloned(),
            placements,
            previous: before.map(|open| open.uuid.clone()),
            is_unsaved: false,
        }
    }

    /// The walk begins anew somewhere else.
    pub(super) fn begin_walk(&mut self, after: Option<String>) {
        (self.agreed_within, self.placed_within) = Default::default();
        self.previous = after;
    }

    /// The walk went past a turn.
    pub(super) fn went_past(&mut self, turn: &str) {
        self.previous = Some(turn.to_owned());
    }

    /// What was agreed for a turn, and whether that is noted. Hooks and people agree to something; who sends what hooks left
    /// behind goes by what they agreed to last.
    fn agreed(&mut self, turn: &str, cursor: &Cursor, extent: Extent) -> (Agreement, bool) {
        let known = cursor.agreed.find(turn, &mut self.agreed_within).cloned();
        let is_noted = known.is_some();
        let last = || self.last_agreed.clone().filter(|_| extent == Extent::Resume);
        let agreed = known.or_else(last).unwrap_or_else(|| self.today.clone());
        self.last_agreed = Some(agreed.clone());
        (agreed, is_noted)
    }

    /// The same of its place.
    fn placed(&mut self, turn: &str, extent: Extent) -> (Placement, bool) {
        let known = self.placements.find(turn, &mut self.placed_within).cloned();
        let is_noted = known.is_some();
        let last = || self.last_placed.clone().filter(|_| extent == Extent::Resume);
        let placed = known.or_else(last).unwrap_or_else(|| self.here.clone());
        self.last_placed = Some(placed.clone());
        (placed, is_noted)
    }

    /// Notes what holds for a turn of which nothing is noted.
    pub(super) fn note(
        &mut self,
        turn: &str,
        cursor: &mut Cursor,
        agreed: Option<Agreement>,
        placed: Option<Placement>,
    ) {
        self.is_unsaved |= agreed.is_some() || placed.is_some();
        let after = self.previous.as_deref();
        if let Some(agreed) = agreed {
            cursor.agreed.add(turn, after, agreed);
        }
        if let Some(placed) = placed {
            self.placements.add(turn, after, placed);
        }
    }
}

/// Where the environment of this run places turns.
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

/// Where a context says that a turn is, as far as it tells: a seed can't be told from its trace.
fn placement_of_context(turn: &str, context: &Context) -> Option<Placement> {
    let is_by_seed = context.parent.is_none() && context.trace_id != TraceId::of_seed(turn);
    let experiment = context.experiment.as_ref();
    (!is_by_seed).then(|| Placement {
        seed: None,
        parent: context.parent.clone(),
        experiment: experiment.map(|trial| trial.of.clone()),
    })
}

impl<'a> Delivery<'a> {
    /// The first turn is met before anything else is read: a run that is killed then has agreed to something.
    pub(super) fn meet_first(&mut self, begun: Option<(Agreement, Placement)>) {
        let open = self.cursor.open_turn.as_ref().filter(|open| !open.is_behind);
        let Some(turn) = open.map(|open| open.uuid.clone()) else {
            return;
        };
        if self.job.extent != Extent::Live && begun.is_none() {
            return;
        }
        let (agreed, placed) =
            begun.unwrap_or_else(|| (self.terms.today.clone(), self.terms.here.clone()));
        let (extent, cursor) = (self.job.extent, &mut self.cursor);
        let agreed = Some(agreed).filter(|_| !self.terms.agreed(&turn, cursor, extent).1);
        let placed = Some(placed).filter(|_| !self.terms.placed(&turn, extent).1);
        self.terms.note(&turn, cursor, agreed, placed);
        self.terms.begin_walk(None);
    }

    /// What was agreed for a turn that is met, and what stands on its spans by its place; `known`: its context, where that is
    /// kept.
    pub(super) fn terms_of(
        &mut self,
        turn: &str,
        known: Option<&Context>,
    ) -> (Agreement, Cow<'a, Attributes>) {
        let extent = self.job.extent;
        let (mut agreed, is_agreed) = self.terms.agreed(turn, &self.cursor, extent);
        let (mut placed, is_placed) = self.terms.placed(turn, extent);
        let mut is_known = true;
        if let Some(context) = known {
            if let Some(kept) = context.agreed.clone() {
                agreed = kept;
            }
            if !is_placed {
                let told = placement_of_context(turn, context);
                is_known = told.is_some() || self.terms.here.seed.is_some();
                placed = told.unwrap_or_else(|| self.terms.here.clone());
            }
        }
        if self.policy_within(&agreed).is_some() {
            let agreed = (!is_agreed).then(|| agreed.clone());
            let noted = (!is_placed && is_known).then(|| placed.clone());
            self.terms.note(turn, &mut self.cursor, agreed, noted);
        }
        let attributes = match placed == self.terms.here {
            true => Cow::Borrowed(&self.job.attributes),
            false => Cow::Owned(Attributes {
                trace_seed: placed.seed,
                parent: placed.parent,
                experiment: placed.experiment,
                ..self.job.attributes.clone()
            }),
        };
        (agreed, attributes)
    }

    /// The same for an agent that no turn launched. It runs at the start of a session, maybe of one without turns.
    pub(super) fn terms_of_start(&mut self, uuid: &str) -> (Agreement, Attributes) {
        let (terms, cursor) = (&mut self.terms, &mut self.cursor);
        if cursor.agreed.is_empty() {
            cursor.agreed.add(uuid, None, terms.today.clone());
            terms.is_unsaved = true;
        }
        if terms.placements.is_empty() {
            terms.placements.add(uuid, None, terms.here.clone());
            terms.is_unsaved = true;
        }
        let agreed = cursor.agreed.first().unwrap_or(&terms.today).clone();
        let placed = terms.placements.first().unwrap_or(&terms.here).clone();
        let attributes = Attributes {
            trace_seed: placed.seed,
            parent: placed.parent,
            experiment: placed.experiment,
            ..self.job.attributes.clone()
        };
        (agreed, attributes)
    }

    /// The policy under which spans leave that have this context; `None` where what was agreed can't be kept.
    pub(super) fn policy_of(&self, context: &Context) -> Option<Cow<'a, Policy>> {
        match &context.agreed {
            None => Some(Cow::Borrowed(&self.job.policy)),
            Some(agreed) => self.policy_within(agreed),
        }
    }

    pub(super) fn policy_within(&self, agreed: &Agreement) -> Option<Cow<'a, Policy>> {
        let policy = &self.job.policy;
        if *agreed == self.terms.today || self.job.agreed == Agreed::Ignored {
            return Some(Cow::Borrowed(policy));
        }
        let mut agreed = agreed.clone();
        if self.job.agreed == Agreed::AnyCapture {
            agreed.capture = self.terms.today.capture;
        }
        policy.within(&agreed).map(Cow::Owned)
    }

    /// A span can't leave as it was agreed. A hook of the session goes on behind its turn; others leave the turn to that.
    pub(super) fn withhold(&mut self, owner: &Owner) {
        let (Owner::Turn(id) | Owner::Subagent(id)) = owner;
        if self.withheld.insert(id.clone()) {
            self.report.withheld += 1;
        }
    }

    /// Writes what was noted of turns, before anything of them leaves.
    pub(super) fn save_terms(&mut self) {
        if self.terms.is_unsaved {
            self.save();
        }
    }

    pub(super) fn save_placements(&mut self) {
        self.terms.is_unsaved = false;
        let Some(store) = self.placement_store else {
            return;
        };
        let (session, destination) = (&self.job.session_id, &self.job.destination);
        let placements = &self.terms.placements;
        if *placements == self.saved_placements {
            return;
        }
        match store.save_placements(session, destination, placements) {
            Ok(()) => self.saved_placements = placements.clone(),
            Err(error) => self.report.unsaved = Some(format!("{error:#}")),
        }
    }
}
