//! The progress of one session at one destination.

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

/// The version of the file format. Files of a newer version are not touched.
pub(super) const SCHEMA: u32 = 3;

/// A mark of another version may describe the same content in other words.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A session's cursor at one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The version of the format.
    pub schema: u32,
    /// Claude Code's session id.
    pub session_id: String,
    /// Digest of base URL and public key.
    pub destination: String,
    /// The session's file.
    #[serde(with = "base::path_text")]
    pub transcript: PathBuf,
    /// The prompt of a hook that has only begun. All other fields are unset. If the hook was killed, the next one
    /// begins with that turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_for: Option<String>,
    /// The agreement and placement of such a hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_with: Option<(Agreement, Placement)>,
    /// The directory in which the session was started. Its configuration applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_directory: Option<PathBuf>,
    /// The place of that directory in the main checkout, if it is in a linked worktree: worktrees are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_directory: Option<PathBuf>,
    /// Read once, so that a changed remote doesn't change spans that are sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// The name of the project, read once as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The session from which this one was forked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_session: Option<String>,
    /// Rows before this offset are copies of another session's rows.
    #[serde(default, deserialize_with = "plausible")]
    pub own_from: u64,
    /// The beginning of the own rows is unknown: all rows may be copies.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_head_open: bool,
    /// The number of turns that belong to the session from which it was forked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inherited: usize,
    /// Other sessions with rows in the file, each with its directory. Only an explicit replay sends them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guests: Guests,
    /// The layout of the agents' files; `None` until a row names its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// The file as it was at the end of the last run.
    #[serde(default)]
    pub file: FileMark,
    /// The offset of the open turn. All earlier turns are acknowledged, inherited or skipped.
    #[serde(default, deserialize_with = "plausible")]
    pub open_start: u64,
    /// The instructions that rows before `open_start` name. A rewrite may remove those rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<KnownInstructions>,
    /// The open turn, or the last one before `open_start`, to locate the cursor in a rewritten file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_turn: Option<OpenTurn>,
    /// The time of the newest row read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_row: Option<Timestamp>,
    /// Rows older than this belong to turns before the open one, wherever a rewrite put them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_since: Option<Timestamp>,
    /// The session's title before `open_start`.
    #[serde(default, skip_serializing_if = "TitlePlace::is_unsought")]
    pub title: TitlePlace,
    /// The number of own turns before the open one.
    #[serde(default, deserialize_with = "plausible")]
    pub turns_before: u64,
    /// Nothing is unsent, and the open turn has its answer.
    #[serde(default)]
    pub idle: bool,
    /// The last Stop with a complete turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<SettledStop>,
    /// Ranges that were not sent. Only an explicit replay sends them.
    #[serde(rename = "passed", default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedRange>,
    /// Turns were skipped in a file that was rewritten since, so that their agents are unknown.
    #[serde(default, skip_serializing_if = "is_false")]
    pub had_skipped: bool,
    /// Acknowledged spans of turns from `open_start` on, each with its mark.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acknowledged: BTreeMap<SpanId, Mark>,
    /// The version of this program that made the marks.
    #[serde(default)]
    marked_by: Cow<'static, str>,
    /// The offset up to which the file was read when marks of schema 2 were made. Set only while such marks remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_marks_until: Option<u64>,
    /// Acknowledged scores of those turns, by id, each with its mark.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scored: BTreeMap<String, Digest>,
    /// The agreements about the content of turns, from first contact on.
    #[serde(default, skip_serializing_if = "Runs::is_empty")]
    pub agreed: Runs<Agreement>,
    /// The number of refusals per span that may still be accepted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<SpanId, u8>,
    /// The contexts of turns that can still grow, by the uuid of the opening row.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, Context>,
    /// Agents and workflow runs, by id.
    #[serde(rename = "lanes", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subagents: BTreeMap<String, Subagent>,
    /// Launches whose agents have not appeared, by tool call, or by the agent or prompt of a command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub launches: BTreeMap<String, PendingLaunch>,
    /// Images and documents that are named but not uploaded, by id, span and field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub media: BTreeMap<String, PendingMedia>,
    /// The time of the last acknowledgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// Agents that an earlier build moved to another file.
    #[serde(rename = "resting", default, skip_serializing)]
    pub(super) archive: Option<Archive>,
}

