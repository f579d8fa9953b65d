//! A person at a terminal: the program's input and output are a pseudo-terminal of some width.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use super::{PROGRAM, Sandbox};

/// Longer than any expected wait.
const LONGEST: Duration = Duration::from_secs(300);

/// A run at a terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    bytes: Receiver<Vec<u8>>,
    seen: String,
    /// Length of the output that was already matched.
    known: usize,
}

impl Sandbox {
    /// Starts the program at a terminal with this many columns.
    pub(crate) fn at_terminal(&self, columns: u16, arguments: &[&str]) -> Terminal {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = Command::new(PROGRAM)
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .env("TERM", "xterm-256color")
            .current_dir(self.folder.path())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the program is there");
        let keyboard = File::from(pty.master);
        Terminal {
            child,
            bytes: read(keyboard.try_clone().unwrap()),
            keyboard,
            seen: String::new(),
            known: 0,
        }
    }
}

impl Terminal {
    /// Waits until this text appears after all earlier matches.
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        loop {
            if let Some(at) = self.seen[self.known..].find(text) {
                self.known += at + text.len();
                return self;
            }
            assert!(self.reads(), "{text:?} never came: {:?}", self.seen);
        }
    }

    /// Types this, and Enter.
    pub(crate) fn types(&mut self, line: &str) -> &mut Self {
        writeln!(self.keyboard, "{line}").unwrap();
        self
    }

    /// Presses Ctrl-C. The terminal is no controlling one, so this sends the signal instead of the key; and a second
    /// one, because programs that a shell runs in the background ignore the first.
    pub(crate) fn interrupts(&mut self) -> &mut Self {
        self.keyboard.write_all(b"\x03").unwrap();
        let flags = tcgetattr(&self.keyboard).unwrap().local_flags;
        if flags.contains(LocalFlags::ISIG) {
            let id = self.child.id();
            let kill = format!("kill -s INT {id}; kill -s TERM {id}");
            // The first may have ended it.
            let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
        }
        self
    }

    /// Presses Ctrl-D.
    pub(crate) fn ends_input(&mut self) -> &mut Self {
        self.keyboard.write_all(b"\x04").unwrap();
        self
    }

    /// Whether the terminal echoes input.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_flags.contains(LocalFlags::ECHO)
    }

    /// Waits for the end; returns the exit code and all output of the terminal.
    pub(crate) fn ends(&mut self) -> (Option<i32>, String) {
        while self.reads() {}
        let code = self.child.wait().unwrap().code();
        (code, std::mem::take(&mut self.seen))
    }

    /// Whether more output arrived.
    fn reads(&mut self) -> bool {
        match self.bytes.recv_timeout(LONGEST) {
            Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => {
                self.child.kill().unwrap();
                panic!("the program did not go on: {:?}", self.seen);
            }
        }
        true
    }
}

/// Reads output until the last process at the terminal has ended: Linux reports this as an error.
fn read(mut screen: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = screen.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
