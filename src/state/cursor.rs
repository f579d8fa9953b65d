//! How far one destination has acknowledged one session.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use base::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use transcript::FileMark;
use transcript::lineage::Guests;
use transcript::locate::Layout;

use super::archive::Archive;
use super::instructions::KnownInstructions;
use super::mark::Mark;
use super::media::PendingMedia;
use super::placement::Placement;
use super::runs::Runs;
use super::skipped::{SkipReason, SkippedRange};
use super::subagent::Subagent;
use super::title_place::TitlePlace;
use crate::trace::{Agreement, Context, Digest, Repository, SpanId, SpanIds};

/// The version of the file's form. A newer one is left alone.
pub(super) const SCHEMA: u32 = 3;

/// Marks of another version may say the same in other words.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A session's cursor at one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The version of this form.
    pub schema: u32,
    /// Claude Code's session id.
    pub session_id: String,
    /// Digest of base URL and public key.
    pub destination: String,
    /// The session's file.
    #[serde(with = "base::path_text")]
    pub transcript: PathBuf,
    /// Of a hook that has only begun: the prompt that it was called for. Nothing else is known yet, and if the hook was
    /// killed, the next one begins with that turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_for: Option<String>,
    /// Of such a hook too: what it agreed to, and where it would have placed its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_with: Option<(Agreement, Placement)>,
    /// The directory in which the session was started; its configuration counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_directory: Option<PathBuf>,
    /// Where that directory is in the main checkout of its repository, if it is in a linked worktree: worktrees are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_directory: Option<PathBuf>,
    /// Read once, so that a changed remote doesn't change spans that are sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// The name of the project, read once as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The session it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_session: Option<String>,
    /// Rows before this offset are copies of another session's.
    #[serde(default, deserialize_with = "plausible")]
    pub own_from: u64,
    /// It is not known yet where the own rows begin: so far all may be copies.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_head_open: bool,
    /// The number of turns that belong to the session it was forked from.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inherited: usize,
    /// Other sessions of which rows stand in its file, each with its directory. Only an explicit replay sends them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guests: Guests,
    /// Where the agents' files are; `None` while no row says by which release it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// The file as it was at the end of the last run.
    #[serde(default)]
    pub file: FileMark,
    /// Where the open turn starts; everything before is acknowledged, inherited or passed over.
    #[serde(default, deserialize_with = "plausible")]
    pub open_start: u64,
    /// The instructions that rows before `open_start` name; in a file that was rewritten those rows may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<KnownInstructions>,
    /// The open turn, or the last one that was passed, to find its place again in a rewritten file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_turn: Option<OpenTurn>,
    /// The time of the newest row that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_row: Option<Timestamp>,
    /// Older rows than this belong to turns before the open one, wherever they stand in a file that was written anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_since: Option<Timestamp>,
    /// The session's title before `open_start`.
    #[serde(default, skip_serializing_if = "TitlePlace::is_unsought")]
    pub title: TitlePlace,
    /// How many own turns lie before the open one.
    #[serde(default, deserialize_with = "plausible")]
    pub turns_before: u64,
    /// Nothing waits, and the open turn has its answer.
    #[serde(default)]
    pub idle: bool,
    /// The Stop whose turn was last seen whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<SettledStop>,
    /// Ranges that were not sent; only an explicit replay sends them.
    #[serde(rename = "passed", default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedRange>,
    /// Turns were skipped in a file that was rewritten since: which agents are theirs is not known any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub had_skipped: bool,
    /// Spans of turns from `open_start` on that were acknowledged, each with a mark of what was acknowledged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acknowledged: BTreeMap<SpanId, Mark>,
    /// The version of this program that made the marks.
    #[serde(default)]
    marked_by: Cow<'static, str>,
    /// How far the file was read when marks of schema 2 were made; only where such marks are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_marks_until: Option<u64>,
    /// Scores of those turns that were acknowledged, by their ids, each with a mark of what was acknowledged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scored: BTreeMap<String, Digest>,
    /// What was agreed about the content of turns, from first contact on.
    #[serde(default, skip_serializing_if = "Runs::is_empty")]
    pub agreed: Runs<Agreement>,
    /// How often a span was refused that the server may take yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<SpanId, u8>,
    /// What stands on every span of a turn, by the opening row's uuid; for turns that can still grow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, Context>,
    /// Agents and runs of workflows, by their ids.
    #[serde(rename = "lanes", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subagents: BTreeMap<String, Subagent>,
    /// Launches whose agents have not shown up, by the tool call, else by the agent or the prompt that a command names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub launches: BTreeMap<String, PendingLaunch>,
    /// Images and documents that spans name and that are not uploaded yet, by id, span and field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub media: BTreeMap<String, PendingMedia>,
    /// When something was last acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// Agents that an earlier build moved to another file.
    #[serde(rename = "resting", default, skip_serializing)]
    pub(super) archive: Option<Archive>,
}

/// The turn that can still grow, or the last one before `open_start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTurn {
    /// The opening row's uuid.
    pub uuid: String,
    /// The opening row's time.
    pub at: Timestamp,
    /// It lies before `open_start`, and is counted where it counts.
    #[serde(rename = "passed", default)]
    pub is_behind: bool,
    /// It is a compaction that a person asked for, and no numbered turn.
    #[serde(default)]
    pub is_compaction: bool,
}

/// A Stop event, by what tells it from the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledStop {
    /// The prompt of its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// The last text of its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_text: Option<Digest>,
    /// Another hook blocked the Stop before it.
    #[serde(default)]
    pub was_blocked: bool,
}

