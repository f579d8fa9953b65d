//! The prompts of a project's instructions: their names, their masked texts, and reasons against a prompt.

use std::path::Path;

use base::sha256::hex;
use serde_json::{Value, json};
use transcript::{InstructionText, InstructionTexts, instruction_hash};

use crate::commands::git::Git;
use crate::config::{Config, checkout_of};
use crate::privacy::Policy;
use crate::state::prompt_name;

/// The label of the versions of the default branch.
pub(super) const CURRENT: &str = "current";

/// Syntax that Langfuse replaces in prompts, with its meaning. There is no escape, so that a text with this syntax
/// would change when it is read.
const TEMPLATES: [(&str, &str); 2] =
    [("{{", "a variable"), ("@@@langfusePrompt:", "a reference to another prompt")];

/// Digits of the hash in a commit message.
const HASH_BYTES: usize = 6;

/// The instructions of a session as prompts.
#[derive(Default)]
pub(super) struct Prompts {
    pub prompts: Vec<Prompt>,
    /// Why instructions can't be prompts, one line each.
    pub refused: Vec<String>,
    /// Files outside of the project, such as imports of the user's own notes.
    pub outside: Vec<String>,
}

/// An instruction as a version of a prompt.
pub(super) struct Prompt {
    pub name: String,
    pub text: String,
    /// The hash of the text in the transcript.
    pub hash: String,
    pub is_current: bool,
    commit_message: String,
}

impl Prompt {
    /// The hash of the sent form.
    pub(super) fn sent_hash(&self) -> String {
        instruction_hash(&self.text)
    }

    /// The request that makes this version.
    pub(super) fn body(&self) -> Value {
        let labels = if self.is_current { vec![CURRENT] } else { Vec::new() };
        json!({
            "name": self.name, "type": "text", "prompt": self.text, "labels": labels,
            "commitMessage": self.commit_message,
        })
    }
}

impl Prompts {
    /// `start`: the start directory of the session.
    pub(super) fn new(
        texts: InstructionTexts,
        project: &str,
        start: Option<&Path>,
        config: &Config,
    ) -> Self {
        let maker = PromptMaker { project, policy: Policy::from(config), start };
        let mut prompts = Self::default();
        for (path, text) in &texts.files {
            match maker.source(path, text) {
                Some(source) => prompts.add(&source, maker.prompt(&source, text)),
                None => prompts.outside.push(path.display().to_string()),
            }
        }
        for (name, text) in &texts.agents {
            let source = format!("agents/{name}");
            prompts.add(&source, maker.prompt(&source, text));
        }
        for shown in prompts.refused.iter_mut().chain(&mut prompts.outside) {
            maker.policy.apply_to_whole(shown);
        }
        prompts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.prompts.is_empty() && self.refused.is_empty()
    }

    fn add(&mut self, source: &str, prompt: Result<Prompt, String>) {
        match prompt {
            Ok(prompt) if prompt.text.trim().is_empty() => {}
            Ok(prompt) => self.prompts.push(prompt),
            Err(reason) => self.refused.push(format!("could not push {source}: {reason}")),
        }
    }
}

struct PromptMaker<'a> {
    project: &'a str,
    policy: Policy,
    start: Option<&'a Path>,
}

impl PromptMaker<'_> {
    /// The place of a file in its checkout, which is the same in all checkouts of a repository.
    fn source(&self, path: &Path, text: &InstructionText) -> Option<String> {
        let folders = [text.working_directory.as_deref(), self.start];
        let place = folders.into_iter().flatten().find_map(|folder| {
            let top = checkout_of(folder).unwrap_or_else(|| folder.to_owned());
            path.strip_prefix(top).ok()
        })?;
        Some(place.display().to_string())
    }

    fn prompt(&self, source: &str, instruction: &InstructionText) -> Result<Prompt, String> {
        let mut text = instruction.text.trim_end().to_owned();
        let length = text.chars().count();
        if length > self.policy.max_chars {
            let max = self.policy.max_chars;
            return Err(format!("it has {length} characters, and CC_LANGFUSE_MAX_CHARS is {max}"));
        }
        self.policy.apply_to_whole(&mut text);
        if let Some(reason) = template(&text) {
            return Err(reason);
        }
        let mut name = prompt_name(self.project, source);
        self.policy.apply_to_whole(&mut name);
        let branch = instruction.branch.as_deref();
        Ok(Prompt {
            name,
            hash: instruction_hash(&instruction.text),
            is_current: branch.is_some_and(|branch| self.is_default(branch)),
            commit_message: self.commit_message(branch, &text),
            text,
        })
    }

    /// The hash of the masked text. The hash of the original would help to guess the masked parts.
    fn commit_message(&self, branch: Option<&str>, text: &str) -> String {
        let mut branch = branch.unwrap_or("none").to_owned();
        self.policy.apply_to_whole(&mut branch);
        // The server takes 500 characters.
        let branch: String = branch.chars().take(400).collect();
        format!("branch {branch}, text {}", hex(text.as_bytes(), HASH_BYTES))
    }

    /// Whether a branch is the one that `origin` has checked out. A repository that does not know it has `main` or `master`.
    fn is_default(&self, branch: &str) -> bool {
        let head = |folder| {
            let arguments = ["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"];
            Git::new(folder).text(&arguments).ok()
        };
        match self.start.and_then(head) {
            Some(head) => head.strip_prefix("origin/") == Some(branch),
            None => ["main", "master"].contains(&branch),
        }
    }
}

/// Why a text can't be a prompt.
fn template(text: &str) -> Option<String> {
    let lines = (1..).zip(text.lines());
    let mut found = lines.flat_map(|(number, line)| {
        let syntax = TEMPLATES.iter().filter(|(syntax, _)| line.contains(syntax));
        syntax.map(move |(syntax, meaning)| {
            format!(
                "line {number} has '{syntax}', which is {meaning} in Langfuse; write it another way"
            )
        })
    });
    found.next()
}

#[cfg(test)]
mod tests {
    use super::template;

    #[test]
    fn syntax_that_langfuse_replaces_is_found_with_its_line() {
        for (text, found) in [
            ("Be brief.\nUse ${{ secrets.NAME }}", "line 2 has '{{', which is a variable"),
            ("@@@langfusePrompt:name=a|label=b@@@", "line 1 has '@@@langfusePrompt:', which"),
        ] {
            let reason = template(text).unwrap_or_default();
            assert!(reason.starts_with(found), "{reason}");
        }
        assert_eq!(template("{ {a} } @@@ langfusePrompt"), None);
    }
}
