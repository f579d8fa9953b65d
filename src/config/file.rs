//! Our own configuration file: `{"env": {…}, "projects": {"/path": {"env": {…}, "allow": […]}}}` and nothing else.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::env::Env;
use super::foreign_names;
use super::json_file::{Reading, Values, read_object, values_of};
use super::memo::Memo;
use super::project::{self, Allow, Project};
use super::source::{Problem, shown};
use super::value;
use super::variables::{self, ENABLED, ProjectMay};
use super::withheld::run_only;

const SHAPE: &str = "use {\"env\": {…}, \"projects\": {\"/path\": {\"env\": {…}, \"allow\": […]}}} and no other keys";

/// The file as read.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub(super) place: String,
    pub(super) env: Values,
    pub(super) projects: Vec<Project>,
    pub(super) problems: Vec<Problem>,
    /// The first problem that may hide consent or refusal for all sessions.
    unclear: Option<Problem>,
    /// The entries of `projects` for a start directory, by their places in the list.
    matches: Memo<PathBuf, Vec<usize>>,
}

impl ConfigFile {
    pub(super) fn read(path: &Path, env: &Env) -> Self {
        Self::of(path, read_object(path), env)
    }

    /// The file with content that may not be written yet.
    pub(super) fn of(path: &Path, reading: Reading, env: &Env) -> Self {
        let mut file = Self { place: path.display().to_string(), ..Self::default() };
        let mut problems = Vec::new();
        match reading {
            Reading::Object(object) => file.fill(object, env, &mut problems),
            Reading::Absent if env.config_override.is_some() => {
                let remedy = "correct the path given to --config";
                problems.push(Problem::of_file(&file.place, "file not found", remedy));
            }
            Reading::Absent => {}
            Reading::Broken(reason) => {
                let remedy = "fix the file. Until then tracing is suspended";
                problems.push(Problem::of_file(&file.place, &reason, remedy));
            }
        }
        file.unclear = first_unclear(&problems);
        file.problems.extend(problems);
        file
    }

    /// Why the file is neither consent nor refusal for sessions started in `start`.
    pub(super) fn unclear_in(&self, start: Option<&Path>) -> Option<Problem> {
        let matches = start.map(|start| self.matches(start));
        let projects = || matches.iter().flatten();
        let in_projects = || projects().find_map(|project| project.unclear.clone());
        self.unclear.clone().or_else(in_projects).or_else(|| {
            let of_projects = projects().map(|project| (&project.env, &project.place));
            unclear_switch(of_projects.chain([(&self.env, &self.place)]))
        })
    }

    /// The entries of `projects` whose path is above `start`, the longest first.
    pub(super) fn matches(&self, start: &Path) -> Vec<&Project> {
        let found = self.matches.get(start.to_owned(), || project::matches(&self.projects, start));
        found.iter().filter_map(|place| self.projects.get(*place)).collect()
    }

    /// Whether the file itself traces sessions that start in a directory.
    pub(super) fn is_traced(&self, start: Option<&Path>) -> bool {
        let matches = start.map(|start| self.matches(start));
        let mut layers = matches.iter().flatten().map(|project| &project.env).chain([&self.env]);
        layers.find_map(switch_in).is_some_and(value::is_on)
    }

    /// The projects that the file itself switches on.
    pub(super) fn traced_projects(&self) -> impl Iterator<Item = &Path> {
        let is_traced = |project: &&Project| switch_in(&project.env).is_some_and(value::is_on);
        self.projects.iter().filter(is_traced).map(|project| project.path.as_path())
    }

    fn fill(&mut self, object: Map<String, Value>, env: &Env, problems: &mut Vec<Problem>) {
        for (key, value) in object {
            match (key.as_str(), value) {
                ("env", env) => self.env = values(env, &self.place, problems),
                ("projects", Value::Object(projects)) => {
                    for (name, project) in projects {
                        let path = env.expand_home(&name);
                        match self.path_problem(&name, &path) {
                            Some(problem) => problems.push(problem),
                            None => self.add_project(&name, &path, project),
                        }
                    }
                }
                ("projects", _) => {
                    let what = "\"projects\" is not a JSON object";
                    problems.push(Problem::of_file(&self.place, what, SHAPE));
                }
                _ => problems.push(unknown_key(&self.place, &key)),
            }
        }
    }

