//! Runs a program with a time limit, and ends all processes that it started.

use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

/// The variable that marks all processes of a run, even those that left its process group.
pub(super) const MARKER: &str = "CLAUDE_LANGFUSE_RUN";

const POLL: Duration = Duration::from_millis(20);
/// The time that Claude Code gets for its last rows. It needs about one second.
const GRACE: Duration = Duration::from_secs(5);

/// The end of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It exited, with this code; `None` after a signal.
    Exit(Option<i32>),
    Timeout,
    /// The user wants to stop.
    Interrupt,
}

/// Runs a program to its end, in a process group of its own.
///
/// # Errors
/// When it can't be started.
pub(super) fn run(
    command: &mut Command,
    marker: &str,
    timeout: Duration,
    stop: &AtomicBool,
) -> Result<End> {
    use std::os::unix::process::CommandExt;
    let program = command.get_program().to_string_lossy().into_owned();
    let started = Instant::now();
    let mut child = command
        .env(MARKER, marker)
        .process_group(0)
        .spawn()
        .with_context(|| format!("could not run {program}"))?;
    let end = loop {
        if let Some(status) = child.try_wait().context("could not wait for a process")? {
            break End::Exit(status.code());
        }
        if stop.load(Ordering::SeqCst) {
            break End::Interrupt;
        }
        if started.elapsed() >= timeout {
            break End::Timeout;
        }
        sleep(POLL);
    };
    if !matches!(end, End::Exit(_)) {
        interrupt(&mut child);
    }
    signal_group(&child, Signal::KILL);
    // A killed process is gone at once, unless the system holds it.
    let _ = child.wait();
    kill_marked(marker);
    Ok(end)
}

/// Interrupts as Ctrl-C does, so that Claude Code writes the cost of the run.
fn interrupt(child: &mut Child) {
    signal_group(child, Signal::INT);
    let asked = Instant::now();
    while asked.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        sleep(POLL);
    }
}

fn signal_group(child: &Child, signal: Signal) {
    // A group that is gone needs no signal.
    let _ = kill_process_group(Pid::from_child(child), signal);
}

/// Kills all processes with the marker in their environment: Claude Code starts commands in process groups of their
/// own.
#[cfg(target_os = "linux")]
fn kill_marked(marker: &str) {
    let wanted = format!("{MARKER}={marker}");
    // A killed process may just have started another one.
    for _ in 0..50 {
        let marked = marked(&wanted);
        if marked.is_empty() {
            return;
        }
        for id in marked {
            let _ = rustix::process::kill_process(id, Signal::KILL);
        }
        sleep(POLL);
    }
}

#[cfg(target_os = "linux")]
fn marked(wanted: &str) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_marked = |entry: &std::fs::DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let marked = entries.filter(is_marked);
    marked.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Other systems show no environment. Claude Code ends its own commands when it is interrupted.
#[cfg(not(target_os = "linux"))]
fn kill_marked(_marker: &str) {}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    use super::{End, run};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    fn end(script: &str, marker: &str, timeout: Duration, stop: bool) -> End {
        run(&mut shell(script), marker, timeout, &AtomicBool::new(stop)).unwrap()
    }

    #[test]
    fn a_program_ends_at_exit_timeout_or_interrupt() {
        let long = Duration::from_secs(600);
        assert_eq!(end("exit 3", "a", long, false), End::Exit(Some(3)));
        assert_eq!(end("sleep 600", "b", Duration::from_millis(50), false), End::Timeout);
        assert_eq!(end("sleep 600", "c", long, true), End::Interrupt);
    }

    #[test]
    fn kills_background_processes_of_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        // In a session of its own, as a daemon is.
        let daemon = "import os, sys, time; os.setsid(); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)";
        let script = format!(
            "python3 -c \"{daemon}\" {0} & until [ -s {0} ]; do sleep 0.05; done",
            file.display()
        );
        let marker = format!("test-{}", std::process::id());
        end(&script, &marker, Duration::from_secs(600), false);
        let id = std::fs::read_to_string(&file).unwrap();
        let process = std::path::Path::new("/proc").join(id.trim());
        let asked = Instant::now();
        let is_running = || {
            let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
            !status.is_empty() && !status.contains("State:\tZ")
        };
        while cfg!(target_os = "linux") && is_running() {
            assert!(asked.elapsed() < Duration::from_secs(60), "{id}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
