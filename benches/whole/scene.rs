//! What a run finds: a home with transcripts and state, a Langfuse that takes everything, and the event on stdin.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use super::process::{Figures, Invocation, Measure};
use super::support::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};
use super::transcript::{Release, SESSION, Transcript};

/// One line of the table.
pub struct Run {
    pub name: &'static str,
    scene: Box<dyn Fn() -> Scene>,
}

impl Run {
    pub fn new(name: &'static str, scene: impl Fn() -> Scene + 'static) -> Self {
        Self {
            name,
            scene: Box::new(scene),
        }
    }

    pub fn measure(&self, measure: &Measure) -> Figures {
        let scene = (self.scene)();
        let figures = measure.figures(&scene.invocation(), scene.is_long, || scene.reset());
        assert_eq!(
            scene.langfuse.exports().is_empty(),
            !scene.sends,
            "{}",
            self.name
        );
        figures
    }
}

/// A home before a run, to which it is set back before each.
pub struct Scene {
    home: TempDir,
    langfuse: MockLangfuse,
    arguments: Vec<String>,
    enabled: bool,
    /// Whether the run must send something.
    sends: bool,
    is_long: bool,
    /// What is appended to the transcript after each set-back.
    new_turn: String,
    /// The length of the transcript before that.
    length: u64,
}

impl Scene {
    fn new(arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a folder for the home");
        fs::create_dir_all(projects(home.path())).expect("a folder for the project");
        Self {
            home,
            langfuse: MockLangfuse::start(),
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            enabled: true,
            sends: true,
            is_long: false,
            new_turn: String::new(),
            length: 0,
        }
    }

    pub fn version() -> Self {
        Self {
            sends: false,
            ..Self::new(&["--version"])
        }
    }

    pub fn disabled() -> Self {
        Self {
            enabled: false,
            sends: false,
            ..Self::new(&["hook"])
        }
    }

    /// All of the session is delivered.
    pub fn idle(bytes: u64) -> Self {
        let mut scene = Self::new_turn(bytes);
        scene.new_turn.clear();
        scene.sends = false;
        scene
    }

    /// The session is delivered but for its last turn.
    pub fn new_turn(bytes: u64) -> Self {
        let mut scene = Self::first_contact(bytes);
        scene.deliver();
        scene
    }

    pub fn first_contact(bytes: u64) -> Self {
        let mut scene = Self::new(&["hook"]);
        let mut transcript = Transcript::new(Release::V2_1_330);
        scene.length = transcript
            .fill(&scene.transcript(), bytes)
            .expect("a transcript");
        scene.new_turn = transcript.turn();
        scene
    }

    /// Beside the session stand agents that have ended and are delivered.
    pub fn agents(count: usize) -> Self {
        let mut scene = Self::first_contact(1_000_000);
        let folder = scene.transcript().with_extension("").join("subagents");
        fs::create_dir_all(&folder).expect("a folder for agents");
        let rows = Transcript::new(Release::V2_1_330)
            .turn()
            .replace(r#""isSidechain":false"#, r#""isSidechain":true"#);
        for agent in 0..count {
            fs::write(folder.join(format!("agent-a{agent:07}.jsonl")), &rows).expect("an agent");
            let meta = json!({"agentType": "general-purpose", "toolUseId": "toolu_000001_0", "spawnDepth": 1});
            fs::write(
                folder.join(format!("agent-a{agent:07}.meta.json")),
                meta.to_string(),
            )
            .expect("an agent's meta");
        }
        scene.deliver();
        scene.new_turn.clear();
        scene.sends = false;
        scene
    }

    /// Many other sessions have transcripts and cursors.
    pub fn crowd(count: usize) -> Self {
        let scene = Self::new_turn(1_000_000);
        let sessions = scene.state().join("claude-langfuse/sessions");
        let own = fs::read_dir(sessions.join(SESSION)).expect("the session has state");
        let cursor = own
            .map(|entry| entry.expect("an entry").path())
            .find(|path| path.extension().is_some_and(|ending| ending == "json"))
            .expect("the session has a cursor");
        let text = fs::read_to_string(&cursor).expect("a cursor");
        for other in 0..count {
            let id = format!("22222222-2222-4333-8444-{other:012}");
            let transcript = projects(scene.home.path()).join(format!("{id}.jsonl"));
            fs::write(transcript, "").expect("a transcript");
            let folder = sessions.join(&id);
            fs::create_dir(&folder).expect("a folder for a session");
            let name = cursor.file_name().expect("a cursor has a name");
            fs::write(folder.join(name), text.replace(SESSION, &id)).expect("a cursor");
        }
        copy(&scene.state(), &scene.home.path().join("before"));
        scene
    }

    pub fn replay(release: Release, bytes: u64) -> Self {
        let mut scene = Self::new(&["replay", "--quiet"]);
        scene.length = Transcript::new(release)
            .fill(&scene.transcript(), bytes)
            .expect("a transcript");
        scene
            .arguments
            .push(scene.transcript().display().to_string());
        scene.is_long = bytes > 50_000_000;
        scene
    }

    /// A hook runs, and its state is what later runs begin with.
    fn deliver(&mut self) {
        self.reset();
        let new_turn = std::mem::take(&mut self.new_turn);
        fs::OpenOptions::new()
            .write(true)
            .open(self.transcript())
            .and_then(|file| file.set_len(self.length))
            .expect("a transcript of the first length");
        self.invocation().run_once();
        copy(&self.state(), &self.home.path().join("before"));
        self.new_turn = new_turn;
        self.langfuse.clear();
    }

    fn reset(&self) {
        drop(fs::remove_dir_all(self.state()));
        let before = self.home.path().join("before");
        if before.exists() {
            copy(&before, &self.state());
        }
        if self.length > 0 {
            let file = fs::OpenOptions::new().append(true).open(self.transcript());
            let mut file = file.expect("a transcript");
            file.set_len(self.length).expect("a shorter transcript");
            std::io::Write::write_all(&mut file, self.new_turn.as_bytes())
                .expect("a longer transcript");
        }
    }

    fn invocation(&self) -> Invocation {
        let event = json!({"hook_event_name": "SessionEnd", "session_id": SESSION, "reason": "other",
            "transcript_path": self.transcript(), "cwd": "/home/dev/project"});
        let variables = [
            ("HOME", self.home.path().display().to_string()),
            ("TRACE_TO_LANGFUSE", self.enabled.to_string()),
            ("LANGFUSE_BASE_URL", self.langfuse.url()),
            ("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY.to_owned()),
            ("LANGFUSE_SECRET_KEY", SECRET_KEY.to_owned()),
            // Under callgrind everything takes fifty times as long.
            ("CC_LANGFUSE_HOOK_BUDGET", "100".to_owned()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
        ];
        Invocation {
            arguments: self.arguments.clone(),
            environment: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            stdin: event.to_string(),
        }
    }

    fn transcript(&self) -> PathBuf {
        projects(self.home.path()).join(format!("{SESSION}.jsonl"))
    }

    fn state(&self) -> PathBuf {
        self.home.path().join(".claude/state")
    }
}

fn projects(home: &Path) -> PathBuf {
    home.join(".claude/projects/-home-dev-project")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
