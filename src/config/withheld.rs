//! The rights of a project's files without the user's permission: name things, add to them, switch tracing, and
//! tighten protection. Any other value waits for permission.

use super::layers::{Given, Layers, SESSION};
use super::project::Allow;
use super::provenance::Owner;
use super::source::{Layer, Problem};
use super::value::{self, Capture};
use super::variables::{self as v, ProjectMay, Variable};

/// A value of the project's files that waits for permission. Keys and hosts are not among them: they stop the session
/// from being sent.
#[derive(Debug)]
pub(super) struct Withheld {
    pub(super) spelling: &'static str,
    pub(super) given: Given,
    /// The value that applies until then: of a file of the user or the organisation, otherwise the default.
    pub(super) instead: String,
}

impl Layers {
    /// Replaces the project's withheld values in the session by the user's.
    pub(super) fn restrict_project(&mut self) {
        let is_plain = self.may_be_unencrypted();
        let session = self.layers.get(SESSION);
        let spellings: Vec<&'static str> =
            session.into_iter().flat_map(|session| session.values.keys().copied()).collect();
        for spelling in spellings {
            let Some((variable, _)) = v::find_in_settings(spelling) else {
                continue;
            };
            let project_may = match variable.project_may {
                ProjectMay::Set if is_plain && v::is_plain_proxy(variable) => ProjectMay::Ask,
                other => other,
            };
            self.restrict(variable, spelling, project_may);
        }
        self.prefer_project_switch();
        if let Some(session) = self.layers.get_mut(SESSION) {
            session.drop_empty();
        }
        self.of_user.drop_empty();
        self.of_user_files.drop_empty();
    }

    fn restrict(&mut self, variable: &Variable, spelling: &'static str, project_may: ProjectMay) {
        let session = self.layers.get(SESSION);
        let Some(given) = session.and_then(|session| session.values.get(spelling)).cloned() else {
            return;
        };
        if given.owner != Owner::Project {
            return;
        }
        let is_refused = self.provenance.declared() == Some(&Allow::Never);
        match project_may {
            ProjectMay::Switch => {
                if given.text.is_empty() || !self.switch_counts(&given.text) {
                    self.put_users(spelling, true);
                }
            }
            // An empty value takes nothing from the user.
            _ if given.text.is_empty() => {
                self.put_users(spelling, false);
                if *variable == v::BASE_URL && self.has_no_value(spelling) && !is_refused {
                    self.host_removed_by = Some(given.place.to_string());
                }
            }
            ProjectMay::Set | ProjectMay::Never => {}
            ProjectMay::Lead if !is_refused => {}
            ProjectMay::Tighten if *variable == v::MASK_PATTERNS => {
                self.put_users(spelling, false);
                if has_allow_patterns(&given.text) && !is_refused {
                    self.withhold(variable, spelling, given.clone());
                }
                self.project_patterns = Some(given);
            }
            ProjectMay::Tighten if self.is_stricter(variable, &given.text) => {}
            ProjectMay::Lead | ProjectMay::Tighten | ProjectMay::Ask => {
                self.put_users(spelling, false);
                if !is_refused {
                    self.withhold(variable, spelling, given);
                }
            }
        }
    }

    fn withhold(&mut self, variable: &Variable, spelling: &'static str, given: Given) {
        let instead = self.find_in_users_files(variable).map(|own| own.text.to_owned());
        let instead = instead.unwrap_or_else(|| variable.default.to_owned());
        if instead != given.text {
            self.withheld.push(Withheld { spelling, given, instead });
        }
    }

    /// Admits the withheld values, after the user's permission.
    pub(super) fn admit(&mut self) {
        for Withheld { spelling, given, .. } in std::mem::take(&mut self.withheld) {
            if spelling != v::MASK_PATTERNS.name
                && let Some(session) = self.layers.get_mut(SESSION)
            {
                session.values.insert(spelling, given);
            }
        }
    }

    /// Whether the project's allow patterns are withheld.
    pub(super) fn are_patterns_withheld(&self) -> bool {
        self.provenance.declared() == Some(&Allow::Never)
            || self.withheld.iter().any(|withheld| withheld.spelling == v::MASK_PATTERNS.name)
    }

