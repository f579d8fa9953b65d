//! The hooks of an administrator's settings: Claude Code calls them without the `env` of the project's files (docs/claude-code.md,
//! "Environment of a hook").

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::env::Env;
use super::files::Files;
use super::settings_paths::settings_by_owner;
use super::variables::{self, ProjectMay};

/// Adds the values of the project's files to the environment of such a hook, as Claude Code merges them for all other
/// hooks: they hold consent and refusal. If a value of these files has arrived, another settings file calls the hook
/// too, and nothing is missing.
pub fn with_project_values(env: &mut Env, files: &Files, start: Option<&Path>) {
    let settings = settings_by_owner(env, files, start.as_slice());
    let values = settings.project.iter().flat_map(|file| &file.env);
    let values: BTreeMap<&str, &str> = values.map(|(name, text)| (*name, text.as_str())).collect();
    let others = settings.project.iter().flat_map(|file| &file.others);
    let others: BTreeMap<&str, &str> = others.map(|(name, text)| (&**name, &**text)).collect();
    let elsewhere = settings.user.iter().chain(&settings.managed);
    let elsewhere: BTreeSet<(&str, &str)> = elsewhere
        .flat_map(|file| {
            let ours = file.env.iter().map(|(name, text)| (*name, text.as_str()));
            ours.chain(file.others.iter().map(|(name, text)| (&**name, &**text)))
        })
        .collect();
    let has_arrived = |(name, text): (&&str, &&str)| {
        env.environment.get(*name).is_some_and(|value| value == text)
            && !elsewhere.contains(&(*name, *text))
    };
    if values.iter().chain(&others).any(has_arrived) {
        return;
    }
    let of_managed = settings.managed.iter().flat_map(|file| &file.env);
    let of_managed: BTreeSet<&str> = of_managed.map(|(name, _)| *name).collect();
    for (name, text) in values {
        let variable = variables::find_in_settings(name).map(|(variable, _)| variable);
        let counts = variable.is_some_and(|variable| variable.project_may != ProjectMay::Never);
        if counts && !of_managed.contains(name) {
            env.environment.insert(name.to_owned(), text.to_owned());
        }
    }
}
