//! The progress of another exporter in a session. The Langfuse plugin and the Python hooks keep it in
//! `langfuse_state.json`, in the folder that holds our own. A user who migrates from one of them must not get a turn
//! from both.

use std::collections::BTreeMap;
use std::path::Path;

use base::sha256;
use serde::Deserialize;

use super::files;
use super::store::Store;

/// The progress of another exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyHookState {
    /// The end of the part that it read, in bytes.
    pub offset: u64,
    /// An earlier turn that it has not sent yet, by the uuid of its opening row.
    pub kept_back: Option<String>,
}

/// The state that an exporter keeps per session.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    offset: u64,
    open_turn: Option<OpenTurn>,
    turn_progress: BTreeMap<String, Progress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OpenTurn {
    user_row_uuid: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Progress {
    emitted_keys: Vec<String>,
}

impl Store {
    /// The progress of another exporter in a session that was started in `start`; `None` if there is none.
    pub fn legacy_hook(
        &self,
        session_id: &str,
        transcript: &Path,
        start: Option<&Path>,
    ) -> Option<LegacyHookState> {
        let path = self.root().parent()?.join("langfuse_state.json");
        let content = files::read_file(&path).ok().flatten()?;
        // Only this session's entry must be valid.
        let all: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&content).ok()?;
        let written = transcript.to_path_buf();
        let resolved = transcript.canonicalize().ok();
        let names = [session_id.to_owned(), name_at_namesake(session_id, &host_name(), start)];
        let paths = || [&written].into_iter().chain(&resolved);
        let mut entries = names.iter().flat_map(|name| paths().map(move |path| key(name, path)));
        let entry = entries.find_map(|key| all.get(&key))?;
        let entry: Entry = serde_json::from_value(entry.clone()).ok()?;
        let length = transcript.metadata().ok()?.len();
        let open = entry.open_turn.and_then(|open| open.user_row_uuid);
        let untouched = |uuid: &String| {
            let progress = entry.turn_progress.get(uuid);
            progress.is_none_or(|progress| progress.emitted_keys.is_empty())
        };
        // An offset beyond the end belongs to a replaced file.
        (entry.offset > 0 && entry.offset <= length)
            .then(|| LegacyHookState { offset: entry.offset, kept_back: open.filter(untouched) })
    }
}

/// The file name of a session at the program of the same name on crates.io: it holds host and folder.
fn name_at_namesake(session_id: &str, host: &str, start: Option<&Path>) -> String {
    let folder = start.and_then(Path::file_name).map(|name| name.to_string_lossy());
    let folder = folder.map_or_else(|| "unknown-project".to_owned(), |name| plain(&name));
    format!("claude-{}-{folder}-{session_id}", plain(host))
}

/// Letters, digits and single hyphens, as that program writes them.
fn plain(name: &str) -> String {
    let is_kept = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let parts = name.split(|one: char| !is_kept(one)).filter(|part| !part.is_empty());
    let plain = parts.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    match plain.is_empty() {
        true => "unknown".to_owned(),
        false => plain.chars().take(63).collect(),
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The key of a session in all of these exporters.
fn key(session_id: &str, transcript: &Path) -> String {
    let named = format!("{session_id}::{}", transcript.display());
    sha256::hex(named.as_bytes(), 32)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::{LegacyHookState, host_name, key, name_at_namesake};
    use crate::state::Store;

    #[test]
    fn the_key_is_that_of_the_other_hooks() {
        // hashlib.sha256(b"s::/t.jsonl").hexdigest()
        let expected = "548d6f8dcf1d1372a50d4ddee79997af96487f2aea187d03e87d9cf81e8599cf";
        assert_eq!(key("s", "/t.jsonl".as_ref()), expected);
    }

    #[test]
    fn missing_and_invalid_entries_count_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let transcript = folder.path().join("t.jsonl");
        fs::write(&transcript, "0123456789").unwrap();
        let store = Store::new(folder.path());
        let state = folder.path().join("langfuse_state.json");
        assert_eq!(store.legacy_hook("s", &transcript, None), None);
        let key = key("s", &transcript);
        for (content, expected) in [
            (json!("rubbish"), None),
            (json!({"other": {"offset": 5}}), None),
            (json!({&key: {"offset": -1}}), None),
            (json!({&key: {"offset": 11}}), None),
            (json!({&key: {"offset": 5}, "other": 7}), Some((5, None))),
            (
                json!({&key: {"offset": 5, "open_turn": {"user_row_uuid": "u", "rows": [1]}}}),
                Some((5, Some("u"))),
            ),
            (
                json!({&key: {"offset": 5, "open_turn": {"user_row_uuid": "u"}, "turn_progress": {"u": {"emitted_keys": ["gen:m"]}}}}),
                Some((5, None)),
            ),
        ] {
            fs::write(&state, content.to_string()).unwrap();
            let expected = expected.map(|(offset, uuid)| LegacyHookState {
                offset,
                kept_back: uuid.map(str::to_owned),
            });
            assert_eq!(store.legacy_hook("s", &transcript, None), expected, "{content}");
        }
    }

    #[test]
    fn the_program_of_crates_io_names_sessions_by_host_and_folder() {
        let start = Some("/home/me/My App.v2".as_ref());
        assert_eq!(name_at_namesake("s", "Box_1.lan", start), "claude-box_1-lan-my-app-v2-s");
        assert_eq!(name_at_namesake("s", "", None), "claude-unknown-unknown-project-s");
        let folder = tempfile::tempdir().unwrap();
        let transcript = folder.path().join("t.jsonl");
        fs::write(&transcript, "0123456789").unwrap();
        let key = key(&name_at_namesake("s", &host_name(), start), &transcript);
        fs::write(
            folder.path().join("langfuse_state.json"),
            json!({key: {"offset": 5}}).to_string(),
        )
        .unwrap();
        let found = Store::new(folder.path()).legacy_hook("s", &transcript, start);
        assert_eq!(found, Some(LegacyHookState { offset: 5, kept_back: None }));
    }
}
