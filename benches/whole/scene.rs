//! The environment of a run: a home with transcripts and state, a Langfuse that accepts everything, and the event on stdin.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use langfuse_mock::{PUBLIC_KEY, SECRET_KEY};
use serde_json::json;
use tempfile::TempDir;

use super::link::Link;
use super::process::{Figures, Invocation, Measure};
use super::server::Server;
use super::synthetic::{Release, SESSION, Transcript};

/// Number of agents launched in one turn.
const AGENTS_A_TURN: usize = 10;

/// One row of the table.
pub struct Run {
    pub name: String,
    /// Whether `--guard` compares its instructions with the record.
    pub is_guarded: bool,
    scene: Box<dyn Fn() -> Scene>,
}

impl Run {
    pub fn new(name: &str, scene: impl Fn() -> Scene + 'static) -> Self {
        Self { name: name.to_owned(), is_guarded: false, scene: Box::new(scene) }
    }

    pub fn guarded(mut self) -> Self {
        self.is_guarded = true;
        self
    }

    pub fn measure(&self, measure: &Measure) -> Figures {
        let scene = (self.scene)();
        let figures = measure.figures(&scene.invocation(), scene.replayed, || scene.reset());
        scene.assert_sent(&self.name);
        figures
    }

    pub fn count_instructions(&self, measure: &Measure) -> Option<u64> {
        let scene = (self.scene)();
        scene.reset();
        let count = measure.has_callgrind().then(|| scene.invocation().count_instructions())?;
        scene.assert_sent(&self.name);
        Some(count)
    }
}

/// A home before a run. It is reset before each repetition.
pub struct Scene {
    home: TempDir,
    server: Server,
    /// Port of the server or its link.
    port: u16,
    arguments: Vec<String>,
    enabled: bool,
    is_end: bool,
    /// Whether the run must send something.
    sends: bool,
    /// Replayed bytes.
    replayed: Option<u64>,
    transcript: Transcript,
    /// Rows appended to the transcript after each reset.
    new_turn: String,
    /// Length of the transcript before that.
    length: u64,
}

impl Scene {
    fn new(arguments: &[&str], release: Release) -> Self {
        let home = tempfile::tempdir().expect("a folder for the home");
        fs::create_dir_all(projects(home.path())).expect("a folder for the project");
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        let server = Server::plain();
        Self {
            home,
            port: server.address().port(),
            server,
            arguments: arguments.collect(),
            enabled: true,
            is_end: false,
            sends: true,
            replayed: None,
            transcript: Transcript::new(release),
            new_turn: String::new(),
            length: 0,
        }
    }

    pub fn version() -> Self {
        Self { sends: false, ..Self::new(&["--version"], Release::V2_1_330) }
    }

    pub fn disabled() -> Self {
        Self { enabled: false, sends: false, ..Self::new(&["hook"], Release::V2_1_330) }
    }

    /// All of the session is delivered.
    pub fn idle(bytes: u64) -> Self {
        let mut scene = Self::filled(Release::V2_1_330, bytes);
        scene.sends = false;
        scene.deliver();
        scene
    }

    /// All of the session except its last turn is delivered.
    pub fn new_turn(release: Release, bytes: u64) -> Self {
        let mut scene = Self::filled(release, bytes);
        scene.deliver();
        scene.with_new_turn()
    }

    /// All of the session except its last turn is delivered; the last turn has this many model calls.
    pub fn turn_of_calls(release: Release, calls: u64) -> Self {
        let mut scene = Self::filled(release, 1_000_000);
        scene.deliver();
        scene.new_turn = scene.transcript.turn_of(calls);
        scene
    }

    pub fn first_contact(release: Release, bytes: u64) -> Self {
        Self::filled(release, bytes).with_new_turn()
    }

    fn filled(release: Release, bytes: u64) -> Self {
        let mut scene = Self::new(&["hook"], release);
        let path = scene.path();
        let length = scene.transcript.fill(&path, bytes);
        scene.length = length.expect("a transcript");
        scene
    }

    pub fn with_new_turn(mut self) -> Self {
        self.new_turn = self.transcript.turn();
        self.sends = true;
        self
    }

    /// Runs the hook of SessionEnd.
    pub fn at_the_end(mut self) -> Self {
        self.is_end = true;
        self
    }

    /// The same, sent by HTTPS.
    pub fn by_tls(mut self) -> Self {
        self.server = Server::tls();
        self.port = self.server.address().port();
        Server::write_authority(&self.authority());
        self.deliver_all_but_the_new_turn()
    }

    /// Puts a link between the hook and its server.
    pub fn over(mut self, link: Link) -> Self {
        self.port = link.to(self.server.address());
        self.deliver_all_but_the_new_turn()
    }

    /// Changes the server's address, and with it the cursor.
    fn deliver_all_but_the_new_turn(mut self) -> Self {
        let new_turn = std::mem::take(&mut self.new_turn);
        self.deliver();
        self.new_turn = new_turn;
        self
    }

