//! The layers of one resolution, and their order: layer first, then spelling.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::env::Env;
use super::files::Files;
use super::json_file::Values;
use super::provenance::{Owner, Provenance};
use super::session::Session;
use super::source::{Layer, Problem, Source};
use super::variables::{NETWORK, PUBLIC_KEY, SECRET_KEY, Variable};
use super::withheld::Withheld;

/// The sessions for which the configuration is resolved. It decides which layers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A session's own hook. Claude Code has merged its settings files into the environment already.
    OwnHook,
    /// A session or a folder that a person named: `replay PATH`, `doctor`, `config`. The shell, under Claude Code's
    /// settings files. Keys are read even if tracing is off, because the command is consent.
    Explicit,
    /// Sessions without a name on the command line: `flush`, `replay --all`, waiting sessions. Only variables about
    /// the command itself count from the shell (`Variable::of_command`).
    FilesOnly,
}

/// The text of a variable and its source.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) place: Arc<str>,
    pub(super) owner: Owner,
}

/// The values of one layer, by spelling.
#[derive(Debug)]
pub(super) struct LayerValues {
    pub(super) layer: Layer,
    pub(super) values: BTreeMap<&'static str, Given>,
}

impl LayerValues {
    pub(super) fn new(layer: Layer) -> Self {
        Self { layer, values: BTreeMap::new() }
    }

    fn with(layer: Layer, values: &Values, place: &str) -> Self {
        let mut layer_values = Self::new(layer);
        layer_values.overlay(values, place);
        layer_values.drop_empty();
        layer_values
    }

    pub(super) fn overlay(&mut self, values: &Values, place: &str) {
        let place: Arc<str> = Arc::from(place);
        for (spelling, text) in values {
            self.set(spelling, text, &place, Owner::User);
        }
    }

    pub(super) fn set(
        &mut self,
        spelling: &'static str,
        text: &str,
        place: &Arc<str>,
        owner: Owner,
    ) {
        let given = Given { text: text.trim().to_owned(), place: Arc::clone(place), owner };
        self.values.insert(spelling, given);
    }

    /// A non-empty value, by spelling.
    pub(super) fn own(&self, spelling: &str) -> Option<&Given> {
        self.values.get(spelling).filter(|given| !given.text.is_empty())
    }

    pub(super) fn drop_empty(&mut self) {
        self.values.retain(|_, given| !given.text.is_empty());
    }

    /// The value of the strongest spelling.
    fn find(&self, variable: &Variable) -> Option<Found<'_>> {
        variable.spellings.iter().find_map(|spelling| self.found(spelling))
    }

    fn found(&self, spelling: &'static str) -> Option<Found<'_>> {
        let Given { text, place, owner } = self.own(spelling)?;
        Some(Found { text, spelling, place, layer: self.layer, owner: *owner })
    }
}

/// A value with its layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) text: &'a str,
    pub(super) spelling: &'static str,
    pub(super) place: &'a str,
    pub(super) layer: Layer,
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

    /// A variable of an application in the same shell: other programs know the name too, and no file has the value.
    pub(super) fn is_of_application(&self) -> bool {
        self.owner == Owner::Shell && !self.spelling.starts_with("CC_")
    }
}

/// The depth of the session's layer. Only the organisation's is higher.
pub(super) const SESSION: usize = 1;

