//! A sandbox with a repository, a dataset of its items, and a mock of Claude Code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use langfuse_mock::MockLangfuse;
use serde_json::{Value, json};

use crate::sandbox::{Ran, Running, Sandbox};

const CLAUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/experiment/claude.sh");

pub(super) struct Place {
    pub(super) mock: MockLangfuse,
    pub(super) sandbox: Sandbox,
    pub(super) repository: PathBuf,
    /// The commits of the repository, oldest first.
    pub(super) commits: Vec<String>,
    /// The program of Claude Code.
    pub(super) claude: String,
}

impl Place {
    /// The repository has a file with the name of its commit, and a branch `better` with other instructions.
    pub(super) fn new() -> Self {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        sandbox.has_git();
        let temporary = sandbox.path("temporary");
        fs::create_dir_all(&temporary).unwrap();
        sandbox.set("TMPDIR", temporary.to_str().unwrap());
        let repository = sandbox.path("app");
        fs::create_dir_all(repository.join("inner")).unwrap();
        let git = |arguments: &[&str]| sandbox.git(&repository, arguments);
        git(&["init", "--quiet", "--initial-branch=main"]);
        git(&["config", "user.name", "Dev"]);
        git(&["config", "user.email", "dev@example.org"]);
        git(&["remote", "add", "origin", "https://example.org/team/app.git"]);
        let mut commits = Vec::new();
        for version in ["1", "2"] {
            fs::write(repository.join("inner/version"), version).unwrap();
            fs::write(repository.join("CLAUDE.md"), "Be brief.\n").unwrap();
            git(&["add", "."]);
            git(&["commit", "--quiet", "--message", version]);
            commits.push(git(&["rev-parse", "HEAD"]));
        }
        git(&["checkout", "--quiet", "-b", "better"]);
        fs::write(repository.join("CLAUDE.md"), "Be right.\n").unwrap();
        git(&["commit", "--quiet", "--all", "--message", "better"]);
        git(&["checkout", "--quiet", "main"]);
        // Uncommitted changes.
        fs::write(repository.join("inner/version"), "unsaved").unwrap();
        Self { mock, sandbox, repository, commits, claude: CLAUDE.to_owned() }
    }

    /// Puts an item for each prompt into the dataset `bugs`: `item-000`, `item-001` …
    pub(super) fn items(&self, prompts: &[&str]) -> &Self {
        for (number, prompt) in prompts.iter().enumerate() {
            self.item(&format!("item-{number:03}"), &json!({"prompt": prompt}));
        }
        self
    }

    /// Adds one item with some changed data.
    pub(super) fn item(&self, id: &str, change: &Value) {
        let mut rerun = json!({
            "prompt": "right", "prompt_is_whole": true, "commit": self.commits[1], "branch": "main",
            "repository": "example.org/team/app", "model": "claude-opus-5-5", "permission_mode": "acceptEdits",
        });
        rerun.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.mock.put_dataset_item(&json!({
            "id": id, "datasetName": "bugs", "input": [], "expectedOutput": "Done.",
            "metadata": {"turn_number": "1", "cwd": self.repository.to_str(), "rerun": rerun},
        }));
    }

    /// Starts `experiment run bugs`.
    pub(super) fn start(&self, options: &[&str]) -> Running {
        let project = self.repository.to_str().unwrap();
        let command = ["experiment", "run", "bugs", "--cli", &self.claude, "--project", project];
        self.sandbox.start(&[&command[..], options].concat(), b"")
    }

    pub(super) fn run(&self, options: &[&str]) -> Ran {
        self.start(&[&["--yes"], options].concat()).end()
    }

    /// The prompts of the Claude Code runs so far.
    pub(super) fn started(&self) -> Vec<String> {
        let started = fs::read_to_string(self.sandbox.path("started")).unwrap_or_default();
        started.lines().map(str::to_owned).collect()
    }

    /// Every file of the repository with its content, including the history.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.repository.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(files.insert(path.clone(), fs::read(&path).unwrap())),
                }
            }
        }
        files
    }

    /// No files or processes of a run remain.
    pub(super) fn assert_nothing_left(&self) {
        let left: Vec<_> = fs::read_dir(self.sandbox.path("temporary")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let home = format!("HOME={}", self.sandbox.path("").display());
        let home = home.trim_end_matches('/');
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let is_of_run = environment.split(|byte| *byte == 0).any(|one| one == home.as_bytes());
            assert!(!is_of_run || is_dead(&entry.path()), "{}", entry.path().display());
        }
    }
}

fn is_dead(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}
