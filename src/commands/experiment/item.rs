//! Dataset items, with the fields that a rerun needs.

use serde::Deserialize;
use serde_json::Value;

/// A person who can write to the dataset could run any command here.
pub(super) const UNSAFE_MODE: &str = "bypassPermissions";

/// An item that can be run again.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub id: String,
    pub dataset_id: Option<String>,
    pub expected_output: Option<String>,
    /// The directory of the turn, on the machine on which it ran.
    pub cwd: Option<String>,
    /// It was a later turn of its session: a rerun lacks the conversation before it.
    pub is_later_turn: bool,
    pub commit: String,
    pub rerun: Rerun,
}

/// `metadata.rerun`, as `dataset add` writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rerun {
    pub prompt: String,
    prompt_is_whole: bool,
    repository: Option<String>,
    pub directory: Option<String>,
    commit: Option<String>,
    pub branch: Option<String>,
    pub permission_mode: Option<String>,
    pub model: Option<String>,
    pub effort: Option<String>,
    pub commits: Vec<String>,
}

/// An item that can't be run, with the reason.
#[derive(Debug)]
pub(super) struct Unusable {
    pub id: String,
    pub reason: String,
}

/// Whether the dataset still has the item.
pub(super) fn is_active(item: &Value) -> bool {
    item.get("status").and_then(Value::as_str) != Some("ARCHIVED")
}

impl Item {
    /// Reads an item for a repository of this identity. `permission_mode`: the one that the user chose.
    ///
    /// # Errors
    /// When it can't be run there.
    pub(super) fn read(
        item: &Value,
        repository: Option<&str>,
        permission_mode: Option<&str>,
    ) -> Result<Self, Unusable> {
        let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str);
        let id = text("/id").unwrap_or_default().to_owned();
        let unusable = |reason: String| Unusable { id: id.clone(), reason };
        let rerun = item.pointer("/metadata/rerun").cloned();
        let rerun: Option<Rerun> = rerun.and_then(|rerun| serde_json::from_value(rerun).ok());
        let Some(rerun) = rerun.filter(|rerun| !rerun.prompt.trim().is_empty()) else {
            return Err(unusable("it does not say how; 'dataset add' its turn again".to_owned()));
        };
        if !rerun.prompt_is_whole {
            let reason = "its prompt was masked or cut, had an image, or was a command";
            return Err(unusable(reason.to_owned()));
        }
        if let (Some(of_item), Some(here)) = (&rerun.repository, repository)
            && of_item != here
        {
            return Err(unusable(format!("it is of another repository, {of_item}")));
        }
        if rerun.permission_mode.as_deref() == Some(UNSAFE_MODE) && permission_mode.is_none() {
            return Err(unusable(format!(
                "it ran with {UNSAFE_MODE}; choose a mode by --permission-mode"
            )));
        }
        let Some(commit) = rerun.commit.clone() else {
            return Err(unusable("the commit that it began at is not known".to_owned()));
        };
        let expected = item.get("expectedOutput").filter(|expected| !expected.is_null());
        Ok(Self {
            dataset_id: text("/datasetId").map(str::to_owned),
            expected_output: expected.map(|expected| match expected.as_str() {
                Some(text) => text.to_owned(),
                None => expected.to_string(),
            }),
            cwd: text("/metadata/cwd").map(str::to_owned),
            is_later_turn: text("/metadata/turn_number").is_some_and(|number| number != "1"),
            commit,
            id,
            rerun,
        })
    }

    /// The prompt, with paths of the folder that the turn worked in changed to those of `folder`.
    pub(super) fn prompt_in(&self, folder: &str) -> String {
        let prompt = &self.rerun.prompt;
        let Some(cwd) = self.cwd.as_deref().filter(|cwd| cwd.len() > 1) else {
            return prompt.clone();
        };
        let mut parts = prompt.split(cwd);
        let mut changed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            // `/home/me/app` is no folder of `/home/me/application`.
            let is_name = |one: char| one.is_alphanumeric() || matches!(one, '-' | '_');
            changed.push_str(if part.starts_with(is_name) { cwd } else { folder });
            changed.push_str(part);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Item;

    fn item(rerun: &Value) -> Value {
        json!({
            "id": "i1", "datasetId": "d1", "expectedOutput": {"role": "assistant"},
            "metadata": {"cwd": "/home/me/app", "turn_number": "2", "rerun": rerun},
        })
    }

    #[test]
    fn an_item_that_lacks_something_is_named_with_the_reason() {
        let whole =
            json!({"prompt": "a", "prompt_is_whole": true, "commit": "c", "repository": "h/o/n"});
        let read = Item::read(&item(&whole), Some("h/o/n"), None).unwrap();
        assert_eq!((read.commit.as_str(), read.is_later_turn), ("c", true));
        let reason = |change: Value, repository: &str| {
            let mut rerun = whole.clone();
            rerun.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            Item::read(&item(&rerun), Some(repository), None).unwrap_err().reason
        };
        assert!(reason(json!({"prompt_is_whole": false}), "h/o/n").contains("masked"));
        assert!(reason(json!({"commit": null}), "h/o/n").contains("commit"));
        let bypass = json!({"permission_mode": "bypassPermissions"});
        assert!(reason(bypass, "h/o/n").contains("--permission-mode"));
        assert!(reason(json!({"prompt": " "}), "h/o/n").contains("dataset add"));
        assert!(reason(json!({}), "h/o/other").contains("another repository, h/o/n"));
        assert!(Item::read(&json!({"id": "x", "metadata": "text"}), None, None).is_err());
    }

    #[test]
    fn a_prompt_names_files_of_the_checkout_it_runs_in() {
        let prompt = "see /home/me/app/a.rs, /home/me/app, /home/me/application and /home/me/app-2";
        let rerun = json!({"prompt": prompt, "prompt_is_whole": true, "commit": "c"});
        let item = Item::read(&item(&rerun), None, None).unwrap();
        assert_eq!(
            item.prompt_in("/t/1"),
            "see /t/1/a.rs, /t/1, /home/me/application and /home/me/app-2"
        );
    }
}
