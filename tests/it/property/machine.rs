//! One user's machine: partly written files, the state folder, and runs of the program.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use base::Timestamp;
use claude_langfuse::config::{Env, Files, Scope, resolve};
use claude_langfuse::delivery::{Agreed, Extent, Job, Report, StateAccess, Trigger, deliver};
use claude_langfuse::privacy::Policy;
use claude_langfuse::state::Store;
use claude_langfuse::trace::Attributes;
use proptest::prelude::*;
use serde_json::{Value, json};
use transcript::completion::Expected;
use transcript::{Block, Record, Transcript};

use super::receiver::Receiver;
use super::recorded::{Growing, Session};

pub(super) const DESTINATION: &str = "0123456789abcdef";
/// A configuration: a user, a seed, and other variables.
pub(super) struct Configured {
    user: &'static str,
    seed: Option<&'static str>,
    variables: &'static [(&'static str, &'static str)],
}

impl Configured {
    const fn new(user: &'static str, variables: &'static [(&'static str, &'static str)]) -> Self {
        Self { user, seed: None, variables }
    }

    const fn seeded(seed: &'static str) -> Self {
        Self { seed: Some(seed), ..Self::new("somebody", &[]) }
    }

    fn policy(&self) -> Policy {
        let named = self.variables.iter();
        let named = named.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let env = Env { environment: named.collect(), ..Env::default() };
        let config = resolve(&env, &Files::new(), None, Scope::OwnHook);
        Policy::from(&config)
    }
}

const MAX_CHARS: &str = "CC_LANGFUSE_MAX_CHARS";
const CAPTURE: &str = "CC_LANGFUSE_CAPTURE";

/// The usual one, one with another truncation, [`METADATA`] and one that sends more, [`SEEDS`].
const CONFIGURED: [Configured; 7] = [
    Configured::new("somebody", &[]),
    Configured::new("somebody else", &[(MAX_CHARS, "60")]),
    Configured::new("somebody", &[(CAPTURE, "no-tool-content")]),
    Configured::new("somebody", &[(CAPTURE, "metadata")]),
    Configured::new("somebody", &[(CAPTURE, "metadata"), (MAX_CHARS, "60")]),
    Configured::seeded("one"),
    Configured::seeded("two"),
];
/// Without any content.
pub(super) const METADATA: Range<usize> = 3..5;
/// With texts of any length, or without texts.
pub(super) const CAPTURES: Range<usize> = 0..5;
/// In separate traces.
pub(super) const SEEDS: Range<usize> = 4..7;

/// The largest request of a Stop hook.
const STOP_REQUEST: usize = 48 * 1024;

/// The trigger of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// A Stop hook, or a `flush` right after the last row if the rows do not end with an answer.
    Stop,
    /// A `flush` right after the last row.
    Flush,
    /// A `flush` a day later.
    LateFlush,
    /// A `replay` right after the last row.
    Replay,
    /// A SessionEnd hook.
    End,
}

impl Run {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        use Run::{End, Flush, LateFlush, Replay, Stop};
        prop::sample::select(vec![Stop, Stop, Stop, Flush, Flush, Flush, LateFlush, Replay, End])
    }
}

/// A machine.
pub(super) struct Machine {
    root: tempfile::TempDir,
    pub(super) store: Store,
    /// Index into [`CONFIGURED`].
    pub(super) configured: Cell<usize>,
}

