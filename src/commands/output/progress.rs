//! One line on a terminal that says how far a long run is. Short runs, pipes and logs never see it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::terminal::cut;
use crate::commands::{clock, many};

/// A run that is over sooner needs no line.
const SILENT: Duration = Duration::from_millis(500);
/// How often the line is written anew.
const PERIOD: Duration = Duration::from_millis(100);
/// Back to the beginning of the line, which is emptied.
const CLEAR: &str = "\r\u{1b}[K";

/// So many sessions of so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct Amount {
    pub sessions: usize,
    pub bytes: u64,
}

/// The line, where there is a terminal to show it.
#[derive(Debug, Default)]
pub(in crate::commands) struct Progress {
    begun: Option<Instant>,
    drawn: Option<Instant>,
    done: Amount,
    all: Amount,
}

impl Progress {
    /// Begins a run; `all` is asked for only where the line can be shown.
    pub(in crate::commands) fn begin(quiet: bool, all: impl FnOnce() -> Amount) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self::default();
        }
        Self {
            begun: Some(Instant::now()),
            all: all(),
            ..Self::default()
        }
    }

    /// One more session is done.
    pub(in crate::commands) fn step(&mut self, bytes: u64) {
        self.done.sessions += 1;
        self.done.bytes += bytes;
        let Some(begun) = self.begun else { return };
        let is_due = match self.drawn {
            Some(drawn) => drawn.elapsed() >= PERIOD,
            None => begun.elapsed() >= SILENT,
        };
        if is_due {
            let width = terminal_size::terminal_size_of(std::io::stderr());
            let width = width.map_or(80, |(width, _)| usize::from(width.0));
            let line = line(self.done, self.all, begun.elapsed());
            self.drawn = Some(Instant::now());
            // The cursor goes back, so that whatever else is told begins a line.
            let line = cut(&line, width.saturating_sub(1));
            write(&format!("{CLEAR}{line}\r"));
        }
    }

    /// Makes room for something else.
    pub(in crate::commands) fn hide(&mut self) {
        if self.drawn.take().is_some() {
            write(CLEAR);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}

/// Nobody can be told that this can't be told.
fn write(text: &str) {
    let mut error = std::io::stderr().lock();
    let _ = error.write_all(text.as_bytes());
    let _ = error.flush();
}

fn line(done: Amount, all: Amount, elapsed: Duration) -> String {
    let milliseconds = elapsed.as_millis().max(1);
    let (bytes, of) = (u128::from(done.bytes), u128::from(all.bytes).max(1));
    let percent = (bytes * 100 / of).min(100);
    let megabytes = bytes / 1000 / milliseconds;
    let left = of.saturating_sub(bytes) * milliseconds / bytes.max(1) / 1000;
    format!(
        "{} of {}  {percent}%  {megabytes} MB/s  {} left",
        done.sessions,
        many(all.sessions, "session"),
        clock(left)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Amount, Progress, line};

    fn amount(sessions: usize, megabytes: u64) -> Amount {
        Amount {
            sessions,
            bytes: megabytes * 1_000_000,
        }
    }

    #[test]
    fn the_line_tells_how_far_how_fast_and_how_long() {
        let shown = |done, seconds| line(done, amount(10_000, 4_000), Duration::from_secs(seconds));
        for (done, seconds, text) in [
            (
                amount(1_200, 1_000),
                10,
                "1200 of 10000 sessions  25%  100 MB/s  30s left",
            ),
            (
                amount(10, 40),
                60,
                "10 of 10000 sessions  1%  0 MB/s  1h39m left",
            ),
            (
                amount(10_000, 4_000),
                100,
                "10000 of 10000 sessions  100%  40 MB/s  0s left",
            ),
            // Sessions may grow while they are replayed.
            (
                amount(10_001, 4_400),
                100,
                "10001 of 10000 sessions  100%  44 MB/s  0s left",
            ),
        ] {
            assert_eq!(shown(done, seconds), text);
        }
        assert!(!line(Amount::default(), Amount::default(), Duration::ZERO).is_empty());
    }

    #[test]
    fn without_a_terminal_nothing_is_counted_beforehand() {
        // The tests' standard error may be a terminal; a default one is none.
        let mut progress = Progress::default();
        progress.step(1);
        assert_eq!(progress.drawn, None);
        assert_eq!(
            progress.done,
            Amount {
                sessions: 1,
                bytes: 1
            }
        );
    }
}