    fn remove(&mut self, spelling: &str) {
        if let Some(session) = self.layers.get_mut(SESSION) {
            session.values.remove(spelling);
        }
    }

    fn has_no_value(&self, spelling: &str) -> bool {
        self.layers.get(SESSION).is_none_or(|session| session.own(spelling).is_none())
    }

    /// Replaces the project's value by the user's.
    fn put_users(&mut self, spelling: &'static str, from_files: bool) {
        let of_user = if from_files { &self.of_user_files } else { &self.of_user };
        let own = of_user.own(spelling).cloned();
        self.remove(spelling);
        if let (Some(own), Some(session)) = (own, self.layers.get_mut(SESSION)) {
            session.values.insert(spelling, own);
        }
    }

    /// Whether the project's value protects at least as well as the files of the user and the organisation do.
    fn is_stricter(&self, variable: &Variable, text: &str) -> bool {
        let own = self.find_in_users_files(variable).map_or(variable.default, |own| own.text);
        match *variable {
            // A value that can't be read counts as the strictest mode.
            v::CAPTURE => {
                let read = |text: &str| text.parse().unwrap_or(Capture::Metadata);
                read(text) >= read(own)
            }
            v::MASK => value::switch(text) != Ok(false) || value::switch(own) == Ok(false),
            v::HOOK_BUDGET => {
                let read = |text: &str| value::seconds(text, 0.1, 60.0);
                read(text).is_ok_and(|budget| read(own).is_ok_and(|own| budget <= own))
            }
            _ => false,
        }
    }

    /// Whether the switch of a project's file counts if it is on. Off and unclear values always count.
    fn switch_counts(&self, text: &str) -> bool {
        if !value::is_on(text) {
            return true;
        }
        let is_off = |text: &str| value::switch(text) == Ok(false);
        match self.switch_of_projects() {
            Some(entry) => !is_off(entry),
            None if self.provenance.is_personal(v::ENABLED.name, text) => true,
            None => {
                let of_user = self.of_user_files.own(v::ENABLED.name);
                let is_off_in_file = |layer: &super::layers::LayerValues| {
                    layer.layer == Layer::File
                        && layer.own(v::ENABLED.name).is_some_and(|given| is_off(&given.text))
                };
                !of_user.is_some_and(|given| is_off(&given.text))
                    && !self.layers.iter().any(is_off_in_file)
            }
        }
    }

    /// The switch in the longest of the user's `projects` that has one.
    fn switch_of_projects(&self) -> Option<&str> {
        let mut entries = self.layers.iter().filter(|layer| layer.layer == Layer::Project);
        entries.find_map(|entry| Some(entry.own(v::ENABLED.name)?.text.as_str()))
    }

    /// The switch in the user's `projects` is about this project, that in the user's settings about all.
    fn prefer_project_switch(&mut self) {
        let session = self.layers.get(SESSION);
        let given = session.and_then(|session| session.own(v::ENABLED.name));
        let is_of_all = given.is_some_and(|given| given.owner == Owner::User);
        if is_of_all && self.switch_of_projects().is_some() {
            self.remove(v::ENABLED.name);
        }
    }

    /// Whether requests may leave this machine unencrypted, so that a proxy can read them.
    fn may_be_unencrypted(&self) -> bool {
        let mut layers = self.layers.iter().chain([&self.of_user]);
        layers.any(|layer| {
            let mut spellings = v::BASE_URL.spellings.iter();
            spellings.any(|spelling| {
                let given = layer.own(spelling);
                given.is_some_and(|given| !given.text.to_ascii_lowercase().contains("https:"))
            })
        })
    }
}

/// Whether patterns of this text allow texts. Unreadable patterns allow nothing, and nothing is sent with them.
fn has_allow_patterns(text: &str) -> bool {
    let (_, allows) = secrets::Patterns::new(Some(text)).written();
    !allows.is_empty()
}

/// The problem of a variable in a file that belongs to one run of Claude Code.
pub(super) fn run_only(spelling: &str, place: &str) -> Problem {
    let what = "belongs to one run of Claude Code and counts from the environment alone";
    let remedy = "remove it there, and set it in the environment of the run";
    Problem::of_variable(spelling, place, what, remedy)
}