impl Machine {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(&root.path().join("state"));
        fs::create_dir_all(root.path().join("projects/project")).unwrap();
        Self { root, store, configured: Cell::new(0) }
    }

    /// A machine without writable state: the state folder can't be created.
    pub(super) fn without_state() -> Self {
        Self { store: Store::new(Path::new("/proc/no/such/folder")), ..Self::new() }
    }

    pub(super) fn path(&self, relative: &Path) -> PathBuf {
        self.root.path().join("projects/project").join(relative)
    }

    /// Writes the first bytes of a file, in place or as a copy that replaces it. Writes nothing for length 0.
    pub(super) fn write(&self, file: &Growing, bytes: usize, copy: bool) {
        let path = self.path(&file.path);
        if bytes == 0 {
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let place = if copy { path.with_extension("copy") } else { path.clone() };
        fs::write(&place, &file.bytes[..bytes]).unwrap();
        if copy {
            fs::rename(place, path).unwrap();
        }
    }

    /// Writes the whole file, even if it is empty.
    pub(super) fn write_as_it_is(&self, file: &Growing) {
        fs::write(self.path(&file.path), &file.bytes).unwrap();
    }

    pub(super) fn write_beside(&self, session: &Session) {
        for (relative, bytes) in &session.beside {
            let path = self.path(relative);
            if path.with_extension("").with_extension("jsonl").exists() {
                fs::write(path, bytes).unwrap();
            }
        }
    }

    pub(super) fn write_all(&self, session: &Session) {
        for file in std::iter::once(&session.main).chain(&session.agents) {
            self.write(file, file.bytes.len(), false);
        }
        self.write_beside(session);
    }

    /// One run of the program; a Stop hook may begin before the rows that the receiver appends. `now`: time of the newest row.
    pub(super) fn run(
        &self,
        session: &Session,
        run: Run,
        now: Timestamp,
        wire_limit: Option<usize>,
        receiver: &mut Receiver,
    ) -> Result<Option<Report>> {
        let day = Duration::from_secs(24 * 3600);
        let (extent, trigger) = match run {
            Run::Stop => {
                let expected = self.expected(session);
                let is_awaited =
                    expected.as_ref().is_some_and(|expected| expected.prompt_id.is_some());
                receiver.late = receiver.late.take().filter(|_| is_awaited);
                if let Some((path, rows)) = &receiver.late {
                    let file = fs::OpenOptions::new().write(true).open(path)?;
                    file.set_len(file.metadata()?.len() - rows.len() as u64)?;
                }
                let trigger = expected.map_or(Trigger::Sweep { now }, Trigger::Stop);
                (Extent::Live, trigger)
            }
            Run::Flush => (Extent::Live, Trigger::Sweep { now }),
            Run::LateFlush => (Extent::Live, Trigger::Sweep { now: now.plus(day) }),
            Run::Replay => (Extent::Backfill, Trigger::Sweep { now }),
            Run::End => (Extent::Live, Trigger::SessionEnd),
        };
        let mut job = self.job(session, extent, trigger);
        let usual = (run == Run::Stop).then_some(STOP_REQUEST);
        job.wire_limit = wire_limit.or(usual);
        let report = deliver(&job, StateAccess::ReadWrite(&self.store), receiver);
        receiver.append_late();
        report
    }

    /// A `replay` long after the session.
    pub(super) fn replay(
        &self,
        session: &Session,
        receiver: &mut Receiver,
    ) -> Result<Option<Report>> {
        self.deliver(session, Extent::Backfill, receiver)
    }

    /// A delivery long after the session.
    pub(super) fn deliver(
        &self,
        session: &Session,
        extent: Extent,
        receiver: &mut Receiver,
    ) -> Result<Option<Report>> {
        let now = Timestamp::parse("2099-01-01T00:00:00Z").unwrap();
        let job = self.job(session, extent, Trigger::Sweep { now });
        deliver(&job, StateAccess::ReadWrite(&self.store), receiver)
    }

    fn job(&self, session: &Session, extent: Extent, trigger: Trigger) -> Job {
        let configured = &CONFIGURED[self.configured.get()];
        Job {
            session_id: session.id.clone(),
            transcript: self.path(&session.main.path),
            is_guest: false,
            destination: DESTINATION.to_owned(),
            extent,
            trigger,
            attributes: Attributes {
                user_id: Some(configured.user.to_owned()),
                trace_seed: configured.seed.map(str::to_owned),
                tags: vec!["own".to_owned()],
                ..Attributes::default()
            },
            policy: configured.policy(),
            agreed: Agreed::Kept,
            scores: true,
            paused: Vec::new(),
            is_named: true,
            sends_forgotten: false,
            declined: Vec::new(),
            suspended: None,
            wire_limit: None,
        }
    }

    /// The event of a Stop hook; `None` if no turn counts as complete.
    pub(super) fn expected(&self, session: &Session) -> Option<Expected> {
        let mut transcript = Transcript::open(&self.path(&session.main.path), 0).ok()?;
        let (mut prompt_id, mut last_text) = (None, None);
        while let Some(entry) = transcript.next_entry().unwrap() {
            match entry.record {
                _ if entry.header.sidechain => {}
                Record::Prompt(_) => (prompt_id, last_text) = (entry.header.prompt_id, None),
                Record::Assistant(answer) => {
                    let text = answer.blocks.into_iter().rev().find_map(|block| match block {
                        Block::Text(text) if !text.trim().is_empty() => Some(text),
                        _ => None,
                    });
                    let ends = answer.stop_reason.as_deref() != Some("tool_use");
                    last_text = text.filter(|_| ends);
                }
                Record::Results { .. }
                | Record::StopFeedback(_)
                | Record::Steering { .. }
                | Record::Interrupt(_)
                | Record::Compacted(_)
                | Record::ApiError(_) => last_text = None,
                _ => {}
            }
        }
        let last_text = Some(last_text?);
        Some(Expected { prompt_id, last_text, was_blocked: false })
    }

    /// Moves the agents of each cursor to a file beside it, like earlier builds.
    pub(super) fn archive_agents(&self) {
        let cursors = self.state().into_iter().filter(|(path, text)| {
            let is_cursor = path.extension().is_some_and(|ending| ending == "json");
            is_cursor && text.contains("\"lanes\"") && !text.contains("\"resting\"")
        });
        for (path, text) in cursors {
            let mut cursor: Value = serde_json::from_str(&text).unwrap();
            let archived = cursor.to_string() + "\n";
            cursor["lanes"] = json!({});
            cursor["resting"] = json!({"marks": "", "in_second": false, "length": archived.len()});
            fs::write(path.with_extension("resting"), archived).unwrap();
            fs::write(path, cursor.to_string()).unwrap();
        }
    }

    /// Everything below the state folder: path and content.
    pub(super) fn state(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.store.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.clone(), fs::read_to_string(&path).unwrap());
                }
            }
        }
        found
    }
}
