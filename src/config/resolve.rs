//! From layers to a [`Config`]: consent first, then keys only if they are needed, then the rest.

use std::path::{Path, PathBuf};

use super::base_url::is_plain_and_remote;
use super::destination::{Destination, DestinationProblem};
use super::env::Env;
use super::files::Files;
use super::key_file::{expand, world_readable};
use super::keys;
use super::layers::{Found, Layers, Scope};
use super::resolved::{Config, Experiment};
use super::settings_paths;
use super::source::{Problem, Setting, Source, masked, shown};
use super::value::{self, Capture, ParentSpan};
use super::variables::{self as v, VARIABLES, Variable};

/// Resolves the configuration of a session that was started in `start`.
pub fn resolve(env: &Env, files: &Files, start: Option<&Path>, scope: Scope) -> Config {
    let mut problems = Vec::new();
    let layers = Layers::gather(env, files, start, scope, &mut problems);
    let mut reader = Reader { layers: &layers, env, problems, warnings: Vec::new() };
    let (enabled, suspended) = reader.consent(files, start);
    let destination = match &suspended {
        Some(problem) => Err(DestinationProblem::Suspended(Box::new(problem.clone()))),
        None if enabled || scope == Scope::Explicit => {
            let shell_ignored = scope == Scope::FilesOnly && shell_has_keys(env);
            keys::resolve(&layers, env, shell_ignored)
        }
        None => Err(DestinationProblem::Off),
    };
    if let Ok(destination) = &destination {
        reader.warn_of_exposure(destination);
    }
    let mut config = Config {
        enabled,
        suspended,
        destination,
        user_id: reader.text(&v::USER_ID),
        environment: reader.environment(),
        release: reader.text(&v::RELEASE),
        timeout: reader.read_or_default(&v::TIMEOUT, |text| value::seconds(text, 0.1, 600.0)),
        ca_file: reader.path(&v::CA_FILE),
        tags: reader.read_or_default(&v::TRACE_TAGS, value::tags),
        metadata: reader.read_or_default(&v::METADATA, value::metadata),
        trace_seed: reader.text(&v::TRACE_SEED),
        parent: reader.parent(),
        experiment: reader.experiment(),
        scores: reader.read_or_default(&v::SCORES, value::switch),
        capture: reader.capture(),
        mask: reader.read_or_default(&v::MASK, value::switch),
        mask_patterns: reader.text(&v::MASK_PATTERNS),
        max_chars: reader.read_or_default(&v::MAX_CHARS, value::count),
        state_dir: reader.state_dir(),
        debug: reader.read_or_default(&v::DEBUG, value::switch),
        hook_budget: reader
            .read_or_default(&v::HOOK_BUDGET, |text| value::seconds(text, 0.1, 60.0)),
        notify: reader.read_or_default(&v::NOTIFY, value::switch),
        problems: Vec::new(),
        warnings: Vec::new(),
        sources: Vec::new(),
    };
    config.problems = reader.problems;
    config.warnings = reader.warnings;
    config.sources =
        VARIABLES.iter().map(|variable| setting(variable, &layers, env, &config)).collect();
    config
}

/// Whether the shell has keys, for the message that they are ignored.
fn shell_has_keys(env: &Env) -> bool {
    [v::PUBLIC_KEY, v::SECRET_KEY]
        .iter()
        .flat_map(|variable| variable.spellings)
        .any(|spelling| env.variable(spelling).is_some())
}

