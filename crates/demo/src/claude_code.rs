//! A stand-in for Claude Code: it writes rows, and calls the hook with an event on its standard input.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claude_langfuse::claude_settings::{EVENTS, guarded, survey};
use claude_langfuse::config::{Env, Files};
use langfuse_mock::{PUBLIC_KEY, SECRET_KEY};

use crate::recording::{Firing, Growing, Recording};

/// A process that plays a recording.
pub(crate) struct ClaudeCode<'a> {
    recording: &'a Recording,
    home: PathBuf,
    /// The hook's command, by event.
    commands: BTreeMap<String, String>,
    environment: Vec<(&'static str, String)>,
}

impl<'a> ClaudeCode<'a> {
    /// Starts in a home of its own, with the demo in place of `claude-langfuse hook`.
    pub(crate) fn new(home: &Path, recording: &'a Recording, base_url: &str) -> Result<Self> {
        let program = std::env::current_exe().context("could not find the demo itself")?;
        let command = guarded(&program);
        let mut claude_code = Self::start(home, recording)?;
        claude_code.commands = EVENTS.map(|event| (event.to_owned(), command.clone())).into();
        claude_code.environment.extend([
            ("TRACE_TO_LANGFUSE", "true".to_owned()),
            ("LANGFUSE_BASE_URL", base_url.to_owned()),
            ("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY.to_owned()),
            ("LANGFUSE_SECRET_KEY", SECRET_KEY.to_owned()),
            ("LANGFUSE_USER_ID", "dev@example.com".to_owned()),
        ]);
        Ok(claude_code)
    }

    /// Starts in a prepared home, with the hooks that are registered there.
    pub(crate) fn set_up(home: &Path, recording: &'a Recording) -> Result<Self> {
        let mut claude_code = Self::start(home, recording)?;
        let env = Env { home: Some(home.to_owned()), ..Env::default() };
        let files = survey(&env, &Files::new(), Some(&recording.project));
        let registered = files.iter().flat_map(|file| &file.hooks);
        for entry in registered.flat_map(|hooks| &hooks.ours) {
            let before = claude_code.commands.insert(entry.event.clone(), entry.command.clone());
            ensure!(before.is_none(), "{} is registered twice", entry.event);
        }
        Ok(claude_code)
    }

    fn start(home: &Path, recording: &'a Recording) -> Result<Self> {
        fs::create_dir_all(&recording.project)?;
        let text = |path: &Path| path.display().to_string();
        Ok(Self {
            recording,
            home: home.to_owned(),
            commands: BTreeMap::new(),
            environment: vec![
                ("HOME", text(home)),
                ("CLAUDE_PROJECT_DIR", text(&recording.project)),
            ],
        })
    }

    /// Continues to the next call of a hook. Returns the time that the user waited for it.
    pub(crate) fn fire(&self, firing: &Firing) -> Result<Duration> {
        let Recording { session, agent, agent_meta, .. } = self.recording;
        write_rows(session, firing.rows)?;
        write_rows(agent, firing.agent_rows)?;
        fs::write(agent.path.with_extension("meta.json"), agent_meta)?;
        let command = self.commands.get(&firing.event);
        let command = command.with_context(|| format!("no hook for {}", firing.event))?;
        let started = Instant::now();
        let mut hook = Command::new("/bin/sh")
            .args(["-c", command])
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.recording.project)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not run the hook")?;
        // Claude Code may leave the pipe open; the hook does not wait for its end.
        let mut input = hook.stdin.take().context("the hook has no standard input")?;
        input.write_all(firing.input.as_bytes())?;
        if let Some(time) = firing.answer_after {
            std::thread::sleep(time);
            write_rows(session, firing.rows + 1)?;
        }
        let output = hook.wait_with_output()?;
        let time = started.elapsed();
        drop(input);
        ensure!(
            output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
            "the hook disturbed Claude Code ({}): {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(time)
    }

    /// The hooks' log.
    pub(crate) fn log(&self) -> String {
        let path = self.home.join(".claude/state/langfuse_hook.log");
        fs::read_to_string(path).unwrap_or_else(|_| "the hooks left no log".to_owned())
    }
}

fn write_rows(file: &Growing, count: usize) -> Result<()> {
    let folder = file.path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)?;
    let rows: String = file.rows.iter().take(count).map(String::as_str).collect();
    let could_not = || format!("could not write {}", file.path.display());
    fs::write(&file.path, rows).with_context(could_not)
}
