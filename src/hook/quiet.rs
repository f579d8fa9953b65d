//! Whatever happens in a hook, Claude Code sees an exit code of 0 and no word: it shows anything else to its user.

use std::thread;
use std::time::Duration;

/// A panic is a line in the log, where there is one, and the end. Its text is not kept: it may quote the conversation.
pub(super) fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            log::error!("stopped by a defect at {place}: nothing is lost, the next hook goes on");
        }
        std::process::exit(0);
    }));
}

/// Ends the process for good: nothing that hangs, a pipe, a disk, a name server, may hold up Claude Code.
pub(super) fn quit_after(time: Duration) {
    let quit = move || {
        thread::sleep(time);
        std::process::exit(0);
    };
    // Where no thread can be had, every wait of the hook still has its own end.
    let _ = thread::Builder::new().spawn(quit);
}
