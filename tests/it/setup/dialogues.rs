//! The terminal of a person who answers `setup`.

use std::fs;
use std::os::unix::fs::symlink;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};

use super::{CONFIG, KEY_FILE, everything, home};
use crate::doctor::cloud::Cloud;
use crate::sandbox::{END_OF_INPUT, Sandbox, unused_address};

const WHERE: &str = "Number or URL [1]: ";
const PUBLIC: &str = "Public key (pk-lf-…): ";
const SECRET: &str = "(not shown): ";
const DO_IT: &str = "Do it? [Y/n] ";

#[test]
fn a_complete_setup_has_eight_answers() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let url = mock.url();
    sandbox
        .screen()
        .hide(url.clone(), "https://langfuse.example")
        .answers(
            "claude-langfuse setup",
            &[
                (WHERE, &url),
                (PUBLIC, PUBLIC_KEY),
                (SECRET, SECRET_KEY),
                ("or all [1]: ", ""),
                ("Number [1]: ", ""),
                ("newest session now", ""),
                (DO_IT, ""),
            ],
        )
        .is("setup_dialogue");
}

#[test]
fn rejected_keys_are_tried_elsewhere_on_request_only() {
    let cloud = Cloud::with_keys_of("us.cloud.langfuse.com");
    let mut sandbox = home();
    let authority = sandbox.write("ca.pem", Cloud::authority().as_bytes()).display().to_string();
    sandbox.set("LANGFUSE_CA_FILE", authority);
    sandbox.set("HTTPS_PROXY", format!("http://{}", cloud.proxy));
    let before = everything(&sandbox);
    let keys = [(WHERE, "jp"), (PUBLIC, PUBLIC_KEY), (SECRET, SECRET_KEY)];
    let no = [&keys[..], &[("? [y/N] ", "n"), (PUBLIC, END_OF_INPUT)]].concat();
    let yes = [&keys[..], &[("? [y/N] ", "y"), ("or all [1]: ", END_OF_INPUT)]].concat();
    sandbox
        .screen()
        .answers("claude-langfuse setup", &no)
        .answers("claude-langfuse setup", &yes)
        .is("setup_regions");
    assert_eq!(everything(&sandbox), before);
}

#[test]
fn wrong_answers_are_named_and_nothing_is_written() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let before = everything(&sandbox);
    let (url, gone) = (mock.url(), format!("http://{}", unused_address()));
    sandbox
        .screen()
        .hide(mock.address().to_string(), "langfuse.example:443")
        .hide(url.clone(), "https://langfuse.example")
        .hide(gone.trim_start_matches("http://"), "gone.example:443")
        .answers(
            "claude-langfuse setup",
            &[
                (WHERE, "9"),
                (WHERE, "langfuse.example"),
                (WHERE, &url),
                (PUBLIC, SECRET_KEY),
                (PUBLIC, PUBLIC_KEY),
                (SECRET, PUBLIC_KEY),
                (SECRET, "sk-lf-wrong"),
                (PUBLIC, PUBLIC_KEY),
                (SECRET, SECRET_KEY),
                ("or all [1]: ", "7"),
                ("or all [1]: ", "~/nowhere"),
                ("or all [1]: ", "all"),
                ("Number [1]: ", "4"),
                ("Number [1]: ", "3"),
                ("newest session now", "perhaps"),
                ("newest session now", "n"),
                (DO_IT, "n"),
            ],
        )
        .answers(
            "claude-langfuse setup",
            &[
                (WHERE, &gone),
                (PUBLIC, PUBLIC_KEY),
                (SECRET, SECRET_KEY),
                ("[y/N] ", "n"),
                (WHERE, END_OF_INPUT),
            ],
        )
        .is("setup_wrong_answers");
    assert_eq!(everything(&sandbox), before);
    assert_eq!(mock.rows().len(), 0);
}

#[test]
fn the_end_of_input_at_any_question_changes_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let before = everything(&sandbox);
    let url = mock.url();
    let steps = [
        (WHERE, url.as_str()),
        (PUBLIC, PUBLIC_KEY),
        (SECRET, SECRET_KEY),
        ("or all [1]: ", "1"),
        ("Number [1]: ", "1"),
        ("newest session now", "y"),
        (DO_IT, ""),
    ];
    for stop in 0..steps.len() {
        let mut terminal = sandbox.at_terminal(100, &["setup"]);
        for (question, answer) in &steps[..stop] {
            terminal.sees(question).types(answer);
        }
        let (code, screen) = terminal.sees(steps[stop].0).ends_input().ends();
        assert_eq!(code, Some(1), "{screen}");
        assert!(screen.contains("cancelled: nothing was changed"), "{screen}");
        assert!(terminal.echoes(), "the terminal shows input again");
        assert_eq!(everything(&sandbox), before, "{}", steps[stop].0);
    }
}

#[test]
fn without_history_the_directory_is_offered() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let url = mock.url();
    sandbox
        .screen()
        .hide(url.clone(), "https://langfuse.example")
        .answers(
            "claude-langfuse setup",
            &[
                (WHERE, &url),
                (PUBLIC, PUBLIC_KEY),
                (SECRET, SECRET_KEY),
                ("or all [~]: ", "all"),
                ("Number [1]: ", "2"),
                (DO_IT, "y"),
            ],
        )
        .is("setup_without_history");
}

#[test]
fn in_a_nix_home_setup_prints_options() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    fs::create_dir_all(sandbox.path(".config/claude-langfuse")).unwrap();
    symlink("/nix/store/0-home-manager-files/config.json", sandbox.path(CONFIG)).unwrap();
    let before = everything(&sandbox);
    let url = mock.url();
    sandbox
        .screen()
        .hide(url.clone(), "https://langfuse.example")
        .answers(
            "claude-langfuse setup",
            &[
                (WHERE, &url),
                (PUBLIC, PUBLIC_KEY),
                (SECRET, SECRET_KEY),
                ("or all [1]: ", "1"),
                ("Number [1]: ", "3"),
                ("newest session now", "y"),
            ],
        )
        .is("setup_of_nix");
    assert_eq!(everything(&sandbox), before);
    assert_eq!(mock.rows().len(), 0);
}

/// Even root can't create a folder there.
#[test]
fn a_home_that_can_not_be_written_to_is_named_and_nothing_else_is_changed() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    symlink("/nowhere/else", sandbox.path(".config")).unwrap();
    let before = everything(&sandbox);
    let url = mock.url();
    sandbox
        .screen()
        .hide(url.clone(), "https://langfuse.example")
        .answers(
            "claude-langfuse setup",
            &[
                (WHERE, &url),
                (PUBLIC, PUBLIC_KEY),
                (SECRET, SECRET_KEY),
                ("or all [1]: ", "1"),
                ("Number [1]: ", "1"),
                ("newest session now", "n"),
                (DO_IT, "y"),
            ],
        )
        .is("setup_read_only");
    assert_eq!(everything(&sandbox), before);
    assert!(!sandbox.path(KEY_FILE).exists());
}
