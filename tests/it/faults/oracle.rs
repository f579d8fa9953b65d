//! What must hold after any fault.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use langfuse_mock::{MockLangfuse, PUBLIC_KEY, Row, SECRET_KEY};

use crate::sandbox::{Sandbox, mode};

/// What a recording is at Langfuse when nothing went wrong.
pub(super) fn undisturbed(recording: &str) -> Vec<Row> {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session(recording).whole().replay(&[]).exits(0);
    mock.rows()
}

/// The rows are those of an undisturbed run; which ones are not is told before their content is.
pub(super) fn same_rows(rows: &[Row], expected: &[Row], what: &str) {
    let named = |rows: &[Row]| -> Vec<String> {
        let name = |row: &Row| format!("{} {} {}", row.trace_id, row.span_id, row.name);
        rows.iter().map(name).collect()
    };
    assert_eq!(named(rows), named(expected), "{what}");
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(row, expected, "{what}");
    }
}

/// Nobody but its owner can read what is on disk, no key is in it, and nothing is half written.
pub(super) fn in_order(sandbox: &Sandbox, what: &str) {
    let credentials = BASE64_STANDARD.encode(format!("{PUBLIC_KEY}:{SECRET_KEY}"));
    for path in sandbox.state() {
        let shown = path.display();
        let allowed = if path.is_dir() { 0o700 } else { 0o600 };
        if path.parent() != Some(&sandbox.path(".claude")) {
            assert_eq!(mode(&path) & !allowed, 0, "{what}: {shown} is open to others");
        }
        assert!(!is_temporary(&path), "{what}: {shown} was left behind");
        let content = fs::read(&path).unwrap_or_default();
        let content = String::from_utf8_lossy(&content);
        for key in [SECRET_KEY, &credentials] {
            assert!(!content.contains(key), "{what}: {shown} holds a key");
        }
    }
}

fn is_temporary(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "tmp")
}

/// Whether strace is here, and may trace.
pub(crate) fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "true"]);
    let status = strace.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Past the harness, which shows nothing of a test that goes well: what could not be tried here.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "faults: {text}");
}
