//! The entries of `projects` in the configuration file. A session belongs to the longest path above its start directory; a
//! linked worktree counts as part of its main repository, because people name the repository and work in worktrees.

use std::path::{Path, PathBuf};

use super::json_file::Values;
use super::repository::{in_main_checkout, main_checkout};
use super::source::Problem;

/// One entry of `projects`.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) path: PathBuf,
    pub(super) place: String,
    pub(super) env: Values,
    pub(super) allow: Option<Allow>,
    /// The first problem in the entry that may hide consent or refusal.
    pub(super) unclear: Option<Problem>,
}

/// The user's permission for values of the project's own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Allow {
    /// The values never count.
    Never,
    /// The values count if their digest is one of these.
    Digests(Vec<String>),
}

/// The places of the entries whose path is above `start`, as written or with links resolved, the longest first.
pub(super) fn matches(projects: &[Project], start: &Path) -> Vec<usize> {
    if projects.is_empty() {
        return Vec::new();
    }
    let forms = forms_of(start);
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (place, project) in projects.iter().enumerate() {
        let canonical = project.path.canonicalize().ok();
        let matches = forms.iter().any(|form| {
            form.starts_with(&project.path)
                || canonical.as_ref().is_some_and(|path| form.starts_with(path))
        });
        if matches {
            // Compared in one form: otherwise a long link would beat a deeper folder.
            let path = canonical.as_ref().unwrap_or(&project.path);
            found.push((path.components().count(), place));
        }
    }
    found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    found.into_iter().map(|(_, place)| place).collect()
}

/// The name of a folder. The path may be of Windows: such sessions are read in WSL or from a backup.
pub fn folder_name(folder: &Path) -> Option<String> {
    let text = folder.to_str().unwrap_or_default();
    let mut letters = text.chars();
    let has_drive = letters.next().is_some_and(|first| first.is_ascii_alphabetic());
    let is_windows = text.starts_with(r"\\") || has_drive && letters.as_str().starts_with(r":\");
    if is_windows {
        text.rsplit(['\\', '/']).find(|part| !part.is_empty()).map(str::to_owned)
    } else {
        folder.file_name().map(|name| name.to_string_lossy().into_owned())
    }
}

/// The name of a session's project, the same in all worktrees and clones: that of the repository's remote, else of
/// its main checkout's folder, else of the start directory. `repository`: host, owner and name.
pub fn project_name(start: &Path, repository: Option<&str>) -> Option<String> {
    let of_remote = repository.and_then(|repository| repository.rsplit('/').next());
    let of_remote = of_remote.filter(|name| !name.is_empty()).map(str::to_owned);
    of_remote.or_else(|| match main_checkout(start) {
        Some(main) => folder_name(&main),
        None => folder_name(start),
    })
}

/// The start directory as given and with links resolved, then the same place in the main repository.
fn forms_of(start: &Path) -> Vec<PathBuf> {
    let mut forms = vec![start.to_path_buf()];
    forms.extend(canonical(start));
    if let Some(main) = in_main_checkout(start) {
        forms.extend(canonical(&main));
        forms.push(main);
    }
    forms
}

/// The path with links resolved as far as it exists: sessions outlive their folders.
fn canonical(path: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|existing| {
        let rest = path.strip_prefix(existing).ok()?;
        Some(existing.canonicalize().ok()?.join(rest))
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Project, folder_name, matches};
    use crate::config::json_file::Values;

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
    fn a_folder_of_windows_has_its_own_name() {
        for (folder, name) in [
            ("/home/dev/project", "project"),
            ("/home/dev/a:\\b", "a:\\b"),
            (r"C:\Users\dev\code\My App", "My App"),
            (r"C:\Users\dev\code\My App\", "My App"),
            (r"\\server\share\app", "app"),
            (r"\\wsl$\Ubuntu\home\dev\app", "app"),
        ] {
            assert_eq!(folder_name(Path::new(folder)).as_deref(), Some(name), "{folder}");
        }
    }

    #[test]
    fn paths_are_compared_by_component_and_the_longest_wins() {
        let list = projects(&["/nowhere", "/nowhere/mono/app/", "/nowhere/mono"]);
        let found = |start: &str| {
            let found = matches(&list, Path::new(start));
            found.first().map(|place| list[*place].path.display().to_string())
        };
        assert_eq!(found("/nowhere/mono/app/x").as_deref(), Some("/nowhere/mono/app/"));
        assert_eq!(found("/nowhere/mono/apple").as_deref(), Some("/nowhere/mono"));
        assert_eq!(found("/nowhere/monorail").as_deref(), Some("/nowhere"));
        assert_eq!(found("/elsewhere"), None);
    }
}
