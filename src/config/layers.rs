//! The layers of one resolution and the order in which they are asked: layer first, then spelling.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Scope;
use super::env::Env;
use super::files::{Files, Values};
use super::project::{self, Allow};
use super::provenance::{MergedSettings, Owner, Provenance, is_guarded};
use super::source::{Layer, Problem, Source};
use super::variables::{self, BASE_URL, VARIABLES, Variable};

/// The text of a variable and where it was written.
#[derive(Debug, Clone)]
struct Given {
    text: String,
    place: Arc<str>,
    owner: Owner,
}

/// What one layer sets, by spelling.
#[derive(Debug)]
struct LayerValues {
    layer: Layer,
    values: BTreeMap<&'static str, Given>,
}

impl LayerValues {
    fn new(layer: Layer) -> Self {
        Self { layer, values: BTreeMap::new() }
    }

    fn with(layer: Layer, values: &Values, place: &str) -> Self {
        let mut layer_values = Self::new(layer);
        layer_values.overlay(values, place);
        layer_values
    }

    fn overlay(&mut self, values: &Values, place: &str) {
        let place: Arc<str> = Arc::from(place);
        for (spelling, text) in values {
            self.set(spelling, text, &place);
        }
    }

    fn set(&mut self, spelling: &'static str, text: &str, place: &Arc<str>) {
        let given =
            Given { text: text.trim().to_owned(), place: Arc::clone(place), owner: Owner::User };
        self.values.insert(spelling, given);
    }
}

/// A value found, and how deep: 0 is the highest layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) depth: usize,
    pub(super) text: &'a str,
    pub(super) spelling: &'static str,
    place: &'a str,
    layer: Layer,
    pub(super) owner: Owner,
}

impl Found<'_> {
    pub(super) fn source(&self) -> Source {
        Source { layer: self.layer, place: self.place.to_owned(), name: self.spelling }
    }

    pub(super) fn is_file_of(&self, variable: &Variable) -> bool {
        variable.is_file_spelling(self.spelling)
    }

    pub(super) fn problem(&self, what: String, remedy: String) -> Problem {
        Problem {
            variable: Some(self.spelling.to_owned()),
            place: self.place.to_owned(),
            what,
            remedy,
        }
    }
}

/// All layers but the built-in one, highest first.
#[derive(Debug)]
pub(super) struct Layers {
    layers: Vec<LayerValues>,
    /// Whose the session's values are.
    pub(super) provenance: Provenance,
    /// The place where a project took the host away that the session would have.
    pub(super) host_removed_by: Option<String>,
}

impl Layers {
    /// Gathers the layers of a session started in `start`; what is wrong with files goes to `problems`.
    pub(super) fn gather(
        env: &Env,
        files: &Files,
        start: Option<&Path>,
        scope: Scope,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let session = Session::read(env, files, start, scope, problems);
        let Session { managed, values, provenance, host_removed_by } = session;
        let mut layers = vec![managed, values];
        if let Some(path) = env.config_file() {
            let file = files.config_file(&path, env);
            problems.extend(file.problems.iter().cloned());
            let entries = start.map(|start| project::matches(&file.projects, start));
            if let Some(found) = entries.iter().flatten().next() {
                layers.push(LayerValues::with(Layer::Project, &found.env, &found.place));
            }
            layers.push(LayerValues::with(Layer::File, &file.env, &path.display().to_string()));
        }
        // Only now: an empty value in a settings file first takes away what the shell had set, as it does in
        // Claude Code.
        for layer_values in &mut layers {
            layer_values.values.retain(|_, given| !given.text.is_empty());
        }
        Self { layers, provenance, host_removed_by }
    }

    /// The values of the project that count in the session, by name.
    pub(super) fn of_project(&self) -> impl Iterator<Item = Found<'_>> {
        let layers = self.layers.iter().enumerate();
        layers.flat_map(|(depth, layer_values)| {
            let values = layer_values.values.iter();
            let of_project = values.filter(|(_, given)| given.owner == Owner::Project);
            of_project.map(move |(spelling, given)| found(depth, layer_values, spelling, given))
        })
    }

    /// How many layers there are.
    pub(super) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The value of the highest layer that has one.
    pub(super) fn find(&self, variable: &Variable) -> Option<Found<'_>> {
        (0..self.depth()).find_map(|depth| self.at(depth, variable))
    }

    /// The value in one layer.
    pub(super) fn at(&self, depth: usize, variable: &Variable) -> Option<Found<'_>> {
        let layer_values = self.layers.get(depth)?;
        variable.spellings.iter().find_map(|spelling| {
            let given = layer_values.values.get(spelling)?;
            Some(found(depth, layer_values, spelling, given))
        })
    }
}

