//! One session from its cursor to the end of its files.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use base::Timestamp;
use transcript::completion::Expected;
use transcript::lineage::OwnRows;
use transcript::locate::Layout;
use transcript::session::{Turn, Turns};
use transcript::{Diagnostics, Entry, FileMark, Notification, Record};

use super::ledger::Ledger;
use super::outline::MAX_REWRITES;
use super::pending::PendingTurns;
use super::start::{self, Hold, Place, Start};
use super::tail::TailReader;
use super::terms::Terms;
use super::unlaunched::{Openings, may_be_lost};
use super::upload::Uploader;
use super::{Extent, Job, Report, StateAccess, Transport, Trigger, untouched};
use crate::privacy::Clean;
use crate::state::{Cursor, Mark, OpenTurn, Runs};

/// A session whose last row is older than this is over, whatever its rows say.
const ABANDONED: Duration = Duration::from_secs(600);

/// Further ahead than this, the clock was set back since the row was written: its age says nothing.
const PLAUSIBLE: Duration = Duration::from_secs(24 * 3600);

/// Nobody can be waiting for an answer any more.
pub(super) fn is_abandoned(last_at: Timestamp, now: Timestamp) -> bool {
    now.since(last_at) > ABANDONED || last_at.since(now) > PLAUSIBLE
}

/// The parts that a session passes through: rows are read here, the ledger says what is owed, the uploader sends it.
pub(super) struct Delivery<'a> {
    pub job: &'a Job,
    pub ledger: Ledger<'a>,
    pub uploader: Uploader<'a>,
    pub terms: Terms,
    /// The repository was looked for in this run.
    pub sought_repository: bool,
    /// The turn that was open where the own rows begin, as the session had it that it was copied from.
    pub copied: Option<Turn>,
    /// Turns that were declined, and that nobody asked for.
    pub declined: usize,
    /// Texts of this turn that leave as they are.
    pub clean: Clean,
    /// Ends of background tasks that were read about.
    pub notifications: Vec<Notification>,
    /// When turns were opened.
    pub openings: Openings,
    /// The session is over: nobody will answer a tool that has no answer.
    pub over: bool,
    /// Its process is known to have ended, and its agents with it.
    pub left: bool,
    /// The time of the last row that was read when marks of schema 2 were made.
    pub known_until: Option<Timestamp>,
    /// Turns and agents of which something can't leave as it was agreed.
    pub withheld: BTreeSet<String>,
}

/// Delivers a session and says what came of it; `None` when nothing of it is wanted.
///
/// # Errors
/// When the transcript can't be read. What was acknowledged until then is kept.
pub fn deliver(
    job: &Job,
    store: StateAccess<'_>,
    transport: &mut dyn Transport,
) -> Result<Option<Report>> {
    let Some(start) = start::find(job, store)? else {
        return Ok(None);
    };
    let Start { cursor, is_first, settled, begun_with, hold } = start;
    if let Some(hold) = hold {
        return Ok(Some(held(hold, &cursor, store)));
    }
    if !is_first && untouched::is_untouched(job, &cursor) {
        return Ok(Some(Report { guests: cursor.guests, ..Report::default() }));
    }
    let placements = match store.reader() {
        Some(store) => store.placements(&job.session_id, &job.destination)?,
        None => Runs::default(),
    };
    let mut delivery = Delivery {
        job,
        terms: Terms::new(job, &cursor, &placements),
        ledger: Ledger::new(cursor, is_first, placements, store.writer()),
        uploader: Uploader::new(transport, job.wire_limit),
        sought_repository: false,
        copied: None,
        declined: 0,
        clean: Clean::default(),
        notifications: Vec::new(),
        openings: Openings::default(),
        over: job.trigger == Trigger::SessionEnd,
        left: false,
        known_until: None,
        withheld: BTreeSet::new(),
    };
    if job.extent == Extent::Resend {
        delivery.ledger.suspend_saving();
    }
    if is_first || begun_with.is_some() {
        delivery.meet_first(begun_with);
    }
    // Also where nothing can leave turns are read, so that what was agreed for them is kept, whoever sends them.
    let end = delivery.walk(settled)?;
    if job.extent == Extent::Resend && !delivery.uploader.is_stopped() {
        delivery.ledger.resume_saving();
        delivery.ledger.save();
    }
    Ok(Some(Report {
        withheld: delivery.withheld.len(),
        declined: delivery.declined,
        unfinished: end.unfinished,
        unsaved: delivery.ledger.unsaved,
        guests: delivery.ledger.cursor.guests,
        diagnostics: end.diagnostics,
        ..delivery.uploader.into_report()
    }))
}

