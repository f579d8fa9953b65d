//! Takes the session's turns one by one: notes each in the ledger, exports its spans and scores, and passes its
//! launches to the agents.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base::Timestamp;
use transcript::session::{Activity, Turn, again};
use transcript::{Entry, TurnInstructions, is_trusted};

use super::Job;
use super::agents::{Agents, Launches};
use super::exporter::Exporter;
use super::pending::PendingTurn;
use super::queue::Owner;
use super::rewind::rewind;
use crate::score::outcomes;
use crate::state::{Cursor, Mark, SkipReason};
use crate::trace::{BeforeTurn, Context, Launch, Role, SpanId, call_place, observe_turn};

pub(super) struct TurnSink<'a> {
    pub exporter: Exporter<'a>,
    pub agents: Agents<'a>,
    /// The turn that is open where own rows begin, as the first session has it.
    pub copied: Option<Turn>,
    /// Declined turns that no person asked for.
    pub declined: usize,
    /// Forgotten turns.
    pub forgotten: usize,
}

impl<'a> TurnSink<'a> {
    pub(super) fn new(exporter: Exporter<'a>) -> Self {
        Self {
            agents: Agents::new(exporter.job),
            exporter,
            copied: None,
            declined: 0,
            forgotten: 0,
        }
    }

    /// Notes the facts that a row shows of the session and its agents.
    pub(super) fn notice(&mut self, entry: &Entry) {
        self.exporter.ledger.note_row(entry);
        self.agents.notice(entry);
    }

    pub(super) fn take(&mut self, turn: &Turn, instructions: &TurnInstructions, ended: bool) {
        let Self { exporter, agents, .. } = self;
        let job = exporter.job;
        let copied = self.copied.take_if(|copied| copied.opening.uuid == turn.opening.uuid);
        let is_own = turn.opening.offset >= exporter.ledger.cursor.own_from
            || copied.as_ref().is_some_and(|copied| copied.done() != turn.done());
        if !is_own {
            return;
        }
        let turn = &*with_known_uuid(turn, &exporter.ledger.cursor);
        let uuid = &turn.opening.uuid;
        agents.turn_opened(turn);
        let skipped = skip_reason(turn, job, &exporter.ledger.cursor);
        let context = skipped.is_none().then(|| {
            let context = exporter.contexts.of_turn(turn, &mut exporter.ledger);
            let cursor = &mut exporter.ledger.cursor;
            exporter.prompts.link(context, turn, &instructions.at_first_call, cursor)
        });
        let mut pending = PendingTurn::new(uuid, turn.opening.at, turn.start, instructions);
        pending.is_numbered = turn.is_numbered() || was_numbered(turn, &exporter.ledger.cursor);
        pending.skipped = skipped;
        self.declined += usize::from(skipped == Some(SkipReason::Declined));
        self.forgotten += usize::from(skipped == Some(SkipReason::Forgotten));
        exporter.ledger.begin_turn(pending);
        if let Some(context) = context {
            let named = instructions.within.hash();
            let inputs =
                TurnInputs { context: &context, copied: copied.as_ref(), instructions: named };
            let (launches, is_cut) = export_turn(exporter, turn, &inputs, ended);
            let mut known = Launches::of(&mut exporter.ledger.cursor, &job.policy);
            known.add(launches, uuid, None, 1);
            known.add_commands(turn);
            if job.scores && ended && !exporter.withheld.contains(uuid) {
                exporter.export_scores(uuid, outcomes(turn, &context), &context, is_cut);
            }
        }
        exporter.contexts.terms.advance(uuid);
        exporter.ledger.end_turn(turn.closed.then_some(turn.end));
    }

    /// Sends the agents' spans, and everything queued.
    pub(super) fn finish(&mut self) {
        self.agents.send(&mut self.exporter);
        self.exporter.send();
    }

    /// The turn is the session's own and not skipped.
    pub(super) fn wants(&self, turn: &Turn) -> bool {
        let Exporter { job, ledger, .. } = &self.exporter;
        turn.opening.offset >= ledger.cursor.own_from
            && skip_reason(turn, job, &ledger.cursor).is_none()
    }

    /// The time of the last row that was read when marks of schema 2 were made.
    pub(super) fn note_known(&mut self, at: Option<Timestamp>) {
        self.exporter.known_until = self.exporter.known_until.max(at);
    }
}

/// The inputs of a turn's spans beside its rows.
struct TurnInputs<'a> {
    context: &'a Context,
    /// The part of the turn that the first session has, which sends it itself.
    copied: Option<&'a Turn>,
    /// The hash of its instructions.
    instructions: Option<String>,
}

