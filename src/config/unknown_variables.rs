//! Variables that look like ours and are not: other hooks that send Claude Code to Langfuse have them, or a finger slipped.
//! Nothing reads them, and without a word about it people wait for their effect.

use std::path::Path;

use super::env::Env;
use super::files::Files;
use super::settings;
use super::source::shown;
use super::variables::VARIABLES;

/// Variables of the official plugin and of known hook scripts that have no counterpart of the same name, and what to do.
const FOREIGN: [(&str, &str); 12] = [
    ("CC_LANGFUSE_SKILL_TAGS", "remove it; skills are in the metadata of a turn"),
    ("CC_LANGFUSE_CAPTURE_SKILL_CONTENT", "remove it; CC_LANGFUSE_CAPTURE says how much is sent"),
    (
        "CC_LANGFUSE_CAPTURE_IMAGES",
        "remove it; an image is always sent as a placeholder with its type and size",
    ),
    ("CC_LANGFUSE_FLUSH_TIMEOUT", "use CC_LANGFUSE_HOOK_BUDGET"),
    (
        "CC_LANGFUSE_FAIL_ON_ERROR",
        "remove it; a hook never fails, 'claude-langfuse status' tells what is wrong",
    ),
    ("CC_LANGFUSE_ENVIRONMENT", "use LANGFUSE_TRACING_ENVIRONMENT"),
    ("CC_LANGFUSE_TAGS", "use CC_LANGFUSE_TRACE_TAGS"),
    ("CC_LANGFUSE_PROJECT_TAG", "use CC_LANGFUSE_TRACE_TAGS"),
    ("CC_TRACE_TO_LANGFUSE", "use TRACE_TO_LANGFUSE"),
    (
        "CC_PROJECT_NAME",
        "remove it; each trace has a tag project:<name>, and CC_LANGFUSE_TRACE_TAGS adds yours",
    ),
    ("CODE_TRACE_SYNC_SEND", "remove it; a hook always sends before it ends"),
    ("LANGFUSE_BASEURL", "use LANGFUSE_BASE_URL"),
];

/// A variable that nothing reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// Where it is set: a file, or "the environment".
    pub place: String,
    /// What to do about it.
    pub remedy: String,
}

/// The strangers in the environment and in Claude Code's settings files of a session started in `start`. Those in the
/// configuration file are problems of it.
pub fn unknown_variables(env: &Env, files: &Files, start: Option<&Path>) -> Vec<UnknownVariable> {
    let mut found = Vec::new();
    let mut add = |name: &str, place: &str| {
        if let Some(remedy) = remedy(name) {
            found.push(UnknownVariable { name: shown(name), place: place.to_owned(), remedy });
        }
    };
    for name in env.environment.keys() {
        add(name, "the environment");
    }
    for file in settings::files_for(env, files, start) {
        for name in &file.others {
            add(name, &file.place);
        }
    }
    found
}

/// What to do about a name that may be a stranger; `None` when it is none of our business.
pub(super) fn remedy(name: &str) -> Option<String> {
    if let Some((_, remedy)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
        return Some((*remedy).to_owned());
    }
    let spellings = || VARIABLES.iter().flat_map(|variable| variable.spellings);
    if !name.contains("LANG") || spellings().any(|spelling| *spelling == name) {
        return None;
    }
    // `LANGFUSE_…` alone may be a variable of Langfuse's SDKs.
    let close = spellings().find(|spelling| distance(name, spelling) <= 2);
    match close {
        Some(meant) => Some(format!("use {meant}, if that is meant")),
        None if name.starts_with("CC_LANGFUSE_") => {
            Some("see claude-langfuse --help for the names".to_owned())
        }
        None => None,
    }
}

/// How many letters have to be added, removed or exchanged.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, one) in left.bytes().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (other, cell) in right.bytes().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(one != other);
            diagonal = *cell;
            before = replaced.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{FOREIGN, distance, remedy};
    use crate::config::VARIABLES;

    #[test]
    fn what_another_hook_reads_has_a_counterpart_or_a_reason() {
        for (name, advice) in FOREIGN {
            assert_eq!(remedy(name).as_deref(), Some(advice));
            let told = include_str!("../../docs/migrating.md");
            assert!(told.contains(&format!("`{name}`")), "{name} is not in docs/migrating.md");
            let ours = VARIABLES.iter().any(|one| one.spellings.contains(&name));
            assert!(!ours, "{name} is a variable of ours");
        }
    }

    #[test]
    fn a_slip_is_recognised_and_other_programs_variables_are_left_alone() {
        let meant = |name: &str| remedy(name);
        assert_eq!(meant("TRACE_TO_LANGFUS").unwrap(), "use TRACE_TO_LANGFUSE, if that is meant");
        assert_eq!(
            meant("LANGFUSE_PUBLICKEY").unwrap(),
            "use LANGFUSE_PUBLIC_KEY, if that is meant"
        );
        assert!(meant("CC_LANGFUSE_COLOUR").is_some());
        for other in ["LANGFUSE_SAMPLE_RATE", "LANG", "LANGUAGE", "PATH", "LANGFUSE_HOST"] {
            assert_eq!(meant(other), None, "{other}");
        }
    }

    #[test]
    fn a_distance_counts_letters() {
        for (left, right, expected) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "ac", 1), ("", "ab", 2), ("abcd", "bacd", 2)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }
}
