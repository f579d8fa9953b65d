//! Our own configuration file: `{"env": {…}, "projects": {"/path": {"env": {…}}}}` and nothing else.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::files::{Reading, Values, read_object, values_of};
use super::project::Project;
use super::source::{Problem, shown};
use super::strangers;
use super::surroundings::Surroundings;
use super::value;
use super::variables::ENABLED;

const SHAPE: &str =
    "the file holds {\"env\": {…}, \"projects\": {\"/path\": {\"env\": {…}}}} and nothing else";

/// The file as read. A broken one is an empty one with a problem: without its consent nothing is sent.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) env: Values,
    pub(super) projects: Vec<Project>,
    pub(super) problems: Vec<Problem>,
    /// Some of `projects` was not understood. It may have been a refusal.
    doubtful: bool,
}

impl ConfigFile {
    pub(super) fn read(path: &Path, surroundings: &Surroundings) -> Self {
        let mut file = Self {
            path: path.to_path_buf(),
            ..Self::default()
        };
        match read_object(path) {
            Reading::Object(object) => file.fill(object, surroundings),
            Reading::Absent if surroundings.config_override.is_some() => {
                let remedy = "correct the path given to --config";
                file.problem("there is no such file", remedy);
            }
            Reading::Absent => {}
            Reading::Broken(reason) => {
                file.problem(&reason, "mend it; until then it counts as empty");
            }
        }
        file
    }

    fn fill(&mut self, object: Map<String, Value>, surroundings: &Surroundings) {
        for (key, value) in object {
            match (key.as_str(), value) {
                ("env", env) => self.env = self.values(env, &self.path.display().to_string()),
                ("projects", Value::Object(projects)) => {
                    for (name, project) in projects {
                        self.add_project(&name, project, surroundings);
                    }
                }
                ("projects", _) => {
                    self.doubtful = true;
                    self.problem("\"projects\" is not a JSON object and is ignored", SHAPE);
                }
                _ => self.problem(&format!("{key:?} means nothing here"), SHAPE),
            }
        }
        if self.doubtful {
            self.env.retain(|(name, _)| *name != ENABLED.name);
        }
    }

    fn add_project(&mut self, name: &str, project: Value, surroundings: &Surroundings) {
        let path = surroundings.expand_home(name);
        if !path.is_absolute() {
            self.doubtful = true;
            self.problem(
                &format!("project {name:?} is not an absolute path and is ignored"),
                "write the whole path, or one that begins with ~/",
            );
            return;
        }
        let place = format!("{}, project {name}", self.path.display());
        let mut env = Values::new();
        let mut understood = project.is_object();
        if !understood {
            self.problem(&format!("project {name:?} is not a JSON object"), SHAPE);
        }
        if let Value::Object(members) = project {
            for (key, value) in members {
                if key == "env" {
                    understood &= value.is_object();
                    env = self.values(value, &place);
                } else {
                    understood = false;
                    let what = format!("{key:?} in project {name:?} means nothing here");
                    self.problem(&what, SHAPE);
                }
            }
        }
        // `"enable": false`, say: what was meant may be a refusal, and the whole file's consent must not
        // take its place.
        if !understood && env.iter().all(|(name, _)| *name != ENABLED.name) {
            env.push((ENABLED.name, "false".to_owned()));
        }
        self.projects.push(Project { path, place, env });
    }

    /// The projects for which the file itself says that they are traced.
    pub(super) fn traced_projects(&self) -> impl Iterator<Item = &Path> {
        let is_traced = |project: &&Project| {
            let mut values = project.env.iter();
            values.any(|(name, value)| *name == ENABLED.name && value::switch(value) == Ok(true))
        };
        self.projects
            .iter()
            .filter(is_traced)
            .map(|project| project.path.as_path())
    }

    fn values(&mut self, env: Value, place: &str) -> Values {
        values_of(env, place, &mut self.problems, |problems, name| {
            problems.push(Problem {
                variable: Some(shown(name)),
                place: place.to_owned(),
                what: "is no variable of claude-langfuse".to_owned(),
                remedy: strangers::remedy(name)
                    .unwrap_or_else(|| "see claude-langfuse --help for their names".to_owned()),
            });
        })
    }

    fn problem(&mut self, what: &str, remedy: &str) {
        self.problems.push(Problem {
            variable: None,
            place: self.path.display().to_string(),
            what: what.to_owned(),
            remedy: remedy.to_owned(),
        });
    }
}
