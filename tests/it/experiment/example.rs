//! The example of docs/experiments.md with the real Claude Code, where it is installed.

use std::io::Write;
use std::path::PathBuf;

use langfuse_mock::MockLangfuse;
use serde_json::Value;

use crate::sandbox::{PROGRAM, Sandbox, traced_to};

/// The program of Claude Code, where a test may use it.
fn claude_code() -> Option<PathBuf> {
    std::env::var_os("CLAUDE_CODE").map(PathBuf::from)
}

#[test]
fn better_instructions_win_with_the_real_claude_code() {
    let Some(claude) = claude_code() else {
        // It is 400 MB, so that CI does without it; the tests beside this one have a stand-in. Past the harness, which shows
        // nothing of a test that passes.
        let _ = writeln!(
            std::io::stderr(),
            "docs/experiments.md: the example is not run; CLAUDE_CODE names a program of Claude Code"
        );
        return;
    };
    let mut results = Vec::new();
    for _ in 0..2 {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::new();
        sandbox.config(&serde_json::json!({"env": traced_to(&mock.url())}));
        let programs = sandbox.path("bin");
        std::fs::create_dir_all(&programs).unwrap();
        std::os::unix::fs::symlink(PROGRAM, programs.join("claude-langfuse")).unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        sandbox.set("PATH", path).set("CLAUDE_CODE", claude.to_str().unwrap());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/experiments/run.sh");
        let played = sandbox.shell(&format!("{script} {}", sandbox.path("example").display()), b"");
        assert_eq!(played.code, Some(0), "{played:#?}");
        // With --nocapture this is what docs/experiments.md shows.
        println!("{}", played.stdout);
        let project = sandbox.path("example/functions");
        let compare = format!(
            "cd {} && claude-langfuse experiment compare main run-tests --json",
            project.display()
        );
        let compared = sandbox.shell(&compare, b"").exits(0).json();
        results.push(passed(&compared[0]));
        assert_eq!(sandbox.git(&project, &["status", "--porcelain"]), "");
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], (0.2, 1.0, 8));
}

fn passed(compared: &Value) -> (f64, f64, u64) {
    let check = &compared["figures"]["check_passed"];
    let number = |name: &str| check[name].as_f64().unwrap();
    (number("first"), number("second"), check["better"].as_u64().unwrap())
}