    /// The session launched agents, turn by turn, and they have ended. All of it is delivered.
    pub fn agents(count: usize) -> Self {
        let mut scene = Self::idle(100_000);
        let folder = scene.path().with_extension("").join("subagents");
        fs::create_dir_all(&folder).expect("a folder for agents");
        let ids: Vec<String> = (0..count).map(|agent| format!("a{agent:016x}")).collect();
        let mut rows = String::new();
        for agents in ids.chunks(AGENTS_A_TURN) {
            let (turn, tools) = scene.transcript.launching_turn(agents);
            rows.push_str(&turn);
            for (agent, tool) in agents.iter().zip(tools) {
                let number = u64::from_str_radix(&agent[1..], 16).expect("a number");
                let (run, _) = Transcript::of_agent(number).launching_turn(&[]);
                let run = run.replace(r#""isSidechain":false"#, r#""isSidechain":true"#);
                let path = folder.join(format!("agent-{agent}.jsonl"));
                fs::write(&path, run).expect("an agent");
                let meta = json!({"agentType": "Explore", "description": "Look around",
                    "toolUseId": tool, "spawnDepth": 1});
                fs::write(path.with_extension("meta.json"), meta.to_string()).expect("its meta");
            }
        }
        scene.append(&rows);
        scene.length += rows.len() as u64;
        // On a busy machine this takes longer than a hook's budget.
        scene.arguments = scene.replaying();
        scene.deliver();
        scene.arguments = vec!["hook".to_owned()];
        scene
    }

    /// Many other sessions have transcripts and cursors.
    pub fn crowd(count: usize) -> Self {
        let scene = Self::new_turn(Release::V2_1_330, 1_000_000);
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
        scene
    }

    pub fn replay(release: Release, bytes: u64) -> Self {
        let mut scene = Self::filled(release, bytes);
        scene.arguments = scene.replaying();
        scene.replayed = Some(scene.length);
        scene
    }

    fn replaying(&self) -> Vec<String> {
        let path = self.path().display().to_string();
        ["replay", "--quiet", &path].map(str::to_owned).into()
    }

    /// Duration of a hook, the median of seven. `late`: delay of the answer's row after the start.
    pub fn felt(&self, late: Option<Duration>) -> Duration {
        let rows: Vec<&str> = self.new_turn.split_inclusive('\n').collect();
        let (before, answer) = rows.split_at(rows.len() - 2);
        let runs = (0..7).map(|_| {
            self.server.clear();
            self.reset_to(&before.concat());
            if late.is_none() {
                self.append(&answer.concat());
            }
            let start = Instant::now();
            let mut hook = self.invocation().start();
            if let Some(late) = late {
                std::thread::sleep(late);
                self.append(&answer.concat());
            }
            let status = hook.wait().expect("the hook ends");
            assert!(status.success(), "{status}");
            start.elapsed()
        });
        let mut felt: Vec<Duration> = runs.collect();
        felt.sort();
        self.assert_sent("a hook over a link");
        felt[felt.len() / 2]
    }

    /// Number and size in bytes of the last run's requests.
    pub fn sent(&self) -> (usize, usize) {
        (self.server.exports(), self.server.bytes())
    }

    /// Runs two hooks, whose state is the start of later runs: the first delivers all, the second records the answer that it
    /// was called for.
    fn deliver(&mut self) {
        self.reset();
        let event = std::mem::replace(&mut self.is_end, true);
        self.invocation().run_once();
        self.is_end = event;
        self.invocation().run_once();
        copy(&self.state(), &self.home.path().join("before"));
        self.server.clear();
    }

    fn reset(&self) {
        self.reset_to(&self.new_turn);
    }

    fn reset_to(&self, new_turn: &str) {
        // The other sessions, possibly thousands, are not reset.
        let own = format!("claude-langfuse/sessions/{SESSION}");
        drop(fs::remove_dir_all(self.state().join(own)));
        let before = self.home.path().join("before");
        if before.exists() {
            copy(&before, &self.state());
        }
        if self.length > 0 {
            let file = fs::OpenOptions::new().write(true).open(self.path());
            file.and_then(|file| file.set_len(self.length))
                .expect("a transcript of the first length");
            self.append(new_turn);
        }
    }

    fn append(&self, rows: &str) {
        let file = fs::OpenOptions::new().append(true).open(self.path());
        file.and_then(|mut file| file.write_all(rows.as_bytes())).expect("a longer transcript");
    }

    fn assert_sent(&self, name: &str) {
        assert_eq!(self.server.exports() > 0, self.sends, "{name}");
    }

    fn invocation(&self) -> Invocation {
        let mut event = json!({"hook_event_name": "SessionEnd", "session_id": SESSION, "reason": "other",
            "transcript_path": self.path(), "cwd": "/home/dev/project"});
        if !self.is_end {
            let (prompt, answer) = &self.transcript.last;
            event["hook_event_name"] = json!("Stop");
            event["prompt_id"] = json!(prompt);
            event["last_assistant_message"] = json!(answer);
        }
        let variables = [
            ("HOME", self.home.path().display().to_string()),
            ("TRACE_TO_LANGFUSE", self.enabled.to_string()),
            ("LANGFUSE_BASE_URL", format!("{}://127.0.0.1:{}", self.server.protocol(), self.port)),
            ("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY.to_owned()),
            ("LANGFUSE_SECRET_KEY", SECRET_KEY.to_owned()),
            // callgrind slows the program down by a factor of fifty.
            ("CC_LANGFUSE_HOOK_BUDGET", "100".to_owned()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
        ];
        let mut environment: Vec<(String, String)> =
            variables.map(|(name, value)| (name.to_owned(), value)).into();
        if self.authority().exists() {
            let path = self.authority().display().to_string();
            environment.push(("LANGFUSE_CA_FILE".to_owned(), path));
        }
        Invocation { arguments: self.arguments.clone(), environment, stdin: event.to_string() }
    }

    fn path(&self) -> PathBuf {
        projects(self.home.path()).join(format!("{SESSION}.jsonl"))
    }

    fn state(&self) -> PathBuf {
        self.home.path().join(".claude/state")
    }

    fn authority(&self) -> PathBuf {
        self.home.path().join("authority.pem")
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
