//! Output for a terminal, a pipe, or a closed pipe.

use std::process::{Command, Stdio};

use langfuse_mock::MockLangfuse;

use crate::sandbox::Sandbox;

/// Commands that print, each with its exit code for a closed pipe.
const PRINTING: [(&[&str], i32); 10] = [
    (&["--help"], 0),
    (&["-V"], 0),
    (&["config"], 0),
    (&["config", "--json"], 0),
    (&["config", "check"], 0),
    (&["status"], 0),
    (&["status", "--line"], 0),
    (&["completions", "bash"], 0),
    (&["man"], 0),
    (&["doctor", "--offline"], 1),
];

#[test]
fn a_closed_pipe_is_no_failure() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    for (arguments, code) in PRINTING {
        sandbox.run(arguments).exits(code);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_claude-langfuse"))
            .args(arguments)
            .env_clear()
            .env("HOME", sandbox.path(""))
            .current_dir(sandbox.path(""))
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn colours_are_for_terminals_or_on_request() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let is_coloured = |sandbox: &Sandbox| {
        sandbox.run(&["doctor", "--offline"]).exits(1).stdout.contains('\u{1b}')
    };
    assert!(!is_coloured(&sandbox), "a pipe is no terminal");
    sandbox.set("CLICOLOR_FORCE", "1");
    assert!(is_coloured(&sandbox));
    sandbox.set("NO_COLOR", "1");
    assert!(!is_coloured(&sandbox));
    // The word has the same meaning as the colour.
    let plain = sandbox.run(&["doctor", "--offline"]).stdout;
    assert!(plain.lines().any(|line| line.starts_with("fail  hooks: ")), "{plain}");
}

#[test]
fn a_narrow_terminal_wraps_at_words() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let wide = sandbox.run(&["doctor", "--offline"]).exits(1).stdout;
    assert!(wide.lines().any(|line| line.len() > 60), "a pipe gets whole lines: {wide}");
    sandbox.set("COLUMNS", "60");
    let narrow = sandbox.run(&["doctor", "--offline"]).exits(1).stdout;
    let has_many = |line: &str| line.trim_start().contains(' ');
    let long: Vec<&str> =
        narrow.lines().filter(|line| line.chars().count() > 60 && has_many(line)).collect();
    assert_eq!(long, [""; 0]);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&narrow), words(&wide));
}

#[test]
fn json_is_one_object_per_line_and_never_coloured() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CLICOLOR_FORCE", "1");
    for arguments in [
        &["doctor", "--offline", "--json"][..],
        &["status", "--json"],
        &["config", "--json"],
        &["config", "check", "--json"],
    ] {
        let objects = sandbox.run(arguments).json();
        assert_eq!(objects.len(), 1, "{arguments:?}");
        assert_eq!(objects[0]["schema"], 1, "{arguments:?}");
    }
}

#[test]
fn without_a_home_commands_name_the_problem_and_do_not_crash() {
    for arguments in [&["status"][..], &["config"], &["config", "check"], &["doctor", "--offline"]]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_claude-langfuse"))
            .args(arguments)
            .env_clear()
            // Not an empty one: the system would then use the home of the user who runs the tests.
            .env("HOME", "relative")
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.code().is_some_and(|code| code <= 3), "{arguments:?} {output:?}");
    }
}

#[test]
fn headings_and_lines_fit_the_terminal() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/stream-multi").whole();
    for arguments in [&["sessions"][..], &["show", "8ceb"], &["doctor", "--offline"]] {
        let (_, screen) = sandbox.at_terminal(44, arguments).ends();
        assert!(screen.contains("\u{1b}["), "{arguments:?}: {screen:?}");
        assert_fits(&plain(&screen), 44);
    }
    let (_, screen) = sandbox.at_terminal(44, &["status"]).ends();
    assert_fits(&screen, 44);
}

/// Words are never cut.
fn assert_fits(screen: &str, columns: usize) {
    for line in screen.lines() {
        let has_a_long_word = line.split_whitespace().any(|word| word.len() + 10 > columns);
        assert!(line.chars().count() <= columns || has_a_long_word, "{line}");
    }
}

/// The visible text, without styles and colours.
fn plain(screen: &str) -> String {
    let mut parts = screen.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |seen, part| seen + part.split_once('m').map_or("", |(_, text)| text))
}
