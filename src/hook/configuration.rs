//! The configuration of a hook's session. Claude Code merged its settings files into the environment, and the files
//! show which of them a value comes from.

use std::path::{Path, PathBuf};

use transcript::origin;

use super::event::Event;
use crate::claude_settings::may_be_called_by_administrator;
use crate::config::{
    Config, Env, Files, MergedSettings, Scope, has_unexplained, names_brought_by_project, resolve,
    root_of, with_project_values, without_redirects,
};
use crate::state::Store;

/// The start directory of a session in another project, if the event names such a session. `start`: the directory of
/// the hook's own project.
pub(super) fn other_project(env: &Env, event: &Event, start: Option<&Path>) -> Option<PathBuf> {
    let start = start?;
    // Releases without this variable only name the current directory.
    env.variable("CLAUDE_PROJECT_DIR")?;
    let folder = event.transcript.parent()?.file_name()?.to_string_lossy();
    let letter = |one: char| if one.is_ascii_alphanumeric() { one } else { '-' };
    let encoded: String = start.to_string_lossy().chars().map(letter).collect();
    if folder == encoded {
        return None;
    }
    let origin = origin(&event.transcript).ok()?.0?;
    let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let (one, other) = (real(&origin), real(start));
    let is_own =
        one.starts_with(&other) || other.starts_with(&one) || root_of(&one) == root_of(&other);
    (!is_own).then_some(origin)
}

/// The configuration of a session of another project, from its own files alone.
pub(super) fn configure_other(env: &mut Env, files: &Files, event: &Event, start: &Path) -> Config {
    without_redirects(env, files, &[start], claude_dir(event).as_deref());
    let store = env.default_state_dir().map(|folder| Store::new(&folder));
    env.allowed = store.map(|store| store.allowed().digests()).unwrap_or_default();
    env.merged = None;
    resolve(env, files, Some(start), Scope::FilesOnly)
}

/// The configuration of a session started in `start`. Only for a traced session is the transcript read, and are names
/// noted.
pub(super) fn configure(
    env: &mut Env,
    files: &Files,
    event: Option<&Event>,
    start: Option<&Path>,
) -> Config {
    let claude_dir = event.and_then(claude_dir);
    without_redirects(env, files, start.as_slice(), claude_dir.as_deref());
    if may_be_called_by_administrator(env, files) {
        with_project_values(env, files, start);
    }
    let store = env.default_state_dir().map(|folder| Store::new(&folder));
    let notes = store.as_ref().zip(event.map(|event| event.session_id.as_str()));
    let seen = notes.map(|(store, session)| store.project_names(session)).unwrap_or_default();
    let folders = start.map(Path::to_path_buf).into_iter().collect();
    let mut merged = MergedSettings { folders, seen, is_unknown: false };
    env.merged = Some(merged.clone());
    let config = resolve(env, files, start, Scope::OwnHook);
    if !config.enabled {
        return config;
    }
    env.allowed = store.as_ref().map(|store| store.allowed().digests()).unwrap_or_default();
    // The transcript names another folder whose files may explain a value. It is read only if needed: rows that are
    // read before the cursor is written can't be noted first.
    let is_unexplained = has_unexplained(env, files, start);
    let started_in =
        event.filter(|_| is_unexplained).and_then(|event| origin(&event.transcript).ok()?.0);
    let started_in = started_in.filter(|folder| !merged.folders.contains(folder));
    // Nothing more can change the result.
    let is_final = env.allowed.is_empty() && started_in.is_none();
    if let Some(folder) = started_in {
        without_redirects(env, files, &[folder.as_path()], claude_dir.as_deref());
        merged.folders.push(folder);
        env.merged = Some(merged.clone());
    }
    let brought = names_brought_by_project(env, files, start);
    if let Some((store, session)) = notes
        && !brought.is_subset(&merged.seen)
    {
        merged.seen.extend(brought);
        if let Err(error) = store.save_project_names(session, &merged.seen) {
            log::warn!("{error:#}");
        }
    }
    match is_final {
        true => config,
        false => resolve(env, files, start, Scope::OwnHook),
    }
}

/// Claude Code's own folder: transcripts are in `<folder>/projects/<project>/<session>.jsonl`.
fn claude_dir(event: &Event) -> Option<PathBuf> {
    let projects = event.transcript.parent()?.parent()?;
    projects.ends_with("projects").then(|| projects.parent().map(Path::to_path_buf))?
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::configure;
    use crate::config::{Capture, Config, Env, Files};

    /// The configuration of an administrator's hook. `merged`: the variables that Claude Code gives it.
    fn configured(managed: &Value, local: &Value, merged: &Value) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &Value| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content.to_string()).unwrap();
        };
        let hook = json!([{"hooks": [{"type": "command", "command": "/opt/send-turns"}]}]);
        write("managed/managed-settings.json", &json!({"hooks": {"Stop": hook}, "env": managed}));
        write("project/.claude/settings.local.json", &json!({"env": local}));
        let values = merged.as_object().unwrap().iter();
        let mut env = Env {
            environment: values
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            home: Some(folder.path().to_owned()),
            managed_dir: Some(folder.path().join("managed")),
            ..Env::default()
        };
        configure(&mut env, &Files::new(), None, Some(&folder.path().join("project")))
    }

    #[test]
    fn a_hook_of_the_administrator_takes_consent_from_the_project() {
        let keys = json!({"LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY": "sk-lf-1"});
        let local = json!({"TRACE_TO_LANGFUSE": "true", "CC_LANGFUSE_CAPTURE": "metadata"});
        let config = configured(&keys, &local, &keys);
        assert!(config.enabled && config.destination.is_ok());
        assert_eq!(config.capture, Capture::Metadata);
        let with_keys = json!({
            "TRACE_TO_LANGFUSE": "true", "LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY": "sk-lf-1",
        });
        assert!(configured(&json!({}), &with_keys, &json!({})).destination.is_ok());
    }

    #[test]
    fn a_hook_of_the_administrator_takes_refusal_from_the_project() {
        let consent = json!({"TRACE_TO_LANGFUSE": "true"});
        let refusal = json!({"TRACE_TO_LANGFUSE": "false"});
        assert!(!configured(&json!({}), &refusal, &consent).enabled);
        // The organisation's value beats the project's.
        assert!(configured(&consent, &refusal, &consent).enabled);
    }

    #[test]
    fn a_merged_environment_stays_as_it_is() {
        // `--settings` consents over the project's file, whose other value has arrived.
        let local = json!({"TRACE_TO_LANGFUSE": "false", "LANGFUSE_RELEASE": "1"});
        let merged = json!({"TRACE_TO_LANGFUSE": "true", "LANGFUSE_RELEASE": "1"});
        assert!(configured(&json!({}), &local, &merged).enabled);
    }
}
