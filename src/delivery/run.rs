//! One session from its cursor to the end of its files.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use base::Timestamp;
use transcript::completion::Expected;
use transcript::locate::Layout;
use transcript::session::{Turn, Turns};
use transcript::{Entry, FileMark, Notification, Record};

use super::contact::{self, Contact};
use super::feed::Feed;
use super::outbox::Outbox;
use super::rest;
use super::terms::Terms;
use super::track::{Part, Track};
use super::unlaunched::{Openings, may_be_lost};
use super::{Extent, Job, Report, StateAccess, Stopped, Transport, Trigger};
use crate::privacy::Clean;
use crate::state::{Cursor, Mark, Placement, Runs, Store};
use crate::trace::SpanId;

/// A session whose last row is older than this is over, whatever its rows say.
const ABANDONED: Duration = Duration::from_secs(600);

/// Further ahead than this, the clock was set back since the row was written: its age says nothing.
const PLAUSIBLE: Duration = Duration::from_secs(24 * 3600);

/// Nobody can be waiting for an answer any more.
pub(super) fn is_abandoned(last_at: Timestamp, now: Timestamp) -> bool {
    now.since(last_at) > ABANDONED || last_at.since(now) > PLAUSIBLE
}

/// A session on its way.
pub(super) struct Delivery<'a> {
    pub job: &'a Job,
    pub store: Option<&'a Store>,
    pub transport: &'a mut dyn Transport,
    pub cursor: Cursor,
    /// The cursor as it was last written.
    pub saved: Option<Vec<u8>>,
    pub outbox: Outbox,
    pub track: Track,
    pub report: Report,
    /// The traces in the report. It holds them in order, and a search there for each turn would be a square of their number.
    pub counted: BTreeSet<String>,
    /// The repository was looked for in this run.
    pub sought_repository: bool,
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
    pub terms: Terms,
    /// Where placements of turns are kept, and what of them is.
    pub placement_store: Option<&'a Store>,
    pub saved_placements: Runs<Placement>,
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
    let absence = transport.absence().map(str::to_owned);
    let Some(contact) = contact::begin(job, store)? else {
        return Ok(None);
    };
    let Contact { mut cursor, is_first, settled, begun_with } = contact;
    if !is_first && rest::is_untouched(job, &mut cursor) {
        return Ok(Some(Report::default()));
    }
    let saved = (!is_first).then(|| cursor.encoded().ok()).flatten();
    let placements = match store.reader() {
        Some(store) => store.placements(&job.session_id, &job.destination)?,
        None => Runs::default(),
    };
    let mut delivery = Delivery {
        job,
        // Sent again from the beginning: the cursor is kept when that is done, and not moved back before.
        store: store.writer().filter(|_| job.extent != Extent::Resend),
        transport,
        terms: Terms::new(job, &cursor, placements.clone()),
        placement_store: store.writer(),
        saved_placements: placements,
        known_until: None,
        withheld: BTreeSet::new(),
        cursor,
        saved,
        outbox: Outbox::default(),
        track: Track::new(Part::Open),
        report: Report::default(),
        counted: BTreeSet::new(),
        sought_repository: false,
        clean: Clean::default(),
        notifications: Vec::new(),
        openings: Openings::default(),
        over: job.trigger == Trigger::SessionEnd,
        left: false,
    };
    if is_first {
        delivery.meet_first(begun_with);
    }
    // Nothing can leave: turns are read all the same, so that what holds for them is kept. It stands on them whoever sends them.
    delivery.report.stopped =
        absence.map(|reason| Stopped { reason, retry_after: None, problem: None });
    delivery.walk(settled)?;
    if job.extent == Extent::Resend && delivery.report.stopped.is_none() {
        delivery.store = store.writer();
        delivery.save();
    }
    Ok(Some(delivery.report))
}

