//! Fields found without parsing a whole row, in rows as releases write them.

use std::fs;
use std::path::{Path, PathBuf};

use super::{
    Field, attachment_type, further_row, ids, last_value, leading_type, number, row_type, text,
};
use crate::classify::{Reading, classify};
use crate::{Line, SessionInfo, branch_point, hook_times, last_activity};

/// Every transcript in the repository's recordings.
fn recordings() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/transcripts");
    let mut folders = vec![root];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "jsonl") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 100, "{} recordings", found.len());
    found
}

/// The characters of JSON, each with whether a text is open before it.
fn characters(json: &str) -> impl Iterator<Item = (char, bool)> {
    let (mut is_text, mut is_escaped) = (false, false);
    json.chars().map(move |character| {
        let was_text = is_text;
        if character == '"' && !is_escaped {
            is_text = !is_text;
        }
        is_escaped = is_text && character == '\\' && !is_escaped;
        (character, was_text)
    })
}

/// JSON with `space` around each token, outside of texts.
fn spaced(json: &str, space: &str) -> String {
    let mut out = String::new();
    for (character, is_text) in characters(json) {
        let is_token = !is_text && matches!(character, '{' | '}' | '[' | ']' | ':' | ',');
        let space = if is_token { space } else { "" };
        out.extend([space, character.encode_utf8(&mut [0; 4]), space]);
    }
    out.trim().to_owned()
}

fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|row| row.starts_with('{') && row.ends_with('}'))
}

fn classified(row: &str) -> String {
    let line = Line { offset: 0, end: 0, bytes: row.as_bytes().into(), is_cut: false };
    match classify(line, 10_000, false, &|_| true) {
        Reading::Broken(_) => "broken".to_owned(),
        reading => format!("{reading:?}"),
    }
}

/// Fails when Claude Code begins to write spaces. Such rows can be read, but all speed was measured without spaces.
#[test]
fn the_recordings_have_no_space_after_a_colon() {
    for path in recordings() {
        let text = fs::read_to_string(&path).unwrap();
        for row in rows(&text) {
            let is_space = |(character, is_text): (char, bool)| character == ' ' && !is_text;
            assert!(!characters(row).any(is_space), "{}: {row}", path.display());
        }
    }
}

#[test]
fn a_space_around_tokens_changes_no_reading_of_a_row() {
    for path in recordings() {
        for row in rows(&fs::read_to_string(&path).unwrap()) {
            for space in [" ", "\t "] {
                let spaced = spaced(row, space);
                assert_eq!(classified(&spaced), classified(row), "{spaced}");
                let ids = |row: &str| ids(row.as_bytes()).map(<[u8]>::to_vec).collect::<Vec<_>>();
                assert_eq!(ids(&spaced), ids(row), "{spaced}");
            }
        }
    }
}

#[test]
fn a_space_around_tokens_changes_no_reading_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut rewinds = 0;
    for path in recordings() {
        let text = fs::read_to_string(&path).unwrap();
        let rewritten: Vec<String> = text.lines().map(|row| spaced(row, " ")).collect();
        let copy = folder.path().join("copy.jsonl");
        fs::write(&copy, rewritten.join("\n") + "\n").unwrap();
        assert_eq!(SessionInfo::read(&copy).unwrap(), SessionInfo::read(&path).unwrap());
        assert_eq!(hook_times(&copy).unwrap(), hook_times(&path).unwrap());
        if text.contains("\"timestamp\"") {
            assert_eq!(last_activity(&copy), last_activity(&path), "{}", path.display());
        }
        rewinds += branch_rows(&path).iter().flatten().count();
        assert_eq!(branch_rows(&copy), branch_rows(&path), "{}", path.display());
    }
    assert!(rewinds > 0, "no recording has a rewind");
}

