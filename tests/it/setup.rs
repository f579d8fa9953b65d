//! `setup` at a terminal: from an empty home to the first trace, and all failures.

mod dialogues;
mod flags;
mod refused;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox, Terminal, mode};

const CONFIG: &str = ".config/claude-langfuse/config.json";
const KEY_FILE: &str = ".config/claude-langfuse/secret-key";

/// A home with one project and one session, without configuration.
fn home() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("code/app/.git")).unwrap();
    let session = sandbox.session_in(&sandbox.path("code/app"), "v2.1.330/stream-multi");
    session.whole();
    drop(session);
    sandbox
}

/// Everything in a home: content and mode by path.
fn everything(sandbox: &Sandbox) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                let target = fs::read_link(&path).unwrap().display().to_string();
                found.insert(path, (0, target.into_bytes()));
            } else if path.is_dir() {
                found.insert(path.clone(), (mode(&path), Vec::new()));
                walk(&path, found);
            } else {
                found.insert(path.clone(), (mode(&path), fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&sandbox.path(""), &mut found);
    found
}

fn config(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path(CONFIG)).unwrap()).unwrap()
}

/// Answers up to the question for the public key of a self-hosted Langfuse.
fn at_own(sandbox: &Sandbox, url: &str) -> Terminal {
    let mut terminal = sandbox.at_terminal(300, &["setup"]);
    terminal.sees("Number or URL [1]: ").types("5");
    terminal.sees("URL: ").types(url);
    terminal.sees("Public key (pk-lf-…): ");
    terminal
}

fn types_keys(terminal: &mut Terminal) {
    terminal.types(PUBLIC_KEY);
    terminal.sees("Secret key (sk-lf-…) (not shown): ").types(SECRET_KEY);
}

#[test]
fn eight_answers_end_with_the_link_of_the_first_trace() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let mut terminal = at_own(&sandbox, &format!("{}/", mock.url()));
    types_keys(&mut terminal);
    terminal.sees("The keys are for the project ");
    terminal.sees("1  ~/code/app  (1 session, ");
    terminal.sees("Numbers such as 1,2, a path, or all [1]: ").types("");
    terminal.sees("Number [1]: ").types("");
    terminal.sees("Send the newest session now").types("");
    assert_eq!(mock.rows().len(), 0, "nothing is sent before the last answer");
    terminal.sees("Do it? [Y/n] ").types("");
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains(SECRET_KEY), "{screen}");
    assert!(screen.contains("restart open sessions"), "{screen}");
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    let last = mock.rows().last().map(|row| row.trace_id.clone()).unwrap();
    let links = screen.matches(&format!("{}/trace/", mock.url())).count();
    assert!(links == 1 && mock.rows().iter().any(|row| screen.contains(&row.trace_id)), "{last}");
    assert_eq!(
        config(&sandbox),
        json!({
            "env": {
                "LANGFUSE_BASE_URL": mock.url(),
                "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
                "LANGFUSE_SECRET_KEY_FILE": "~/.config/claude-langfuse/secret-key",
            },
            "projects": {"~/code/app": {"env": {"TRACE_TO_LANGFUSE": "true"}}},
        })
    );
    assert_eq!(fs::read_to_string(sandbox.path(KEY_FILE)).unwrap(), format!("{SECRET_KEY}\n"));
    assert_eq!((mode(&sandbox.path(KEY_FILE)), mode(&sandbox.path(CONFIG))), (0o600, 0o600));
    sandbox.run(&["config", "check", "--project", "code/app"]).exits(0);
    let settings = fs::read_to_string(sandbox.path(".claude/settings.json")).unwrap();
    assert_eq!(settings.matches("exec").count(), 2);
}

#[test]
fn a_second_run_keeps_existing_values() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let mut terminal = at_own(&sandbox, &mock.url());
    types_keys(&mut terminal);
    terminal.sees("or all [1]: ").types("all");
    terminal.sees("Number [1]: ").types("3");
    terminal.sees("newest session now").types("n");
    terminal.sees("Do it? ").types("y");
    assert_eq!(terminal.ends().0, Some(0));
    let before = everything(&sandbox);
    assert_eq!(config(&sandbox)["env"]["TRACE_TO_LANGFUSE"], "true");
    assert_eq!(config(&sandbox)["env"]["CC_LANGFUSE_CAPTURE"], "metadata");
    let mut terminal = sandbox.at_terminal(300, &["setup"]);
    terminal.sees(&format!("Use the keys that are set: {PUBLIC_KEY} at {}", mock.url())).types("");
    terminal.sees("or all [").types("all");
    terminal.sees("Number [3]: ").types("");
    terminal.sees("newest session now").types("n");
    terminal.sees("Do it? ").types("y");
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(everything(&sandbox), before, "{screen}");
}

#[test]
fn other_settings_and_projects_stay() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let before = "{\n\t\"projects\": {\n\t\t\"/srv/x\": {\"env\": {\"TRACE_TO_LANGFUSE\": \"false\"}}\n\t},\n\t\"env\": {\"LANGFUSE_HOST\": \"https://old\", \"CC_LANGFUSE_TRACE_TAGS\": \"a,b\"}\n}\n";
    sandbox.write(CONFIG, before.as_bytes());
    let mut terminal = at_own(&sandbox, &mock.url());
    types_keys(&mut terminal);
    terminal.sees("or all [1]: ").types("~/code/app");
    terminal.sees("Number [1]: ").types("1");
    terminal.sees("newest session now").types("n");
    terminal.sees("Do it? ").types("y");
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    let after = fs::read_to_string(sandbox.path(CONFIG)).unwrap();
    assert!(after.starts_with("{\n\t\"projects\": {\n\t\t\"/srv/x\": {\"env\": {\"TRACE_TO_LANGFUSE\": \"false\"}},\n\t\t\"~/code/app\": {"), "{after}");
    assert!(after.contains("\"CC_LANGFUSE_TRACE_TAGS\": \"a,b\""), "{after}");
    assert!(!after.contains("https://old"), "the other spelling would win: {after}");
}

#[test]
fn install_continues_with_setup_if_keys_are_missing() {
    let sandbox = home();
    let mut terminal = sandbox.at_terminal(300, &["install"]);
    terminal.sees("There are no Langfuse keys yet. Set them up now? [Y/n] ").types("y");
    terminal.sees("Where is your Langfuse?").interrupts();
    assert_ne!(terminal.ends().0, Some(0));
    let mut terminal = sandbox.at_terminal(300, &["install"]);
    terminal.sees("Set them up now?").types("n");
    assert_eq!(terminal.ends().0, Some(0));
    let ran = sandbox.run(&["install"]).exits(0);
    assert!(!ran.stdout.contains("Set them up"), "{ran:?}");
    for name in ["init", "login"] {
        let ran = sandbox.run(&[name]).exits(2);
        assert!(ran.stderr.contains("'setup'"), "{ran:?}");
    }
}
