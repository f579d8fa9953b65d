//! The whole path without an account: a recorded session of Claude Code, its hooks, and a stand-in for Langfuse on the
//! loopback interface. Run it with `cargo run --example demo`. The checks of the Nix module play it in a home that was
//! activated, with the hooks and the configuration that are there: `demo --home HOME ADDRESS`.
//!
//! A crate of its own, because an example of the program would build all that its tests need first.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

mod arrived;
mod claude_code;
mod recording;
mod style;

use arrived::Tally;
use claude_code::ClaudeCode;
use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY, render};
use recording::Recording;
use style::Style;

/// The hidden argument with which the demo calls itself in place of `claude-langfuse hook`.
const HOOK: &str = "hook";

/// Runs the demo with the arguments of the process.
pub fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let played = match arguments[..] {
        [HOOK] => {
            claude_langfuse::hook::run(None, None);
            return ExitCode::SUCCESS;
        }
        ["--home", home, address] => in_home(Path::new(home), address),
        _ => alone(&mut io::stdout().lock()),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that closes the pipe has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn alone(out: &mut impl Write) -> Result<()> {
    let style = Style::of_stdout();
    let langfuse = MockLangfuse::start();
    let home = tempfile::tempdir()?;
    let recording = Recording::in_home(home.path())?;
    writeln!(
        out,
        "{}\n{}\n",
        style.bold("A recorded session of Claude Code, sent to a stand-in for Langfuse"),
        style.dim(&format!(
            "Langfuse is {}, home is {}. Nothing leaves this machine.",
            langfuse.url(),
            home.path().display()
        )),
    )?;
    let claude_code = ClaudeCode::new(home.path(), &recording, &langfuse.url())?;
    play(out, style, &claude_code, &recording, &langfuse)?;
    next_steps(out, style)?;
    Ok(())
}

/// Plays it in a home that sends to this address.
fn in_home(home: &Path, address: &str) -> Result<()> {
    let langfuse = MockLangfuse::start_at(address, PUBLIC_KEY, SECRET_KEY);
    let recording = Recording::in_home(home)?;
    let claude_code = ClaudeCode::set_up(home, &recording)?;
    let mut out = io::stdout().lock();
    play(&mut out, Style::of_stdout(), &claude_code, &recording, &langfuse)
}

fn play(
    out: &mut impl Write,
    style: Style,
    claude_code: &ClaudeCode<'_>,
    recording: &Recording,
    langfuse: &MockLangfuse,
) -> Result<()> {
    writeln!(out, "{}", style.bold("Claude Code works, and calls its hooks"))?;
    for firing in &recording.firings {
        let before = langfuse.rows().len();
        let time = claude_code.fire(firing)?;
        let new = langfuse.rows().len() - before;
        writeln!(
            out,
            "  {:<10}  {:>2} of {} rows written  {new:>2} new observations in {} ms",
            firing.event,
            firing.rows,
            recording.rows(),
            time.as_millis(),
        )?;
    }
    let rows = langfuse.rows();
    let tally = Tally::of(&rows);
    if let Err(missing) = tally.complete(recording::EXPECTED, &langfuse.accepted_spans()) {
        let log = claude_code.log();
        anyhow::bail!("not all of the session arrived: {missing:#}\n{log}");
    }
    writeln!(out, "\n{}", style.bold("What Langfuse shows"))?;
    for line in render(&rows).lines() {
        writeln!(out, "  {line}")?;
    }
    let requests = langfuse.exports().len();
    writeln!(
        out,
        "\n{}\n  {tally}\n  {requests} requests, each model call sent once\n",
        style.bold("All of it arrived")
    )?;
    Ok(())
}

fn next_steps(out: &mut impl Write, style: Style) -> io::Result<()> {
    writeln!(out, "{}", style.bold("Your own sessions"))?;
    let steps = [
        ("set up ", "claude-langfuse setup asks for keys and projects, and registers the hook"),
        ("look   ", "claude-langfuse sessions lists what is on disk, show prints one of them"),
        ("replay ", "claude-langfuse replay --all sends what is already on disk"),
    ];
    for (name, text) in steps {
        writeln!(out, "  {}{text}", style.dim(name))?;
    }
    Ok(())
}
