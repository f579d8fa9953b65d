//! `config set`: one value changes, and nothing else in the file.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::sandbox::{Sandbox, mode};

const CONFIG: &str = ".config/claude-langfuse/config.json";

fn text(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path(CONFIG)).unwrap()
}

#[test]
fn a_value_is_set_changed_and_removed_in_place() {
    let sandbox = Sandbox::new();
    sandbox.run(&["config", "set", "LANGFUSE_BASE_URL", "https://us.cloud.langfuse.com/"]).exits(0);
    assert_eq!(
        text(&sandbox),
        "{\n  \"env\": {\n    \"LANGFUSE_BASE_URL\": \"https://us.cloud.langfuse.com\"\n  }\n}\n"
    );
    assert_eq!(mode(&sandbox.path(CONFIG)), 0o600);
    let before = "{ \"projects\": {}, \"env\": { \"CC_LANGFUSE_MAX_CHARS\": \"9\", \"LANGFUSE_HOST\": \"https://a\" } }";
    sandbox.write(CONFIG, before.as_bytes());
    let ran = sandbox.run(&["config", "set", "CC_LANGFUSE_MAX_CHARS", "10"]).exits(0);
    assert!(
        ran.stdout.contains("set CC_LANGFUSE_MAX_CHARS=10 for all projects: ~/.config"),
        "{ran:?}"
    );
    assert_eq!(text(&sandbox), before.replace("\"9\"", "\"10\""));
    let ran = sandbox.run(&["config", "set", "CC_LANGFUSE_MAX_CHARS", "10"]).exits(0);
    assert!(ran.stdout.contains("nothing to do"), "{ran:?}");
    // Another spelling of the same variable might win.
    sandbox.run(&["config", "set", "LANGFUSE_BASE_URL", "https://b"]).exits(0);
    assert_eq!(
        text(&sandbox),
        "{ \"projects\": {}, \"env\": { \"CC_LANGFUSE_MAX_CHARS\": \"10\", \"LANGFUSE_BASE_URL\": \"https://b\" } }"
    );
    sandbox.run(&["config", "set", "LANGFUSE_BASE_URL", ""]).exits(0);
    assert_eq!(
        text(&sandbox),
        "{ \"projects\": {}, \"env\": { \"CC_LANGFUSE_MAX_CHARS\": \"10\" } }"
    );
}

#[test]
fn a_projects_value_goes_into_its_entry() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("code/app")).unwrap();
    let folder = sandbox.path("code/app").display().to_string();
    sandbox.config(&json!({"projects": {&folder: {"env": {}}}}));
    let set = ["config", "set", "CC_LANGFUSE_CAPTURE", "metadata", "--project", "code/app"];
    let ran = sandbox.run(&set).exits(0);
    assert!(ran.stdout.contains("for ~/code/app"), "{ran:?}");
    let whole = format!(
        "{{\"projects\":{{\"{folder}\":{{\"env\":{{\"CC_LANGFUSE_CAPTURE\":\"metadata\"}}}}}}}}"
    );
    assert_eq!(text(&sandbox), whole);
    sandbox.config(&json!({}));
    let told = sandbox.run(&[&set[..], &["--json"]].concat()).exits(0).json().remove(0);
    assert_eq!(told["changed"], true);
    let config: serde_json::Value = serde_json::from_str(&text(&sandbox)).unwrap();
    assert_eq!(config["projects"]["~/code/app"]["env"]["CC_LANGFUSE_CAPTURE"], "metadata");
}

#[test]
fn a_wrong_name_or_value_is_rejected_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    for (name, value, code, told) in [
        ("LANGFUSE_PUBLICKEY", "pk-lf-1", 2, "LANGFUSE_PUBLIC_KEY"),
        ("COLOUR", "red", 2, "unknown variable"),
        ("CC_LANGFUSE_CAPTURE", "some", 3, "metadata"),
        ("CC_LANGFUSE_MAX_CHARS", "-1", 3, "a whole number"),
        ("TRACE_TO_LANGFUSE", "maybe", 3, "true or false"),
        ("LANGFUSE_BASE_URL", "langfuse.corp", 3, "https://"),
        ("LANGFUSE_PUBLIC_KEY", "sk-lf-0123456789abcdef", 3, "secret key"),
        ("LANGFUSE_SECRET_KEY", "pk-lf-0123456789abcdef", 3, "public key"),
    ] {
        let ran = sandbox.run(&["config", "set", name, value]).exits(code);
        assert!(ran.stderr.contains(told), "{name}: {ran:?}");
        assert!(!ran.stderr.contains("0123456789abcdef"), "{ran:?}");
    }
    assert!(!sandbox.path(".config").exists());
    for broken in ["{", "[]", "{\"env\": 1}"] {
        sandbox.write(CONFIG, broken.as_bytes());
        sandbox.run(&["config", "set", "LANGFUSE_USER_ID", "me"]).exits(3);
        assert_eq!(text(&sandbox), broken);
    }
}

#[test]
fn a_secret_is_read_unseen() {
    let sandbox = Sandbox::new();
    let key = "sk-lf-0a1b2c3d-0000-1111-2222-333344449f3a";
    let mut terminal = sandbox.at_terminal(200, &["config", "set", "LANGFUSE_SECRET_KEY", "-"]);
    terminal.sees("(not shown): ").types(key);
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains(key) && screen.contains("sk-lf-…9f3a"), "{screen}");
    assert!(text(&sandbox).contains(key));
    assert_eq!(mode(&sandbox.path(CONFIG)), 0o600);
}

#[test]
fn a_file_in_the_nix_store_is_not_changed_and_the_option_is_printed() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path(".config/claude-langfuse")).unwrap();
    symlink("/nix/store/0-files/config.json", sandbox.path(CONFIG)).unwrap();
    let ran = sandbox.run(&["config", "set", "LANGFUSE_USER_ID", "me"]).exits(1);
    assert!(ran.stderr.contains("nothing was changed"), "{ran:?}");
    assert!(ran.stdout.contains("environment.LANGFUSE_USER_ID = \"me\";"), "{ran:?}");
    fs::create_dir_all(sandbox.path("code")).unwrap();
    let ran = sandbox.run(&["trace", "off", "code"]).exits(1);
    assert!(ran.stdout.contains("projects.\"~/code\".enable = false;"), "{ran:?}");
    assert!(sandbox.path(CONFIG).is_symlink());
    // The folder may be the link.
    fs::remove_dir_all(sandbox.path(".config/claude-langfuse")).unwrap();
    symlink("/nix/store/0-files/claude-langfuse", sandbox.path(".config/claude-langfuse")).unwrap();
    sandbox.run(&["config", "set", "LANGFUSE_USER_ID", "me"]).exits(1);
}
