//! What rows that no span needs say of the whole session: what it is called, and what Claude Code itself reckons that it
//! took. The last of each counts.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Result;
use base::{Timestamp, regular_file};
use serde_json::Value;

use super::entry::Usage;
use super::lines::Lines;

/// What a session says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionInfo {
    /// The title that a person gave it, else the one that a model did.
    pub title: Option<String>,
    /// What Claude Code reckoned when its process ended, since 2.1.330.
    pub reckoning: Option<ReportedCost>,
}

/// What Claude Code counted over all processes of the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportedCost {
    /// Tokens of all models.
    pub usage: Usage,
    /// What it takes them to cost.
    pub dollars: f64,
    /// Answers were written after it.
    pub outdated: bool,
}

impl SessionInfo {
    /// Looks through a transcript, parsing only the rows in question.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn read(transcript: &Path) -> Result<Self> {
        let mut lines = Lines::open(transcript, 0)?;
        let (mut given, mut made) = (None, None);
        let mut reckoning: Option<ReportedCost> = None;
        while let Some(line) = lines.next_line()? {
            let Some(kind) = kind(&line.bytes) else {
                if let Some(reckoning) = &mut reckoning {
                    reckoning.outdated |= is_answer(&line.bytes);
                }
                continue;
            };
            match kind {
                b"custom-title" => given = text(&line.bytes, "customTitle").or(given),
                b"ai-title" => made = text(&line.bytes, "aiTitle").or(made),
                b"cost-state" => reckoning = ReportedCost::read(&line.bytes).or(reckoning),
                _ => {}
            }
        }
        Ok(Self { title: given.or(made), reckoning })
    }
}

/// How much of a file's end is searched for its last time.
const TAIL_BYTES: u64 = 64 * 1024;

/// When a session last went on: the last time that is written in it, else when the file was written.
pub fn last_activity(transcript: &Path) -> Option<Timestamp> {
    let mut file = regular_file::open(transcript).ok()?;
    let metadata = file.metadata().ok()?;
    let mut tail = Vec::new();
    let begin = metadata.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(begin)).ok()?;
    file.take(TAIL_BYTES).read_to_end(&mut tail).ok()?;
    last_time(&tail).or_else(|| metadata.modified().ok().map(Timestamp::of))
}

/// Within a text of the conversation the quotes would be escaped.
fn last_time(rows: &[u8]) -> Option<Timestamp> {
    const FIELD: &[u8] = b"\"timestamp\":\"";
    memchr::memmem::rfind_iter(rows, FIELD).find_map(|at| {
        let value = rows.get(at + FIELD.len()..)?;
        let value = value.split(|byte| *byte == b'"').next()?;
        Timestamp::parse(std::str::from_utf8(value).ok()?)
    })
}

impl ReportedCost {
    fn read(row: &[u8]) -> Option<Self> {
        let row: Value = serde_json::from_slice(row).ok()?;
        let mut usage = Usage::default();
        for model in row.get("modelUsage")?.as_object()?.values() {
            let count = |field: &str| model.get(field).and_then(Value::as_u64).unwrap_or_default();
            usage.input = usage.input.saturating_add(count("inputTokens"));
            usage.output = usage.output.saturating_add(count("outputTokens"));
            usage.cache_read = usage.cache_read.saturating_add(count("cacheReadInputTokens"));
            usage.cache_write = usage.cache_write.saturating_add(count("cacheCreationInputTokens"));
        }
        Some(Self {
            usage,
            dollars: row.get("totalCostUSD").and_then(Value::as_f64)?,
            outdated: false,
        })
    }
}

/// The type of a row that begins with it. Those of messages begin otherwise.
fn kind(row: &[u8]) -> Option<&[u8]> {
    let rest = row.strip_prefix(b"{\"type\":\"")?;
    rest.split(|byte| *byte == b'"').next()
}

fn is_answer(row: &[u8]) -> bool {
    memchr::memmem::find(row, b"\"type\":\"assistant\"").is_some()
}

fn text(row: &[u8], field: &str) -> Option<String> {
    let row: Value = serde_json::from_slice(row).ok()?;
    let text = row.get(field)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{SessionInfo, Timestamp, last_activity};

    fn about(rows: &[&str]) -> SessionInfo {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(rows.join("\n").as_bytes()).unwrap();
        SessionInfo::read(file.path()).unwrap()
    }

    #[test]
    fn a_persons_title_goes_before_a_models_and_the_last_one_counts() {
        let made = r#"{"type":"ai-title","aiTitle":"Made up","sessionId":"s"}"#;
        let first = r#"{"type":"custom-title","customTitle":"First","sessionId":"s"}"#;
        let last = r#"{"type":"custom-title","customTitle":"Last","sessionId":"s"}"#;
        assert_eq!(about(&[made]).title.as_deref(), Some("Made up"));
        assert_eq!(about(&[first, last, made]).title.as_deref(), Some("Last"));
        assert_eq!(about(&["no JSON", "{}"]).title, None);
    }

    #[test]
    fn the_last_time_in_a_file_is_its_last_activity() {
        let last = |content: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(content.as_bytes()).unwrap();
            last_activity(file.path()).unwrap()
        };
        let row = r#"{"timestamp":"2024-11-23T06:40:46.354Z","x":"\"timestamp\":\"2030-01-01T00:00:00Z\""}"#;
        let untimed = format!("{row}\n{{\"type\":\"mode\",\"timestamp\":\"soon\"}}\n");
        for content in [row, &untimed, &format!("{}\n{row}\n", "x".repeat(100_000))] {
            assert_eq!(last(content).rfc3339(), "2024-11-23T06:40:46.354Z");
        }
        let now = Timestamp::now();
        assert!(now.since(last("{}")).as_secs() < 60);
    }

    #[test]
    fn the_last_reckoning_counts_and_is_outdated_once_an_answer_follows() {
        let state = |input: u64| {
            format!(
                r#"{{"type":"cost-state","totalCostUSD":0.5,"modelUsage":{{"a":{{"inputTokens":{input}}},"b":{{"inputTokens":1,"outputTokens":2}}}}}}"#
            )
        };
        let answer = r#"{"parentUuid":null,"message":{},"type":"assistant"}"#;
        let reckoning = |rows: &[&str]| about(rows).reckoning.unwrap();
        let current = reckoning(&[&state(3), answer, &state(6)]);
        assert_eq!((current.usage.input, current.usage.output), (7, 2));
        assert!(!current.outdated);
        assert!(reckoning(&[&state(6), answer]).outdated);
        assert_eq!(about(&[answer]).reckoning, None);
    }
}
