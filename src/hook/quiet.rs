//! Keeps a hook quiet: Claude Code shows any output and any exit code but 0 to its user.

use std::process::exit;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::GRACE;

/// The thread that ends the process, and its first deadline.
static WATCH: OnceLock<(Thread, Instant)> = OnceLock::new();
/// A later deadline, which replaces the first one.
static NEW_DEADLINE: Mutex<Option<Instant>> = Mutex::new(None);

/// A panic becomes a line in the log and ends the process. Its message is dropped: it may quote the conversation.
pub(super) fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            log::error!("stopped by a defect at {place}: nothing is lost, the next hook continues");
        }
        exit(0);
    }));
}

/// Ends the process after this time: a hanging pipe, disk or name server must not hold up Claude Code. Runs `last_words`
/// first, unless they hang, too.
pub(super) fn exit_with_message_after(time: Duration, last_words: impl FnOnce() + Send + 'static) {
    let first_deadline = Instant::now() + time;
    let watch = move || {
        while let Some(left) =
            new_deadline().unwrap_or(first_deadline).checked_duration_since(Instant::now())
        {
            thread::park_timeout(left);
        }
        if new_deadline().is_none() {
            let _ = thread::Builder::new().spawn(|| {
                thread::sleep(GRACE);
                exit(0);
            });
            last_words();
        }
        exit(0);
    };
    // Without a thread, each wait of the hook still has its own limit.
    if let Ok(watch) = thread::Builder::new().spawn(watch) {
        let _ = WATCH.set((watch.thread().clone(), first_deadline));
    }
}

/// Replaces the deadline. The process then ends without last words.
pub(super) fn exit_after(time: Duration) {
    let deadline = Instant::now() + time;
    *NEW_DEADLINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
    // The thread wakes at its first deadline anyway. Waking it earlier costs as much as starting another thread.
    if let Some((thread, first_deadline)) = WATCH.get()
        && deadline < *first_deadline
    {
        thread.unpark();
    }
}

fn new_deadline() -> Option<Instant> {
    *NEW_DEADLINE.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn a_new_deadline_replaces_the_first_one() {
        if std::env::var_os(CHILD).is_some() {
            super::exit_with_message_after(Duration::from_millis(1), || ());
            super::exit_after(Duration::from_secs(600));
            std::thread::sleep(Duration::from_millis(200));
            println!("still here");
            return;
        }
        let child = child("a_new_deadline_replaces_the_first_one");
        let stdout = String::from_utf8_lossy(&child.stdout);
        assert!(stdout.contains("still here"), "{stdout}");
    }

    #[test]
    fn a_new_deadline_may_be_earlier() {
        if std::env::var_os(CHILD).is_some() {
            super::exit_with_message_after(Duration::from_secs(600), || println!("last words"));
            super::exit_after(Duration::from_millis(1));
            std::thread::sleep(Duration::from_secs(600));
        }
        let child = child("a_new_deadline_may_be_earlier");
        let stdout = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && !stdout.contains("last words"), "{stdout}");
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
