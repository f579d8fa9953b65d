//! Questions at a terminal. They are asked on standard error, because standard output may be a file.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use crate::commands::output::stderr;
use anyhow::{Result, bail};
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Bytes of keys that have a meaning while nothing is echoed.
const INTERRUPT: u8 = 3;
const END_OF_INPUT: u8 = 4;
const ERASE_LINE: u8 = 21;
const BACKSPACE: [u8; 2] = [8, 127];

/// Whether somebody can be asked.
pub(in crate::commands) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line. An empty one is the default.
///
/// # Errors
/// When the input ends.
pub(in crate::commands) fn ask(question: &str, default: &str) -> Result<String> {
    let hint = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    show(&format!("{question}{hint}: "))?;
    let answer = read_line()?;
    Ok(if answer.is_empty() { default.to_owned() } else { answer })
}

/// Asks a question that is answered by yes or no.
///
/// # Errors
/// When the input ends.
pub(in crate::commands) fn ask_yes(question: &str, default: bool) -> Result<bool> {
    loop {
        show(&format!("{question} [{}] ", if default { "Y/n" } else { "y/N" }))?;
        match read_line()?.to_ascii_lowercase().as_str() {
            "" => return Ok(default),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => show("answer y or n\n")?,
        }
    }
}

/// Asks for a line that the terminal does not show.
///
/// # Errors
/// When the input ends, or the terminal's mode can't be changed.
pub(in crate::commands) fn ask_hidden(question: &str) -> Result<String> {
    // Before the question: an answer that is typed at once must not be shown either.
    let hidden = Hidden::begin()?;
    show(&format!("{question} (not shown): "))?;
    let line = hidden_line();
    drop(hidden);
    show("\n")?;
    match line? {
        Some(line) => Ok(line.trim().to_owned()),
        None => {
            // The terminal shows input again; now the key does what it does elsewhere.
            let _ = kill_process(getpid(), Signal::INT);
            bail!("interrupted")
        }
    }
}

/// Shows text to the user.
pub(in crate::commands) fn show(text: &str) -> io::Result<()> {
    let mut out = stderr();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn read_line() -> Result<String> {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        show("\n")?;
        bail!("cancelled: nothing was changed");
    }
    Ok(line.trim().to_owned())
}

/// The line; `None` after Ctrl-C.
fn hidden_line() -> Result<Option<String>> {
    let mut line = Vec::new();
    for byte in io::stdin().lock().bytes() {
        match byte? {
            b'\n' | b'\r' => return Ok(Some(String::from_utf8_lossy(&line).into_owned())),
            INTERRUPT => return Ok(None),
            END_OF_INPUT => break,
            ERASE_LINE => line.clear(),
            byte if BACKSPACE.contains(&byte) => {
                line.pop();
            }
            byte => line.push(byte),
        }
    }
    bail!("cancelled: nothing was changed")
}

/// While it lives, the terminal shows no input. Ctrl-C is read as a byte: a signal would end the program and leave the
/// terminal like this.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Best effort: a terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
