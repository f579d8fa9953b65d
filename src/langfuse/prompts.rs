//! Versions of prompts.

use base::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::escaped;
use super::{Body, Client, Deadline, Verdict};

const PROMPTS: &str = "/api/public/v2/prompts";

/// A version of a prompt on the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StoredPrompt {
    pub version: u32,
    /// A text, or a list of messages for a chat prompt.
    pub prompt: Value,
    pub labels: Vec<String>,
    created_at: String,
}

impl StoredPrompt {
    /// The time at which the server created this version.
    pub fn created_at(&self) -> Option<Timestamp> {
        Timestamp::parse(&self.created_at)
    }
}

#[derive(Deserialize)]
struct PromptList {
    data: Vec<ListedPrompt>,
}

#[derive(Deserialize)]
struct ListedPrompt {
    name: String,
    versions: Vec<u32>,
}

impl Client {
    /// The numbers of a prompt's versions, newest first. Empty if there is no such prompt.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn prompt_versions(&mut self, name: &str, deadline: Deadline) -> Result<Vec<u32>, Verdict> {
        let path = format!("{PROMPTS}?name={}", escaped(name));
        let answer =
            self.get(&path, deadline)?.ok_or_else(|| self.without_endpoint("for prompts"))?;
        let list: PromptList = self.read_prompts(&answer)?;
        let named = list.data.into_iter().filter(|prompt| prompt.name == name);
        let mut versions: Vec<u32> = named.flat_map(|prompt| prompt.versions).collect();
        versions.sort_unstable_by(|first, second| second.cmp(first));
        Ok(versions)
    }

    /// A stored version of a prompt; `None` if it is missing.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn prompt(
        &mut self,
        name: &str,
        version: u32,
        deadline: Deadline,
    ) -> Result<Option<StoredPrompt>, Verdict> {
        // Without `resolve=false` the server replaces references to other prompts.
        let path = format!("{PROMPTS}/{}?version={version}&resolve=false", escaped(name));
        let answer = self.get(&path, deadline)?;
        answer.map(|answer| self.read_prompts(&answer)).transpose()
    }

    /// Creates a version of a prompt.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn create_prompt(
        &mut self,
        prompt: &Value,
        deadline: Deadline,
    ) -> Result<StoredPrompt, Verdict> {
        let body = Body::plain(prompt.to_string().as_bytes());
        let answer = self
            .post_once(PROMPTS, &body, deadline)?
            .ok_or_else(|| self.without_endpoint("for prompts"))?;
        self.read_prompts(&answer)
    }

    /// Moves a label to a version. Its other labels stay.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn label_prompt(
        &mut self,
        name: &str,
        version: u32,
        label: &str,
        deadline: Deadline,
    ) -> Result<(), Verdict> {
        let path = format!("{PROMPTS}/{}/versions/{version}", escaped(name));
        let body = json!({"newLabels": [label]}).to_string();
        self.patch(&path, &Body::plain(body.as_bytes()), deadline)
    }

    fn read_prompts<'a, Read: Deserialize<'a>>(&self, answer: &'a [u8]) -> Result<Read, Verdict> {
        serde_json::from_slice(answer)
            .map_err(|error| self.without_rows(&format!("prompts: {error}")))
    }
}