/// A tool call whose agent has not shown up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLaunch {
    /// The id that the provider gave the call; `None` where it is the key of the launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    /// Ids that the agent's own calls can't have as their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_ids: Vec<String>,
    /// The turn that it belongs to.
    pub turn: String,
    /// The tool's span.
    pub span: SpanId,
    /// Where the call stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// The agent, where the call's result names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// What kind of agent was asked for; releases up to 2.1.50 say it nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// What the agent was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Digest>,
    /// The prompt whose command it works for; nothing else tells of the agent of a command that a person typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// The call has its final result.
    #[serde(default)]
    pub finished: bool,
    /// How the agent ended, as the call's result or a notification says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Tracing was switched off after it: only an explicit replay sends the agent.
    #[serde(default)]
    pub declined: bool,
}

impl PendingLaunch {
    /// A launch of which nothing more is known.
    pub fn new(turn: &str, span: SpanId) -> Self {
        Self {
            tool_use_id: None,
            used_ids: Vec::new(),
            turn: turn.to_owned(),
            span,
            launcher: None,
            agent_id: None,
            agent_type: None,
            prompt: None,
            prompt_id: None,
            finished: false,
            outcome: None,
            declined: false,
        }
    }

    /// A tool call launched the agent, and not the turn itself.
    pub fn is_by_tool(&self) -> bool {
        self.launcher.is_some()
    }
}

/// Where the call that launched an agent stands. What it says of the agent is read there: it is conversation, which is
/// not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launcher {
    /// The agent in whose file it stands; none for the session's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Where its row starts.
    pub offset: u64,
    /// How deep the launched agent is: 1 when the session itself launched it.
    pub depth: u64,
}

// The form that serde wants.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// An offset or a count as a file can have it; a larger one means that the state was damaged.
pub(super) fn plausible<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    match number < 1 << 53 {
        true => Ok(number),
        false => Err(serde::de::Error::custom("an offset that no file has")),
    }
}

impl Cursor {
    /// The cursor of a session that its destination has seen nothing of.
    pub fn new(session_id: &str, destination: &str, transcript: PathBuf) -> Self {
        Self {
            schema: SCHEMA,
            session_id: session_id.to_owned(),
            destination: destination.to_owned(),
            transcript,
            marked_by: Cow::Borrowed(VERSION),
            ..Self::default()
        }
    }

    /// The parts of the file that were declined.
    pub fn declined(&self) -> Vec<Range<u64>> {
        let declined = self.skipped.iter().filter(|range| range.why == SkipReason::Declined);
        declined.map(|range| range.start..range.end.unwrap_or(self.open_start)).collect()
    }

    /// Whether a person had the turn that starts there deleted in Langfuse.
    pub fn forgets(&self, start: u64) -> bool {
        let mut skipped = self.skipped.iter();
        skipped.any(|range| range.why == SkipReason::Forgotten && range.covers(start))
    }

    /// Something else than this was agreed for some turn.
    pub fn agreed_otherwise(&self, today: &Agreement) -> bool {
        let kept = self.contexts.values().filter_map(|context| context.agreed.as_ref());
        self.agreed.values().chain(kept).any(|agreed| agreed != today)
    }

    /// The directory whose configuration counts: that of the session, or of a worktree that is gone its place in the repository.
    pub fn configured_in(&self) -> Option<&Path> {
        let start = self.start_directory.as_deref();
        let main = self.main_directory.as_deref();
        main.filter(|_| start.is_some_and(|start| !start.exists())).or(start)
    }

    /// Brings what an older release wrote to this one's form, and its marks to what this version can compare.
    pub(super) fn upgrade(&mut self) {
        if self.schema < SCHEMA && self.acknowledged.values().any(|mark| *mark == Mark::Legacy) {
            self.legacy_marks_until = Some(self.file.offset);
        }
        self.schema = SCHEMA;
        if self.marked_by == VERSION {
            return;
        }
        self.marked_by = Cow::Borrowed(VERSION);
        let subagents = self.subagents.values_mut();
        let of_lanes = subagents.flat_map(|subagent| subagent.acknowledged.values_mut());
        let marks = self.acknowledged.values_mut().chain(of_lanes);
        marks.for_each(Mark::forget_said);
    }

    /// Makes the ids of a turn's spans, in the trace that it is known to have.
    pub fn span_ids(&self, turn: &str) -> SpanIds {
        match self.contexts.get(turn) {
            Some(context) => SpanIds::of(&context.trace_id, turn),
            None => SpanIds::of_turn(turn),
        }
    }

    /// Forgets what stands on the spans of a turn that can't grow any more, unless agents that it launched can.
    pub fn forget_context(&mut self, turn: &str) {
        let mut links = self.subagents.values().filter_map(|subagent| subagent.link.as_ref());
        let mut launches = self.launches.values();
        if links.all(|link| link.turn != turn) && launches.all(|launch| launch.turn != turn) {
            self.contexts.remove(turn);
        }
    }

    /// The same of all turns but those that are `still_open`.
    pub fn forget_closed_contexts(&mut self, still_open: &BTreeSet<String>) {
        let mut needed = still_open.clone();
        needed.extend(
            self.subagents
                .values()
                .filter_map(|subagent| Some(subagent.link.as_ref()?.turn.clone())),
        );
        needed.extend(self.launches.values().map(|launch| launch.turn.clone()));
        self.contexts.retain(|turn, _| needed.contains(turn));
    }
}
