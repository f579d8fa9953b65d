//! Variables of a project's files that would lead the program to other files: the home folder, the folders of
//! configuration, and names in `${NAME}` in the path of a key file. They never count, even if an old release of
//! Claude Code applied them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::env::Env;
use super::files::Files;
use super::settings_paths::settings_by_owner;

/// Removes variables from the environment that files of the project in one of `folders` brought, and that are not
/// ours. `claude_dir`: Claude Code's own folder, if it is known without the environment.
pub fn without_redirects(
    env: &mut Env,
    files: &Files,
    folders: &[&Path],
    claude_dir: Option<&Path>,
) {
    // The user's files are those in Claude Code's folder, and a project may have named another one.
    let mut known = env.clone();
    if let Some(folder) = claude_dir.and_then(Path::to_str) {
        known.environment.insert("CLAUDE_CONFIG_DIR".to_owned(), folder.to_owned());
    }
    let settings = settings_by_owner(&known, files, folders);
    let others = settings.project.iter().flat_map(|file| &file.others);
    let is_applied = |(name, text): &&(String, String)| {
        !is_claude_codes(name) && env.environment.get(name) == Some(text)
    };
    let brought: BTreeSet<&String> = others.filter(is_applied).map(|(name, _)| name).collect();
    let of_user = settings.user.iter().flat_map(|file| &file.others);
    let of_user: BTreeMap<&String, &String> = of_user.map(|(name, text)| (name, text)).collect();
    for name in &brought {
        match of_user.get(name) {
            Some(text) => env.environment.insert((*name).clone(), (*text).clone()),
            None => env.environment.remove(*name),
        };
    }
    let is_brought = |name: &str| brought.iter().any(|one| *one == name);
    if is_brought("HOME") {
        let home = claude_dir.filter(|folder| folder.ends_with(".claude")).and_then(Path::parent);
        env.home = home.map(Path::to_path_buf);
    }
    if is_brought("HOME") || is_brought("CLAUDE_CONFIG_DIR") {
        let name = "CLAUDE_CONFIG_DIR".to_owned();
        match claude_dir.and_then(Path::to_str) {
            Some(folder) => env.environment.insert(name, folder.to_owned()),
            None => env.environment.remove(&name),
        };
    }
}

/// Claude Code sets these itself for hooks and for commands that it runs.
fn is_claude_codes(name: &str) -> bool {
    name.starts_with("CLAUDE")
        && name != "CLAUDE_CONFIG_DIR"
        && !name.starts_with("CLAUDE_PLUGIN_OPTION_")
}
