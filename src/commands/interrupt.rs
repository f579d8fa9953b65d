//! Ctrl-C during a long run: the last line is whole, and says how to continue. Acknowledged spans are saved.

use std::io::{IsTerminal, Write};
use std::process;
use std::thread;

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

/// Explains on Ctrl-C how to continue, and exits as a shell expects. If the signal can't be caught, the default
/// stays.
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
