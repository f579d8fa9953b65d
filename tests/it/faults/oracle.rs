//! Invariants after any fault.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use langfuse_mock::{MockLangfuse, PUBLIC_KEY, Row, SECRET_KEY};

use crate::sandbox::{Sandbox, mode};

/// The rows of a recording in Langfuse without a fault.
pub(super) fn undisturbed(recording: &str) -> Vec<Row> {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session(recording).whole().replay(&[]).exits(0);
    mock.rows()
}

/// The rows are those of an undisturbed run. A failure names missing rows before it compares their content.
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

/// Only the owner can read state, no key is in it, and no file is half written.
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

/// Whether strace is installed, and may trace.
pub(crate) fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "true"]);
    let status = strace.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Bypasses the harness, which hides the output of a passing test: reports what was not tested.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "faults: {text}");
}
