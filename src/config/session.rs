//! The session's layer: the shell under Claude Code's settings files, each value with its owner.

use std::path::Path;
use std::sync::Arc;

use super::env::Env;
use super::files::Files;
use super::json_file::Values;
use super::layers::{LayerValues, Scope};
use super::provenance::{Owner, Provenance};
use super::source::{Layer, Problem};
use super::variables::{self, NETWORK, ProjectMay, VARIABLES, Variable};
use super::withheld::run_only;

/// The values of a session before the rules for projects.
pub(super) struct Session {
    /// The values of the organisation's settings, which are above all others.
    pub(super) managed: LayerValues,
    pub(super) values: LayerValues,
    pub(super) of_user: LayerValues,
    pub(super) of_user_files: LayerValues,
    pub(super) provenance: Provenance,
}

impl Session {
    pub(super) fn read(
        env: &Env,
        files: &Files,
        start: Option<&Path>,
        scope: Scope,
        problems: &mut Vec<Problem>,
    ) -> Self {
        // `None` if the environment does not count, or is a person's shell.
        let merged = match scope {
            Scope::OwnHook => Some(env.merged.clone().unwrap_or_default()),
            Scope::Explicit => env.merged.clone(),
            Scope::FilesOnly => None,
        };
        let provenance = Provenance::of(env, files, start, merged.as_ref());
        let is_merged = merged.is_some_and(|merged| {
            let is_start = |start| merged.folders.iter().any(|folder| folder == start);
            scope == Scope::OwnHook || start.is_some_and(is_start)
        });
        let mut values = match scope {
            Scope::FilesOnly => of_command(env, files),
            _ => of_environment(env, |_| true),
        };
        let mut of_user_files = LayerValues::new(Layer::Session);
        for file in &provenance.settings.user {
            of_user_files.overlay(&for_projects(&file.env), &file.place);
        }
        let mut of_user = LayerValues::new(Layer::Session);
        if !is_merged {
            of_user.values.clone_from(&values.values);
            for file in provenance.settings.all() {
                problems.extend(file.problems.iter().cloned());
                values.overlay(&for_projects(&file.env), &file.place);
            }
        }
        of_user.values.extend(of_user_files.values.clone());
        let managed = LayerValues::new(Layer::Session);
        let mut session = Self { managed, values, of_user, of_user_files, provenance };
        session.assign_owners(problems);
        session.managed.drop_empty();
        session
    }

    fn assign_owners(&mut self, problems: &mut Vec<Problem>) {
        for (spelling, mut given) in std::mem::take(&mut self.values.values) {
            let Some((variable, _)) = variables::find_in_settings(spelling) else {
                continue;
            };
            given.owner = self.provenance.owner(variable, spelling, &given.text);
            if variable.project_may == ProjectMay::Never && given.owner != Owner::Shell {
                problems.push(run_only(spelling, &given.place));
                continue;
            }
            let layer = match given.owner {
                Owner::Managed => &mut self.managed,
                _ => &mut self.values,
            };
            if given.owner == Owner::Project
                && let Some(place) = self.provenance.place(spelling, &given.text)
            {
                given.place = Arc::from(place);
            }
            layer.values.insert(spelling, given);
        }
    }
}

/// Values of a file without those that belong to a run: these count from the environment alone.
fn for_projects(values: &Values) -> Values {
    let is_for_projects = |spelling: &str| {
        let found = variables::find_in_settings(spelling);
        found.is_some_and(|(variable, _)| variable.project_may != ProjectMay::Never)
    };
    values.iter().filter(|(spelling, _)| is_for_projects(spelling)).cloned().collect()
}

/// The variables about the command. If Claude Code runs it, those of the project in which it works mean nothing for
/// other sessions.
fn of_command(env: &Env, files: &Files) -> LayerValues {
    let mut values = of_environment(env, |variable| variable.of_command);
    if let Some(merged) = &env.merged {
        let provenance = Provenance::of(env, files, None, Some(merged));
        values.values.retain(|spelling, given| {
            variables::find_in_settings(spelling).is_some_and(|(variable, _)| {
                provenance.owner(variable, spelling, &given.text) != Owner::Project
            })
        });
    }
    values
}

fn of_environment(env: &Env, counts: impl Fn(&Variable) -> bool) -> LayerValues {
    let mut layer = LayerValues::new(Layer::Session);
    let place: Arc<str> = Arc::from("the environment");
    let variables = VARIABLES.iter().chain(NETWORK).filter(|variable| counts(variable));
    for spelling in variables.flat_map(|variable| variable.spellings) {
        if let Some(text) = env.environment.get(*spelling) {
            layer.set(spelling, text, &place, Owner::Shell);
        }
    }
    layer
}
