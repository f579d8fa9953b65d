//! Resolves layers to a [`Config`]: consent first, then keys if they are needed, then the rest.

use std::path::{Path, PathBuf};

use super::base_url::is_plain_and_remote;
use super::contradictions::contradictions;
use super::destination::{Destination, DestinationProblem, Request};
use super::env::Env;
use super::files::Files;
use super::headers;
use super::key_file::{expand, world_readable};
use super::keys::{self, Lead};
use super::layers::{Found, Layers, Scope};
use super::provenance::Owner;
use super::resolved::{Config, Experiment, MaskPatterns};
use super::secret::Secret;
use super::settings_paths;
use super::source::{Problem, Setting, Source, masked, shown};
use super::value::{self, Capture, ParentSpan};
use super::variables::{self as v, VARIABLES, Variable, shown_as};
use super::withheld::Withheld;

/// Resolves the configuration of a session that was started in `start`.
pub fn resolve(env: &Env, files: &Files, start: Option<&Path>, scope: Scope) -> Config {
    let mut problems = Vec::new();
    let mut layers = Layers::gather(env, files, start, scope, &mut problems);
    let mut reader = Reader { layers: &layers, env, problems, warnings: Vec::new() };
    let (enabled, suspended) = reader.consent(files, start);
    let lead = match &suspended {
        Some(problem) => Lead::nowhere(DestinationProblem::Suspended(Box::new(problem.clone()))),
        None if enabled || scope == Scope::Explicit => {
            let shell_ignored = scope == Scope::FilesOnly && shell_has_keys(env);
            keys::resolve(&layers, env, shell_ignored)
        }
        None => Lead::nowhere(DestinationProblem::Off),
    };
    let problems = reader.problems;
    let ignored = match &lead.request {
        Some(request) if !lead.is_allowed => withheld_problems(&layers, request),
        _ => Vec::new(),
    };
    if lead.is_allowed {
        layers.admit();
    }
    let reader = Reader { layers: &layers, env, problems, warnings: Vec::new() };
    let mut config = reader.config(enabled, suspended, lead);
    config.ignored = layers.ignored.iter().cloned().chain(ignored).collect();
    config.sources =
        VARIABLES.iter().map(|variable| setting(variable, &layers, env, &config)).collect();
    config
}

