//! A process with few resources, and closed outputs.

use std::time::Duration;

use langfuse_mock::{MockLangfuse, Reply};

use super::oracle::{in_order, same_rows, undisturbed};
use crate::sandbox::{Ran, Received, Sandbox, Session};

const RECORDING: &str = "v2.1.330/stream-multi";
/// No file may grow, as on a full disk.
const NO_ROOM: &str = r#"trap '' XFSZ; ulimit -f 0; exec "$@""#;
/// Never reached by a passing test.
const LONG: Duration = Duration::from_secs(300);

/// A SessionEnd hook in a shell that first removes a resource. `"$@"` is the hook.
fn end_under(sandbox: &Sandbox, session: &Session<'_>, script: &str) -> Ran {
    let input = session.end_event().to_string();
    let shell = ["sh", "-c", script, "sh"];
    let mut hook = sandbox.start_under(&shell, &["hook"], input.as_bytes());
    hook.close_input();
    hook.end()
}

/// A first hook without a resource prints nothing, and the next one completes the work.
fn silent_and_completed(script: &str) -> (MockLangfuse, Sandbox) {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(RECORDING);
    session.answered(0).stop(0);
    end_under(&sandbox, session.whole(), script).silent();
    session.end();
    same_rows(&mock.rows(), &undisturbed(RECORDING), "{script}");
    assert_eq!(mock.generations_sent(), 3, "{script}");
    in_order(&sandbox, script);
    (mock, sandbox)
}

#[test]
fn closed_standard_streams_cause_no_failure() {
    for script in [
        r#"exec "$@" >&-"#,
        r#"exec "$@" 2>&-"#,
        r#"exec "$@" >&- 2>&-"#,
        r#"exec "$@" >/dev/full 2>/dev/full"#,
        r#"exec "$@" <&- >&- 2>&-"#,
    ] {
        silent_and_completed(script);
    }
}

#[test]
fn sixteen_open_files_are_enough() {
    let (mock, _sandbox) = silent_and_completed(r#"ulimit -n 16; exec "$@""#);
    assert_eq!(mock.requests().len(), 2, "the limited hook did the work itself");
}

#[test]
fn sixty_four_megabytes_of_addresses_are_enough() {
    let (mock, _sandbox) = silent_and_completed(r#"ulimit -v 65536; exec "$@""#);
    assert_eq!(mock.requests().len(), 2, "the limited hook did the work itself");
}

#[test]
fn a_full_disk_prevents_no_delivery() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(RECORDING);
    session.answered(0).stop(0);
    // The limit acts as a full disk: no file may grow at all.
    let ran = end_under(&sandbox, session.whole(), NO_ROOM);
    ran.silent();
    same_rows(&mock.rows(), &undisturbed(RECORDING), "sent without state");
    // Spans that could not be recorded are sent again, as the same rows.
    session.end();
    same_rows(&mock.rows(), &undisturbed(RECORDING), "in the end");
    in_order(&sandbox, "no room");
}

#[test]
fn a_full_disk_at_first_contact_loses_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    let ran = end_under(&sandbox, session.whole(), NO_ROOM);
    ran.silent();
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    in_order(&sandbox, "no room");
}

#[test]
fn a_terminated_hook_leaves_everything_to_the_next_one() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(RECORDING);
    session.answered(0).stop(0);
    // Not INT or HUP: a test run in the background ignores these.
    for signal in ["TERM", "ALRM"] {
        mock.reply_next(Reply::Hang);
        let before = mock.requests().len();
        let hook = session.whole().start(&session.end_event());
        assert!(mock.wait_for(LONG, |_| mock.requests().len() > before));
        hook.signal(signal);
        let ran = hook.end();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "{signal}");
    }
    session.end();
    same_rows(&mock.rows(), &undisturbed(RECORDING), "in the end");
    assert_eq!(mock.generations_sent(), 3);
    in_order(&sandbox, "told to end");
}
