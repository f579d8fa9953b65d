//! Names of variables that look like ours and are not: they belong to other hooks that send Claude Code to Langfuse,
//! or they are misspelled.

use strsim::levenshtein as distance;

use super::variables::VARIABLES;

/// Variables of the official plugin and of known hook scripts that have no counterpart of the same name, with the remedy.
const FOREIGN: [(&str, &str); 12] = [
    ("CC_LANGFUSE_SKILL_TAGS", "remove it: a turn opened by a skill has the tag skill:NAME"),
    ("CC_LANGFUSE_CAPTURE_SKILL_CONTENT", "use CC_LANGFUSE_CAPTURE"),
    ("CC_LANGFUSE_CAPTURE_IMAGES", "use CC_LANGFUSE_MEDIA"),
    ("CC_LANGFUSE_FLUSH_TIMEOUT", "use CC_LANGFUSE_HOOK_BUDGET"),
    (
        "CC_LANGFUSE_FAIL_ON_ERROR",
        "remove it: hooks never fail, 'claude-langfuse status' shows problems",
    ),
    ("CC_LANGFUSE_ENVIRONMENT", "use LANGFUSE_TRACING_ENVIRONMENT"),
    ("CC_LANGFUSE_TAGS", "use CC_LANGFUSE_TRACE_TAGS"),
    ("CC_LANGFUSE_PROJECT_TAG", "use CC_LANGFUSE_TRACE_TAGS"),
    ("CC_TRACE_TO_LANGFUSE", "use TRACE_TO_LANGFUSE"),
    ("CC_PROJECT_NAME", "use CC_LANGFUSE_PROJECT"),
    ("CODE_TRACE_SYNC_SEND", "remove it: hooks always send before they end"),
    ("LANGFUSE_BASEURL", "use LANGFUSE_BASE_URL"),
];

/// Variables that decide whether, where and how much is sent: ignoring one of them is no small mistake.
const DECISIVE: [&str; 3] =
    ["CC_TRACE_TO_LANGFUSE", "LANGFUSE_BASEURL", "CC_LANGFUSE_CAPTURE_SKILL_CONTENT"];

/// Whether the name belongs to another hook without doubt, and ignoring it sends nothing that should stay.
pub(super) fn is_harmless(name: &str) -> bool {
    FOREIGN.iter().any(|(foreign, _)| *foreign == name) && !DECISIVE.contains(&name)
}

/// The remedy for a name that may be meant for this program; `None` for names of other programs.
pub fn remedy(name: &str) -> Option<String> {
    if let Some((_, remedy)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
        return Some((*remedy).to_owned());
    }
    let spellings = || VARIABLES.iter().flat_map(|variable| variable.spellings);
    if !name.contains("LANG") || spellings().any(|spelling| *spelling == name) {
        return None;
    }
    // Other names with `LANGFUSE_` may belong to Langfuse's SDKs.
    let close = spellings().find(|spelling| distance(name, spelling) <= 2);
    match close {
        Some(meant) => Some(format!("use {meant} if you meant that")),
        None if name.starts_with("CC_LANGFUSE_") => {
            Some("run claude-langfuse --help for the names".to_owned())
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{FOREIGN, distance, remedy};
    use crate::config::VARIABLES;

    #[test]
    fn variables_of_other_hooks_have_a_counterpart_or_a_reason() {
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
        assert_eq!(meant("TRACE_TO_LANGFUS").unwrap(), "use TRACE_TO_LANGFUSE if you meant that");
        assert_eq!(
            meant("LANGFUSE_PUBLICKEY").unwrap(),
            "use LANGFUSE_PUBLIC_KEY if you meant that"
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
