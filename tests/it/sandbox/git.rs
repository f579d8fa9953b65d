//! Repositories of a test.

use std::path::Path;
use std::process::Command;

use super::Sandbox;

impl Sandbox {
    /// The program finds git where this test does.
    pub(crate) fn has_git(&mut self) -> &mut Self {
        self.set("PATH", path())
    }

    /// Runs git in a folder without any user configuration.
    pub(crate) fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        self.git_at("2026-11-30T12:00:00Z", folder, arguments)
    }

    /// The same at another time.
    pub(crate) fn git_at(&self, time: &str, folder: &Path, arguments: &[&str]) -> String {
        let ran = Command::new("git")
            .args(["-c", "user.name=Dev", "-c", "user.email=dev@example.org"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("HOME", self.path(""))
            .env("PATH", path())
            .env("GIT_AUTHOR_DATE", time)
            .env("GIT_COMMITTER_DATE", time)
            .output()
            .expect("git is there");
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap().trim_end().to_owned()
    }
}

fn path() -> String {
    std::env::var("PATH").unwrap()
}
