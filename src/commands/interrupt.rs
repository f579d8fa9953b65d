//! Ctrl-C during a long run: the last line is whole, and says how to go on. What was acknowledged is saved.

use std::io::{IsTerminal, Write};
use std::process;
use std::thread;

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

/// Says on Ctrl-C how to go on, and exits as a shell expects. Where the signal can't be caught, the system's
/// way remains.
pub(super) fn explain_interrupts(how_to_go_on: &'static str) {
    if let Ok(mut signals) = Signals::new([SIGINT]) {
        thread::spawn(move || {
            if signals.forever().next().is_some() {
                stop(how_to_go_on);
            }
        });
    }
}

fn stop(how_to_go_on: &str) -> ! {
    // A line that is being printed is finished first.
    let _out = std::io::stdout().lock();
    let mut error = std::io::stderr().lock();
    // Over the progress line and the terminal's ^C.
    let clear = if error.is_terminal() { "\r\u{1b}[K" } else { "" };
    let _ = writeln!(error, "{clear}claude-langfuse: stopped; {how_to_go_on}");
    process::exit(128 + SIGINT)
}
