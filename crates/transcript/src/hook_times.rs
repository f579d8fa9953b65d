//! The durations of Stop hooks, as Claude Code measured them.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::json_text;
use super::lines::Lines;
use super::rows::HookSummary;
use super::scan::Words;

/// One run of a Stop hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookTime {
    /// The registered command.
    pub command: String,
    /// From its start to its end.
    pub took: Duration,
}

/// The recorded runs of Stop hooks, in order.
///
/// # Errors
/// If the file can't be read.
pub fn hook_times(transcript: &Path) -> Result<Vec<HookTime>> {
    let words = Words::new(["\"stop_hook_summary\""]);
    let mut lines = Lines::open(transcript, 0)?;
    let mut times = Vec::new();
    while let Some(line) = lines.next_line()? {
        if !words.are_in(&line.bytes) {
            continue;
        }
        let row = json_text::of_line(line.bytes);
        let Ok(summary) = serde_json::from_str::<HookSummary>(&row) else {
            continue;
        };
        if summary.subtype.as_deref() == Some("stop_hook_summary") {
            let infos = summary.hook_infos.0.into_iter().flatten();
            times.extend(infos.map(|info| HookTime {
                command: info.command.0.unwrap_or_default(),
                took: Duration::from_millis(info.duration_ms.unwrap_or_default()),
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
    fn only_hook_summaries_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let rows = [
            r#"{"type":"user","message":{"content":"what is \"stop_hook_summary\"?"}}"#,
            r#"{"type":"system","subtype":"stop_hook_summary","hookInfos":[{"command":"a hook","durationMs":163},{"command":"b"}]}"#,
            r#"{"type":"system","subtype":"stop_hook_summary","hookInfos":"#,
        ];
        fs::write(&path, rows.join("\n") + "\n").unwrap();
        let times = hook_times(&path).unwrap();
        let read: Vec<(&str, Duration)> =
            times.iter().map(|time| (&*time.command, time.took)).collect();
        assert_eq!(read, [("a hook", Duration::from_millis(163)), ("b", Duration::ZERO)]);
    }
}
