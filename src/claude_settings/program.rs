//! The path of the program that survives its next upgrade: a profile's instead of a package's. A package in the Nix
//! store or a cellar is removed sooner or later, and a registered hook stays.

use std::path::{Path, PathBuf};

use crate::config::Env;
use crate::user_file::in_store;

pub(super) const NAME: &str = "claude-langfuse";

/// The path to register for a program that runs from `running`, its path with links resolved. `None` if it runs from
/// the Nix store and no profile has it.
pub fn stable_program(running: &Path, env: &Env) -> Option<PathBuf> {
    let mut places: Vec<PathBuf> =
        env.variable("PATH").into_iter().flat_map(std::env::split_paths).collect();
    let in_home = [".nix-profile/bin", ".local/state/nix/profile/bin"];
    places.extend(env.home().into_iter().flat_map(|home| in_home.map(|path| home.join(path))));
    let user = env.variable("USER");
    places.extend(user.map(|user| Path::new("/etc/profiles/per-user").join(user).join("bin")));
    places.push(PathBuf::from("/run/current-system/sw/bin"));
    let mut named = places
        .into_iter()
        .filter(|folder| folder.is_absolute() && !in_store(folder))
        .map(|folder| folder.join(NAME))
        .filter(|path| path.is_file());
    if in_store(running) {
        // Another version in a profile is as good: the profile is kept.
        return named.next();
    }
    named
        .find(|path| path.canonicalize().is_ok_and(|path| path == running))
        .or_else(|| Some(running.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::stable_program;
    use crate::config::Env;

    #[test]
    fn a_link_in_the_path_is_preferred_to_the_package_it_points_to() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let cellar = root.join("cellar/0.1.0");
        let bin = root.join("bin");
        fs::create_dir_all(&cellar).unwrap();
        fs::create_dir_all(&bin).unwrap();
        let package = cellar.join("claude-langfuse");
        fs::write(&package, "").unwrap();
        let mut here = Env::default();
        assert_eq!(stable_program(&package, &here).as_ref(), Some(&package));
        symlink(&package, bin.join("claude-langfuse")).unwrap();
        let path = format!("relative:{}", bin.display());
        here.environment.insert("PATH".to_owned(), path);
        assert_eq!(stable_program(&package, &here), Some(bin.join("claude-langfuse")));
    }

    #[test]
    fn from_the_store_only_a_profile_will_do() {
        let home = tempfile::tempdir().unwrap();
        let running = Path::new("/nix/store/0-claude-langfuse/bin/claude-langfuse");
        let mut here = Env { home: Some(home.path().to_path_buf()), ..Env::default() };
        let path = "/nix/store/0-claude-langfuse/bin".to_owned();
        here.environment.insert("PATH".to_owned(), path);
        assert_eq!(stable_program(running, &here), None);
        let profile = home.path().join(".nix-profile/bin");
        fs::create_dir_all(&profile).unwrap();
        fs::write(profile.join("claude-langfuse"), "").unwrap();
        assert_eq!(stable_program(running, &here), Some(profile.join("claude-langfuse")));
    }
}
