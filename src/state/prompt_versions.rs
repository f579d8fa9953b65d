//! The versions of Langfuse prompts that `instructions push` created for a project's instructions, per destination.
//! Only hashes, no text.

use std::path::PathBuf;

use anyhow::Result;
use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::files;
use super::store::{Store, save};

/// The name of an instruction's prompt. Langfuse forbids `|` in names.
pub fn prompt_name(project: &str, source: &str) -> String {
    format!("claude-code/{project}/{source}").replace('|', "_")
}

/// A version of a prompt in Langfuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptVersion {
    pub name: String,
    pub version: u32,
    /// The `transcript::instruction_hash` of the pushed text.
    pub text: String,
    /// The SHA-256 of the prompt as it was sent: the masks may change while the text does not.
    pub sent: String,
    pub pushed_at: Timestamp,
}

/// The versions at a destination, in the order of their pushes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptVersions(Vec<PromptVersion>);

impl PromptVersions {
    /// The version that a turn links to: the newest one with a hash that begins with `digest` and that was pushed
    /// before the turn opened. A turn opened before the push was sent without a link, and is resent without one.
    /// Several files may have one text; then the prompt with the shortest name, that of the project's top folder, is
    /// linked.
    pub fn linked(&self, project: &str, digest: &str, opened: Timestamp) -> Option<&PromptVersion> {
        let folder = prompt_name(project, "");
        self.0
            .iter()
            .filter(|it| it.text.starts_with(digest) && it.name.starts_with(&folder))
            .filter(|it| it.pushed_at <= opened)
            .min_by_key(|it| (it.name.len(), std::cmp::Reverse(it.pushed_at)))
    }

    /// The version of a prompt with exactly this text and this sent form.
    pub fn same(&self, name: &str, text: &str, sent: &str) -> Option<&PromptVersion> {
        self.0.iter().rfind(|it| it.name == name && it.text == text && it.sent == sent)
    }

    /// Adds a version.
    pub fn add(&mut self, version: PromptVersion) {
        self.0.push(version);
    }
}

impl Store {
    /// The versions at a destination. Empty if nothing was pushed.
    pub fn prompt_versions(&self, destination: &str) -> PromptVersions {
        self.load(&self.prompt_versions_path(destination)).ok().flatten().unwrap_or_default()
    }

    /// Writes the versions that a destination has.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn save_prompt_versions(&self, destination: &str, versions: &PromptVersions) -> Result<()> {
        files::make_private_folder(self.root(), &self.root().join("prompts"))?;
        save(&self.prompt_versions_path(destination), versions)
    }

    fn prompt_versions_path(&self, destination: &str) -> PathBuf {
        self.root().join("prompts").join(format!("{destination}.json"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use base::Timestamp;
    use transcript::instruction_hash;

    use super::{PromptVersion, PromptVersions, prompt_name};
    use crate::state::Store;

    fn at(second: u32) -> Timestamp {
        Timestamp::parse(&format!("2026-12-01T10:00:{second:02}.000Z")).unwrap()
    }

    fn version(source: &str, version: u32, text: &str, second: u32) -> PromptVersion {
        PromptVersion {
            name: prompt_name("app", source),
            version,
            text: instruction_hash(text),
            sent: instruction_hash(text),
            pushed_at: at(second),
        }
    }

    fn versions(all: &[PromptVersion]) -> PromptVersions {
        PromptVersions(all.to_vec())
    }

    #[test]
    fn a_turn_links_to_the_newest_version_pushed_before_it() {
        let all = versions(&[
            version("CLAUDE.md", 1, "Be brief.", 10),
            version("CLAUDE.md", 2, "Be long.", 20),
            version("CLAUDE.md", 3, "Be brief.", 30),
        ]);
        let linked = |second| {
            all.linked("app", &instruction_hash("Be brief."), at(second)).map(|it| it.version)
        };
        assert_eq!(linked(9), None);
        assert_eq!(linked(10), Some(1));
        assert_eq!(linked(29), Some(1));
        assert_eq!(linked(31), Some(3));
    }

    #[test]
    fn a_turn_links_to_the_top_folder_of_its_own_project() {
        let all = versions(&[
            version("sub/CLAUDE.md", 4, "@AGENTS.md", 10),
            version("CLAUDE.md", 1, "@AGENTS.md", 10),
        ]);
        let text = instruction_hash("@AGENTS.md");
        assert_eq!(all.linked("app", &text, at(11)).map(|it| it.version), Some(1));
        assert_eq!(all.linked("ap", &text, at(11)), None);
    }

    #[test]
    fn versions_are_kept_per_destination_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        assert_eq!(store.prompt_versions("here"), PromptVersions::default());
        assert!(!store.root().exists(), "reading creates nothing");

        let mut kept = PromptVersions::default();
        kept.add(version("CLAUDE.md", 1, "Be brief.", 10));
        store.save_prompt_versions("here", &kept).unwrap();

        assert_eq!(store.prompt_versions("here"), kept);
        assert_eq!(store.prompt_versions("there"), PromptVersions::default());
        let path = store.root().join("prompts/here.json");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let hash = instruction_hash("Be brief.");
        let name = prompt_name("app", "CLAUDE.md");
        assert!(kept.same(&name, &hash, &hash).is_some());
        assert_eq!(kept.same(&name, &hash, "masked otherwise"), None);
    }
}
