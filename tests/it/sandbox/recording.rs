//! A folder of `tests/fixtures/transcripts`: files of the real Claude Code, and the times of its hooks.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Journal of the agents of a workflow, in their folder.
const JOURNAL: &str = "journal.jsonl";

/// One recorded scenario.
pub(crate) struct Recording {
    /// `v2.1.330/simple`
    pub(crate) name: String,
    /// The sessions' files.
    pub(crate) sessions: Vec<Transcript>,
    /// Their agents' files.
    pub(crate) agents: Vec<Transcript>,
    /// Stop and SessionEnd, in order.
    pub(crate) firings: Vec<Firing>,
    /// The answers of the mock API, and those in the files.
    pub(crate) expected: Value,
    /// Other files below `~/.claude/projects`.
    pub(crate) others: Vec<Other>,
}

/// A file that is written at once.
pub(crate) struct Other {
    /// Below `~/.claude/projects`.
    pub(crate) path: PathBuf,
    pub(crate) content: String,
    /// Time of writing, if the file has it: a workflow's run at its end.
    written: Option<OffsetDateTime>,
}

/// A file of rows.
pub(crate) struct Transcript {
    /// Below `~/.claude/projects`.
    pub(crate) path: PathBuf,
    /// Its session.
    pub(crate) session: String,
    /// Rows, each with its line end.
    pub(crate) lines: Vec<String>,
    /// An agent's `meta.json`.
    meta: Option<String>,
}

/// One hook call.
#[derive(Clone)]
pub(crate) struct Firing {
    /// Time of the call, in seconds since 1970.
    at: f64,
    /// Number of rows in the session's file at its start.
    pub(crate) rows: usize,
    /// Delay of the answer's row after its start.
    pub(crate) late: Duration,
    /// Claude Code's `CLAUDE_PROJECT_DIR`.
    pub(crate) project: String,
    /// The event.
    pub(crate) event: Value,
    /// For a rewritten file: its state at the start, and with the answer's row; a file of the recording and
    /// its number of rows.
    pub(crate) states: Vec<(String, usize)>,
}

impl Recording {
    pub(crate) fn open(name: &str) -> Self {
        let folder = folder().join(name);
        let root = folder.join("projects");
        let (files, others): (Vec<PathBuf>, Vec<PathBuf>) = files_below(&root)
            .into_iter()
            .filter(|file| !name_of(file).ends_with(".meta.json"))
            .partition(|file| name_of(file).ends_with(".jsonl") && name_of(file) != JOURNAL);
        let (agents, sessions) = files
            .iter()
            .map(|file| Transcript::read(&root, file))
            .partition(|transcript| is_agent(&transcript.path));
        let others = others.iter().map(|file| Other::read(&root, file));
        let firings = fs::read_to_string(folder.join("hooks.log")).unwrap();
        let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        Self {
            name: name.to_owned(),
            sessions,
            agents,
            firings: firings.lines().map(Firing::read).collect(),
            expected: expected["expected"].clone(),
            others: others.collect(),
        }
    }

    /// The names of all recordings of released versions, sorted.
    pub(crate) fn names() -> Vec<String> {
        let below = |folder: &Path| {
            let name =
                |path: PathBuf| path.strip_prefix(self::folder()).unwrap().display().to_string();
            subfolders(folder).into_iter().map(name).collect::<Vec<_>>()
        };
        let releases = below(&folder()).into_iter().filter(|name| name.starts_with('v'));
        releases.flat_map(|name| below(&folder().join(name))).collect()
    }

    /// Replaces every mention of a text.
    pub(crate) fn replaced(mut self, text: &str, by: &str) -> Self {
        for transcript in self.sessions.iter_mut().chain(&mut self.agents) {
            for line in &mut transcript.lines {
                *line = line.replace(text, by);
            }
        }
        for firing in &mut self.firings {
            let event = firing.event.to_string().replace(text, by);
            firing.event = serde_json::from_str(&event).unwrap();
            firing.project = firing.project.replace(text, by);
        }
        self
    }

    /// Moves all times so that the last one is now.
    pub(crate) fn moved_to_now(mut self) -> Self {
        let times = self.sessions.iter().flat_map(Transcript::times);
        let by = OffsetDateTime::now_utc() - times.max().expect("a time");
        for transcript in self.sessions.iter_mut().chain(&mut self.agents) {
            for line in &mut transcript.lines {
                let mut row: Value = serde_json::from_str(line).unwrap();
                if let Some(time) = time_of(&row) {
                    row["timestamp"] = (time + by).format(&Rfc3339).unwrap().into();
                }
                *line = format!("{row}\n");
            }
        }
        self
    }

    pub(crate) fn session(&self, id: &str) -> &Transcript {
        self.sessions
            .iter()
            .find(|transcript| transcript.session == id)
            .expect("a session of the recording")
    }

    /// The first rows of a file of the recording.
    pub(crate) fn rows_of(&self, file: &str, rows: usize) -> String {
        let text = fs::read_to_string(folder().join(&self.name).join(file)).unwrap();
        text.split_inclusive('\n').take(rows).collect()
    }

