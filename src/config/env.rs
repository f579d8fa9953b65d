//! The environment that a configuration depends on. Only [`Env::of_process`] reads the process's environment, so that
//! tests can repeat every resolution.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{value, variables};

use super::destination::Request;
use super::key_file;

/// A snapshot of the environment and of the folders with files. It has no `Debug`, because the environment of a hook
/// holds keys.
#[derive(Clone, Default)]
pub struct Env {
    /// The process's variables. Values that are not UTF-8 are left out.
    pub environment: BTreeMap<String, String>,
    /// Variables with folders whose values are not UTF-8.
    pub folders: BTreeMap<String, PathBuf>,
    /// The user's home, if there is one.
    pub home: Option<PathBuf>,
    /// The folder of an administrator's settings of Claude Code; `None` to read none.
    pub managed_dir: Option<PathBuf>,
    /// `--config FILE`: replaces the usual file.
    pub config_override: Option<PathBuf>,
    /// Set if Claude Code merged its settings into the environment: in a hook, and in a command that it runs.
    pub merged: Option<MergedSettings>,
    /// The user's permissions: the top folder of the main repository, and the digest of the request.
    pub allowed: BTreeSet<(PathBuf, String)>,
    /// Asks for the per-user temporary folder in agenix's paths. Only on macOS.
    pub darwin_temp_dir: Option<fn() -> Option<String>>,
}

/// The settings that Claude Code merged into the environment of a hook, or of a command that it runs.
#[derive(Debug, Clone, Default)]
pub struct MergedSettings {
    /// The folders with merged settings files, besides the start directory.
    pub folders: Vec<PathBuf>,
    /// The names that earlier hooks of the session saw in files of the project: Claude Code keeps the value of a
    /// removed name.
    pub seen: BTreeSet<String>,
    /// The session is unknown.
    pub is_unknown: bool,
}

/// Variables that name a folder, whose values may have any bytes.
const FOLDERS: &[&str] = &["CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"];

impl Env {
    pub fn of_process() -> Self {
        let folder = |name: &&str| {
            let value = std::env::var_os(name).filter(|value| value.to_str().is_none())?;
            Some(((*name).to_owned(), PathBuf::from(value)))
        };
        let macos = cfg!(target_os = "macos");
        let managed =
            if macos { "/Library/Application Support/ClaudeCode" } else { "/etc/claude-code" };
        Self {
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            folders: FOLDERS.iter().filter_map(folder).collect(),
            home: std::env::home_dir(),
            managed_dir: Some(PathBuf::from(managed)),
            config_override: None,
            merged: None,
            allowed: BTreeSet::new(),
            darwin_temp_dir: macos.then_some(key_file::darwin_temp_dir),
        }
    }

    pub(super) fn has_allowed(&self, request: &Request) -> bool {
        let key = (request.root.clone(), request.digest.clone());
        request.doubt.is_none() && self.allowed.contains(&key)
    }

    /// A variable with a non-empty value.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name)?.as_str();
        (!value.trim().is_empty()).then_some(value)
    }

    /// The user's home, if it is usable. An empty or relative one would scatter files over projects.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref().filter(|home| home.is_absolute())
    }

    /// Claude Code's folder: `CLAUDE_CONFIG_DIR` or `~/.claude`.
    pub fn claude_config_dir(&self) -> Option<PathBuf> {
        let name = "CLAUDE_CONFIG_DIR";
        match self.variable(name) {
            Some(folder) => Some(self.expand_home(folder)),
            None => self.folders.get(name).cloned().or_else(|| Some(self.home()?.join(".claude"))),
        }
    }

    /// The default state folder.
    pub fn default_state_dir(&self) -> Option<PathBuf> {
        Some(self.claude_config_dir()?.join("state"))
    }

    /// Our configuration file, whether or not it exists.
    pub fn config_file(&self) -> Option<PathBuf> {
        if let Some(path) = &self.config_override {
            return Some(path.clone());
        }
        // The XDG specification requires that a relative path is ignored.
        let name = "XDG_CONFIG_HOME";
        let folder = self
            .variable(name)
            .map(PathBuf::from)
            .or_else(|| self.folders.get(name).cloned())
            .filter(|path| path.is_absolute())
            .or_else(|| Some(self.home()?.join(".config")))?;
        Some(folder.join("claude-langfuse/config.json"))
    }

    /// The time budget of a hook before it has read any file. At most the default, because a repository may have set
    /// it.
    pub fn hook_budget(&self) -> Duration {
        let read = |text: &str| value::seconds(text.trim(), 0.1, 60.0).ok();
        let mut spellings = variables::HOOK_BUDGET.spellings.iter();
        let usual = read(variables::HOOK_BUDGET.default).unwrap_or(Duration::from_secs(3));
        spellings.find_map(|name| read(self.variable(name)?)).map_or(usual, |own| own.min(usual))
    }

    /// Whether home-manager manages this home: its profile exists, or our configuration is a link into its store.
    pub fn has_home_manager(&self) -> bool {
        let profiles = [".local/state/nix/profiles/home-manager", ".local/state/home-manager"];
        let has_profile = |home: &Path| {
            profiles.iter().any(|profile| home.join(profile).symlink_metadata().is_ok())
        };
        let is_in_store =
            |file: PathBuf| file.read_link().is_ok_and(|target| target.starts_with("/nix/store"));
        self.home().is_some_and(has_profile) || self.config_file().is_some_and(is_in_store)
    }

    /// Replaces a leading `~/` by the home folder.
    pub fn expand_home(&self, path: &str) -> PathBuf {
        let rest = match path {
            "~" => Some(""),
            _ => path.strip_prefix("~/"),
        };
        match (rest, self.home()) {
            (Some(""), Some(home)) => home.to_path_buf(),
            (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
            _ => PathBuf::from(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::Env;

    fn with(home: Option<&str>, variables: &[(&str, &str)]) -> Env {
        Env {
            environment: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            home: home.map(PathBuf::from),
            ..Env::default()
        }
    }

    #[test]
    fn a_relative_xdg_folder_is_ignored() {
        let here = with(Some("/home/me"), &[("XDG_CONFIG_HOME", "config")]);
        assert_eq!(
            here.config_file().as_deref(),
            Some(Path::new("/home/me/.config/claude-langfuse/config.json"))
        );
    }

    #[test]
    fn without_a_home_there_is_no_folder_but_no_panic() {
        for home in [None, Some(""), Some("relative")] {
            let here = with(home, &[]);
            assert_eq!(here.config_file(), None);
            assert_eq!(here.claude_config_dir(), None);
            assert_eq!(here.expand_home("~/key"), Path::new("~/key"));
        }
    }

    #[test]
    fn claude_codes_folder_follows_its_variable() {
        let here = with(Some("/home/me"), &[("CLAUDE_CONFIG_DIR", "/elsewhere")]);
        assert_eq!(here.claude_config_dir().as_deref(), Some(Path::new("/elsewhere")));
    }
}
