//! Claude Code's settings files, of which only `env` matters here. A session's own hook needs none of them: Claude
//! Code has put their `env` into its environment.

use std::path::Path;

use serde_json::Value;

use super::javascript::text_of;
use super::json_file::{Reading, Values, env_is_no_object, read_object_tolerantly};
use super::source::Problem;
use super::variables::{self, ProjectMay};
use super::withheld::run_only;

/// One settings file as read.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    pub(super) place: String,
    pub(super) env: Values,
    /// The variables in `env` that are not ours, although some may be meant to be.
    pub(super) others: Vec<(String, String)>,
    pub(super) problems: Vec<Problem>,
    /// The names in `env` whose values are no strings. `env` has the texts that Claude Code makes of them.
    pub(super) not_plain: Vec<&'static str>,
    /// Claude Code drops the whole file, which may hold consent or refusal.
    pub(super) unreadable: Option<Problem>,
}

impl SettingsFile {
    pub(super) fn read(path: &Path) -> Self {
        let mut file = Self { place: path.display().to_string(), ..Self::default() };
        match read_object_tolerantly(path) {
            Reading::Object(mut object) => {
                if let Some(env) = object.remove("env") {
                    file.read_env(env);
                }
            }
            Reading::Absent => {}
            Reading::Broken(reason) => {
                let remedy = if reason.starts_with("could not parse") {
                    "fix the JSON. Until then tracing is suspended"
                } else {
                    "fix the file. Until then tracing is suspended"
                };
                file.unreadable = Some(Problem::of_file(&file.place, &reason, remedy));
                file.problems.extend(file.unreadable.clone());
            }
        }
        file
    }

    fn read_env(&mut self, env: Value) {
        let Value::Object(env) = env else {
            let problem = env_is_no_object(&self.place);
            self.unreadable = Some(problem.clone());
            return self.problems.push(problem);
        };
        for (name, value) in env {
            let name = before_nul(&name);
            let text = before_nul(&text_of(&value)).to_owned();
            let Some((variable, spelling)) = variables::find_in_settings(name) else {
                // Other names are other programs' variables, but may be misspelled ones of ours.
                self.others.push((name.to_owned(), text));
                continue;
            };
            if !value.is_string() {
                self.not_plain.push(spelling);
            }
            if variable.project_may == ProjectMay::Never {
                self.problems.push(run_only(spelling, &self.place));
            }
            self.env.push((spelling, text));
        }
    }
}

/// Releases on Node cut names and values at a NUL when they put them into the environment. Later ones drop them.
fn before_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}
