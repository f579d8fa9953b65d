//! The example of docs/experiments.md with the real Claude Code, if it is installed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use langfuse_mock::MockLangfuse;
use serde_json::Value;

use super::place::Place;
use crate::sandbox::{PROGRAM, Sandbox, is_turn, traced_to};

/// The program of Claude Code, if a test may use it.
fn claude_code() -> Option<PathBuf> {
    std::env::var_os("CLAUDE_CODE").map(PathBuf::from)
}

/// Reports that a test is skipped. The program has 400 MB, so CI does without it; the other tests use a mock.
fn report_missing() -> Option<PathBuf> {
    let claude = claude_code();
    if claude.is_none() {
        // Bypasses the harness, which hides the output of a passing test.
        let _ = writeln!(
            std::io::stderr(),
            "a test with the real Claude Code is not run; CLAUDE_CODE names its program"
        );
    }
    claude
}

#[test]
fn better_instructions_win_with_the_real_claude_code() {
    let Some(claude) = report_missing() else {
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
        // The hook sends the sessions of the history, but not the runs.
        sandbox.run(&["install"]).exits(0);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/experiments/run.sh");
        let played = sandbox.shell(&format!("{script} {}", sandbox.path("example").display()), b"");
        assert_eq!(played.code, Some(0), "{played:#?}");
        // With --nocapture this prints the text for docs/experiments.md.
        println!("{}", played.stdout);
        let project = sandbox.path("example/functions");
        let compare = format!(
            "cd {} && claude-langfuse experiment compare main run-tests --json",
            project.display()
        );
        let compared = sandbox.shell(&compare, b"").exits(0).json();
        results.push(passed(&compared[0]));
        let traces = |experiment: Option<&str>| {
            let rows = mock.rows().into_iter();
            let of = rows.filter(|row| row.experiment.get("id").map(String::as_str) == experiment);
            of.map(|row| row.trace_id).collect::<BTreeSet<String>>().len()
        };
        assert_eq!([None, Some("main"), Some("run-tests")].map(traces), [10, 10, 10]);
        assert_eq!(sandbox.git(&project, &["status", "--porcelain"]), "");
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], (0.2, 1.0, 8));
}

/// The model's API, as long as the test runs.
struct Api(Child);

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_broken_model_leaves_nothing_with_the_real_claude_code() {
    let Some(claude) = report_missing() else {
        return;
    };
    let mut place = Place::new();
    claude.to_str().unwrap().clone_into(&mut place.claude);
    let escape = place.repository.join("escaped");
    let root = env!("CARGO_MANIFEST_DIR");
    let api = Command::new("python3")
        .arg(format!("{root}/tests/it/experiment/bad_api.py"))
        .arg(format!("{root}/examples/experiments"))
        .arg(&escape)
        .stdout(Stdio::piped())
        .spawn();
    let mut api = Api(api.unwrap());
    let mut port = String::new();
    BufReader::new(api.0.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    place
        .sandbox
        .set("ANTHROPIC_BASE_URL", format!("http://127.0.0.1:{}", port.trim()))
        .set("ANTHROPIC_API_KEY", "none")
        .set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    let kinds =
        ["please hang", "please fail", "please answer rubbish", "please leave", "please answer"];
    place.items(&kinds);
    let before = place.files();
    // Long enough for a program of this size to start on a busy machine.
    let told = place.run(&["--timeout", "40s", "--parallel", "2", "--json"]).exits(1).json();
    let mut outcomes: Vec<(&str, &str)> = told
        .iter()
        .map(|run| (run["item"].as_str().unwrap(), run["outcome"].as_str().unwrap()))
        .collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes[0], ("item-000", "timed_out"));
    assert_eq!(outcomes[4], ("item-004", "answered"));
    drop(api);
    assert!(place.files() == before, "the repository has changed");
    place.assert_nothing_left();
    // The hanging run is there too, interrupted as by Ctrl-C; and a rule kept Claude Code out of the repository.
    let rows = place.mock.rows();
    let root = rows.iter().find(|row| is_turn(row) && row.experiment["item_id"] == "item-000");
    assert_eq!(root.unwrap().level, "WARNING");
    let write = rows.iter().find(|row| row.name == "Write").unwrap();
    assert!(write.status_message.as_ref().unwrap().contains("denied by your permission settings"));
}

fn passed(compared: &Value) -> (f64, f64, u64) {
    let check = &compared["figures"]["check_passed"];
    let number = |name: &str| check[name].as_f64().unwrap();
    (number("first"), number("second"), check["better"].as_u64().unwrap())
}
