//! The Claude Code release in use, and its known problems with hooks.

use std::collections::BTreeSet;

use serde_json::Value;
use transcript::Transcript;

use super::DoctorContext;
use crate::commands::output::CheckReport;
use crate::config::settings_paths;
use crate::user_file::{Kind, UserFile};

/// Hook events of releases before [`TOLERANT`], which turn all hooks off if the settings name any other event.
const OLD_EVENTS: [&str; 9] = [
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

/// First release that ignores unknown events.
const TOLERANT: (u32, u32, u32) = (2, 1, 150);

pub(super) fn check(context: &DoctorContext<'_>, report: &mut CheckReport) {
    let Some(version) = context.newest.iter().find_map(|path| version_of(path)) else {
        return;
    };
    let unknown = unknown_events(context);
    if !unknown.is_empty() && parse_version(&version).is_some_and(|version| version < TOLERANT) {
        let events: Vec<&str> = unknown.iter().map(String::as_str).collect();
        return report.fail(
            "claude code",
            format!("release {version} turns all hooks off because the settings name events unknown to it: {}", events.join(", ")),
            "update Claude Code, or remove the hooks for these events",
        );
    }
    report.ok("claude code", format!("release {version}"));
}

/// The release in the first row that names one.
pub(in crate::commands) fn version_of(path: &std::path::Path) -> Option<String> {
    let mut transcript = Transcript::open(path, 0).ok()?;
    while let Ok(Some(entry)) = transcript.next_entry() {
        if entry.header.version.is_some() {
            return entry.header.version;
        }
    }
    None
}

fn unknown_events(context: &DoctorContext<'_>) -> BTreeSet<String> {
    let (env, files) = (&context.delivery.env, &context.delivery.files);
    let mut unknown = BTreeSet::new();
    for path in settings_paths(env, files, Some(&context.start)) {
        let content = UserFile::open(&path, Kind::Settings).and_then(|file| file.content());
        let settings = content.unwrap_or_default();
        let events = settings.get("hooks").and_then(Value::as_object);
        let names = events.into_iter().flatten().map(|(name, _)| name);
        unknown.extend(names.filter(|name| !OLD_EVENTS.contains(&name.as_str())).cloned());
    }
    unknown
}

pub(in crate::commands) fn parse_version(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    Some((parts.next()?, parts.next()?, parts.next()?))
}
