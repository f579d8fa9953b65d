//! Which entry of `projects` a session belongs to: the longest path above its start directory, where a linked
//! worktree counts as part of its main repository, because people name the repository and work in worktrees.

use std::path::{Component, Path, PathBuf};

use base::regular_file;

use super::files::Values;
use super::source::Problem;

/// A `.git` file is one line with a path.
const MAX_GIT_FILE_BYTES: u64 = 64 * 1024;

/// One entry of `projects`.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) path: PathBuf,
    pub(super) place: String,
    pub(super) env: Values,
    pub(super) allow: Option<Allow>,
    /// The first thing in it that is not understood: it may be consent or refusal.
    pub(super) unclear: Option<Problem>,
}

/// What the user declared about values of a project's own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Allow {
    /// They never count.
    Never,
    /// They count if their digest is one of these.
    Digests(Vec<String>),
}

/// The entries whose path is above `start`, as written or with links resolved, the longest first.
pub(super) fn matches<'a>(projects: &'a [Project], start: &Path) -> Vec<&'a Project> {
    if projects.is_empty() {
        return Vec::new();
    }
    let forms = forms_of(start);
    let mut found: Vec<(usize, &Project)> = Vec::new();
    for project in projects {
        let canonical = project.path.canonicalize().ok();
        let matches = forms.iter().any(|form| {
            form.starts_with(&project.path)
                || canonical.as_ref().is_some_and(|path| form.starts_with(path))
        });
        if matches {
            // Compared in one form, or a long link would beat a deeper folder.
            let path = canonical.as_ref().unwrap_or(&project.path);
            found.push((path.components().count(), project));
        }
    }
    found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    found.into_iter().map(|(_, project)| project).collect()
}

/// The start directory as given and with links resolved, then the same place in the main repository.
fn forms_of(start: &Path) -> Vec<PathBuf> {
    let mut forms = vec![start.to_path_buf()];
    forms.extend(canonical(start));
    if let Some(main) = in_main_repository(start) {
        forms.extend(canonical(&main));
        forms.push(main);
    }
    forms
}

/// The path with links resolved as far as it exists: sessions outlive the folders they ran in.
fn canonical(path: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|existing| {
        let rest = path.strip_prefix(existing).ok()?;
        Some(existing.canonicalize().ok()?.join(rest))
    })
}

/// Where `start` would be in the main repository, if it is in a linked worktree.
fn in_main_repository(start: &Path) -> Option<PathBuf> {
    let (top, git) = checkout(start)?;
    if !git.is_file() {
        return None;
    }
    let main = main_of_worktree(&git)?;
    let rest = start.strip_prefix(top).ok()?;
    Some(if rest.as_os_str().is_empty() { main } else { main.join(rest) })
}

/// The top folder of the main checkout that `start` belongs to: what a person calls the repository. `None` outside of
/// repositories, and in a folder that only says that it is a worktree.
pub(super) fn main_checkout(start: &Path) -> Option<PathBuf> {
    let (top, git) = checkout(start)?;
    if git.is_dir() {
        return Some(top.to_path_buf());
    }
    let target = git_dir_named_by(&git)?;
    match main_repository(&target) {
        Some(_) => main_of_worktree(&git),
        None => Some(top.to_path_buf()),
    }
}

/// The nearest folder above that has a `.git`, and that.
fn checkout(start: &Path) -> Option<(&Path, PathBuf)> {
    start.ancestors().find_map(|folder| {
        let git = folder.join(".git");
        git.exists().then_some((folder, git))
    })
}

/// The main repository of the worktree with this `.git` file. The repository has to know the worktree: anybody can write
/// a file that names another's repository.
fn main_of_worktree(git: &Path) -> Option<PathBuf> {
    let target = git_dir_named_by(git)?;
    let main = main_repository(&target)?;
    let back = regular_file::read_text(&target.join("gitdir"), MAX_GIT_FILE_BYTES).ok()?;
    let back = target.join(back.trim()).canonicalize().ok()?;
    (back == git.canonicalize().ok()?).then_some(main)
}

/// The folder that a `.git` file names.
fn git_dir_named_by(git: &Path) -> Option<PathBuf> {
    let text = regular_file::read_text(git, MAX_GIT_FILE_BYTES).ok()?;
    let target = git.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    Some(without_dots(&target))
}

/// `…/REPO/.git/worktrees/NAME` is a worktree of `…/REPO`, `…/REPO.git/worktrees/NAME` one of a bare `…/REPO.git`.
/// Anything else, such as a submodule's `…/.git/modules/NAME`, is a repository of its own.
fn main_repository(git_dir: &Path) -> Option<PathBuf> {
    let worktrees = git_dir.parent()?;
    if worktrees.file_name()? != "worktrees" {
        return None;
    }
    let common = worktrees.parent()?;
    if common.file_name()? == ".git" {
        return Some(common.parent()?.to_path_buf());
    }
    Some(common.to_path_buf())
}

/// Git writes `gitdir: ../repo/.git/…` where worktrees are linked by relative paths.
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Project, main_repository, matches};
    use crate::config::files::Values;

    fn projects(paths: &[&str]) -> Vec<Project> {
        paths
            .iter()
            .map(|path| Project {
                path: PathBuf::from(path),
                place: String::new(),
                env: Values::new(),
                allow: None,
                unclear: None,
            })
            .collect()
    }

    #[test]
    fn paths_are_compared_by_component_and_the_longest_wins() {
        let list = projects(&["/nowhere", "/nowhere/mono/app/", "/nowhere/mono"]);
        let found = |start: &str| {
            let found = matches(&list, Path::new(start));
            found.first().map(|one| one.path.display().to_string())
        };
        assert_eq!(found("/nowhere/mono/app/x").as_deref(), Some("/nowhere/mono/app/"));
        assert_eq!(found("/nowhere/mono/apple").as_deref(), Some("/nowhere/mono"));
        assert_eq!(found("/nowhere/monorail").as_deref(), Some("/nowhere"));
        assert_eq!(found("/elsewhere"), None);
    }

    #[test]
    fn only_worktrees_have_a_main_repository() {
        let main = |path: &str| main_repository(Path::new(path));
        assert_eq!(main("/r/.git/worktrees/x"), Some(PathBuf::from("/r")));
        assert_eq!(main("/r.git/worktrees/x"), Some(PathBuf::from("/r.git")));
        assert_eq!(main("/r/.git/modules/x"), None);
        assert_eq!(main("/"), None);
    }
}
