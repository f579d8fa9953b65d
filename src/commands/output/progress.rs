//! A progress line for long runs on a terminal. Short runs, pipes and logs never get it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::commands::output::{plural, short_duration, truncate};

/// Shorter runs print no line.
const SILENT: Duration = Duration::from_millis(500);
/// Time between two updates.
const UPDATE_INTERVAL: Duration = Duration::from_millis(100);
/// Moves to the beginning of the line and erases it.
const CLEAR: &str = "\r\u{1b}[K";

/// A number of sessions and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct Workload {
    pub sessions: usize,
    pub bytes: u64,
}

/// The line, if standard error is a terminal.
#[derive(Debug, Default)]
pub(in crate::commands) struct ProgressLine {
    started: Option<Instant>,
    drawn: Option<Instant>,
    done: Workload,
    total: Workload,
}

impl ProgressLine {
    /// Begins a run. `total` is computed only if the line will be shown.
    pub(in crate::commands) fn begin(quiet: bool, total: impl FnOnce() -> Workload) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self::default();
        }
        Self { started: Some(Instant::now()), total: total(), ..Self::default() }
    }

    /// Counts one more session.
    pub(in crate::commands) fn advance(&mut self, bytes: u64) {
        self.done.sessions += 1;
        self.done.bytes += bytes;
        let Some(started) = self.started else { return };
        let is_due = match self.drawn {
            Some(drawn) => drawn.elapsed() >= UPDATE_INTERVAL,
            None => started.elapsed() >= SILENT,
        };
        if is_due {
            let width = terminal_size::terminal_size_of(std::io::stderr());
            let width = width.map_or(80, |(width, _)| usize::from(width.0));
            let line = render(self.done, self.total, started.elapsed());
            self.drawn = Some(Instant::now());
            // Back to the first column, so that any other output overwrites the line.
            let line = truncate(&line, width.saturating_sub(1));
            write(&format!("{CLEAR}{line}\r"));
        }
    }

    /// Erases the line before other output.
    pub(in crate::commands) fn hide(&mut self) {
        if self.drawn.take().is_some() {
            write(CLEAR);
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.hide();
    }
}

/// Progress is lost without harm if standard error is closed.
fn write(text: &str) {
    let mut error = std::io::stderr().lock();
    let _ = error.write_all(text.as_bytes());
    let _ = error.flush();
}

fn render(done: Workload, total: Workload, elapsed: Duration) -> String {
    let milliseconds = elapsed.as_millis().max(1);
    let (bytes, of) = (u128::from(done.bytes), u128::from(total.bytes).max(1));
    let percent = (bytes * 100 / of).min(100);
    let megabytes = bytes / 1000 / milliseconds;
    let left = of.saturating_sub(bytes) * milliseconds / bytes.max(1) / 1000;
    format!(
        "{} of {}  {percent}%  {megabytes} MB/s  {} left",
        done.sessions,
        plural(total.sessions, "session"),
        short_duration(left)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ProgressLine, Workload, render};

    fn workload(sessions: usize, megabytes: u64) -> Workload {
        Workload { sessions, bytes: megabytes * 1_000_000 }
    }

    #[test]
    fn shows_share_speed_and_remaining_time() {
        let shown =
            |done, seconds| render(done, workload(10_000, 4_000), Duration::from_secs(seconds));
        for (done, seconds, text) in [
            (workload(1_200, 1_000), 10, "1200 of 10000 sessions  25%  100 MB/s  30s left"),
            (workload(10, 40), 60, "10 of 10000 sessions  1%  0 MB/s  1h39m left"),
            (workload(10_000, 4_000), 100, "10000 of 10000 sessions  100%  40 MB/s  0s left"),
            // Sessions may grow while they are replayed.
            (workload(10_001, 4_400), 100, "10001 of 10000 sessions  100%  44 MB/s  0s left"),
        ] {
            assert_eq!(shown(done, seconds), text);
        }
        assert!(!render(Workload::default(), Workload::default(), Duration::ZERO).is_empty());
    }

    #[test]
    fn without_a_terminal_nothing_is_drawn() {
        // A default line has no terminal, whatever the test's standard error is.
        let mut progress = ProgressLine::default();
        progress.advance(1);
        assert_eq!(progress.drawn, None);
        assert_eq!(progress.done, Workload { sessions: 1, bytes: 1 });
    }
}
