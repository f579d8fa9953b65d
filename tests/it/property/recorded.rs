//! The recorded sessions under `tests/fixtures/transcripts`, and the places to split them.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fmt, fs};

use base::Timestamp;
use langfuse_mock::Row;
use proptest::prelude::*;
use serde_json::{Value, json};
use transcript::lineage::{Lineage, SessionIds};
use transcript::session::Outline;
use transcript::{Transcript, locate};

use super::machine::Machine;
use super::receiver::Receiver;

/// One growing file.
#[derive(Clone, Debug, Default)]
pub(super) struct Growing {
    /// Relative to the folder of the session's own file.
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// End of each row.
    pub(super) row_ends: Vec<usize>,
    /// Time of each row, if it has one.
    pub(super) times: Vec<Option<Timestamp>>,
}

impl Growing {
    pub(super) fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        let rows: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let times = rows.iter().map(|row| time_of(row)).collect();
        let row_ends = rows
            .iter()
            .scan(0, |end, row| {
                *end += row.len();
                Some(*end)
            })
            .collect();
        Self { path, bytes, row_ends, times }
    }

    /// End of the first row. In a file rewritten in mid-turn, the end of the row that names the turn: the rows before it never
    /// exist alone.
    fn named_from(&self) -> usize {
        let starts = std::iter::once(0).chain(self.row_ends.iter().copied());
        let rows = starts.zip(self.row_ends.iter().copied());
        let rows = rows.map(|(start, end)| {
            let row: Value = serde_json::from_slice(&self.bytes[start..end]).unwrap_or_default();
            (row, end)
        });
        let mut rows = rows.filter(|(row, _)| row["type"] == "user" || row["type"] == "assistant");
        let is_begun = rows.next().is_some_and(|(row, _)| row["type"] == "assistant");
        let naming = rows.find(|(row, _)| row["isCompactSummary"] == true);
        naming.filter(|_| is_begun).map_or(self.row_ends[0], |(_, end)| end)
    }

    /// The newest time in this many bytes.
    pub(super) fn time_at(&self, bytes: usize) -> Option<Timestamp> {
        let seen = self.row_ends.partition_point(|end| *end <= bytes);
        self.times[..seen].iter().flatten().copied().max()
    }

    /// Ends of the rows of people, models and tools.
    pub(super) fn message_ends(&self) -> impl Iterator<Item = usize> {
        let starts = std::iter::once(0).chain(self.row_ends.iter().copied());
        let rows = starts.zip(self.row_ends.iter().copied());
        let is_message = |row: &(usize, usize)| {
            let row: Value = serde_json::from_slice(&self.bytes[row.0..row.1]).unwrap_or_default();
            row["type"] == "user" || row["type"] == "assistant"
        };
        rows.filter(is_message).map(|(_, end)| end)
    }

    /// The last row of people, models and tools in these bytes, with the rows after it.
    pub(super) fn last_message(&self, bytes: Range<usize>) -> Option<Vec<u8>> {
        let end = self.message_ends().filter(|end| *end <= bytes.end).last()?;
        let before = self.row_ends.iter().rev().find(|before| **before < end)?;
        (bytes.start <= *before).then(|| self.bytes[*before..bytes.end].to_vec())
    }

    /// A place to split at: the end of a row within `range`, and `torn` bytes of the next row.
    pub(super) fn cut(&self, share: u16, torn: u8, range: &Range<usize>) -> usize {
        let ends: Vec<usize> = std::iter::once(0)
            .chain(self.row_ends.iter().copied())
            .filter(|end| range.contains(end) || *end == range.end)
            .collect();
        let at = usize::from(share) * ends.len() / (usize::from(u16::MAX) + 1);
        let end = ends.get(at).copied().unwrap_or(range.end);
        let next = self.row_ends.iter().copied().find(|next| *next > end);
        let room = next.unwrap_or(end) - end;
        let torn = match torn {
            0..=127 => 0,
            // All but the newline: already a complete row.
            128..=140 => room.saturating_sub(1),
            torn => self.torn(end, room * usize::from(torn - 140) / 116, torn % 2 == 0),
        };
        (end + torn).min(range.end)
    }

    /// This many bytes of the row at `start`, or up to the brace before them: the torn part looks complete.
    fn torn(&self, start: usize, length: usize, at_brace: bool) -> usize {
        let begun = &self.bytes[start..start + length];
        let brace = begun.iter().rposition(|byte| *byte == b'}');
        brace.filter(|_| at_brace).map_or(length, |brace| brace + 1)
    }
}

