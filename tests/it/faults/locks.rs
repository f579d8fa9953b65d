//! File systems without locks: some network and container file systems.

use langfuse_mock::MockLangfuse;

use super::oracle::{can_trace, in_order, same_rows, undisturbed};
use crate::missing;
use crate::sandbox::{Ran, Received, Sandbox, Session};

const RECORDING: &str = "v2.1.330/stream-multi";
/// Their errors.
const ERRORS: [&str; 3] = ["ENOLCK", "ENOSYS", "EOPNOTSUPP"];

/// A hook without locks.
fn hook(sandbox: &Sandbox, session: &Session<'_>, stop: usize, error: &str) -> Ran {
    let inject = format!("inject=flock:error={error}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject, "--"];
    let event = session.stop_event(stop).to_string();
    let ran = sandbox.start_under(&strace, &["hook"], event.as_bytes());
    ran.end().silent()
}

#[test]
fn without_locks_all_is_sent_and_nothing_twice() {
    if !can_trace() {
        return missing::tool("locks were not refused: strace is missing, or may not trace");
    }
    for error in ERRORS {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session(RECORDING);
        for stop in 0..3 {
            hook(&sandbox, session.answered(stop), stop, error);
        }
        hook(&sandbox, session.whole(), 2, error);
        session.end();
        same_rows(&mock.rows(), &undisturbed(RECORDING), error);
        assert_eq!(mock.generations_sent(), 3, "{error}");
        in_order(&sandbox, error);
    }
}

#[test]
fn without_locks_declined_turns_stay_declined() {
    if !can_trace() {
        return missing::tool("locks were not refused: strace is missing, or may not trace");
    }
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    for (stop, traced) in [(0, "true"), (1, "false"), (2, "true")] {
        sandbox.set("TRACE_TO_LANGFUSE", traced);
        let session = sandbox.session(RECORDING);
        hook(&sandbox, session.answered(stop), stop, ERRORS[0]);
    }
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
}
