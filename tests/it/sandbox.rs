//! A temporary home for the built program, with parts of recorded sessions.

mod git;
mod ports;
mod process;
mod received;
mod recording;
mod screen;
mod session;
mod state;
mod terminal;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use ports::{ConnectionProbe, Relay, unused_address};
pub(crate) use process::{Ran, Running};
pub(crate) use received::{Received, is_turn};
pub(crate) use recording::{Firing, Other, Recording, Transcript};
pub(crate) use screen::END_OF_INPUT;
pub(crate) use session::Session;
pub(crate) use state::mode;
pub(crate) use terminal::Terminal;

/// The built program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_claude-langfuse");

/// Budget of a Stop hook.
const BUDGET: &str = "CC_LANGFUSE_HOOK_BUDGET";

/// Start folder of the sessions of the fixtures.
pub(crate) const PROJECT: &str = "/home/dev/project";

/// A home folder and an otherwise empty environment.
pub(crate) struct Sandbox {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Sandbox {
    /// Nothing is configured.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut environment = BTreeMap::new();
        let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
        set("HOME", folder.path().display().to_string());
        set("PATH", "/usr/bin:/bin".to_owned());
        set("LANG", "C.UTF-8".to_owned());
        set("TZ", "UTC".to_owned());
        fs::create_dir_all(folder.path().join(".claude/projects")).unwrap();
        Self { folder, environment }
    }

    /// All projects are traced to this server.
    pub(crate) fn traced(mock: &MockLangfuse) -> Self {
        Self::traced_to(&mock.url())
    }

    /// All projects are traced to this server, through a relay.
    pub(crate) fn relayed(mock: &MockLangfuse) -> (Relay, Self) {
        let relay = Relay::to(mock.address());
        let sandbox = Self::traced_to(&relay.url());
        (relay, sandbox)
    }

    /// All projects are traced to this address, with the mock's keys.
    pub(crate) fn traced_to(url: &str) -> Self {
        let sandbox = Self::new();
        sandbox.config(&json!({"env": traced_to(url)}));
        sandbox
    }

    /// Sets a variable of the shell, or of Claude Code's process for its hooks.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Removes it again.
    pub(crate) fn unset(&mut self, name: &str) -> &mut Self {
        self.environment.remove(name);
        self
    }

    /// Writes the user's configuration file.
    pub(crate) fn config(&self, content: &Value) {
        let path =
            self.write(".config/claude-langfuse/config.json", content.to_string().as_bytes());
        // It may hold the secret key.
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    /// Writes a file below the home folder.
    pub(crate) fn write(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A path below the home folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Claude Code's folder of transcripts.
    pub(crate) fn projects(&self) -> PathBuf {
        self.path(".claude/projects")
    }

    /// A recorded session, not on disk yet.
    pub(crate) fn session(&self, recording: &str) -> Session<'_> {
        Session::new(self, Recording::open(recording))
    }

    /// The same, started in another directory.
    pub(crate) fn session_in(&self, directory: &Path, recording: &str) -> Session<'_> {
        let directory = directory.display().to_string();
        Session::new(self, Recording::open(recording).replaced(PROJECT, &directory))
    }

    /// Extends a file to this many rows, like Claude Code: it never rewrites, only appends.
    pub(crate) fn grow(&self, transcript: &Transcript, rows: usize) {
        let path = self.projects().join(&transcript.path);
        let have = path.metadata().map_or(0, |metadata| usize::try_from(metadata.len()).unwrap());
        let text = transcript.text(rows);
        if text.len() <= have {
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if let Some(meta) = transcript.meta_at(rows) {
            fs::write(path.with_extension("meta.json"), meta).unwrap();
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        file.write_all(&text.as_bytes()[have..]).unwrap();
    }

    /// Writes the other files of a recording.
    pub(crate) fn write_others(&self, recording: &Recording) {
        recording.others.iter().for_each(|other| self.put(other));
    }

    /// Only those that existed when the hook was called.
    pub(crate) fn write_others_at(&self, recording: &Recording, firing: &Firing) {
        let others = recording.others.iter();
        others.filter(|other| other.is_there_at(firing)).for_each(|other| self.put(other));
    }

    /// Writes a file if it does not exist.
    fn put(&self, other: &Other) {
        let path = Path::new(".claude/projects").join(&other.path);
        let path = path.to_str().unwrap();
        if !self.path(path).exists() {
            self.write(path, other.content.as_bytes());
        }
    }

    /// Runs the program as its user.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments, b"").end()
    }

    /// Starts the program with this standard input, which stays open until [`Running::close_input`] or the end.
    pub(crate) fn start(&self, arguments: &[&str], input: &[u8]) -> Running {
        self.start_under(&[], arguments, input)
    }

    /// The same, run by another program: `strace -f`, or a shell that sets limits first.
    pub(crate) fn start_under(&self, runner: &[&str], arguments: &[&str], input: &[u8]) -> Running {
        let command = [runner, &[PROGRAM], arguments].concat();
        let mut environment = self.environment.clone();
        if arguments.first() == Some(&"hook") {
            // A busy machine must not end a hook in a test about something else.
            environment.entry(BUDGET.to_owned()).or_insert_with(|| "60".to_owned());
        }
        Running::start(&command, &environment, self.folder.path(), input)
    }

    /// Runs a hook's command like Claude Code, with this standard input.
    pub(crate) fn shell(&self, command: &str, input: &[u8]) -> Ran {
        let command = ["/bin/sh", "-c", command];
        Running::start(&command, &self.environment, self.folder.path(), input).end()
    }

    /// Runs a hook with this standard input, of any form.
    pub(crate) fn raw_hook(&self, input: &[u8]) -> Ran {
        let mut hook = self.start(&["hook"], input);
        hook.close_input();
        hook.end()
    }
}

/// The `env` of a configuration that sends all projects to a server with the mock's keys.
pub(crate) fn traced_to(url: &str) -> Value {
    json!({
        "TRACE_TO_LANGFUSE": "true",
        "LANGFUSE_BASE_URL": url,
        "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
        "LANGFUSE_SECRET_KEY": SECRET_KEY,
    })
}
