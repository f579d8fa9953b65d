//! The layers of one resolution and the order in which they are asked: layer first, then spelling.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::files::{Files, Values};
use super::settings;
use super::source::{Layer, Problem, Source};
use super::surroundings::Surroundings;
use super::variables::{self, VARIABLES, Variable};
use super::{Flag, Scope, project};

/// The text of a variable and where it was written.
#[derive(Debug, Clone)]
struct Given {
    text: String,
    place: Arc<str>,
}

/// What one layer sets, by spelling.
#[derive(Debug)]
struct Stratum {
    layer: Layer,
    values: BTreeMap<&'static str, Given>,
}

impl Stratum {
    fn new(layer: Layer) -> Self {
        Self {
            layer,
            values: BTreeMap::new(),
        }
    }

    fn with(layer: Layer, values: &Values, place: &str) -> Self {
        let mut stratum = Self::new(layer);
        stratum.overlay(values, place);
        stratum
    }

    fn overlay(&mut self, values: &Values, place: &str) {
        let place: Arc<str> = Arc::from(place);
        for (spelling, text) in values {
            self.set(spelling, text, &place);
        }
    }

    fn set(&mut self, spelling: &'static str, text: &str, place: &Arc<str>) {
        let given = Given {
            text: text.trim().to_owned(),
            place: Arc::clone(place),
        };
        self.values.insert(spelling, given);
    }
}

/// A value found, and how deep: 0 is the highest layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) depth: usize,
    pub(super) text: &'a str,
    spelling: &'static str,
    place: &'a str,
    layer: Layer,
}

impl Found<'_> {
    pub(super) fn source(&self) -> Source {
        Source {
            layer: self.layer,
            place: self.place.to_owned(),
            name: self.spelling,
        }
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
pub(super) struct Layers(Vec<Stratum>);

impl Layers {
    /// Gathers the layers of a session started in `start`; what is wrong with files goes to `problems`.
    pub(super) fn gather(
        surroundings: &Surroundings,
        files: &Files,
        start: Option<&Path>,
        scope: Scope,
        flags: &[Flag],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut strata = vec![of_flags(flags)];
        strata.push(of_session(surroundings, files, start, scope, problems));
        if let Some(path) = surroundings.config_file() {
            let file = files.config_file(&path, surroundings);
            problems.extend(file.problems.iter().cloned());
            if let Some(found) = start.and_then(|start| project::best_match(&file.projects, start))
            {
                strata.push(Stratum::with(Layer::Project, &found.env, &found.place));
            }
            strata.push(Stratum::with(
                Layer::File,
                &file.env,
                &path.display().to_string(),
            ));
        }
        // Only now: an empty value in a settings file first takes away what the shell had set, as it does in
        // Claude Code.
        for stratum in &mut strata {
            stratum.values.retain(|_, given| !given.text.is_empty());
        }
        Self(strata)
    }

    /// How many layers there are.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// The value of the highest layer that has one.
    pub(super) fn find(&self, variable: &Variable) -> Option<Found<'_>> {
        (0..self.depth()).find_map(|depth| self.at(depth, variable))
    }

    /// The value in one layer.
    pub(super) fn at(&self, depth: usize, variable: &Variable) -> Option<Found<'_>> {
        let stratum = self.0.get(depth)?;
        variable.spellings.iter().find_map(|spelling| {
            let given = stratum.values.get(spelling)?;
            Some(Found {
                depth,
                text: &given.text,
                spelling,
                place: &given.place,
                layer: stratum.layer,
            })
        })
    }
}

fn of_flags(flags: &[Flag]) -> Stratum {
    let mut stratum = Stratum::new(Layer::Flag);
    for flag in flags {
        if let Some((_, spelling)) = variables::find(flag.variable) {
            stratum.set(spelling, &flag.value, &Arc::from(flag.text));
        }
    }
    stratum
}

/// The shell under Claude Code's settings files: one layer, because in a session's own hook the two can no
/// longer be told apart.
fn of_session(
    surroundings: &Surroundings,
    files: &Files,
    start: Option<&Path>,
    scope: Scope,
    problems: &mut Vec<Problem>,
) -> Stratum {
    let mut stratum = Stratum::new(Layer::Session);
    let place: Arc<str> = Arc::from("the environment");
    for variable in VARIABLES {
        if scope == Scope::FilesOnly && variable.files_only {
            continue;
        }
        for spelling in variable.spellings {
            if let Some(text) = surroundings.environment.get(*spelling) {
                stratum.set(spelling, text, &place);
            }
        }
    }
    if scope != Scope::OwnHook {
        for file in settings::files_for(surroundings, files, start) {
            problems.extend(file.problems.iter().cloned());
            stratum.overlay(&file.env, &file.place);
        }
    }
    stratum
}