/// Nothing of the session can be sent now.
fn held(hold: Hold, cursor: &Cursor, store: StateAccess<'_>) -> Report {
    let mut report = Report { unfinished: true, ..Report::default() };
    if hold == Hold::HeadOpen
        && let Some(Err(error)) = store.writer().map(|store| store.save_cursor(cursor))
    {
        report.unsaved = Some(format!("{error:#}"));
    }
    report
}

/// How a walk through a session's file ended.
struct End {
    unfinished: bool,
    diagnostics: Diagnostics,
}

impl Delivery<'_> {
    fn walk(&mut self, settled: Option<bool>) -> Result<End> {
        if self.job.extent == Extent::Backfill && self.job.sends_declined() {
            self.reopen_declined();
        }
        self.ledger.save();
        if self.job.extent == Extent::Backfill {
            self.skipped_ranges()?;
        }
        let expected = match &self.job.trigger {
            Trigger::Stop(expected) if settled.is_none() => Some(expected),
            _ => None,
        };
        let mut rewrites = 0;
        let (feed, turns) = loop {
            let (feed, turns) = self.open_range(expected)?;
            if rewrites == MAX_REWRITES || feed.is_still(&self.job.transcript) {
                break (feed, turns);
            }
            rewrites += 1;
            // Rewritten while its end was waited for: what was read stands in no file any more.
            self.uploader.clear();
            self.ledger.pending = PendingTurns::default();
            if start::find_place(&self.job.ids(), &self.job.transcript, &mut self.ledger.cursor)?
                == Place::Unknown
            {
                return Ok(End { unfinished: true, diagnostics: feed.diagnostics().clone() });
            }
            self.begin_open_walk();
        };
        let settled = settled.unwrap_or_else(|| feed.settled());
        if let Trigger::Stop(expected) = &self.job.trigger
            && settled
        {
            self.ledger.cursor.settled = Some(untouched::settled_stop(expected));
        }
        let ended = turns.finish().map(|turn| {
            let ended = self.has_ended(&turn, settled);
            self.take_turn(&turn, ended);
            ended
        });
        self.agents();
        self.send();
        self.close(&feed, ended.unwrap_or(true));
        Ok(End { unfinished: ended == Some(false), diagnostics: feed.diagnostics().clone() })
    }

    /// Reads from the open turn to the end of the file; gives what is still open there. The connection is made while the last
    /// row of the turn is awaited.
    fn open_range(&mut self, expected: Option<&Expected>) -> Result<(TailReader, Turns)> {
        let Cursor { open_start, own_from, open_turn, open_since, .. } = &self.ledger.cursor;
        let (start, own_from) = (*open_start, *own_from);
        let mut own_rows = self.rows_of_session();
        own_rows.leave_before(*open_since);
        if let Some(OpenTurn { uuid, at, is_behind, .. }) = open_turn {
            own_rows.go_on(Some(uuid).filter(|_| !is_behind), *at);
        }
        let feed = TailReader::open(&self.job.transcript, start, expected)?.of_session(own_rows);
        let mut feed = feed.keeping(self.job.policy.max_chars);
        let mut is_in_head = start < own_from;
        let mut turns = Turns::after(self.ledger.cursor.open_turn.as_ref().map(|open| open.at));
        let mut is_ready = false;
        loop {
            for entry in &mut feed {
                let entry = entry?;
                self.notice(&entry);
                self.note_known(&entry);
                if is_in_head && entry.offset >= own_from {
                    is_in_head = false;
                    self.copied = turns.open_turn().cloned();
                }
                if let Some(turn) = turns.push(entry) {
                    self.take_turn(&turn, true);
                }
                if self.uploader.is_stopped() && !self.meets_turns() {
                    // The rest is read when somebody takes it.
                    return Ok((feed, Turns::default()));
                }
            }
            if self.uploader.is_stopped() || !feed.is_awaited() {
                return Ok((feed, turns));
            }
            // A server that is not there ends the run, and what only this run knows of the turn is to be kept before.
            let open = turns.open_turn().filter(|turn| self.is_wanted(turn));
            match open.filter(|_| !is_ready && !self.job.attributes.are_of_the_run()) {
                Some(_) => {
                    self.uploader.connect();
                    is_ready = true;
                }
                None => TailReader::pause(),
            }
        }
    }

    pub(super) fn rows_of_session(&self) -> OwnRows {
        let mut own_rows = OwnRows::new(self.job.ids(), &self.job.transcript);
        own_rows.begin_at(self.ledger.cursor.own_from);
        own_rows
    }

    /// A hook agrees to something for each turn that it meets, whether or not anything can be sent.
    fn meets_turns(&self) -> bool {
        self.job.extent == Extent::Live
    }

    pub(super) fn begin_open_walk(&mut self) {
        let before = self.ledger.cursor.open_turn.as_ref().filter(|open| open.is_behind);
        let before = before.map(|open| open.uuid.clone());
        self.terms.begin_walk(before);
    }

    /// Looks how far the rows reach that were read when marks of schema 2 were made.
    fn note_known(&mut self, entry: &Entry) {
        let until = self.ledger.cursor.legacy_marks_until;
        if until.is_some_and(|until| entry.offset < until) {
            self.known_until = self.known_until.max(entry.at);
        }
    }

    fn has_ended(&mut self, turn: &Turn, settled: bool) -> bool {
        match &self.job.trigger {
            Trigger::Stop(_) => settled,
            Trigger::SessionEnd => true,
            Trigger::Sweep { now } => {
                let last_at = turn.activity.last_at.unwrap_or(turn.opening.at);
                self.left = turn.left;
                self.over = turn.left || is_abandoned(last_at, *now);
                self.over || turn.stopped || turn.activity.interrupted
            }
        }
    }

    /// Takes note of what a row says about agents.
    pub(super) fn notice(&mut self, entry: &Entry) {
        if self.ledger.cursor.start_directory.is_none() {
            self.ledger.cursor.start_directory =
                entry.header.cwd.as_ref().map(std::path::PathBuf::from);
        }
        if let Some(version) = &entry.header.version {
            let layout = Layout::after(self.ledger.cursor.layout, version);
            self.ledger.cursor.layout = Some(layout);
        }
        let notification = match &entry.record {
            Record::Notified(notification) => Some(notification),
            Record::Steering { notification, .. } => notification.as_ref(),
            Record::Prompt(prompt) => prompt.notification.as_ref(),
            _ => None,
        };
        if let Some(notification) = notification {
            self.notifications.push(notification.clone());
        }
    }

    fn close(&mut self, feed: &TailReader, ended: bool) {
        let subagents = self.ledger.cursor.subagents.values();
        let claimed = subagents
            .filter_map(|subagent| subagent.link.as_ref()?.span.clone())
            .collect::<BTreeSet<_>>();
        let still_open = self.ledger.open_turns();
        let subagents = &self.ledger.cursor.subagents;
        let is_linked = |agent_id: &String| {
            let subagent = subagents.get(agent_id);
            subagent.is_some_and(|subagent| subagent.link.is_some())
        };
        let launches = &mut self.ledger.cursor.launches;
        launches.retain(|_, launch| match &launch.agent_id {
            Some(agent_id) if !launch.is_by_tool() => !is_linked(agent_id),
            _ => !claimed.contains(&launch.span),
        });
        self.forget_commands(&still_open);
        if !self.uploader.is_stopped() {
            // Else turns may wait that were not read in this run.
            self.ledger.cursor.forget_closed_contexts(&still_open);
        }
        let mut marks = self.ledger.cursor.acknowledged.values();
        if marks.all(|mark| *mark != Mark::Legacy) {
            self.ledger.cursor.legacy_marks_until = None;
        }
        self.ledger.cursor.idle = ended
            && !self.uploader.is_stopped()
            && self.ledger.pending.is_done()
            && self.ledger.cursor.subagents.values().all(|subagent| match subagent.link {
                Some(_) => subagent.idle || subagent.declined,
                None => !may_be_lost(self.job, &self.ledger.cursor, subagent),
            });
        let newest = &mut self.ledger.cursor.newest_row;
        *newest = feed.newest().max(*newest);
        self.ledger.cursor.guests.extend(feed.guests());
        match FileMark::take(&self.job.transcript, feed.offset()) {
            Ok(mark) => self.ledger.cursor.file = mark,
            Err(error) => log::warn!("{error:#}"),
        }
        self.ledger.save();
    }

    /// Sends everything that waits, until the server takes no more.
    pub(super) fn send(&mut self) {
        self.ledger.save_noted();
        while let Some(receipt) = self.uploader.send_next() {
            self.ledger.settle(receipt);
        }
        self.send_scores();
        self.uploader.clear();
    }

    /// Sends while a request's worth waits.
    pub(super) fn send_full(&mut self) {
        if !self.uploader.is_full() {
            return;
        }
        self.ledger.save_noted();
        while self.uploader.is_full()
            && let Some(receipt) = self.uploader.send_next()
        {
            self.ledger.settle(receipt);
        }
        self.send_scores();
    }

    fn send_scores(&mut self) {
        let Self { uploader, ledger, .. } = self;
        while let Some(scores) = uploader.send_scores(|turn| ledger.pending.is_acknowledged(turn)) {
            ledger.settle_scores(scores);
        }
    }
}
