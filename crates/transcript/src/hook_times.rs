//! How long hooks took, as Claude Code itself noted it: what a person felt of ours.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use memchr::memmem;
use serde::Deserialize;

use super::lines::Lines;

/// One run of a Stop hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookTime {
    /// The command as it is registered.
    pub command: String,
    /// From its start to its end.
    pub took: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Row {
    subtype: String,
    hook_infos: Vec<HookInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HookInfo {
    command: String,
    duration_ms: u64,
}

/// The runs of Stop hooks that a transcript tells of, in order.
///
/// # Errors
/// When the file can't be read.
pub fn hook_times(transcript: &Path) -> Result<Vec<HookTime>> {
    const SUBTYPE: &[u8] = b"\"stop_hook_summary\"";
    let finder = memmem::Finder::new(SUBTYPE);
    let mut lines = Lines::open(transcript, 0)?;
    let mut times = Vec::new();
    while let Some(line) = lines.next_line()? {
        if finder.find(&line.bytes).is_none() {
            continue;
        }
        // A conversation may quote such a row; one that is none has another subtype.
        let row: Row = serde_json::from_slice(&line.bytes).unwrap_or_default();
        if row.subtype == "stop_hook_summary" {
            times.extend(row.hook_infos.into_iter().map(|info| HookTime {
                command: info.command,
                took: Duration::from_millis(info.duration_ms),
            }));
        }
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::hook_times;

    #[test]
    fn only_summaries_tell_of_hooks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let rows = [
            r#"{"type":"user","message":{"content":"what is \"stop_hook_summary\"?"}}"#,
            r#"{"type":"system","subtype":"stop_hook_summary","hookInfos":[{"command":"a hook","durationMs":163},{"command":"b"}]}"#,
            r#"{"type":"system","subtype":"stop_hook_summary","hookInfos":"#,
        ];
        fs::write(&path, rows.join("\n") + "\n").unwrap();
        let times = hook_times(&path).unwrap();
        let told: Vec<(&str, Duration)> =
            times.iter().map(|time| (&*time.command, time.took)).collect();
        assert_eq!(told, [("a hook", Duration::from_millis(163)), ("b", Duration::ZERO)]);
    }
}
