//! Finds names in transcripts that no tested release had, which shows changes in Claude Code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json_text;
use super::lines::Lines;
use super::prefilter;
use super::tolerant::Tolerant;

/// Subtypes, types of attachments, fields of needed rows, and hook events, each below its heading. Most of them are
/// useless for spans: `sentAtMs`, `thread`, `hookText`, `refusalRetry` …
const KNOWN: &str = include_str!("unknown/known.txt");

/// A file may have any number of names, each of any length.
const MAX_NAMES: usize = 100;
const MAX_CHARACTERS: usize = 60;

/// Unknown names, each with its place: `row hologram`, `field user.newField`, `hook event OnWake`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownNames {
    /// Types of rows, subtypes of `system` rows and types of attachments.
    pub types: BTreeSet<String>,
    /// Fields of rows, and hook events.
    pub others: BTreeSet<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Kind {
    #[serde(rename = "type")]
    kind: Tolerant<String>,
    hook_event: Tolerant<String>,
}

/// Reads the unknown names of a transcript.
///
/// # Errors
/// If the file can't be read.
pub fn unknown_names(transcript: &Path) -> Result<UnknownNames> {
    let known = Known::read();
    let mut unknown = UnknownNames::default();
    let mut lines = Lines::open(transcript, 0)?;
    while let Some(line) = lines.next_line()? {
        let text = json_text::of_line(line.bytes);
        if let Ok(row) = serde_json::from_str::<BTreeMap<String, &RawValue>>(&text) {
            known.look_at(&row, &mut unknown);
        }
    }
    Ok(unknown)
}

/// By heading.
struct Known(BTreeMap<&'static str, BTreeSet<&'static str>>);

impl Known {
    fn read() -> Self {
        let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut heading = "";
        for line in KNOWN.lines() {
            match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                Some(next) => heading = next,
                None => known.entry(heading).or_default().extend(line.split(' ')),
            }
        }
        Self(known)
    }

    fn has(&self, heading: &str, name: &str) -> bool {
        self.0.get(heading).is_some_and(|names| names.contains(name))
    }

    fn look_at(&self, row: &BTreeMap<String, &RawValue>, unknown: &mut UnknownNames) {
        let text = |name: &str| {
            let value = row.get(name)?.get();
            serde_json::from_str::<String>(value).ok()
        };
        let inner = |name: &str| {
            let value = row.get(name)?.get();
            serde_json::from_str::<Kind>(value).ok()
        };
        let kind = text("type").unwrap_or_else(|| "(no type)".to_owned());
        if !prefilter::is_known(&kind) {
            return add(&mut unknown.types, || format!("row {kind}"));
        }
        let attachment = inner("attachment").unwrap_or_default();
        for (heading, name) in [("system", text("subtype")), ("attachment", attachment.kind.0)] {
            if let Some(name) = name.filter(|name| kind == heading && !self.has(heading, name)) {
                add(&mut unknown.types, || format!("{heading} {name}"));
            }
        }
        let events = [attachment.hook_event.0, inner("data").and_then(|data| data.hook_event.0)];
        for event in events.into_iter().flatten().filter(|event| !self.has("hook event", event)) {
            add(&mut unknown.others, || format!("hook event {event}"));
        }
        if prefilter::is_needed(&kind) {
            for field in row.keys().filter(|field| !self.has("field", field)) {
                add(&mut unknown.others, || format!("field {kind}.{field}"));
            }
        }
    }
}

fn add(names: &mut BTreeSet<String>, name: impl Fn() -> String) {
    if names.len() < MAX_NAMES {
        names.insert(name().chars().take(MAX_CHARACTERS).collect());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{MAX_CHARACTERS, MAX_NAMES, UnknownNames, unknown_names};

    #[test]
    fn names_types_fields_and_hook_events_that_no_known_release_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let rows = [
            r#"{"type":"user","uuid":"u","sentAtMs":1,"message":{"content":"x","newInside":1},"newField":1}"#,
            r#"{"type":"hologram","uuid":"u","anything":1}"#,
            r#"{"type":"last-prompt","anything":1}"#,
            r#"{"type":"system","subtype":"stop_hook_summary"}"#,
            r#"{"type":"system","subtype":"new_subtype"}"#,
            r#"{"type":"attachment","attachment":{"type":"hook_success","hookEvent":"Stop"}}"#,
            r#"{"type":"attachment","attachment":{"type":"new_attachment","hookEvent":"OnWake"}}"#,
            r#"{"type":"progress","data":{"type":"hook_progress","hookEvent":"OnSleep"}}"#,
            r#"{"uuid":"u"}"#,
            r#"{"type":"user","torn"#,
        ];
        fs::write(&path, rows.join("\n")).unwrap();
        let unknown = unknown_names(&path).unwrap();
        let types =
            ["attachment new_attachment", "row (no type)", "row hologram", "system new_subtype"];
        assert_eq!(Vec::from_iter(unknown.types), types);
        let others = ["field user.newField", "hook event OnSleep", "hook event OnWake"];
        assert_eq!(Vec::from_iter(unknown.others), others);
    }

    #[test]
    fn knows_every_name_of_the_recordings() {
        let mut waiting =
            vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/transcripts")];
        let mut read = 0;
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|it| it == "jsonl")
                && !path.ends_with("journal.jsonl")
            {
                assert_eq!(unknown_names(&path).unwrap(), UnknownNames::default(), "{path:?}");
                read += 1;
            }
        }
        assert!(read > 50, "{read}");
    }

    #[test]
    fn keeps_so_many_short_names_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let fields = (0..1000).map(|number| format!("\"f{number}{}\":1", "x".repeat(1000)));
        let fields = Vec::from_iter(fields).join(",");
        fs::write(&path, format!("{{\"type\":\"user\",{fields}}}")).unwrap();
        let names = unknown_names(&path).unwrap().others;
        assert_eq!(names.len(), MAX_NAMES);
        assert!(names.iter().all(|name| name.len() <= MAX_CHARACTERS));
    }
}
