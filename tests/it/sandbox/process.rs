//! The built program as a child process.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than any run; a longer one is killed and fails its test.
const LONGEST: Duration = Duration::from_secs(300);

/// A finished run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// A hook: exit code 0 and no output, because the user would see it.
    pub(crate) fn silent(self) -> Self {
        let noticed = (self.code, &*self.stdout, &*self.stderr);
        assert_eq!(noticed, (Some(0), "", ""), "the hook was noticed");
        self
    }

    /// A command that ends with this exit code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// All JSON lines that it printed.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| serde_json::from_str(line).expect("a line of JSON");
        self.stdout.lines().map(parse).collect()
    }
}

/// A running program.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    outputs: [JoinHandle<String>; 2],
    started: Instant,
}

impl Running {
    /// `command`: the program with its arguments, or a program that runs it.
    pub(super) fn start(
        command: &[&str],
        environment: &BTreeMap<String, String>,
        directory: &Path,
        input: &[u8],
    ) -> Self {
        let started = Instant::now();
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .env_clear()
            .envs(environment)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program is there");
        let outputs = [read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap())];
        let mut pipe = child.stdin.take().unwrap();
        // A program that needs no input may have ended.
        let _ = pipe.write_all(input);
        Self { child, input: Some(pipe), outputs, started }
    }

    /// Writes more to standard input.
    pub(crate) fn write(&mut self, more: &[u8]) {
        let pipe = self.input.as_mut().expect("standard input is open");
        // A program that has ended reads no more.
        let _ = pipe.write_all(more).and_then(|()| pipe.flush());
    }

    /// Ends standard input. Claude Code does so at once, but not on every platform and in every release.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// Sends it a signal by name: `TERM`, `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own, because some machines lack the program `kill`.
        let kill = format!("kill -s {name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success(), "{kill}");
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end; also returns the peak memory in kilobytes, if the system reports it.
    pub(crate) fn end_with_peak(mut self) -> (Ran, usize) {
        let status = format!("/proc/{}/status", self.child.id());
        let mut peak = 0;
        while !self.is_over() {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let number = high.and_then(|line| line.split_whitespace().next()?.parse().ok());
            peak = peak.max(number.unwrap_or(0));
            assert!(self.started.elapsed() < LONGEST, "the program did not end");
            std::thread::sleep(Duration::from_millis(1));
        }
        (self.end(), peak)
    }

    /// Waits for the end; does not close standard input.
    pub(crate) fn end(mut self) -> Ran {
        while !self.is_over() {
            if self.started.elapsed() > LONGEST {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                panic!("the program did not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let took = self.started.elapsed();
        let code = self.child.wait().unwrap().code();
        let [stdout, stderr] = self.outputs.map(|output| output.join().unwrap());
        Ran { code, stdout, stderr, took }
    }
}

fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("the program prints UTF-8")
    })
}
