//! Commits, pushes and pull requests, as Claude Code recognises them in the output of a command (2.1.330 and later).

use serde::Deserialize;

use super::tolerant::{self, Tolerant};

/// `toolUseResult.gitOperation`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GitOperation {
    /// The commit that the command made.
    #[serde(deserialize_with = "tolerant::object")]
    pub commit: Option<Commit>,
    #[serde(deserialize_with = "tolerant::object")]
    push: Option<Push>,
    #[serde(rename = "pr", deserialize_with = "tolerant::object")]
    pull_request: Option<PullRequest>,
}

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Commit {
    /// The beginning of its hash, as git prints it.
    pub sha: String,
    /// `committed`, `amended` or `cherry-picked`.
    #[serde(deserialize_with = "tolerant::text")]
    pub kind: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Push {
    branch: Tolerant<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct PullRequest {
    url: Tolerant<String>,
    action: Tolerant<String>,
}

impl Commit {
    /// It replaces the commit before it.
    pub fn is_amended(&self) -> bool {
        self.kind.as_deref() == Some("amended")
    }
}

impl GitOperation {
    /// The pushed branch.
    pub fn pushed_branch(&self) -> Option<&str> {
        self.push.as_ref()?.branch.as_deref()
    }

    /// The URL of the pull request that the command created or changed.
    pub fn pull_request(&self) -> Option<&str> {
        self.pull_request.as_ref()?.url.as_deref()
    }

    /// The URL of the pull request that the command created.
    pub fn created_pull_request(&self) -> Option<&str> {
        let pull_request = self.pull_request.as_ref()?;
        pull_request.url.as_deref().filter(|_| pull_request.action.as_deref() == Some("created"))
    }
}
