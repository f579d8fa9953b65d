//! The repository of a folder, read from its `.git` without starting a process: its main checkout, and host, owner
//! and name of `origin`.

use std::path::{Component, Path, PathBuf};

use base::regular_file::read_text;

/// The maximum size of a file of git.
const MAX_GIT_FILE_BYTES: u64 = 1024 * 1024;

/// The nearest folder above a path that has a `.git`.
struct Checkout {
    top: PathBuf,
    /// `.git` itself, or the folder that a `.git` file names, in a worktree or a submodule.
    git_dir: PathBuf,
    /// The main checkout, if the `.git` file claims that this is a linked worktree.
    claimed_main: Option<PathBuf>,
}

impl Checkout {
    fn above(path: &Path) -> Option<Self> {
        let top = path.ancestors().find(|folder| folder.join(".git").exists())?.to_path_buf();
        let git = top.join(".git");
        if git.is_dir() {
            return Some(Self { top, git_dir: git, claimed_main: None });
        }
        let text = read(&git).unwrap_or_default();
        let Some(named) = text.trim().strip_prefix("gitdir:") else {
            // Claude Code takes it for the top of a repository anyway, and merges the settings there.
            return Some(Self { top, git_dir: git, claimed_main: None });
        };
        let git_dir = without_dots(&top.join(named.trim()));
        let claimed_main = main_of_worktree(&git_dir);
        Some(Self { top, git_dir, claimed_main })
    }

    /// The top folder of the main checkout. The repository must know the worktree, because anybody can write a `.git`
    /// file that names another repository.
    fn main(&self) -> Option<&Path> {
        let Some(main) = &self.claimed_main else {
            return Some(&self.top);
        };
        let back = self.git_dir.join(read(&self.git_dir.join("gitdir"))?.trim());
        let is_known = back.canonicalize().ok()? == self.top.join(".git").canonicalize().ok()?;
        is_known.then_some(main)
    }

    fn config_file(&self) -> PathBuf {
        let common = read(&self.git_dir.join("commondir")).unwrap_or_default();
        self.git_dir.join(common.trim()).join("config")
    }
}

/// The top folder of the main checkout of `start`. `None` outside of repositories, and in a folder that only claims
/// to be a worktree.
pub(super) fn main_checkout(start: &Path) -> Option<PathBuf> {
    Checkout::above(start)?.main().map(Path::to_path_buf)
}

/// The folder for which a user's permission for a session is kept.
pub fn root_of(start: &Path) -> PathBuf {
    let root = main_checkout(start).unwrap_or_else(|| start.to_path_buf());
    root.canonicalize().unwrap_or(root)
}

/// The top folder of the checkout with this path, even of a worktree.
pub fn checkout_of(path: &Path) -> Option<PathBuf> {
    Checkout::above(path).map(|checkout| checkout.top)
}

/// The place of `start` in the main checkout; `None` outside of linked worktrees.
pub fn in_main_checkout(start: &Path) -> Option<PathBuf> {
    let checkout = Checkout::above(start)?;
    let main = checkout.main().filter(|main| *main != checkout.top)?;
    let rest = start.strip_prefix(&checkout.top).ok()?;
    Some(if rest.as_os_str().is_empty() { main.to_path_buf() } else { main.join(rest) })
}

/// Host, owner and name of the repository's remote.
pub fn identity(directory: &Path) -> Option<String> {
    let config = read(&Checkout::above(directory)?.config_file())?;
    identity_of_url(&origin_url(&config)?)
}

fn read(path: &Path) -> Option<String> {
    read_text(path, MAX_GIT_FILE_BYTES).ok()
}

/// `…/REPO/.git/worktrees/NAME` is a worktree of `…/REPO`, `…/REPO.git/worktrees/NAME` one of a bare `…/REPO.git`.
/// Anything else, such as a submodule's `…/.git/modules/NAME`, is a repository of its own.
fn main_of_worktree(git_dir: &Path) -> Option<PathBuf> {
    let worktrees = git_dir.parent().filter(|folder| folder.ends_with("worktrees"))?;
    let common = worktrees.parent()?;
    let main = if common.ends_with(".git") { common.parent()? } else { common };
    Some(main.to_path_buf())
}

/// Git writes `gitdir: ../repo/.git/…` if worktrees are linked by relative paths.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
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
/// machine means nothing elsewhere.
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
    use std::path::{Path, PathBuf};

    use super::{identity, identity_of_url, main_checkout, main_of_worktree};

    #[test]
    fn reads_host_owner_and_name_from_every_form_of_remote() {
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

    #[test]
    fn a_git_file_that_names_nothing_is_the_top_of_a_repository() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("deeper")).unwrap();
        for text in ["", "not git's"] {
            std::fs::write(folder.path().join(".git"), text).unwrap();
            let main = main_checkout(&folder.path().join("deeper"));
            assert_eq!(main.as_deref(), Some(folder.path()), "{text:?}");
        }
    }

    #[test]
    fn only_worktrees_have_a_main_checkout_elsewhere() {
        let main = |path: &str| main_of_worktree(Path::new(path));
        assert_eq!(main("/r/.git/worktrees/x"), Some(PathBuf::from("/r")));
        assert_eq!(main("/r.git/worktrees/x"), Some(PathBuf::from("/r.git")));
        assert_eq!(main("/r/.git/modules/x"), None);
        assert_eq!(main("/"), None);
    }
}
