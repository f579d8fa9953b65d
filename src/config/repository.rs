//! What a repository is called, read from its `.git` without starting a process: host, owner and name of `origin`.

use std::path::{Path, PathBuf};

use base::regular_file::read_text;

/// No file of git's that is read here is larger.
const MAX_GIT_FILE_BYTES: u64 = 1024 * 1024;

/// The identity of the repository that `directory` lies in; `None` without one, or without a remote.
pub fn identity(directory: &Path) -> Option<String> {
    let config = directory.ancestors().find_map(|folder| config_file(&folder.join(".git")))?;
    identity_of_url(&origin_url(&read_text(&config, MAX_GIT_FILE_BYTES).ok()?)?)
}

/// `.git` is a folder, or in a worktree or a submodule a file that names one.
fn config_file(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.join("config"));
    }
    let named = read_text(git, MAX_GIT_FILE_BYTES).ok()?;
    let folder = git.parent()?.join(named.trim().strip_prefix("gitdir:")?.trim());
    let common = read_text(&folder.join("commondir"), MAX_GIT_FILE_BYTES).ok();
    Some(common.map_or_else(|| folder.clone(), |common| folder.join(common.trim())).join("config"))
}

fn origin_url(config: &str) -> Option<String> {
    let section =
        config.lines().map(str::trim).skip_while(|line| *line != "[remote \"origin\"]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "url")
        .map(|(_, url)| url.trim().to_owned())
}

/// `https://user:secret@host:8443/owner/name.git`, `git@host:owner/name.git` → `host/owner/name`. A path on this
/// machine says nothing to others.
fn identity_of_url(url: &str) -> Option<String> {
    let (authority, path) = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?,
        None => url.split_once(':').filter(|(host, _)| !host.contains('/'))?,
    };
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| format!("{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::{identity, identity_of_url};

    #[test]
    fn every_form_of_a_remote_gives_host_owner_and_name_without_credentials() {
        for (url, name) in [
            ("https://github.com/owner/name.git", Some("github.com/owner/name")),
            ("https://user:ghp_secret@github.com/owner/name", Some("github.com/owner/name")),
            ("git@github.com:owner/name.git", Some("github.com/owner/name")),
            (
                "ssh://git@git.example.org:2222/team/sub/name.git",
                Some("git.example.org/team/sub/name"),
            ),
            ("https://host/owner/name.git?token=secret", Some("host/owner/name")),
            ("/srv/git/name.git", None),
            ("../name.git", None),
            ("file:///srv/git/name.git", None),
            ("", None),
        ] {
            assert_eq!(identity_of_url(url).as_deref(), name, "{url}");
        }
    }

    #[test]
    fn a_linked_worktree_is_its_main_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("main/.git/worktrees/side")).unwrap();
        std::fs::create_dir_all(root.join("side/deeper")).unwrap();
        let config =
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@host:owner/name.git\n";
        std::fs::write(root.join("main/.git/config"), config).unwrap();
        std::fs::write(root.join("main/.git/worktrees/side/commondir"), "../..\n").unwrap();
        let named = format!("gitdir: {}\n", root.join("main/.git/worktrees/side").display());
        std::fs::write(root.join("side/.git"), named).unwrap();
        assert_eq!(identity(&root.join("side/deeper")).as_deref(), Some("host/owner/name"));
        assert_eq!(identity(&root.join("main")).as_deref(), Some("host/owner/name"));
    }
}
