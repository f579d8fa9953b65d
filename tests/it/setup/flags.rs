//! `setup` without questions: every answer has a flag.

use std::fs;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};
use serde_json::json;

use super::{CONFIG, KEY_FILE, config, everything, home};

#[test]
fn flags_answer_everything() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let url = mock.url();
    let key = sandbox.write(".secrets/langfuse", format!("{SECRET_KEY}\n").as_bytes());
    let arguments = [
        "setup",
        "--non-interactive",
        "--base-url",
        &url,
        "--public-key",
        PUBLIC_KEY,
        "--secret-key-file",
        key.to_str().unwrap(),
        "--project",
        "code/app",
        "--capture",
        "metadata",
        "--send-newest",
        "--json",
    ];
    let dry: Vec<&str> = arguments.iter().copied().filter(|one| *one != "--json").collect();
    let before = everything(&sandbox);
    let shown = sandbox.run(&[&dry[..], &["--dry-run"]].concat()).exits(0).stdout;
    assert!(shown.contains("LANGFUSE_SECRET_KEY_FILE=~/.secrets/langfuse"), "{shown}");
    assert_eq!(everything(&sandbox), before);
    let ran = sandbox.run(&arguments).exits(0);
    let told = &ran.json()[0];
    assert!(told["trace"].as_str().unwrap().starts_with(&url), "{told}");
    assert_eq!(told["hook"], "registered");
    assert_eq!(
        config(&sandbox)["env"],
        json!({
            "LANGFUSE_BASE_URL": url, "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
            "LANGFUSE_SECRET_KEY_FILE": "~/.secrets/langfuse", "CC_LANGFUSE_CAPTURE": "metadata",
        })
    );
    assert!(!sandbox.path(KEY_FILE).exists());
}

#[test]
fn the_secret_key_may_come_from_standard_input_or_the_shell() {
    let mock = MockLangfuse::start();
    let mut sandbox = home();
    let url = mock.url();
    let arguments = [
        "setup",
        "--non-interactive",
        "--base-url",
        &url,
        "--public-key",
        PUBLIC_KEY,
        "--secret-key-file",
        "-",
        "--all-projects",
        "--no-hook",
    ];
    let mut running = sandbox.start(&arguments, format!("{SECRET_KEY}\n").as_bytes());
    running.close_input();
    running.end().exits(0);
    assert_eq!(fs::read_to_string(sandbox.path(KEY_FILE)).unwrap(), format!("{SECRET_KEY}\n"));
    assert!(!sandbox.path(".claude/settings.json").exists());
    fs::remove_dir_all(sandbox.path(".config")).unwrap();
    sandbox.set("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY).set("LANGFUSE_SECRET_KEY", SECRET_KEY);
    sandbox.set("LANGFUSE_BASE_URL", url);
    sandbox.run(&["setup", "--non-interactive", "--project", "code/app"]).exits(0);
    assert_eq!(config(&sandbox)["env"]["LANGFUSE_PUBLIC_KEY"], PUBLIC_KEY);
    assert_eq!(fs::read_to_string(sandbox.path(KEY_FILE)).unwrap(), format!("{SECRET_KEY}\n"));
}

#[test]
fn missing_or_rejected_values_are_named_and_nothing_is_written() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let key = sandbox.write("key", SECRET_KEY.as_bytes()).display().to_string();
    let wrong = sandbox.write("wrong", b"sk-lf-wrong").display().to_string();
    let both = sandbox.write("both", b"two words").display().to_string();
    let before = everything(&sandbox);
    let url = mock.url();
    let keys =
        |url, key| vec!["--base-url", url, "--public-key", PUBLIC_KEY, "--secret-key-file", key];
    for (flags, code, reason) in [
        (vec![], 2, "--public-key"),
        (vec!["--public-key", PUBLIC_KEY], 2, "--secret-key-file"),
        (keys(&url, &key), 2, "--all-projects"),
        (keys("langfuse.corp", &key), 2, "--base-url"),
        (keys(&url, "nowhere"), 3, "could not read key file"),
        (keys(&url, &both), 3, "it must be one word"),
        (
            vec!["--base-url", &url, "--public-key", SECRET_KEY, "--secret-key-file", &key],
            3,
            "swapped",
        ),
        (keys(&url, &wrong), 5, "answered 401"),
        ([keys(&url, &key), vec!["--project", "nowhere"]].concat(), 1, "could not find project"),
        ([keys(&url, &key), vec!["--json"]].concat(), 2, "--all-projects"),
    ] {
        let ran = sandbox.run(&[&["setup", "--non-interactive"], &flags[..]].concat()).exits(code);
        let told = ran.stderr + &ran.stdout;
        assert!(told.contains(reason), "{flags:?}: {told}");
        assert!(!told.contains(SECRET_KEY), "{told}");
        assert_eq!(everything(&sandbox), before);
    }
    let ran = sandbox.run(&["setup"]).exits(2);
    assert!(ran.stderr.contains("--non-interactive"), "{ran:?}");
    assert!(!sandbox.path(CONFIG).exists());
}
