//! Which Claude Code wrote last, and what its release does to hooks.

use std::collections::BTreeSet;

use serde_json::Value;
use transcript::Transcript;

use super::Patient;
use crate::claude_settings::SettingsFile;
use crate::commands::output::report::Report;
use crate::config::settings_paths;

/// The events that releases know which switch all hooks off when they meet another one.
const KNOWN_OF_OLD: [&str; 9] = [
    "PreToolUse",
    "PostToolUse",
    "Notification",
    "UserPromptSubmit",
    "Stop",
    "SubagentStop",
    "PreCompact",
    "SessionStart",
    "SessionEnd",
];

/// From this release on an unknown event is passed over.
const TOLERANT: (u32, u32, u32) = (2, 1, 150);

pub(super) fn check(patient: &Patient<'_>, report: &mut Report) {
    let Some(version) = patient.newest.iter().find_map(|path| version_in(path)) else {
        return;
    };
    let unknown = unknown_events(patient);
    if !unknown.is_empty() && numbers(&version).is_some_and(|version| version < TOLERANT) {
        let events: Vec<&str> = unknown.iter().map(String::as_str).collect();
        return report.fail(
            "claude code",
            format!("release {version} switches all hooks off when its settings name events that it does not know: {}", events.join(", ")),
            "update Claude Code, or remove the hooks for those events",
        );
    }
    report.ok("claude code", format!("release {version} wrote last"));
}

/// What the first row that names a release says. A session that is resumed by another release is rare enough.
fn version_in(path: &std::path::Path) -> Option<String> {
    let mut transcript = Transcript::open(path, 0).ok()?;
    while let Ok(Some(entry)) = transcript.next_entry() {
        if entry.header.version.is_some() {
            return entry.header.version;
        }
    }
    None
}

fn unknown_events(patient: &Patient<'_>) -> BTreeSet<String> {
    let (surroundings, files) = (&patient.post.surroundings, &patient.post.files);
    let mut unknown = BTreeSet::new();
    for path in settings_paths(surroundings, files, Some(&patient.start)) {
        let content = SettingsFile::open(&path).and_then(|file| file.content());
        let settings = content.unwrap_or_default();
        let events = settings.get("hooks").and_then(Value::as_object);
        let names = events.into_iter().flatten().map(|(name, _)| name);
        unknown.extend(
            names
                .filter(|name| !KNOWN_OF_OLD.contains(&name.as_str()))
                .cloned(),
        );
    }
    unknown
}

fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    Some((parts.next()?, parts.next()?, parts.next()?))
}
