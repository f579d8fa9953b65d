//! Our own configuration file: `{"env": {…}, "projects": {"/path": {"env": {…}}}}` and nothing else.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::env::Env;
use super::files::{Reading, Values, read_object, values_of};
use super::project::{self, Allow, Project};
use super::source::{Problem, shown};
use super::unknown_variables;
use super::value;
use super::variables::{self, ENABLED};

const SHAPE: &str = "the file holds {\"env\": {…}, \"projects\": {\"/path\": {\"env\": {…}, \"allow\": […]}}} and nothing else";

const UNTIL_FIXED: &str = "fix the file; until then tracing is suspended";

/// The file as read.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) env: Values,
    pub(super) projects: Vec<Project>,
    pub(super) problems: Vec<Problem>,
    /// The first thing that is not understood, wherever a session was started: it may be consent or refusal.
    unclear: Option<Problem>,
}

impl ConfigFile {
    pub(super) fn read(path: &Path, env: &Env) -> Self {
        let mut file = Self { path: path.to_path_buf(), ..Self::default() };
        match read_object(path) {
            Reading::Object(object) => file.fill(object, env),
            Reading::Absent if env.config_override.is_some() => {
                let remedy = "correct the path given to --config";
                file.problem("there is no such file", remedy);
            }
            Reading::Absent => {}
            Reading::Broken(reason) => file.problem(&reason, UNTIL_FIXED),
        }
        file
    }

    /// Why the file is neither consent nor refusal for sessions started in `start`.
    pub(super) fn unclear_in(&self, start: Option<&Path>) -> Option<Problem> {
        let projects = start.map(|start| project::matches(&self.projects, start));
        let project = projects.iter().flatten().next().copied();
        let of_project = project.and_then(|project| project.unclear.clone());
        let unclear = self.unclear.clone().or(of_project);
        unclear.or_else(|| self.unclear_switch(project))
    }

    /// The switch that counts in the file, if it is neither on nor off.
    fn unclear_switch(&self, project: Option<&Project>) -> Option<Problem> {
        let place = self.path.display().to_string();
        let own = (&self.env, place.as_str());
        let (text, place) = project
            .map(|project| (&project.env, project.place.as_str()))
            .into_iter()
            .chain([own])
            .find_map(|(values, place)| Some((switch_in(values)?, place)))?;
        let what = value::switch(text).err()?;
        Some(Problem {
            variable: Some(ENABLED.name.to_owned()),
            place: place.to_owned(),
            what,
            remedy: format!("use {}", ENABLED.accepts),
        })
    }

    fn fill(&mut self, object: Map<String, Value>, env: &Env) {
        for (key, value) in object {
            match (key.as_str(), value) {
                ("env", env) => {
                    let first_problem = self.problems.len();
                    self.env = self.values(env, &self.path.display().to_string());
                    self.note_unclear(first_problem);
                }
                ("projects", Value::Object(projects)) => {
                    for (name, project) in projects {
                        self.add_project(&name, project, env);
                    }
                }
                ("projects", _) => self.problem("\"projects\" is not a JSON object", SHAPE),
                _ => self.problem(&unknown_key(&key), &remedy_for_key(&key)),
            }
        }
    }

    fn add_project(&mut self, name: &str, project: Value, env: &Env) {
        let path = env.expand_home(name);
        if !path.is_absolute() {
            self.problem(
                &format!("project {:?} is not an absolute path", shown(name)),
                "write the whole path, or one that begins with ~/",
            );
            return;
        }
        let place = format!("{}, project {name}", self.path.display());
        let first_problem = self.problems.len();
        let mut env = Values::new();
        let mut allow = None;
        if let Value::Object(members) = project {
            for (key, value) in members {
                match key.as_str() {
                    "env" => env = self.values(value, &place),
                    "allow" => allow = self.allow(&value, &place),
                    _ => self.problem_in(&place, &unknown_key(&key), &remedy_for_key(&key)),
                }
            }
        } else {
            self.problem_in(&place, "it is not a JSON object", SHAPE);
        }
        self.projects.push(Project {
            path,
            place,
            env,
            allow,
            unclear: self.problems.get(first_problem).cloned(),
        });
    }

    fn allow(&mut self, value: &Value, place: &str) -> Option<Allow> {
        let digests = || -> Option<Vec<String>> {
            let digests = value.as_array()?.iter();
            digests.map(|digest| digest.as_str().map(str::to_owned)).collect()
        };
        let allow = match value {
            Value::Bool(false) => Some(Allow::Never),
            _ => digests().map(Allow::Digests),
        };
        if allow.is_none() {
            let what = "\"allow\" is neither false nor a list of digests";
            self.problem_in(place, what, "use what 'claude-langfuse allow --print' prints");
        }
        allow
    }

    /// The projects for which the file itself says that they are traced.
    pub(super) fn traced_projects(&self) -> impl Iterator<Item = &Path> {
        let is_traced = |project: &&Project| {
            let mut values = project.env.iter();
            values.any(|(name, value)| *name == ENABLED.name && value::switch(value) == Ok(true))
        };
        self.projects.iter().filter(is_traced).map(|project| project.path.as_path())
    }

    fn values(&mut self, env: Value, place: &str) -> Values {
        values_of(env, place, &mut self.problems, |problems, name| {
            problems.push(Problem {
                variable: Some(shown(name)),
                place: place.to_owned(),
                what: "unknown variable".to_owned(),
                remedy: unknown_variables::remedy(name)
                    .unwrap_or_else(|| "see claude-langfuse --help for their names".to_owned()),
            });
        })
    }

    /// A problem that leaves it unclear what the file says, wherever a session was started.
    fn problem(&mut self, what: &str, remedy: &str) {
        let first_problem = self.problems.len();
        let place = self.path.display().to_string();
        self.problem_in(&place, what, remedy);
        self.note_unclear(first_problem);
    }

    fn note_unclear(&mut self, first_problem: usize) {
        let problem = self.problems.get(first_problem).cloned();
        self.unclear = self.unclear.take().or(problem);
    }

    fn problem_in(&mut self, place: &str, what: &str, remedy: &str) {
        self.problems.push(Problem {
            variable: None,
            place: place.to_owned(),
            what: what.to_owned(),
            remedy: remedy.to_owned(),
        });
    }
}

/// The switch among these values, if it is set to something.
fn switch_in(values: &Values) -> Option<&str> {
    let mut values = values.iter();
    let (_, text) = values.find(|(name, _)| *name == ENABLED.name)?;
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

fn unknown_key(key: &str) -> String {
    format!("unknown key {:?}", shown(key))
}

/// What was probably meant by a key that has no meaning where it stands.
fn remedy_for_key(key: &str) -> String {
    if variables::find(key).is_some() {
        return format!("move {key} into \"env\"");
    }
    match key.to_ascii_lowercase().as_str() {
        "enable" | "enabled" => format!("set {} in \"env\"", ENABLED.name),
        _ => SHAPE.to_owned(),
    }
}