    pub(crate) fn agents_of<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Transcript> {
        let id = id.to_owned();
        self.agents.iter().filter(move |transcript| transcript.session == id)
    }
}

impl Other {
    fn read(root: &Path, file: &Path) -> Self {
        let content = fs::read_to_string(file).unwrap();
        let value: Option<Value> = serde_json::from_str(&content).ok();
        Self {
            path: file.strip_prefix(root).unwrap().to_owned(),
            written: value.as_ref().and_then(time_of),
            content,
        }
    }

    /// Whether it existed when the hook was called.
    pub(crate) fn is_there_at(&self, firing: &Firing) -> bool {
        self.written.is_none_or(|time| !firing.is_before(time))
    }
}

impl Transcript {
    fn read(root: &Path, file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let path = file.strip_prefix(root).unwrap().to_owned();
        let below = path.ancestors().find(|part| part.ends_with("subagents"));
        let session = match below {
            Some(folder) => name_of(folder.parent().unwrap()).to_owned(),
            None if is_agent(&path) => session_of_rows(&text),
            None => path.file_stem().unwrap().to_str().unwrap().to_owned(),
        };
        Self {
            session,
            lines: text.split_inclusive('\n').map(str::to_owned).collect(),
            meta: fs::read_to_string(file.with_extension("meta.json")).ok(),
            path,
        }
    }

    /// The file with this many rows.
    pub(crate) fn text(&self, rows: usize) -> String {
        self.lines[..rows.min(self.lines.len())].concat()
    }

    /// Every row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Value> {
        self.lines.iter().map(|line| serde_json::from_str(line).unwrap())
    }

    fn times(&self) -> impl Iterator<Item = OffsetDateTime> {
        self.rows().filter_map(|row| time_of(&row))
    }

    /// An agent's `meta.json`, which changes when the agent has finished.
    pub(crate) fn meta_at(&self, rows: usize) -> Option<String> {
        let mut meta: Value = serde_json::from_str(self.meta.as_deref()?).unwrap();
        if rows < self.lines.len() {
            meta.as_object_mut().unwrap().remove("finished");
        }
        Some(meta.to_string())
    }

    /// Number of rows when the hook was called.
    pub(crate) fn rows_at(&self, firing: &Firing) -> usize {
        let later = |row: &Value| time_of(row).is_some_and(|time| firing.is_before(time));
        self.rows().take_while(|row| !later(row)).count()
    }

    /// The first row from `from` on with this answer.
    pub(crate) fn answer(&self, text: &str, from: usize) -> Option<usize> {
        let says = |row: &Value| {
            let blocks = row["message"]["content"].as_array();
            let texts = blocks.into_iter().flatten().filter_map(|block| block["text"].as_str());
            let said: Vec<&str> = texts.collect();
            let has = said.iter().any(|said| said.trim() == text.trim());
            row["type"] == "assistant" && (has || said.join("\n").trim() == text.trim())
        };
        let found = self.rows().enumerate().skip(from).find(|(_, row)| says(row));
        found.map(|(position, _)| position)
    }
}

impl Firing {
    fn read(line: &str) -> Self {
        let firing: Value = serde_json::from_str(line).unwrap();
        let late = firing["final_text_seen_after_ms"].as_f64().unwrap_or_default();
        Self {
            at: firing["t"].as_f64().unwrap(),
            rows: usize::try_from(firing["rows"].as_u64().unwrap()).unwrap(),
            late: Duration::try_from_secs_f64(late / 1000.0).unwrap(),
            project: firing["project_dir"].as_str().unwrap().to_owned(),
            event: firing["stdin"].clone(),
            states: ["state", "state_late"]
                .iter()
                .filter_map(|name| state(&firing[name]))
                .collect(),
        }
    }

    fn is_before(&self, time: OffsetDateTime) -> bool {
        time.unix_timestamp_nanos() as f64 / 1e9 > self.at
    }

    /// The event's session.
    pub(crate) fn session(&self) -> &str {
        self.event["session_id"].as_str().unwrap()
    }

    /// `Stop` or `SessionEnd`.
    pub(crate) fn name(&self) -> &str {
        self.event["hook_event_name"].as_str().unwrap()
    }
}

fn state(state: &Value) -> Option<(String, usize)> {
    let rows = usize::try_from(state["rows"].as_u64()?).unwrap();
    Some((state["file"].as_str()?.to_owned(), rows))
}

fn time_of(row: &Value) -> Option<OffsetDateTime> {
    let text = row["timestamp"].as_str()?;
    Some(OffsetDateTime::parse(text, &Rfc3339).unwrap())
}

fn name_of(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

/// Below the session's folder, or in old releases beside the sessions.
fn is_agent(path: &Path) -> bool {
    name_of(path).starts_with("agent-")
}

/// The session in each row of an old release's agent.
fn session_of_rows(text: &str) -> String {
    let row: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    row["sessionId"].as_str().unwrap().to_owned()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transcripts")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let mut entries = entries(folder);
    entries.retain(|entry| entry.is_dir());
    entries
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let below = |entry: PathBuf| match entry.is_dir() {
        true => files_below(&entry),
        false => vec![entry],
    };
    entries(folder).into_iter().flat_map(below).collect()
}
