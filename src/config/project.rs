//! Which entry of `projects` a session belongs to: the longest path above its start directory, where a linked
//! worktree counts as part of its main repository, because people name the repository and work in worktrees.

use std::path::{Component, Path, PathBuf};

use base::regular_file;

use super::files::Values;

/// A `.git` file is one line with a path.
const LONGEST: u64 = 64 * 1024;

/// One entry of `projects`.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) path: PathBuf,
    pub(super) place: String,
    pub(super) env: Values,
}

/// The entry whose path is the longest above `start`, as written or with links resolved.
pub(super) fn best_match<'a>(projects: &'a [Project], start: &Path) -> Option<&'a Project> {
    if projects.is_empty() {
        return None;
    }
    let forms = forms_of(start);
    let mut best: Option<(usize, &Project)> = None;
    for project in projects {
        let canonical = project.path.canonicalize().ok();
        let matches = forms.iter().any(|form| {
            form.starts_with(&project.path)
                || canonical
                    .as_ref()
                    .is_some_and(|path| form.starts_with(path))
        });
        // Compared in one form, or a long link would beat a deeper folder.
        let length = canonical
            .as_ref()
            .unwrap_or(&project.path)
            .components()
            .count();
        if matches && best.is_none_or(|(longest, _)| length > longest) {
            best = Some((length, project));
        }
    }
    best.map(|(_, project)| project)
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
    for folder in start.ancestors() {
        let git = folder.join(".git");
        let Ok(metadata) = git.metadata() else {
            continue;
        };
        if !metadata.is_file() {
            return None;
        }
        let text = regular_file::read_text(&git, LONGEST).ok()?;
        let target = folder.join(text.strip_prefix("gitdir:")?.trim());
        let main = main_repository(&without_dots(&target))?;
        let rest = start.strip_prefix(folder).ok()?;
        return Some(if rest.as_os_str().is_empty() {
            main
        } else {
            main.join(rest)
        });
    }
    None
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

    use super::{Project, best_match, main_repository};
    use crate::config::files::Values;

    fn projects(paths: &[&str]) -> Vec<Project> {
        paths
            .iter()
            .map(|path| Project {
                path: PathBuf::from(path),
                place: String::new(),
                env: Values::new(),
            })
            .collect()
    }

    #[test]
    fn paths_are_compared_by_component_and_the_longest_wins() {
        let list = projects(&["/nowhere", "/nowhere/mono/app/", "/nowhere/mono"]);
        let found = |start: &str| {
            best_match(&list, Path::new(start)).map(|one| one.path.display().to_string())
        };
        assert_eq!(
            found("/nowhere/mono/app/x").as_deref(),
            Some("/nowhere/mono/app/")
        );
        assert_eq!(
            found("/nowhere/mono/apple").as_deref(),
            Some("/nowhere/mono")
        );
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