impl Delivery<'_> {
    fn walk(&mut self, settled: Option<bool>) -> Result<()> {
        if self.job.extent == Extent::Backfill {
            self.reopen_declined();
        }
        self.save();
        if self.job.extent == Extent::Backfill {
            self.passed_ranges()?;
        }
        let expected = match &self.job.trigger {
            Trigger::Stop(expected) if settled.is_none() => Some(expected),
            _ => None,
        };
        let mut rewrites = 0;
        let (feed, turns) = loop {
            let (feed, turns) = self.open_range(expected)?;
            if rewrites == contact::REWRITES || feed.is_still(&self.job.transcript) {
                break (feed, turns);
            }
            rewrites += 1;
            // Rewritten while its end was waited for: what was read stands in no file any more.
            self.outbox.clear();
            self.track = Track::new(Part::Open);
            contact::find_place(self.job, &mut self.cursor)?;
            self.begin_open_walk();
        };
        let settled = settled.unwrap_or_else(|| feed.settled());
        let ended = turns.finish().map(|turn| {
            let ended = self.has_ended(&turn, settled);
            self.take_turn(&turn, ended);
            ended
        });
        self.report.unfinished = ended == Some(false);
        self.subagents()?;
        self.send();
        self.close(&feed, ended.unwrap_or(true));
        Ok(())
    }

    /// Reads from the open turn to the end of the file; gives what is still open there. The connection is made while the last
    /// row of the turn is awaited.
    fn open_range(&mut self, expected: Option<&Expected>) -> Result<(Feed, Turns)> {
        let start = self.cursor.open_start;
        let feed = Feed::open(&self.job.transcript, start, expected)?;
        let mut feed = feed.keeping(self.job.policy.max_chars);
        let mut turns = Turns::after(self.cursor.open_turn.as_ref().map(|open| open.at));
        let mut is_ready = false;
        loop {
            for entry in &mut feed {
                let entry = entry?;
                self.notice(&entry);
                self.note_known(&entry);
                if let Some(turn) = turns.push(entry) {
                    self.take_turn(&turn, true);
                }
                if self.report.stopped.is_some() && !self.meets_turns() {
                    // The rest is read when somebody takes it.
                    return Ok((feed, Turns::default()));
                }
            }
            if self.report.stopped.is_some() || !feed.is_awaited() {
                return Ok((feed, turns));
            }
            // A server that is not there ends the run, and what only this run knows of the turn is to be kept before.
            let open = turns.open_turn().filter(|turn| self.is_wanted(turn));
            match open.filter(|_| !is_ready && !self.job.attributes.are_of_the_run()) {
                Some(_) => {
                    self.get_ready();
                    is_ready = true;
                }
                None => Feed::pause(),
            }
        }
    }

    /// A hook agrees to something for each turn that it meets, whether or not anything can be sent.
    fn meets_turns(&self) -> bool {
        self.job.extent == Extent::Live
    }

    fn begin_open_walk(&mut self) {
        let before = self.cursor.open_turn.as_ref().filter(|open| open.is_behind);
        let before = before.map(|open| open.uuid.clone());
        self.terms.begin_walk(before);
    }

    /// Looks how far the rows reach that were read when marks of schema 2 were made.
    fn note_known(&mut self, entry: &Entry) {
        let until = self.cursor.legacy_marks_until;
        if until.is_some_and(|until| entry.offset < until) {
            self.known_until = self.known_until.max(entry.at);
        }
    }

    /// What was declined in the middle goes on where it began.
    fn reopen_declined(&mut self) {
        if let Some(last) = self.cursor.skipped.pop_if(|last| last.end.is_none()) {
            self.cursor.open_start = last.start;
            self.cursor.turns_before = last.turns_before;
        }
    }

    /// Sends what was skipped, range by range. A range of which something can't be sent stays.
    fn passed_ranges(&mut self) -> Result<()> {
        let mut place = 0;
        while let Some((start, Some(end))) =
            self.cursor.skipped.get(place).map(|range| (range.start, range.end))
        {
            self.track = Track::new(Part::SkippedRange(place));
            self.terms.begin_walk(None);
            self.passed_range(start, end)?;
            self.send();
            if self.report.stopped.is_some() {
                break;
            }
            match self.track.is_done() {
                true => drop(self.cursor.skipped.remove(place)),
                false => place += 1,
            }
            self.save();
        }
        self.track = Track::new(Part::Open);
        self.begin_open_walk();
        Ok(())
    }

    fn passed_range(&mut self, start: u64, end: u64) -> Result<()> {
        let mut turns = Turns::default();
        let feed = Feed::open(&self.job.transcript, start, None)?;
        for entry in feed.keeping(self.job.policy.max_chars) {
            let entry = entry?;
            self.notice(&entry);
            let Some(turn) = turns.push(entry) else {
                continue;
            };
            if turn.start < end {
                self.take_turn(&turn, true);
            }
            if turn.end >= end || self.report.stopped.is_some() {
                break;
            }
        }
        Ok(())
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
        if self.cursor.start_directory.is_none() {
            self.cursor.start_directory = entry.header.cwd.as_ref().map(std::path::PathBuf::from);
        }
        if let Some(version) = &entry.header.version {
            self.cursor.layout = Some(Layout::of_version(version));
        }
        let notification = match &entry.record {
            Record::Notified(notification) => Some(notification),
            Record::Steering { notification, .. } => notification.as_ref(),
            Record::Prompt(prompt) => prompt.notification.as_ref(),
            _ => None,
        };
        if let Some(notification) = notification {
            let names = [&notification.task_id, &notification.tool_use_id];
            for name in names.into_iter().flatten() {
                self.cursor.wake_if_named(name);
            }
            self.notifications.push(notification.clone());
        }
    }

    /// Says of the agents whose end was notified that they are done. A notification stands before the turn that it
    /// opens, when the turn that launched the agent may not be known yet: hence after the reading.
    pub(super) fn finish_agents(&mut self) {
        for notification in self.notifications.clone() {
            self.finish_agent(&notification);
        }
        self.finish_workflows();
    }

    /// By the task, which is the agent's id; of an agent that was resumed, the tool call is the one that resumed it.
    fn finish_agent(&mut self, notification: &Notification) {
        let Notification { task_id, tool_use_id, status, summary: _ } = notification;
        let span = tool_use_id.as_deref().map(SpanId::tool);
        for (launched_by, launch) in &mut self.cursor.launches {
            let same_agent = task_id.is_some() && launch.agent_id == *task_id;
            if same_agent || Some(launched_by) == tool_use_id.as_ref() {
                launch.finished = true;
                launch.outcome.clone_from(status);
                launch.agent_id = launch.agent_id.take().or_else(|| task_id.clone());
            }
        }
        for (agent_id, subagent) in &mut self.cursor.subagents {
            let launched_by = subagent.link.as_ref().and_then(|link| link.span.as_ref());
            if Some(agent_id) == task_id.as_ref()
                || (span.is_some() && launched_by == span.as_ref())
            {
                subagent.finished = true;
                subagent.ends_as(status.clone());
            }
        }
    }

    fn close(&mut self, feed: &Feed, ended: bool) {
        self.report.diagnostics = feed.diagnostics().clone();
        let subagents = self.cursor.subagents.values();
        let claimed = subagents
            .filter_map(|subagent| subagent.link.as_ref()?.span.clone())
            .collect::<BTreeSet<_>>();
        let still_open = self.track.open();
        let subagents = &self.cursor.subagents;
        let is_linked = |agent_id: &String| {
            let subagent = subagents.get(agent_id);
            subagent.is_some_and(|subagent| subagent.link.is_some())
        };
        let launches = &mut self.cursor.launches;
        launches.retain(|_, launch| match &launch.agent_id {
            Some(agent_id) if !launch.is_by_tool() => !is_linked(agent_id),
            _ => !claimed.contains(&launch.span),
        });
        self.forget_commands(&still_open);
        if let Some(store) = self.store {
            store.lay_to_rest(&mut self.cursor, &still_open, &self.notifications);
        }
        if self.report.stopped.is_none() {
            // Else turns may wait that were not read in this run.
            self.cursor.forget_closed_contexts(&still_open);
        }
        let mut marks = self.cursor.acknowledged.values();
        if marks.all(|mark| *mark != Mark::Legacy) {
            self.cursor.legacy_marks_until = None;
        }
        self.cursor.idle = ended
            && self.report.stopped.is_none()
            && self.track.is_done()
            && self.cursor.subagents.values().all(|subagent| match subagent.link {
                Some(_) => subagent.idle || subagent.declined,
                None => !may_be_lost(self.job, &self.cursor, subagent),
            });
        match FileMark::take(&self.job.transcript, feed.offset()) {
            Ok(mark) => self.cursor.file = mark,
            Err(error) => log::warn!("{error:#}"),
        }
        self.save();
    }

    /// Now, for people who want to know when something was last delivered; it goes into no span.
    pub(super) fn delivered(&mut self) {
        self.cursor.delivered_at = Some(Timestamp::now());
    }
}