/// Exports the spans of a turn. Returns its launches, and whether rows of its acknowledged root are gone.
fn export_turn(
    exporter: &mut Exporter<'_>,
    turn: &Turn,
    inputs: &TurnInputs<'_>,
    ended: bool,
) -> (Vec<Launch>, bool) {
    let TurnInputs { context, copied, instructions } = inputs;
    let mut is_cut = false;
    let sent_elsewhere = copied.map(|copied| parts_of(copied, context)).unwrap_or_default();
    // The file in which the turn continues has its answer.
    let without_root = turn.continues_elsewhere && !turn.is_finished();
    exporter.begin_turn();
    exporter.begin_file(&exporter.job.transcript);
    let rewind = rewind(turn, &exporter.job.transcript);
    let owner = Owner::Turn(turn.opening.uuid.clone());
    let before = BeforeTurn { rewind: rewind.as_ref(), instructions: instructions.as_deref() };
    let launches = observe_turn(turn, &before, context, ended, &mut |observation| {
        let span = &observation.span_id;
        let is_root = observation.role == Role::Root;
        if without_root && is_root || sent_elsewhere.contains(span) {
            return;
        }
        if is_root && let Some(mark) = exporter.ledger.mark(&owner, span) {
            is_cut = mark.ends_after(observation.end);
            if turn.opening.is_missing && exporter.ledger.cursor.open_since.is_some() {
                // The root was sent with its opening row, and knew more than the remaining rows do.
                return exporter.ledger.add_span(&owner, span, false);
            }
        }
        exporter.export(observation, &owner, context, context.prompts.session.as_ref());
    });
    (launches, is_cut)
}

/// A turn without its opening row, under its earlier uuid: the cursor's, if that fits or if spans were acknowledged
/// under it.
fn with_known_uuid<'t>(turn: &'t Turn, cursor: &Cursor) -> Cow<'t, Turn> {
    let known = cursor.open_turn.as_ref().filter(|open| {
        turn.opening.is_missing
            && (open.uuid == turn.opening.uuid || is_acknowledged_as(turn, &open.uuid, cursor))
    });
    let Some(known) = known else {
        return Cow::Borrowed(turn);
    };
    let mut turn = turn.clone();
    turn.opening.uuid.clone_from(&known.uuid);
    turn.opening.at = known.at;
    keep_apart(&mut turn.activity, cursor, &known.uuid);
    Cow::Owned(turn)
}

/// A mark under another start shows that the id was used by a call or a tool whose rows are gone.
fn keep_apart(activity: &mut Activity, cursor: &Cursor, uuid: &str) {
    let ids = cursor.span_ids(uuid);
    let Activity { generations, tools, .. } = activity;
    for call in generations.iter_mut().filter(|call| is_trusted(&call.key)) {
        let mark = cursor.acknowledged.get(&ids.generation(&call.key));
        if mark.is_some_and(|mark| mark.is_of_other_call(call.started_at, call_place(call))) {
            let key = again(&call.key, &call.place);
            let asked = tools.iter_mut().filter(|tool| tool.call == call.key);
            asked.for_each(|tool| tool.call.clone_from(&key));
            call.key = key;
        }
    }
    for tool in tools.iter_mut().filter(|tool| is_trusted(&tool.key)) {
        let mark = cursor.acknowledged.get(&ids.tool(&tool.key));
        if mark.and_then(Mark::start).is_some_and(|start| start != tool.called_at) {
            tool.key = again(&tool.key, &tool.place);
        }
    }
}

/// Some of the turn's spans were acknowledged under this uuid.
fn is_acknowledged_as(turn: &Turn, uuid: &str, cursor: &Cursor) -> bool {
    let ids = cursor.span_ids(uuid);
    let calls = turn.activity.generations.iter().map(|call| ids.generation(&call.key));
    let tools = turn.activity.tools.iter().map(|tool| ids.tool(&tool.key));
    calls.chain(tools).any(|span| cursor.acknowledged.contains_key(&span))
}

/// A turn without its opening row counts if it counted when that row was there.
fn was_numbered(turn: &Turn, cursor: &Cursor) -> bool {
    let open = cursor.open_turn.as_ref();
    let open = open.filter(|open| turn.opening.is_missing && open.uuid == turn.opening.uuid);
    open.is_some_and(|open| !open.is_behind && !open.is_compaction)
}

fn skip_reason(turn: &Turn, job: &Job, cursor: &Cursor) -> Option<SkipReason> {
    if !job.sends_forgotten && cursor.forgets(turn.start) {
        return Some(SkipReason::Forgotten);
    }
    is_declined(turn, job).then_some(SkipReason::Declined)
}

/// The turn was opened during a pause or while tracing was off. Only an explicit replay sends it.
fn is_declined(turn: &Turn, job: &Job) -> bool {
    let Job { paused, declined, .. } = job;
    !job.sends_declined()
        && (paused.iter().any(|time| time.covers(turn.opening.at))
            || declined.iter().any(|range| range.contains(&turn.opening.offset)))
}

/// The spans of a turn, without its root.
fn parts_of(turn: &Turn, context: &Context) -> BTreeSet<SpanId> {
    let mut parts = BTreeSet::new();
    observe_turn(turn, &BeforeTurn::default(), context, true, &mut |observation| {
        if observation.role != Role::Root {
            parts.insert(observation.span_id);
        }
    });
    parts
}