/// All layers but the default, highest first.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) layers: Vec<LayerValues>,
    /// The session's values without those of the project's files. In a merged environment the shell's part of them is
    /// lost.
    pub(super) of_user: LayerValues,
    /// Those of them that a file has.
    pub(super) of_user_files: LayerValues,
    pub(super) provenance: Provenance,
    /// The project's file that removed the host of the session.
    pub(super) host_removed_by: Option<String>,
    /// Values of the project's files that need permission first.
    pub(super) withheld: Vec<Withheld>,
    /// Patterns of the project's files. Mask patterns add to the user's.
    pub(super) project_patterns: Option<Given>,
    /// Ignored values, for messages.
    pub(super) ignored: Vec<Problem>,
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
        let mut layers = vec![session.managed, session.values];
        if let Some(path) = env.config_file() {
            let file = files.config_file(&path, env);
            problems.extend(file.problems.iter().cloned());
            let entries = start.map(|start| file.matches(start));
            let entries = entries.iter().flatten();
            layers.extend(
                entries.map(|entry| LayerValues::with(Layer::Project, &entry.env, &entry.place)),
            );
            layers.push(LayerValues::with(Layer::File, &file.env, &file.place));
        }
        let mut layers = Self {
            layers,
            of_user: session.of_user,
            of_user_files: session.of_user_files,
            provenance: session.provenance,
            host_removed_by: None,
            withheld: Vec::new(),
            project_patterns: None,
            ignored: Vec::new(),
        };
        layers.restrict_project();
        layers.yield_to_config_file();
        layers
    }

    /// The keys and hosts of the project that count in the session, by name.
    pub(super) fn of_project(&self) -> impl Iterator<Item = Found<'_>> {
        let spellings = super::variables::VARIABLES.iter().filter(|variable| variable.leads());
        let spellings = spellings.flat_map(|variable| variable.spellings);
        let found = spellings.filter_map(|spelling| self.layers.get(SESSION)?.found(spelling));
        found.filter(|found| found.owner == Owner::Project)
    }

    pub(super) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The value of the highest layer that has one.
    pub(super) fn find(&self, variable: &Variable) -> Option<Found<'_>> {
        (0..self.depth()).find_map(|depth| self.at(depth, variable))
    }

    /// The value in one layer. The highest has depth 0.
    pub(super) fn at(&self, depth: usize, variable: &Variable) -> Option<Found<'_>> {
        self.layers.get(depth)?.find(variable)
    }

    /// The value of the user or the organisation, regardless of the project.
    pub(super) fn find_users(&self, variable: &Variable) -> Option<Found<'_>> {
        self.find_beside(&self.of_user, variable)
    }

    /// Like [`Self::find_users`], from files alone.
    pub(super) fn find_in_users_files(&self, variable: &Variable) -> Option<Found<'_>> {
        self.find_beside(&self.of_user_files, variable)
    }

    fn find_beside<'a>(
        &'a self,
        session: &'a LayerValues,
        variable: &Variable,
    ) -> Option<Found<'a>> {
        (0..self.depth()).find_map(|depth| match depth {
            SESSION => session.find(variable),
            _ => self.at(depth, variable),
        })
    }

    /// The variables that decide how a server is reached.
    pub(super) fn network(&self) -> BTreeMap<String, String> {
        let mut network = BTreeMap::new();
        // The organisation's value comes last.
        for layer in self.layers.iter().take(SESSION + 1).rev() {
            for spelling in NETWORK.iter().flat_map(|variable| variable.spellings) {
                if let Some(given) = layer.own(spelling) {
                    network.insert((*spelling).to_owned(), given.text.clone());
                }
            }
        }
        network
    }

    /// An application's keys in the shell yield to those of the configuration file, and its host with them.
    fn yield_to_config_file(&mut self) {
        let below = SESSION + 1..self.depth();
        let has_keys = |depth: usize| {
            self.at(depth, &PUBLIC_KEY).is_some() && self.at(depth, &SECRET_KEY).is_some()
        };
        if has_keys(0) || !below.clone().any(has_keys) {
            return;
        }
        let keys: Vec<Found<'_>> = [PUBLIC_KEY, SECRET_KEY]
            .iter()
            .filter_map(|variable| self.at(SESSION, variable))
            .collect();
        if !keys.iter().all(Found::is_of_application) {
            return;
        }
        let host = &super::variables::BASE_URL;
        let has_host = below.into_iter().any(|depth| self.at(depth, host).is_some());
        let yields_host = !keys.is_empty() || has_host;
        let host = self.at(SESSION, host).filter(|host| yields_host && host.is_of_application());
        let yielded: Vec<&'static str> =
            keys.iter().chain(&host).map(|found| found.spelling).collect();
        for spelling in yielded {
            self.yield_value(spelling);
        }
    }

    /// Removes an application's value, and weaker spellings of it.
    fn yield_value(&mut self, spelling: &'static str) {
        let Some((variable, _)) = super::variables::find(spelling) else {
            return;
        };
        let Some(session) = self.layers.get_mut(SESSION) else {
            return;
        };
        let Some(given) = session.values.get(spelling).cloned() else {
            return;
        };
        for spelling in variable.spellings {
            session.values.remove(spelling);
        }
        let is_same =
            self.find(variable).is_some_and(|own| variable.is_same(own.text, &given.text));
        if !is_same {
            let what = "ignored: config.json has keys of its own";
            let remedy = format!("use CC_{spelling} to send sessions there");
            self.ignored.push(Problem::of_variable(spelling, &given.place, what, remedy));
        }
    }
}