fn found<'a>(
    depth: usize,
    layer_values: &LayerValues,
    spelling: &'static str,
    given: &'a Given,
) -> Found<'a> {
    Found {
        depth,
        text: &given.text,
        spelling,
        place: &given.place,
        layer: layer_values.layer,
        owner: given.owner,
    }
}

/// The shell under Claude Code's settings files, and above them what the organisation says.
struct Session {
    managed: LayerValues,
    values: LayerValues,
    provenance: Provenance,
    host_removed_by: Option<String>,
}

impl Session {
    fn read(
        env: &Env,
        files: &Files,
        start: Option<&Path>,
        scope: Scope,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let merged = merged_by_claude_code(env, scope);
        let provenance = Provenance::of(env, files, start, merged.as_ref());
        let mut values = of_environment(env, scope);
        let is_merged = merged
            .as_ref()
            .is_some_and(|merged| scope == Scope::OwnHook || is_start_of(merged, start));
        // What the user alone says. In a merged environment the shell's share of it is lost.
        let mut of_user = LayerValues::new(Layer::Session);
        if !is_merged {
            of_user.values.clone_from(&values.values);
        }
        for file in &provenance.user {
            of_user.overlay(&file.env, &file.place);
        }
        if !is_merged {
            let all = [&provenance.user, &provenance.project, &provenance.managed];
            for file in all.into_iter().flatten() {
                problems.extend(file.problems.iter().cloned());
                values.overlay(&file.env, &file.place);
            }
        }
        let mut session = Self {
            managed: LayerValues::new(Layer::Session),
            values,
            provenance,
            host_removed_by: None,
        };
        session.assign_owners(&of_user);
        session
    }

    /// Notes whose each value is, and lets the user's stand where the project's does not count.
    fn assign_owners(&mut self, of_user: &LayerValues) {
        let guarded = |spelling| variables::find(spelling).filter(|(one, _)| is_guarded(one));
        for (spelling, mut given) in std::mem::take(&mut self.values.values) {
            let Some((variable, _)) = guarded(spelling) else {
                self.values.values.insert(spelling, given);
                continue;
            };
            given.owner = self.provenance.owner(variable, spelling, &given.text);
            if given.owner == Owner::Project {
                if let Some(place) = self.provenance.place(spelling, &given.text) {
                    given.place = Arc::from(place);
                }
                // An empty value takes nothing from the user.
                let own = of_user.values.get(spelling);
                let own = own.filter(|own| !own.text.is_empty());
                let never = self.provenance.declared() == Some(&Allow::Never);
                match own {
                    Some(own) if never || given.text.is_empty() => {
                        given = own.clone();
                        given.owner = self.provenance.owner(variable, spelling, &given.text);
                    }
                    None if never => continue,
                    None if given.text.is_empty() && variable.name == BASE_URL.name => {
                        self.host_removed_by = Some(given.place.to_string());
                    }
                    _ => {}
                }
            }
            let layer_values = match given.owner {
                Owner::Managed => &mut self.managed,
                _ => &mut self.values,
            };
            layer_values.values.insert(spelling, given);
        }
    }
}

/// What Claude Code merged into the environment, if it did and the environment counts.
fn merged_by_claude_code(env: &Env, scope: Scope) -> Option<MergedSettings> {
    match scope {
        Scope::OwnHook => Some(env.merged.clone().unwrap_or_default()),
        Scope::Explicit => env.merged.clone(),
        Scope::FilesOnly => None,
    }
}

/// Whether the environment is that of a session started there.
fn is_start_of(merged: &MergedSettings, start: Option<&Path>) -> bool {
    start.is_some_and(|start| merged.folders.iter().any(|folder| folder == start))
}

fn of_environment(env: &Env, scope: Scope) -> LayerValues {
    let mut layer_values = LayerValues::new(Layer::Session);
    let place: Arc<str> = Arc::from("the environment");
    for variable in VARIABLES {
        if scope == Scope::FilesOnly && variable.files_only {
            continue;
        }
        for spelling in variable.spellings {
            if let Some(text) = env.environment.get(*spelling) {
                layer_values.set(spelling, text, &place);
            }
        }
    }
    layer_values
}