/// The values of the project that need permission first.
fn withheld_problems(layers: &Layers, request: &Request) -> Vec<Problem> {
    let problem = |withheld: &Withheld| {
        let what = match withheld.instead.as_str() {
            "" => "ignored until you allow it".to_owned(),
            instead => format!(
                "ignored until you allow it, {} counts",
                shown_as(withheld.spelling, instead)
            ),
        };
        Problem::of_variable(withheld.spelling, &withheld.given.place, what, request.remedy())
    };
    layers.withheld.iter().map(problem).collect()
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
    fn config(mut self, enabled: bool, suspended: Option<Problem>, lead: Lead) -> Config {
        if let Ok(destination) = &lead.destination {
            self.warn_of_exposure(destination);
        }
        let mut config = Config {
            enabled,
            suspended,
            destination: lead.destination,
            request: lead.request,
            is_request_allowed: lead.is_allowed,
            brought_by: lead.brought_by,
            user_id: self.text(&v::USER_ID),
            environment: self.environment(),
            release: self.text(&v::RELEASE),
            timeout: self.read_or_default(&v::TIMEOUT, |text| value::seconds(text, 0.1, 600.0)),
            ca_file: self.path(&v::CA_FILE),
            network: self.layers.network(),
            headers: self.headers(),
            trace_name: self.text(&v::TRACE_NAME),
            project: self.text(&v::PROJECT),
            tags: self.tags(),
            metadata: self.metadata(),
            trace_seed: self.text(&v::TRACE_SEED),
            parent: self.parent(),
            experiment: self.experiment(),
            scores: self.read_or_default(&v::SCORES, value::switch),
            capture: self.capture(),
            mask: self.read_or_default(&v::MASK, value::switch),
            mask_patterns: self.mask_patterns(),
            max_chars: self.read_or_default(&v::MAX_CHARS, value::count),
            media: self.read_or_default(&v::MEDIA, value::switch),
            request_capture: self.read_or_default(&v::REQUEST, str::parse),
            state_dir: self.state_dir(),
            debug: self.read_or_default(&v::DEBUG, value::switch),
            hook_budget: self
                .read_or_default(&v::HOOK_BUDGET, |text| value::seconds(text, 0.1, 60.0)),
            notify: self.read_or_default(&v::NOTIFY, value::switch),
            problems: Vec::new(),
            warnings: Vec::new(),
            ignored: Vec::new(),
            sources: Vec::new(),
        };
        self.warnings.extend(contradictions(self.layers));
        (config.problems, config.warnings) = (self.problems, self.warnings);
        config
    }

    /// Whether tracing is on. Notes why, if that is unknown.
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

    /// The value as it is, even if Langfuse would not keep it.
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

    /// `None` if the variable is not set, or if its value is unusable, which becomes a problem.
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

    /// Warns of a key file that others on this machine can read, and of unencrypted requests.
    fn warn_of_exposure(&mut self, destination: &Destination) {
        self.warn_if_readable(&v::SECRET_KEY, "key file is world-readable");
        if is_plain_and_remote(&destination.base_url) {
            let Source { place, name, .. } = &destination.base_url_source;
            let what = "keys and sessions are sent unencrypted";
            let remedy = "use https:// if the server supports it";
            self.warnings.push(Problem::of_variable(name, place, what, remedy));
        }
    }

    /// Warns of a file with the value of a variable that others on this machine can read.
    fn warn_if_readable(&mut self, variable: &Variable, what: &str) {
        let found = self.layers.find(variable).filter(|found| found.is_file_of(variable));
        let open = found.and_then(|found| Some((found, world_readable(found.text, self.env)?)));
        if let Some((found, path)) = open {
            let remedy = format!("run: chmod 600 {}", path.display());
            self.warnings.push(found.problem(what.to_owned(), remedy));
        }
    }

    /// The problem quotes no value: it may be a secret.
    fn headers(&mut self) -> Vec<(String, Secret)> {
        let Some(found) = self.layers.find(&v::HEADERS) else {
            return Vec::new();
        };
        self.warn_if_readable(&v::HEADERS, "file of headers is world-readable");
        let is_file = found.is_file_of(&v::HEADERS);
        let read =
            if is_file { headers::read(found.text, self.env) } else { headers::parse(found.text) };
        read.map_err(|what| self.refuse(&found, &v::HEADERS, what)).unwrap_or_default()
    }

    /// Tags of a project add to those of its user.
    fn tags(&mut self) -> Vec<String> {
        let mut tags = self.read_or_default(&v::TRACE_TAGS, value::tags);
        for tag in self.beneath_project(&v::TRACE_TAGS, value::tags) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }

    /// Metadata of a project adds to that of its user, under other names.
    fn metadata(&mut self) -> Vec<(String, String)> {
        let metadata = self.read_or_default(&v::METADATA, value::metadata);
        let mut all = self.beneath_project(&v::METADATA, value::metadata);
        let is_new = |(name, _): &(String, String)| all.iter().all(|(own, _)| own != name);
        let new: Vec<(String, String)> = metadata.into_iter().filter(is_new).collect();
        all.extend(new);
        all
    }

    /// The user's value beneath a project's.
    fn beneath_project<T: Default>(
        &self,
        variable: &Variable,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let found = self.layers.find(variable);
        let is_projects = found.is_some_and(|found| found.owner == Owner::Project);
        let own = self.layers.find_users(variable).filter(|_| is_projects);
        own.and_then(|own| parse(own.text).ok()).unwrap_or_default()
    }

    /// Patterns of a project add to those of its user. Allow patterns of a project need permission.
    fn mask_patterns(&self) -> Vec<MaskPatterns> {
        let own = self.text(&v::MASK_PATTERNS);
        let own = own.map(|text| MaskPatterns { text, masks_only: false });
        let masks_only = self.layers.are_patterns_withheld();
        let projects = self.layers.project_patterns.as_ref();
        let projects = projects.map(|given| MaskPatterns { text: given.text.clone(), masks_only });
        own.into_iter().chain(projects).collect()
    }

    /// A typo must not send more than was meant.
    fn capture(&mut self) -> Capture {
        match self.layers.find(&v::CAPTURE) {
            None => Capture::Full,
            Some(_) => self.read(&v::CAPTURE, str::parse).unwrap_or(Capture::Metadata),
        }
    }

    /// An absolute path. A relative one would be another place in each hook.
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
        // A folder that can't be created, so that no state gets into the folders in which hooks run.
        PathBuf::from("/dev/null/state")
    }

    /// Langfuse lists no experiment without an item.
    fn experiment(&mut self) -> Option<Experiment> {
        let item_version = self.read(&v::EXPERIMENT_ITEM_VERSION, value::time);
        let halves = [&v::EXPERIMENT_ID, &v::EXPERIMENT_ITEM_ID].map(|half| self.layers.find(half));
        match halves {
            [Some(id), Some(item)] => Some(Experiment {
                id: id.text.to_owned(),
                name: self.text(&v::EXPERIMENT_NAME).unwrap_or_else(|| id.text.to_owned()),
                description: self.text(&v::EXPERIMENT_DESCRIPTION),
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

    /// The parent span, in one of its two forms.
    fn parent(&mut self) -> Option<ParentSpan> {
        if let Some(found) = self.layers.find(&v::TRACEPARENT) {
            return value::traceparent(found.text)
                .map_err(|what| self.refuse(&found, &v::TRACEPARENT, what))
                .ok();
        }
        let trace = self.layers.find(&v::PARENT_TRACE_ID);
        let span = self.layers.find(&v::PARENT_SPAN_ID);
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
        _ if *variable == v::HEADERS => &headers::names(&config.headers),
        Ok(destination) if from_file && variable.secret => destination.secret_key.expose(),
        Ok(destination) if from_file => &destination.public_key,
        // Not read: the path is no secret.
        Err(_) if from_file => "",
        _ => found.text,
    };
    let is_masked = variable.secret && *variable != v::HEADERS && !text.is_empty();
    Setting {
        variable,
        shown: if is_masked { masked(text) } else { shown(text) },
        source: found.source(),
        file: from_file
            .then(|| expand(found.text, env).ok())
            .flatten()
            .filter(|path| path.is_absolute()),
    }
}