    fn path_problem(&self, name: &str, path: &Path) -> Option<Problem> {
        let (what, remedy) = if !path.is_absolute() {
            ("is not an absolute path", "use an absolute path, or one that begins with ~/")
        } else if self.projects.iter().any(|project| project.path == path) {
            ("is there twice", "join the two")
        } else {
            return None;
        };
        Some(Problem::of_file(&self.place, &format!("project {:?} {what}", shown(name)), remedy))
    }

    fn add_project(&mut self, name: &str, path: &Path, members: Value) {
        let place = format!("{}, project {name}", self.place);
        let (mut env, mut allow, mut problems) = (Values::new(), None, Vec::new());
        if let Value::Object(members) = members {
            for (key, value) in members {
                match key.as_str() {
                    "env" => env = values(value, &place, &mut problems),
                    "allow" => allow = read_allow(&value, &place, &mut problems),
                    _ => problems.push(unknown_key(&place, &key)),
                }
            }
        } else {
            problems.push(Problem::of_file(&place, "not a JSON object", SHAPE));
        }
        let unclear = first_unclear(&problems);
        self.problems.extend(problems);
        self.projects.push(Project { path: path.to_path_buf(), place, env, allow, unclear });
    }
}

/// The first problem that may hide consent or refusal. A harmless variable of another hook is only a mistake, and so
/// is one that belongs to a run.
fn first_unclear(problems: &[Problem]) -> Option<Problem> {
    let is_harmless = |name: &str| foreign_names::is_harmless(name) || is_of_run(name);
    let mut problems = problems.iter();
    problems.find(|one| !one.variable.as_deref().is_some_and(is_harmless)).cloned()
}

/// The problem of the first switch among these, strongest first, if it is neither on nor off.
fn unclear_switch<'a>(
    mut layers: impl Iterator<Item = (&'a Values, &'a String)>,
) -> Option<Problem> {
    let (text, place) = layers.find_map(|(values, place)| Some((switch_in(values)?, place)))?;
    let what = value::switch(text).err()?;
    Some(Problem::of_variable(ENABLED.name, place, what, format!("use {}", ENABLED.accepts)))
}

/// The switch among these values, if it is not empty.
fn switch_in(values: &Values) -> Option<&str> {
    let (_, text) = values.iter().find(|(name, _)| *name == ENABLED.name)?;
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn read_allow(value: &Value, place: &str, problems: &mut Vec<Problem>) -> Option<Allow> {
    let digests = || -> Option<Vec<String>> {
        value.as_array()?.iter().map(|digest| digest.as_str().map(str::to_owned)).collect()
    };
    let allow = match value {
        Value::Bool(false) => Some(Allow::Never),
        _ => digests().map(Allow::Digests),
    };
    if allow.is_none() {
        let what = "\"allow\" is neither false nor a list of digests";
        let remedy = "use the output of 'claude-langfuse allow --print'";
        problems.push(Problem::of_file(place, what, remedy));
    }
    allow
}

fn is_of_run(name: &str) -> bool {
    let found = variables::find(name);
    found.is_some_and(|(variable, _)| variable.project_may == ProjectMay::Never)
}

fn values(env: Value, place: &str, problems: &mut Vec<Problem>) -> Values {
    let mut values = values_of(env, place, problems, |problems, name| {
        let remedy = foreign_names::remedy(name);
        let remedy =
            remedy.unwrap_or_else(|| "run claude-langfuse --help for the names".to_owned());
        problems.push(Problem::of_variable(&shown(name), place, "unknown variable", remedy));
    });
    let of_run = values.iter().filter(|(name, _)| is_of_run(name));
    problems.extend(of_run.map(|(name, _)| run_only(name, place)));
    values.retain(|(name, _)| !is_of_run(name));
    values
}

/// A key without meaning at its place, with the key that was probably meant.
fn unknown_key(place: &str, key: &str) -> Problem {
    let remedy = match key.to_ascii_lowercase().as_str() {
        _ if variables::find(key).is_some() => format!("move {key} into \"env\""),
        "enable" | "enabled" => format!("set {} in \"env\"", ENABLED.name),
        _ => SHAPE.to_owned(),
    };
    Problem::of_file(place, &format!("unknown key {:?}", shown(key)), remedy)
}