fn time_of(row: &[u8]) -> Option<Timestamp> {
    let row: Value = serde_json::from_slice(row).ok()?;
    Timestamp::parse(row["timestamp"].as_str()?)
}

/// A session with its agents.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) main: Growing,
    pub(super) agents: Vec<Growing>,
    /// Files that are complete once the file beside them exists: agents' `meta.json`.
    pub(super) beside: Vec<(PathBuf, Vec<u8>)>,
    /// Range of the first split: from the first row to the end of the first own turn, including copied rows.
    pub(super) first_turn: Range<usize>,
    /// Start of its own rows.
    pub(super) own_from: usize,
    /// Rows in Langfuse after one replay of the whole session.
    pub(super) expected: Vec<Row>,
    /// Scores after one replay.
    pub(super) scores: Vec<Value>,
    /// Spans that this replay sends.
    pub(super) bodies: Vec<String>,
    /// Every text of the conversation with at least two words, so that it is no path or name; none may be in state.
    pub(super) texts: Vec<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Session {
    pub(super) fn read(path: &Path, name: String) -> Self {
        let id = locate::session_id(path);
        let folder = path.parent().unwrap();
        let relative = |path: &Path| match path.strip_prefix(folder) {
            Ok(below) => below.to_owned(),
            Err(_) => Path::new("..").join(path.strip_prefix(folder.parent().unwrap()).unwrap()),
        };
        let growing = |path: &Path| Growing::new(relative(path), fs::read(path).unwrap());
        let files = agents(path, &id);
        let agents = files.iter().map(|file| growing(file)).collect();
        let metas = files.iter().map(|file| file.with_extension("meta.json"));
        let beside = metas.filter_map(|meta| Some((relative(&meta), fs::read(&meta).ok()?)));
        let mut session = Self {
            name,
            first_turn: 0..0,
            own_from: 0,
            id,
            main: growing(path),
            agents,
            beside: beside.collect(),
            expected: Vec::new(),
            scores: Vec::new(),
            bodies: Vec::new(),
            texts: Vec::new(),
        };
        let (own_from, end) = first_turn(path, &session.id);
        session.own_from = own_from;
        session.first_turn = session.main.named_from()..end;
        let receiver = session.replayed();
        session.expected = receiver.rows();
        session.scores = receiver.scores();
        session.bodies = receiver.bodies;
        session.texts = session.conversation();
        session
    }

    /// The file that this agent's file continues: it is complete by then.
    pub(super) fn continued_from(&self, agent: usize) -> Option<usize> {
        let name = self.agents[agent].path.file_name();
        let has_meta = |file: &Growing| {
            let meta = file.path.with_extension("meta.json");
            self.beside.iter().any(|(path, _)| *path == meta)
        };
        let is_first = |file: &Growing| file.path.file_name() == name && has_meta(file);
        let first = self.agents.iter().position(is_first);
        first.filter(|first| *first != agent && !has_meta(&self.agents[agent]))
    }

    /// A receiver after a replay of the whole session.
    pub(super) fn replayed(&self) -> Receiver {
        let mut receiver = Receiver::default();
        let machine = Machine::new();
        machine.write_all(self);
        machine.replay(self, &mut receiver).unwrap();
        receiver.violations().unwrap();
        receiver
    }

    fn conversation(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for file in std::iter::once(&self.main).chain(&self.agents) {
            for row in file.bytes.split(|byte| *byte == b'\n') {
                let row: Value = serde_json::from_slice(row).unwrap_or_default();
                for part in [&row["message"]["content"], &row["content"], &row["toolUseResult"]] {
                    collect(part, &mut texts);
                }
            }
        }
        texts.retain(|text| text.split_whitespace().count() > 1 && text.len() > 8);
        texts.sort();
        texts.dedup();
        texts
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|item| collect(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn first_turn(path: &Path, id: &str) -> (usize, usize) {
    let mut transcript = Transcript::open(path, 0).unwrap();
    let entries = std::iter::from_fn(|| transcript.next_entry().transpose());
    let lineage = Lineage::new(SessionIds::new(id, path), path);
    let outline = Outline::read(lineage, entries).unwrap();
    let offset = |offset: u64| usize::try_from(offset).unwrap();
    let end = outline
        .turns
        .first()
        .map_or(u64::MAX, |turn| if outline.turns.len() > 1 { turn.end } else { u64::MAX });
    let length = fs::metadata(path).unwrap().len();
    (offset(outline.own_from), offset(end.min(length)))
}

/// Recordings that are used again with titles: with several turns, without agents.
const TITLED: [&str; 4] = [
    "v2.1.330/stream-multi",
    "v2.1.330/model-switch",
    "v2.1.330/rewind-tui",
    "v2.1.330/stop-block",
];

/// The session with a title after each fourth row, some by a person, some repeated.
fn titled(path: &Path, name: &str) -> Session {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(path.file_name().unwrap());
    let id = locate::session_id(path);
    let mut rows = String::new();
    for (number, row) in fs::read_to_string(path).unwrap().lines().enumerate() {
        rows.push_str(&format!("{row}\n"));
        let title = format!("title {}", number / 8);
        let title = match number % 20 {
            15 => json!({"type": "custom-title", "customTitle": title, "sessionId": id}),
            3 | 7 | 11 | 19 => json!({"type": "ai-title", "aiTitle": title, "sessionId": id}),
            _ => continue,
        };
        rows.push_str(&format!("{title}\n"));
    }
    fs::write(&copy, rows).unwrap();
    Session::read(&copy, format!("{name}-titled"))
}

/// All recorded sessions, in the order of their paths.
pub(super) static SESSIONS: LazyLock<Vec<Session>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transcripts");
    let mut sessions = Vec::new();
    for release in children(&root) {
        for scenario in children(&release) {
            for path in locate::sessions(&scenario) {
                let name = scenario.strip_prefix(&root).unwrap().display();
                let id = locate::session_id(&path);
                let name = format!("{name}/{}", id.split('-').next().unwrap());
                if TITLED.contains(&&*scenario.strip_prefix(&root).unwrap().to_string_lossy()) {
                    sessions.push(titled(&path, &name));
                }
                sessions.push(Session::read(&path, name));
            }
        }
    }
    assert!(!sessions.is_empty(), "no transcripts in {}", root.display());
    // Instructions appear in other files, and change between the two.
    let recorded = files(&root.join("../instructions"));
    for path in recorded.iter().filter(|path| path.extension().is_some_and(|it| it == "jsonl")) {
        let id = locate::session_id(path);
        let name = format!("instructions/{}", id.split('-').next().unwrap());
        sessions.push(Session::read(path, name));
    }
    sessions
});

/// One of them; every second time one with agents, which have more cases.
pub(super) fn any_session() -> impl Strategy<Value = &'static Session> {
    let with_agents = SESSIONS.iter().filter(|session| !session.agents.is_empty());
    let with_agents: Vec<&Session> = with_agents.collect();
    assert!(!with_agents.is_empty(), "no transcripts with agents");
    prop_oneof![
        prop::sample::select(SESSIONS.iter().collect::<Vec<&Session>>()),
        prop::sample::select(with_agents),
    ]
}

/// The agents' files: below the session's folders, up to 2.1.0 beside its file; and the files with a workflow's end.
fn agents(path: &Path, id: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![path.with_extension("")];
    // In the session's worktree.
    let projects = locate::projects_of(path).map(children).unwrap_or_default();
    folders.extend(projects.iter().map(|folder| folder.join(id)));
    folders.dedup();
    while let Some(folder) = folders.pop() {
        folders.extend(children(&folder));
        found.extend(files(&folder));
    }
    let named = |file: &PathBuf| fs::read_to_string(file).unwrap().contains(id);
    found.extend(files(path.parent().unwrap()).into_iter().filter(named));
    found.retain(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        let is_agent = name.starts_with("agent-") && name.ends_with(".jsonl");
        is_agent || name.starts_with("wf_") && name.ends_with(".json")
    });
    found.sort();
    found.dedup();
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// The sessions of one scenario, such as `v2.1.330/fork`.
pub(super) fn of_scenario(scenario: &str) -> Vec<&'static Session> {
    let folder = format!("{scenario}/");
    let found: Vec<&Session> =
        SESSIONS.iter().filter(|session| session.name.starts_with(&folder)).collect();
    assert!(!found.is_empty(), "no transcript of {scenario}");
    found
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
