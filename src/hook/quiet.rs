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

#[cfg(test)]
mod tests {
    use std::process::Command;

    const CHILD: &str = "CLAUDE_LANGFUSE_TEST_PANICS";
    const NAME: &str = "hook::quiet::tests::a_panic_is_the_end_without_a_word_and_with_success";

    /// The test is its own child, because a panic hook is the whole process's.
    #[test]
    fn a_panic_is_the_end_without_a_word_and_with_success() {
        if std::env::var_os(CHILD).is_some() {
            super::keep_panics_quiet();
            panic!("words of the conversation");
        }
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&child.stdout);
        assert_eq!((child.status.code(), child.stderr.as_slice()), (Some(0), &[][..]));
        // What is there is the harness's announcement.
        assert!(stdout.contains("running 1 test") && !stdout.contains("conversation"), "{stdout}");
    }
}
