//! A session's title, the cost in Claude Code's report, and the time of its last row.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Result;
use base::{Timestamp, regular_file};

use super::json_text;
use super::rows::{ModelUsage, SessionRow};
use super::scan::{self, Field};
use super::{Lines, Usage};

/// A session's own description. Of several rows the last one counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionInfo {
    /// The person's title, otherwise the model's.
    pub title: Option<String>,
    /// The cost that Claude Code reports when its process ends, since 2.1.330.
    pub reckoning: Option<ReportedCost>,
}

/// The tokens and the cost of all processes of a session, by Claude Code's count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportedCost {
    /// Tokens of all models.
    pub usage: Usage,
    /// US dollars, at Claude Code's prices.
    pub dollars: f64,
    /// Answers were written after it.
    pub outdated: bool,
}

impl SessionInfo {
    /// Scans a transcript and parses only the relevant rows.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn read(transcript: &Path) -> Result<Self> {
        let types = Field::new(b"\"type\"");
        let is_answer = |kind: Option<&[u8]>, row: &[u8]| match kind {
            Some(kind) => kind == b"assistant",
            // The type of a long answer comes after its content.
            None => types.values(row).any(|kind| scan::text(kind) == Some(b"assistant")),
        };
        let mut lines = Lines::open(transcript, 0)?;
        let (mut custom_title, mut ai_title) = (None, None);
        let mut reckoning: Option<ReportedCost> = None;
        while let Some(line) = lines.next_line()? {
            let kind = scan::row_type(&line.bytes);
            if let Some(reckoning) = &mut reckoning {
                reckoning.outdated |= is_answer(kind, &line.bytes);
            }
            if !matches!(kind, Some(b"custom-title" | b"ai-title" | b"cost-state")) {
                continue;
            }
            let row = json_text::of_line(line.bytes);
            let Ok(row) = serde_json::from_str::<SessionRow>(&row) else {
                continue;
            };
            reckoning = ReportedCost::of(&row).or(reckoning);
            custom_title = title(row.custom_title.0).or(custom_title);
            ai_title = title(row.ai_title.0).or(ai_title);
        }
        Ok(Self { title: custom_title.or(ai_title), reckoning })
    }
}

/// The states of Claude Code's own count in a transcript, in order.
///
/// # Errors
/// If the file can't be read.
pub fn reported_costs(transcript: &Path) -> Result<Vec<ReportedCost>> {
    let mut lines = Lines::open(transcript, 0)?;
    let mut costs = Vec::new();
    while let Some(line) = lines.next_line()? {
        if scan::row_type(&line.bytes) == Some(b"cost-state") {
            let row = serde_json::from_str::<SessionRow>(&json_text::of_line(line.bytes));
            costs.extend(row.ok().and_then(|row| ReportedCost::of(&row)));
        }
    }
    Ok(costs)
}

fn title(title: Option<String>) -> Option<String> {
    let title = title?.trim().to_owned();
    (!title.is_empty()).then_some(title)
}

/// The part of a file's end that is searched for its last time.
const TAIL_BYTES: u64 = 64 * 1024;

/// The last time near the end of a transcript, otherwise the file's modification time.
pub fn last_activity(transcript: &Path) -> Option<Timestamp> {
    let mut file = regular_file::open(transcript).ok()?;
    let metadata = file.metadata().ok()?;
    let mut tail = Vec::new();
    let begin = metadata.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(begin)).ok()?;
    file.take(TAIL_BYTES).read_to_end(&mut tail).ok()?;
    let last = scan::last_value(&tail, b"\"timestamp\"", |_, time| {
        Timestamp::parse(str::from_utf8(scan::text(time)?).ok()?)
    });
    last.or_else(|| metadata.modified().ok().map(Timestamp::of))
}

impl ReportedCost {
    fn of(row: &SessionRow) -> Option<Self> {
        let models = row.model_usage.as_ref()?.values();
        let sum = |count: fn(&ModelUsage) -> Option<u64>| {
            models.clone().filter_map(count).fold(0, u64::saturating_add)
        };
        let usage = Usage {
            input: sum(|model| model.input_tokens.0),
            output: sum(|model| model.output_tokens.0),
            cache_read: sum(|model| model.cache_read_input_tokens.0),
            cache_write: sum(|model| model.cache_creation_input_tokens.0),
            ..Usage::default()
        };
        Some(Self { usage, dollars: row.total_cost.0?, outdated: false })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use base::Timestamp;

    use super::{SessionInfo, last_activity};

    fn info(rows: &[&str]) -> SessionInfo {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(rows.join("\n").as_bytes()).unwrap();
        SessionInfo::read(file.path()).unwrap()
    }

    #[test]
    fn the_last_custom_title_wins_over_the_models() {
        let made = r#"{"type":"ai-title","aiTitle":"Made up","sessionId":"s"}"#;
        let first = r#"{"type":"custom-title","customTitle":"First","sessionId":"s"}"#;
        let last = r#"{"type":"custom-title","customTitle":"Last","sessionId":"s"}"#;
        assert_eq!(info(&[made]).title.as_deref(), Some("Made up"));
        assert_eq!(info(&[first, last, made]).title.as_deref(), Some("Last"));
        assert_eq!(info(&["no JSON", "{}"]).title, None);
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
    fn the_last_reported_cost_counts_and_an_answer_outdates_it() {
        let state = |input: u64| {
            format!(
                r#"{{"type":"cost-state","totalCostUSD":0.5,"modelUsage":{{"a":{{"inputTokens":{input}}},"b":{{"inputTokens":1,"outputTokens":2}}}}}}"#
            )
        };
        let answer = r#"{"parentUuid":null,"message":{},"type":"assistant"}"#;
        let reckoning = |rows: &[&str]| info(rows).reckoning.unwrap();
        let current = reckoning(&[&state(3), answer, &state(6)]);
        assert_eq!((current.usage.input, current.usage.output), (7, 2));
        assert!(!current.outdated);
        assert!(reckoning(&[&state(6), answer]).outdated);
        assert_eq!(info(&[answer]).reckoning, None);
    }
}
