//! Measures one process: instructions by callgrind, system calls by strace, memory by GNU time, CPU time by the kernel.

use std::fmt;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use nix::sys::resource::{UsageWho, getrusage};

/// The hidden argument with which this program calls itself to measure one other process. The kernel's figures for all
/// children are then those of this process.
pub const CHILD: &str = "--measure-one";

/// Number of runs; the fastest one counts.
const RUNS: usize = 5;

/// The columns.
pub const HEAD: &str = "instructions       CPU    memory     calls  connections";

/// How to measure.
pub struct Measure {
    has_callgrind: bool,
    has_strace: bool,
    has_time: bool,
}

/// Measured figures.
#[derive(Clone, Copy)]
pub struct Figures {
    instructions: Option<u64>,
    /// CPU time in microseconds.
    time: u64,
    /// Peak memory in KB.
    memory: Option<u64>,
    /// System calls, and connections among them.
    calls: Option<(u64, u64)>,
    /// Bytes of transcripts that a replay read.
    bytes: Option<u64>,
}

impl Measure {
    pub fn new() -> Self {
        let has = |program: &str| {
            let mut command = Command::new(program);
            command.arg("--version").stdout(Stdio::null());
            let status = command.stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        Self { has_callgrind: has("valgrind"), has_strace: has("strace"), has_time: has("time") }
    }

    pub fn has_callgrind(&self) -> bool {
        self.has_callgrind
    }

    /// Measures a command; calls `prepare` before each run. Each tool measures a long command only once.
    pub fn figures(
        &self,
        command: &Invocation,
        bytes: Option<u64>,
        mut prepare: impl FnMut(),
    ) -> Figures {
        let is_long = bytes.is_some_and(|bytes| bytes > 10_000_000);
        let calls = self.has_strace.then(|| {
            prepare();
            command.count_calls()
        });
        let runs = if is_long { 1 } else { RUNS };
        let mut best = |measure: &dyn Fn() -> u64| {
            let runs = (0..runs).map(|_| {
                prepare();
                measure()
            });
            runs.min().expect("there are runs")
        };
        let time = best(&|| command.cpu_time());
        let memory = self.has_time.then(|| best(&|| command.memory()));
        let instructions = (self.has_callgrind && !is_long).then(|| {
            prepare();
            command.count_instructions()
        });
        Figures { instructions, time, memory, calls, bytes }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instructions {
            Some(count) => write!(formatter, "{:>10.2} M", count as f64 / 1e6)?,
            None => write!(formatter, "{:>12}", "-")?,
        }
        write!(formatter, "{:>7.1} ms", self.time as f64 / 1e3)?;
        match self.memory {
            Some(memory) => write!(formatter, "{:>7.1} MB", memory as f64 / 1e3)?,
            None => write!(formatter, "{:>10}", "-")?,
        }
        match self.calls {
            Some((calls, connections)) => write!(formatter, "{calls:>10}{connections:>13}")?,
            None => write!(formatter, "{:>10}{:>13}", "-", "-")?,
        }
        match self.bytes {
            Some(bytes) => write!(formatter, "{:>7.0} MB/s", bytes as f64 / self.time as f64),
            None => Ok(()),
        }
    }
}

/// A command to measure.
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

    /// Starts the program without measuring it.
    pub fn start(&self) -> Child {
        self.begin(Command::new(program()).args(&self.arguments))
    }

    pub fn count_instructions(&self) -> u64 {
        let mut command = Command::new("valgrind");
        let profile = std::env::var("CALLGRIND_OUT_FILE").unwrap_or("/dev/null".to_owned());
        command
            .args(["--tool=callgrind", "--main-stacksize=8388608"])
            .arg(format!("--callgrind-out-file={profile}"))
            .arg(program());
        let report = self.run(command.args(&self.arguments));
        let count = report
            .lines()
            .find_map(|line| line.split_once("Collected : "))
            .unwrap_or_else(|| panic!("valgrind counted nothing: {report}"));
        count.1.trim().parse().expect("a count of instructions")
    }

    /// System calls of all its threads, and how many of them opened a connection.
    fn count_calls(&self) -> (u64, u64) {
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-U", "name,calls"]).arg(program());
        let report = self.run(command.args(&self.arguments));
        let calls_of = |name: &str| {
            let mut lines = report.lines().map(str::split_whitespace);
            let line = lines.find_map(|mut words| (words.next() == Some(name)).then_some(words));
            let calls = line.and_then(|mut words| words.next()?.parse::<u64>().ok());
            calls.unwrap_or_default()
        };
        (calls_of("total"), calls_of("connect"))
    }

    /// In microseconds.
    fn cpu_time(&self) -> u64 {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.arg(CHILD).arg(program());
        let report = self.run(command.args(&self.arguments));
        report.trim().parse().expect("a time")
    }

    /// In KB. The kernel also counts the process before `exec`, which is as large as its parent. So a program that is smaller
    /// than the measured one starts it.
    fn memory(&self) -> u64 {
        let mut command = Command::new("time");
        command.args(["--format", "%M"]).arg(program());
        let report = self.run(command.args(&self.arguments));
        let memory = report.lines().last().and_then(|line| line.parse().ok());
        memory.expect("a size")
    }

    /// Runs a command to its end; returns its standard error.
    fn run(&self, command: &mut Command) -> String {
        let output = self.begin(command).wait_with_output();
        let output = output.expect("the program ends");
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{:?} failed: {report}", self.arguments);
        report
    }

    fn begin(&self, command: &mut Command) -> Child {
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
        stdin.write_all(self.stdin.as_bytes()).expect("stdin is read");
        child
    }
}

/// The measured program: the one in `MEASURED_PROGRAM`, else the one of this build.
pub fn program() -> &'static str {
    static NAMED: OnceLock<Option<String>> = OnceLock::new();
    let named = NAMED.get_or_init(|| std::env::var("MEASURED_PROGRAM").ok());
    named.as_deref().unwrap_or(env!("CARGO_BIN_EXE_claude-langfuse"))
}

/// Runs the program once with only the variables of a hook, and returns the resources used.
pub fn be_child(arguments: &[String]) {
    let (program, arguments) = arguments.split_first().expect("a program");
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the program starts");
    assert!(status.success(), "{arguments:?}: {status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel tells");
    let microseconds = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    eprintln!("{}", microseconds(usage.user_time()) + microseconds(usage.system_time()));
}
