//! One process, measured: its instructions by callgrind, its CPU time and memory by the kernel.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};

/// The hidden argument with which this program calls itself to measure one other process: what the kernel tells of "all
/// children" is then of that one alone.
pub const CHILD: &str = "--measure-one";

/// So many runs; the fastest counts.
const RUNS: usize = 5;

/// How to measure.
pub struct Measure {
    has_callgrind: bool,
}

/// What was measured.
#[derive(Clone, Copy)]
pub struct Figures {
    instructions: Option<u64>,
    /// CPU time in microseconds, and memory in KB.
    usage: (u64, u64),
}

impl Measure {
    pub fn new() -> Self {
        let has_callgrind = Command::new("valgrind")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !has_callgrind {
            println!("valgrind is not installed: instructions are not counted");
        }
        Self { has_callgrind }
    }

    /// Measures a command; `prepare` is called before each run.
    pub fn figures(
        &self,
        command: &Invocation,
        is_long: bool,
        mut prepare: impl FnMut(),
    ) -> Figures {
        let instructions = self.has_callgrind.then(|| {
            prepare();
            command.count_instructions()
        });
        let usage = {
            let runs = (0..if is_long { 1 } else { RUNS }).map(|_| {
                prepare();
                command.usage()
            });
            runs.min().expect("there are runs")
        };
        Figures {
            instructions,
            usage,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instructions {
            Some(count) => write!(formatter, "{:>12.2} M", count as f64 / 1e6)?,
            None => write!(formatter, "{:>14}", "-")?,
        }
        let (time, memory) = self.usage;
        write!(
            formatter,
            "{:>7.1} ms{:>7.1} MB",
            time as f64 / 1e3,
            memory as f64 / 1e3
        )
    }
}

/// What to run.
pub struct Invocation {
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub stdin: String,
}

impl Invocation {
    /// Runs the program without measuring it.
    pub fn run_once(&self) {
        self.run(Command::new(program()).args(&self.arguments));
    }

    fn count_instructions(&self) -> u64 {
        let mut command = Command::new("valgrind");
        command.args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            program(),
        ]);
        let report = self.run(command.args(&self.arguments));
        let count = report
            .lines()
            .find_map(|line| line.split_once("Collected : "))
            .unwrap_or_else(|| panic!("valgrind counted nothing: {report}"));
        count.1.trim().parse().expect("a count of instructions")
    }

    fn usage(&self) -> (u64, u64) {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        let report = self.run(command.arg(CHILD).args(&self.arguments));
        let mut figures = report
            .split_whitespace()
            .map(|figure| figure.parse().expect("a figure"));
        (
            figures.next().expect("the time"),
            figures.next().expect("the memory"),
        )
    }

    /// Runs a command to its end; gives back what it told on stderr.
    fn run(&self, command: &mut Command) -> String {
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        let mut child = command
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        stdin
            .write_all(self.stdin.as_bytes())
            .expect("stdin is read");
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "{:?} failed: {report}",
            self.arguments
        );
        report
    }
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_claude-langfuse")
}

/// Runs the program once, and tells what it used.
pub fn be_child(arguments: &[String]) {
    let status = Command::new(Path::new(program()))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the program starts");
    assert!(status.success(), "{arguments:?}: {status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel tells");
    let microseconds = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    eprintln!(
        "{} {}",
        microseconds(usage.user_time()) + microseconds(usage.system_time()),
        usage.max_rss()
    );
}
