//! Programs that a test needs and a machine may lack.

use std::io::Write;

/// Says what a test can't do here. In CI that fails: a test that tries nothing proves nothing there.
pub(crate) fn tool(text: &str) {
    let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!in_ci, "{text}: .ci/run has to install it");
    // Past the harness, which shows nothing of a test that passes.
    let _ = writeln!(std::io::stderr(), "{text}");
}
