//! The layers of one resolution and the order in which they are asked: layer first, then spelling.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::env::Env;
use super::files::Files;
use super::json_file::Values;
use super::project::{self, Allow};
use super::provenance::{Owner, Provenance};
use super::source::{Layer, Problem, Source};
use super::variables::{self, BASE_URL, VARIABLES, Variable};

/// Whose sessions the configuration is resolved for: it decides which layers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A session's own hook. Claude Code has merged its settings files into the environment already.
    OwnHook,
    /// A session or a folder that a person named: `replay PATH`, `doctor`, `config`. The shell with Claude Code's
    /// settings files over it. Keys are read even where tracing is off, because asking is consent.
    Explicit,
    /// Sessions that nobody named: `flush`, `replay --all`, waiting sessions. The shell's variables that are
    /// [`Variable::files_only`] are ignored.
    FilesOnly,
}

/// The text of a variable and its source.
#[derive(Debug, Clone)]
struct Given {
    text: String,
    place: Arc<str>,
    owner: Owner,
}

/// The values of one layer, by spelling.
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

/// A value with its layer. The highest layer has depth 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) depth: usize,
    pub(super) text: &'a str,
    pub(super) spelling: &'static str,
    pub(super) place: &'a str,
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
        Problem::of_variable(self.spelling, self.place, what, remedy)
    }
}

/// All layers but the built-in one, highest first.
#[derive(Debug)]
pub(super) struct Layers {
    layers: Vec<LayerValues>,
    pub(super) provenance: Provenance,
    /// The project's file that removed the host of the session.
    pub(super) host_removed_by: Option<String>,
}

impl Layers {
    /// Gathers the layers of a session started in `start`; problems of files go to `problems`.
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
            layers.push(LayerValues::with(Layer::File, &file.env, &file.place));
        }
        // Last, because an empty value in a settings file removes the shell's value, as it does in Claude Code.
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

/// The shell under Claude Code's settings files, and above them the organisation's settings.
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
        // `None` where the environment does not count, or is a person's shell.
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
        let mut values = of_environment(env, scope);
        // The values without the project's files. In a merged environment the shell's share of them is lost.
        let mut of_user = LayerValues::new(Layer::Session);
        if !is_merged {
            of_user.values.clone_from(&values.values);
            for file in provenance.settings.all() {
                problems.extend(file.problems.iter().cloned());
                values.overlay(&file.env, &file.place);
            }
        }
        for file in &provenance.settings.user {
            of_user.overlay(&file.env, &file.place);
        }
        let managed = LayerValues::new(Layer::Session);
        let mut session = Self { managed, values, provenance, host_removed_by: None };
        session.assign_owners(&of_user);
        session
    }

    /// Notes the owner of each value. The user's value takes the place of the project's where that does not count.
    fn assign_owners(&mut self, of_user: &LayerValues) {
        for (spelling, mut given) in std::mem::take(&mut self.values.values) {
            let Some((variable, _)) = variables::find(spelling) else {
                continue;
            };
            given.owner = self.provenance.owner(variable, spelling, &given.text);
            if given.owner == Owner::Project {
                if let Some(place) = self.provenance.place(spelling, &given.text) {
                    given.place = Arc::from(place);
                }
                let is_refused = self.provenance.declared() == Some(&Allow::Never);
                // An empty value takes nothing from the user.
                if is_refused || given.text.is_empty() {
                    let own = of_user.values.get(spelling).filter(|own| !own.text.is_empty());
                    if let Some(own) = own {
                        given = own.clone();
                        given.owner = self.provenance.owner(variable, spelling, &given.text);
                    } else if is_refused {
                        continue;
                    } else if *variable == BASE_URL {
                        self.host_removed_by = Some(given.place.to_string());
                    }
                }
            }
            let layer = match given.owner {
                Owner::Managed => &mut self.managed,
                _ => &mut self.values,
            };
            layer.values.insert(spelling, given);
        }
    }
}

fn of_environment(env: &Env, scope: Scope) -> LayerValues {
    let mut layer = LayerValues::new(Layer::Session);
    let place: Arc<str> = Arc::from("the environment");
    let counts = |variable: &&Variable| scope != Scope::FilesOnly || !variable.files_only;
    for spelling in VARIABLES.iter().filter(counts).flat_map(|variable| variable.spellings) {
        if let Some(text) = env.environment.get(*spelling) {
            layer.set(spelling, text, &place);
        }
    }
    layer
}