struct Reader<'a> {
    layers: &'a Layers,
    env: &'a Env,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Reader<'_> {
    /// Whether tracing is on, and why that is not known where it is not.
    fn consent(&mut self, files: &Files, start: Option<&Path>) -> (bool, Option<Problem>) {
        let is_on = self.read_or_default(&v::ENABLED, value::switch);
        let suspended = self.suspended(files, start);
        (is_on && suspended.is_none(), suspended)
    }

    /// Why neither consent nor refusal is certain: a file can't be read, or the switch is neither on nor off.
    fn suspended(&mut self, files: &Files, start: Option<&Path>) -> Option<Problem> {
        let in_file = self.env.config_file().and_then(|path| {
            let file = files.config_file(&path, self.env);
            file.unclear_in(start)
        });
        if let Some(problem) = in_file.or_else(|| settings_paths::unreadable(self.env, files)) {
            if !self.problems.contains(&problem) {
                self.problems.push(problem.clone());
            }
            return Some(problem);
        }
        let found = self.layers.find(&v::ENABLED)?;
        let what = value::switch(found.text).err()?;
        Some(found.problem(what, format!("use {}", v::ENABLED.accepts)))
    }

    fn text(&self, variable: &Variable) -> Option<String> {
        Some(self.layers.find(variable)?.text.to_owned())
    }

    /// As it is, even if Langfuse would not keep it.
    fn environment(&mut self) -> Option<String> {
        let _: Option<()> = self.read(&v::ENVIRONMENT, value::environment);
        self.text(&v::ENVIRONMENT)
    }

    /// The value, or the default of the table.
    fn read_or_default<T: Default>(
        &mut self,
        variable: &Variable,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.read(variable, &parse).or_else(|| parse(variable.default).ok()).unwrap_or_default()
    }

    /// `None` where the variable is not set, and where it can't be used, which is then a problem.
    fn read<T>(
        &mut self,
        variable: &Variable,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let found = self.layers.find(variable)?;
        parse(found.text).map_err(|what| self.refuse(&found, variable, what)).ok()
    }

    fn refuse(&mut self, found: &Found<'_>, variable: &Variable, what: String) {
        let remedy = format!("use {}", variable.accepts);
        self.problems.push(found.problem(what, remedy));
    }

    /// Warns of a key that others on this machine can read, and of unencrypted requests.
    fn warn_of_exposure(&mut self, destination: &Destination) {
        let key = self.layers.find(&v::SECRET_KEY);
        let file = key.filter(|found| found.is_file_of(&v::SECRET_KEY));
        let open = file.and_then(|found| Some((found, world_readable(found.text, self.env)?)));
        if let Some((found, path)) = open {
            let remedy = format!("run: chmod 600 {}", path.display());
            self.warnings.push(found.problem("key file is world-readable".to_owned(), remedy));
        }
        if is_plain_and_remote(&destination.base_url) {
            let Source { place, name, .. } = &destination.base_url_source;
            let what = "keys and sessions are sent unencrypted";
            let remedy = "use https:// if the server supports it";
            self.warnings.push(Problem::of_variable(name, place, what, remedy));
        }
    }

    /// A typo must not send more than was meant.
    fn capture(&mut self) -> Capture {
        match self.layers.find(&v::CAPTURE) {
            None => Capture::Full,
            Some(_) => self.read(&v::CAPTURE, str::parse).unwrap_or(Capture::Metadata),
        }
    }

    /// An absolute path. A relative one would mean another place in each hook.
    fn path(&mut self, variable: &Variable) -> Option<PathBuf> {
        let env = self.env;
        self.read(variable, |text| {
            let path = expand(text, env)?;
            if path.is_absolute() { Ok(path) } else { Err("is not an absolute path".to_owned()) }
        })
    }

    fn state_dir(&mut self) -> PathBuf {
        if let Some(path) = self.path(&v::STATE_DIR) {
            return path;
        }
        if let Some(folder) = self.env.default_state_dir() {
            return folder;
        }
        let what = "no home folder: state can't be saved";
        let remedy = "set HOME or CC_LANGFUSE_STATE_DIR";
        self.problems.push(Problem::of_file("the environment", what, remedy));
        // A folder that can't be created, so that no state gets into the folders that hooks run in.
        PathBuf::from("/dev/null/state")
    }

    /// Langfuse lists nothing of an experiment that names no item.
    fn experiment(&mut self) -> Option<Experiment> {
        let item_version = self.read(&v::EXPERIMENT_ITEM_VERSION, value::time);
        let halves = [&v::EXPERIMENT_ID, &v::EXPERIMENT_ITEM_ID].map(|half| self.layers.find(half));
        match halves {
            [Some(id), Some(item)] => Some(Experiment {
                id: id.text.to_owned(),
                name: self.text(&v::EXPERIMENT_NAME).unwrap_or_else(|| id.text.to_owned()),
                dataset_id: self.text(&v::EXPERIMENT_DATASET_ID),
                item_id: item.text.to_owned(),
                item_version,
                expected_output: self.text(&v::EXPERIMENT_EXPECTED_OUTPUT),
            }),
            [Some(one), None] | [None, Some(one)] => {
                let what = "is ignored without the other one".to_owned();
                let remedy =
                    "set both CC_LANGFUSE_EXPERIMENT_ID and CC_LANGFUSE_EXPERIMENT_ITEM_ID";
                self.problems.push(one.problem(what, remedy.to_owned()));
                None
            }
            [None, None] => None,
        }
    }

    /// The parent of the highest layer that names one in either form: like keys, its halves are never mixed.
    fn parent(&mut self) -> Option<ParentSpan> {
        let depth = [v::TRACEPARENT, v::PARENT_TRACE_ID, v::PARENT_SPAN_ID]
            .iter()
            .filter_map(|variable| self.layers.find(variable))
            .map(|found| found.depth)
            .min()?;
        if let Some(found) = self.layers.at(depth, &v::TRACEPARENT) {
            return value::traceparent(found.text)
                .map_err(|what| self.refuse(&found, &v::TRACEPARENT, what))
                .ok();
        }
        let trace = self.layers.at(depth, &v::PARENT_TRACE_ID);
        let span = self.layers.at(depth, &v::PARENT_SPAN_ID);
        let (found, what) = match (trace, span) {
            (Some(trace), Some(span)) => match value::parent(trace.text, span.text) {
                Ok(parent) => return Some(parent),
                Err(what) => (trace, what),
            },
            (Some(one), None) | (None, Some(one)) => {
                (one, "is ignored without the other one beside it".to_owned())
            }
            (None, None) => return None,
        };
        let remedy =
            "set CC_LANGFUSE_PARENT_TRACE_ID to 32 and CC_LANGFUSE_PARENT_SPAN_ID to 16 hex digits";
        self.problems.push(found.problem(what, remedy.to_owned()));
        None
    }
}

fn setting(variable: &'static Variable, layers: &Layers, env: &Env, config: &Config) -> Setting {
    let Some(found) = layers.find(variable) else {
        return Setting {
            variable,
            shown: match variable.name {
                name if name == v::STATE_DIR.name => config.state_dir.display().to_string(),
                _ => variable.default.to_owned(),
            },
            source: Source::built_in(variable),
            file: None,
        };
    };
    let from_file = found.is_file_of(variable);
    let text = match &config.destination {
        Ok(destination) if from_file && variable.secret => destination.secret_key.expose(),
        Ok(destination) if from_file => &destination.public_key,
        // Not read: the path is no secret.
        Err(_) if from_file => "",
        _ => found.text,
    };
    Setting {
        variable,
        shown: if variable.secret && !text.is_empty() { masked(text) } else { shown(text) },
        source: found.source(),
        file: from_file
            .then(|| expand(found.text, env).ok())
            .flatten()
            .filter(|path| path.is_absolute()),
    }
}
