//! Runs git without trusting the repository: no hook, no configured program, no network.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Settings with which a repository could start programs.
const SAFE_SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "diff.external=",
    "log.showSignature=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "protocol.allow=never",
];

/// git in one folder.
#[derive(Clone, Debug)]
pub(super) struct Git {
    folder: PathBuf,
    /// A repository outside of the folder.
    repository: Option<PathBuf>,
}

impl Git {
    /// In the repository that a folder belongs to.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), repository: None }
    }

    /// Uses the files of a folder, and the history of a repository elsewhere. The folder's own `.git` is never read.
    pub(super) fn outside(folder: &Path, repository: &Path) -> Self {
        Self { folder: folder.to_path_buf(), repository: Some(repository.to_path_buf()) }
    }

    /// The output of a command, without the line end.
    ///
    /// # Errors
    /// When git is missing or fails.
    pub(super) fn text(&self, arguments: &[&str]) -> Result<String> {
        let output = self.bytes(arguments)?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
    }

    /// Whether a command succeeds.
    pub(super) fn succeeds(&self, arguments: &[&str]) -> bool {
        self.bytes(arguments).is_ok()
    }

    /// The output of a command.
    ///
    /// # Errors
    /// When git is missing or fails.
    pub(super) fn bytes(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let output = self.command(arguments).output().context("could not run git")?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            let reason = reason.lines().next().unwrap_or("no message").to_owned();
            bail!("git {} failed: {reason}", arguments.first().unwrap_or(&""));
        }
        Ok(output.stdout)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).stdin(Stdio::null());
        for name in git_variables() {
            command.env_remove(name);
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("LC_ALL", "C");
        if let Some(repository) = &self.repository {
            command.env("GIT_DIR", repository).env("GIT_WORK_TREE", &self.folder);
        }
        for setting in SAFE_SETTINGS {
            command.args(["-c", setting]);
        }
        command.arg("--no-pager").args(arguments);
        command
    }

    /// The whole hash of a commit; `None` if it is missing.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        // A name that begins with a hyphen would be an option.
        if revision.starts_with('-') {
            return None;
        }
        let revision = format!("{revision}^{{commit}}");
        self.text(&["rev-parse", "--verify", "--quiet", "--end-of-options", &revision]).ok()
    }

    /// Whether one commit is the other, or lies before it.
    pub(super) fn is_ancestor(&self, first: &str, second: &str) -> bool {
        self.succeeds(&["merge-base", "--is-ancestor", first, second])
    }
}

/// The variables with which a caller could point git elsewhere, or make it run programs.
pub(super) fn git_variables() -> impl Iterator<Item = OsString> {
    let is_git = |name: &OsStr| name.as_encoded_bytes().starts_with(b"GIT_");
    std::env::vars_os().map(|(name, _)| name).filter(move |name| is_git(name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::Git;

    fn repository(folder: &Path) -> Git {
        let git = Git::new(folder);
        git.text(&["init", "--quiet", "--initial-branch=main"]).unwrap();
        fs::write(folder.join("file"), "text\n").unwrap();
        git.text(&["add", "file"]).unwrap();
        let name = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        git.text(&[&name[..], &["commit", "--quiet", "--message=first"]].concat()).unwrap();
        git
    }

    #[test]
    fn runs_no_program_that_a_repository_names() {
        let folder = tempfile::tempdir().unwrap();
        let git = repository(folder.path());
        let program = folder.path().join("program");
        fs::write(&program, "#!/bin/sh\ntouch ran\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let program = program.to_str().unwrap();
        for name in ["core.fsmonitor", "gpg.program", "core.pager", "diff.external"] {
            git.text(&["config", name, program]).unwrap();
        }
        git.text(&["config", "log.showSignature", "true"]).unwrap();
        fs::copy(program, folder.path().join(".git/hooks/post-checkout")).unwrap();
        fs::write(folder.path().join("file"), "other\n").unwrap();
        git.text(&["rev-list", "-1", "HEAD"]).unwrap();
        git.text(&["diff-index", "--numstat", "HEAD"]).unwrap();
        git.text(&["checkout", "--quiet", "--force", "HEAD"]).unwrap();
        assert!(!folder.path().join("ran").exists());
    }

    #[test]
    fn a_revision_is_never_an_option() {
        let folder = tempfile::tempdir().unwrap();
        let git = repository(folder.path());
        let head = git.commit("main").unwrap();
        assert_eq!(head.len(), 40);
        assert_eq!(git.commit(&head[..8]).as_deref(), Some(&*head));
        assert_eq!(git.commit("--all"), None);
        assert_eq!(git.commit("nowhere"), None);
        assert!(git.is_ancestor(&head, &head));
    }
}