/// For each row of a user the index of the row at its branch point.
fn branch_rows(path: &Path) -> Vec<Option<usize>> {
    let text = fs::read_to_string(path).unwrap();
    let mut start = 0;
    let mut found = Vec::new();
    for row in text.split_inclusive('\n') {
        let read: serde_json::Value = serde_json::from_str(row).unwrap_or_default();
        let parent = read["parentUuid"].as_str();
        if let Some(parent) = parent.filter(|_| read["type"] == "user") {
            let index = read["turnPosition"]["turnIndex"].as_u64();
            let place = branch_point(path, start as u64, Some(parent), index).unwrap();
            let before = place.map(|place| &text[..usize::try_from(place).unwrap()]);
            found.push(before.map(|before| before.matches('\n').count()));
        }
        start += row.len();
    }
    found
}

#[test]
fn the_type_of_a_row_is_at_its_top_level() {
    for (row, kind) in [
        (r#"{"type":"user","x":1}"#, Some("user")),
        (r#"{"a":{"type":"x"},"b":["type","y"],"type" : "new""#, Some("new")),
        (r#"{"a":"\"type\":\"x\"","\\":"\\","type":"new"}"#, Some("new")),
        (r#"{"b":"type","c":"new"}"#, None),
        (r#"{"type":1,"c":"new"}"#, None),
        (r#"{"a":"without an end"#, None),
        (r#"{"type":"cut o"#, None),
    ] {
        for row in [row, &spaced(row, " ")] {
            assert_eq!(row_type(row.as_bytes()), kind.map(str::as_bytes), "{row}");
        }
    }
    assert_eq!(leading_type(br#"{"a":1,"type":"user"}"#), None);
    let late = format!(r#"{{"a":"{}","type":"user"}}"#, "x".repeat(super::HEAD_BYTES));
    assert_eq!(row_type(late.as_bytes()), None, "the row is parsed");
}

#[test]
fn the_attachment_of_a_row_is_at_its_top_level() {
    for (row, kind) in [
        (r#"{"a":"attachment","attachment":{"type":"x","b":{}}}"#, Some("x")),
        (r#"{"a":{"attachment":{"type":"x"}}}"#, None),
        (r#"{"a":"{\"attachment\":{\"type\":\"x\"}"}"#, None),
        (r#"{"attachment":{"b":1,"type":"x"}}"#, None),
        (r#"{"attachment":"x"}"#, None),
    ] {
        for row in [row, &spaced(row, " ")] {
            assert_eq!(attachment_type(row.as_bytes()), kind.map(str::as_bytes), "{row}");
        }
    }
}

#[test]
fn a_field_is_a_name_with_a_colon_and_no_quotation() {
    let row = br#"{"a":"\"id\":\"quoted\"","b":["id"],"c":{"id" : "one"},"id":"two","id":3}"#;
    let field = Field::new(b"\"id\"");
    let values: Vec<_> = field.values(row).map(|value| (text(value), number(value))).collect();
    assert_eq!(values, [(Some(&b"one"[..]), None), (Some(b"two"), None), (None, Some(3))]);
    let last = last_value(row, b"\"id\"", |at, value| Some((at, text(value)?.to_owned())));
    assert_eq!(last, Some((55, b"two".to_vec())));
}

/// One file states the assumptions of all scans.
#[test]
fn no_other_file_searches_bytes() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("scan.rs") && !path.ends_with("scan/tests.rs") {
                assert!(
                    !fs::read_to_string(&path).unwrap().contains("memchr"),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn no_recorded_row_looks_like_two() {
    for path in recordings() {
        let content = fs::read_to_string(&path).unwrap();
        for row in content.lines() {
            assert_eq!(further_row(row.as_bytes()), None, "{}: {row:.200}", path.display());
        }
    }
}

#[test]
fn splits_two_whole_rows_on_one_line() {
    let first = r#"{"a":[{"type":"x"},{"type":"y{"}],"b":"}{","c":"{\"type\":1}"}"#;
    for second in [r#"{"parentUuid":null}"#, r#"{"type":"mode"}"#, r#"{"uuid":"u"}"#] {
        let line = format!("{first}{second}");
        assert_eq!(further_row(line.as_bytes()), Some(first.len()), "{second}");
    }
}
