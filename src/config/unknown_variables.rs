//! Variables that look like ours and that nothing reads.

use std::path::Path;

use super::env::Env;
use super::files::Files;
use super::foreign_names::remedy;
use super::settings_paths::settings_by_owner;
use super::source::{Problem, shown};

/// The unknown variables in the environment and in Claude Code's settings files of a session started in `start`. Those
/// in the configuration file are problems of the configuration.
pub fn unknown_variables(env: &Env, files: &Files, start: Option<&Path>) -> Vec<Problem> {
    let settings = settings_by_owner(env, files, start.as_slice());
    let in_settings = settings
        .all()
        .flat_map(|file| file.others.iter().map(|(name, _)| (name.as_str(), file.place.as_str())));
    env.environment
        .keys()
        .map(|name| (name.as_str(), "the environment"))
        .chain(in_settings)
        .filter_map(|(name, place)| {
            Some(Problem::of_variable(&shown(name), place, "unknown variable", remedy(name)?))
        })
        .collect()
}
