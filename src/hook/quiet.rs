//! Keeps a hook quiet: Claude Code shows any output and any exit code but 0 to its user.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::GRACE;

/// The number of deadlines set so far.
static ENDS: AtomicUsize = AtomicUsize::new(0);

/// A panic becomes a line in the log and ends the process. Its message is dropped: it may quote the conversation.
pub(super) fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            log::error!("stopped by a defect at {place}: nothing is lost, the next hook goes on");
        }
        std::process::exit(0);
    }));
}

/// Ends the process after this time: a hanging pipe, disk or name server must not hold up Claude Code.
pub(super) fn exit_after(time: Duration) {
    end_after(time, || ());
}

/// Ends the process after this time, and runs `last_words` first unless they hang, too.
pub(super) fn exit_with_message_after(time: Duration, last_words: impl FnOnce() + Send + 'static) {
    end_after(time, move || {
        end_after(GRACE, || ());
        last_words();
    });
}

fn end_after(time: Duration, last_words: impl FnOnce() + Send + 'static) {
    let own = ENDS.fetch_add(1, Ordering::SeqCst) + 1;
    let quit = move || {
        thread::sleep(time);
        // A later deadline replaced this one.
        if ENDS.load(Ordering::SeqCst) == own {
            last_words();
            std::process::exit(0);
        }
    };
    // Without a thread, each wait of the hook still has its own limit.
    let _ = thread::Builder::new().spawn(quit);
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};
    use std::time::Duration;

    const CHILD: &str = "CLAUDE_LANGFUSE_TEST_CHILD";

    /// Runs a test as a child process, because it tests the whole process.
    fn child(name: &str) -> Output {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("hook::quiet::tests::{name}"), "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap()
    }

    #[test]
    fn an_end_that_is_set_later_replaces_the_one_before() {
        if std::env::var_os(CHILD).is_some() {
            super::exit_after(Duration::from_millis(1));
            super::exit_after(Duration::from_secs(600));
            std::thread::sleep(Duration::from_millis(200));
            println!("still here");
            return;
        }
        let child = child("an_end_that_is_set_later_replaces_the_one_before");
        let stdout = String::from_utf8_lossy(&child.stdout);
        assert!(stdout.contains("still here"), "{stdout}");
    }

    #[test]
    fn a_panic_is_the_end_without_a_word_and_with_success() {
        if std::env::var_os(CHILD).is_some() {
            super::keep_panics_quiet();
            panic!("words of the conversation");
        }
        let child = child("a_panic_is_the_end_without_a_word_and_with_success");
        let stdout = String::from_utf8_lossy(&child.stdout);
        assert_eq!((child.status.code(), child.stderr.as_slice()), (Some(0), &[][..]));
        // The other output comes from the test harness.
        assert!(stdout.contains("running 1 test") && !stdout.contains("conversation"), "{stdout}");
    }
}
