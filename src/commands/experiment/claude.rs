//! The Claude Code program that runs the items: its path, its options, and its result.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use base::regular_file;
use base::sha256::hex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::doctor::hooks::is_executable;
use crate::commands::git::git_variables;
use crate::config::Env;

const MAX_RESULT_BYTES: u64 = 64 * 1024 * 1024;
const MAX_SETTINGS_BYTES: u64 = 1024 * 1024;

/// Variables of a session in which this command may run, and variables that place turns.
const OTHER_RUN: [&str; 9] = [
    "CLAUDECODE",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SESSION_ATTENDED",
    "CLAUDE_PROJECT_DIR",
    "CC_LANGFUSE_TRACE_SEED",
    "CC_LANGFUSE_TRACEPARENT",
    "CC_LANGFUSE_PARENT_TRACE_ID",
    "CC_LANGFUSE_PARENT_SPAN_ID",
];

/// A program of Claude Code.
#[derive(Clone, Debug)]
pub(super) struct ClaudeCode {
    pub path: PathBuf,
    pub version: String,
    /// Older releases know fewer options.
    help: String,
}

/// How one run is started.
pub(super) struct Launch<'a> {
    pub session: &'a str,
    pub model: Option<&'a str>,
    pub effort: Option<&'a str>,
    pub permission_mode: Option<&'a str>,
    pub max_usd: Option<f64>,
    pub prompt: &'a str,
    /// The folder in which Claude Code is started.
    pub directory: &'a Path,
    /// The folder for the files of the run, outside of its checkout.
    pub place: &'a Path,
    /// The user's checkout, which must not change.
    pub protected: &'a Path,
    pub environment: &'a [(&'static str, String)],
}

/// The object that `--output-format json` prints.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub is_error: bool,
    pub subtype: String,
    pub terminal_reason: Option<String>,
    pub total_cost_usd: Option<f64>,
    pub duration_ms: Option<u64>,
}

impl ClaudeCode {
    /// The program named by `--cli`, by path or version. By default the one on PATH.
    ///
    /// # Errors
    /// If there is none, or it doesn't run.
    pub(super) fn find(named: Option<&str>, env: &Env) -> Result<Self> {
        let path = match named {
            None => on_path("claude", env).context(
                "could not find Claude Code: no 'claude' on PATH; name it with --cli PATH",
            )?,
            Some(named) if is_version(named) => {
                let installed =
                    env.home().map(|home| home.join(".local/share/claude/versions").join(named));
                installed.filter(|path| path.is_file()).with_context(|| {
                    format!("could not find Claude Code {named}: 'claude install {named}' installs it, or name its path")
                })?
            }
            Some(named) if named.contains('/') => std::path::absolute(named)?,
            Some(named) => on_path(named, env)
                .with_context(|| format!("could not find Claude Code: no '{named}' on PATH"))?,
        };
        let ask = |option: &str| -> Result<String> {
            let output = Command::new(&path).arg(option).stdin(Stdio::null()).output();
            let output = output.with_context(|| format!("could not run {}", path.display()))?;
            if !output.status.success() {
                bail!("could not use {}: '{option}' failed", path.display());
            }
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let version = ask("--version")?;
        let version = version.split_whitespace().next().unwrap_or_default().to_owned();
        Ok(Self { help: ask("--help")?, version, path })
    }

    pub(super) fn has_option(&self, option: &str) -> bool {
        self.help.contains(option)
    }

    /// The command of a run. Its result goes to a file: a pipe would stay open as long as any process of the run
    /// holds it.
    ///
    /// # Errors
    /// If a file of the run can't be written.
    pub(super) fn command(&self, launch: &Launch<'_>) -> Result<Command> {
        let write = |name: &str, content: &str| {
            let path = launch.place.join(name);
            fs::write(&path, content)
                .with_context(|| format!("could not write file: {}", path.display()))?;
            Ok::<PathBuf, anyhow::Error>(path)
        };
        let prompt = write("prompt.txt", launch.prompt)?;
        let settings = write("settings.json", &settings(launch).to_string())?;
        let mut command = Command::new(&self.path);
        command
            .current_dir(launch.directory)
            .args(["-p", "--output-format", "json", "--session-id", launch.session, "--settings"])
            .arg(settings)
            .stdin(File::open(prompt)?)
            .stdout(File::create(launch.place.join("result.json"))?)
            .stderr(Stdio::null());
        let options = [
            ("--model", launch.model.map(str::to_owned)),
            ("--effort", launch.effort.map(str::to_owned)),
            ("--permission-mode", launch.permission_mode.map(str::to_owned)),
            ("--max-budget-usd", launch.max_usd.map(|dollars| format!("{dollars:.6}"))),
        ];
        for (option, value) in options {
            if let Some(value) = value.filter(|_| self.has_option(option)) {
                // In one word: a value that begins with a hyphen would be an option.
                command.arg(format!("{option}={value}"));
            }
        }
        for name in git_variables() {
            command.env_remove(name);
        }
        for name in OTHER_RUN {
            command.env_remove(name);
        }
        command.envs(launch.environment.iter().map(|(name, value)| (*name, value)));
        Ok(command)
    }

    /// The result of a run; `None` if it printed none.
    pub(super) fn answer(place: &Path) -> Option<Answer> {
        let text = regular_file::read_text(&place.join("result.json"), MAX_RESULT_BYTES).ok()?;
        let last = text.lines().rev().find(|line| line.starts_with('{'))?;
        serde_json::from_str(last).ok()
    }
}

/// Settings for the run alone. Hooks of this program send nothing: a checkout in a temporary folder is no project, so
/// that they would use other keys and masks than the repository's. Claude Code ignores permissions in files of an
/// untrusted folder. These ones come from the user's own repository.
fn settings(launch: &Launch<'_>) -> Value {
    let protected = format!("Edit(/{}/**)", launch.protected.display());
    let mut permissions = json!({"deny": [protected]});
    let file = launch.directory.join(".claude/settings.json");
    let text = regular_file::read_text(&file, MAX_SETTINGS_BYTES).unwrap_or_default();
    let own: Value = serde_json::from_str(&text).unwrap_or_default();
    if let (Some(allow), Value::Object(permissions)) =
        (own.pointer("/permissions/allow"), &mut permissions)
    {
        permissions.insert("allow".to_owned(), allow.clone());
    }
    json!({"env": {"TRACE_TO_LANGFUSE": "false"}, "permissions": permissions})
}

fn is_version(text: &str) -> bool {
    text.split('.').count() == 3
        && text
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn on_path(name: &str, env: &Env) -> Option<PathBuf> {
    let mut folders = std::env::split_paths(env.variable("PATH")?);
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| is_executable(path)))
}

/// A session id of its own: a UUID in form.
pub(super) fn new_session_id(unique: &str) -> String {
    let digits = hex(unique.as_bytes(), 16);
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().to_owned();
    format!("{}-{}-4{}-8{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

#[cfg(test)]
mod tests {
    use super::{is_version, new_session_id};

    #[test]
    fn distinguishes_versions_from_paths() {
        assert!(is_version("2.1.332"));
        for text in ["claude", "./2.1.332", "2.1", "2..1", "v2.1.332"] {
            assert!(!is_version(text), "{text}");
        }
    }

    #[test]
    fn a_session_id_has_the_form_of_a_uuid() {
        let id = new_session_id("a");
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_ne!(id, new_session_id("b"));
    }
}