/// The turn that can still grow, or the last one before `open_start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTurn {
    /// The uuid of the opening row.
    pub uuid: String,
    /// The time of the opening row.
    pub at: Timestamp,
    /// It is before `open_start`, and counted already.
    #[serde(rename = "passed", default)]
    pub is_behind: bool,
    /// It is a compaction that a person asked for, not a numbered turn.
    #[serde(default)]
    pub is_compaction: bool,
}

/// The facts that distinguish one Stop event from the next.
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

/// A tool call whose agent has not appeared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLaunch {
    /// The provider's id of the call; `None` if it is the key of the launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    /// Ids that the agent's own calls can't use as keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_ids: Vec<String>,
    /// The turn of the call.
    pub turn: String,
    /// The span of the tool.
    pub span: SpanId,
    /// The place of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// The agent, if the call's result names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The requested type of agent. Releases up to 2.1.50 have it nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// A digest of the agent's prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Digest>,
    /// The prompt whose command the agent works for. It is the only link of an agent for a command that a person
    /// typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// The call has its final result.
    #[serde(default)]
    pub finished: bool,
    /// The outcome of the agent, from the call's result or a notification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Tracing was switched off after the call. Only an explicit replay sends the agent.
    #[serde(default)]
    pub declined: bool,
}

impl PendingLaunch {
    /// A launch with only its turn and its span.
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

    /// A tool call launched the agent, not the turn itself.
    pub fn is_by_tool(&self) -> bool {
        self.launcher.is_some()
    }
}

/// The place of a launching call. Its text is conversation and is read from there when needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launcher {
    /// The agent whose file has the call; `None` for the session's own file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The offset of its row.
    pub offset: u64,
    /// The depth of the launched agent: 1 if the session launched it.
    pub depth: u64,
}

// The signature that serde requires.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Reads an offset or a count in a file. A larger number than a file can hold means that the state is damaged.
pub(super) fn plausible<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    match number < 1 << 53 {
        true => Ok(number),
        false => Err(serde::de::Error::custom("an offset that no file has")),
    }
}

impl Cursor {
    /// A cursor before the first delivery to its destination.
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

    /// The byte ranges of the file that were declined.
    pub fn declined(&self) -> Vec<Range<u64>> {
        let declined = self.skipped.iter().filter(|range| range.why == SkipReason::Declined);
        declined.map(|range| range.start..range.end.unwrap_or(self.open_start)).collect()
    }

    /// Whether a person deleted the turn that starts at this offset in Langfuse.
    pub fn forgets(&self, start: u64) -> bool {
        let mut skipped = self.skipped.iter();
        skipped.any(|range| range.why == SkipReason::Forgotten && range.covers(start))
    }

    /// Another agreement than this one holds for some turn.
    pub fn agreed_otherwise(&self, today: &Agreement) -> bool {
        let kept = self.contexts.values().filter_map(|context| context.agreed.as_ref());
        self.agreed.values().chain(kept).any(|agreed| agreed != today)
    }

    /// The directory whose configuration applies: that of the session, or its place in the main checkout once the
    /// worktree is gone.
    pub fn configured_in(&self) -> Option<&Path> {
        let start = self.start_directory.as_deref();
        let main = self.main_directory.as_deref();
        main.filter(|_| start.is_some_and(|start| !start.exists())).or(start)
    }

    /// Converts a cursor of an older release, and its marks, to the current form.
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

    /// The ids of a turn's spans, in the trace of its context.
    pub fn span_ids(&self, turn: &str) -> SpanIds {
        match self.contexts.get(turn) {
            Some(context) => SpanIds::of(&context.trace_id, turn),
            None => SpanIds::of_turn(turn),
        }
    }

    /// Drops the context of a closed turn, unless its agents can still grow.
    pub fn forget_context(&mut self, turn: &str) {
        let mut links = self.subagents.values().filter_map(|subagent| subagent.link.as_ref());
        let mut launches = self.launches.values();
        if links.all(|link| link.turn != turn) && launches.all(|launch| launch.turn != turn) {
            self.contexts.remove(turn);
        }
    }

    /// Drops the contexts of all turns but those that are `still_open`.
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
