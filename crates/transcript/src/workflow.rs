//! The end of a workflow run, from `<session>/workflows/<run id>.json`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Timestamp, regular_file};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json_text::replace_surrogates;
use super::row_budget::RowBudget;
use super::tolerant::{self, Tolerant};

/// Larger than the script and the answers of its agents, which the file repeats.
const MAX_RUN_BYTES: u64 = 64 * 1024 * 1024;

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// `completed`, `failed`, `killed`.
    pub status: String,
    /// The time of the end.
    pub at: Option<Timestamp>,
    /// The return value of its script.
    pub result: Option<Value>,
    /// The failure, with a stack below the first line.
    pub error: Option<String>,
}

/// The fields of the file that some span needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RunFile<'a> {
    status: Tolerant<String>,
    timestamp: Tolerant<String>,
    #[serde(deserialize_with = "tolerant::field")]
    start_time: Option<u64>,
    #[serde(deserialize_with = "tolerant::field")]
    duration_ms: Option<u64>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    result: Option<&'a RawValue>,
    error: Tolerant<String>,
}

impl RunEnd {
    /// The file of a session's run.
    pub fn path(transcript: &Path, run_id: &str) -> PathBuf {
        let folder = transcript.with_extension("").join("workflows");
        folder.join(format!("{run_id}.json"))
    }

    /// Reads the file and keeps texts of up to `longest` characters whole. `None` while the run is in progress, and
    /// if the file can't be read.
    pub fn read(path: &Path, longest: usize) -> Option<Self> {
        let text = regular_file::read(path, MAX_RUN_BYTES).ok()?;
        let text = String::from_utf8_lossy(&text);
        let text = replace_surrogates(&text);
        let file: RunFile = serde_json::from_str(&text).ok()?;
        let status = file.status.0?;
        if matches!(status.as_str(), "running" | "paused" | "pending") {
            return None;
        }
        let started_at = file.start_time.map(Timestamp::from_millis);
        let measured = started_at
            .zip(file.duration_ms)
            .map(|(started_at, took)| started_at.plus(Duration::from_millis(took)));
        Some(Self {
            status,
            at: measured.or_else(|| Timestamp::parse(file.timestamp.as_deref()?)),
            result: file.result.map(|result| RowBudget::for_texts_of(longest).tree(result.get())),
            error: file.error.0,
        })
    }
}
