//! Problems of the configuration and of the state folder.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use langfuse_mock::{PUBLIC_KEY, Reply, SECRET_KEY};
use serde_json::{Value, json};

use super::DoctorHome;

#[test]
fn an_incomplete_key_pair() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_SECRET_KEY": null}));
    home.fails(
        "keys",
        "has no LANGFUSE_SECRET_KEY beside it",
        "set both keys in the same place",
        3,
    );
}

#[test]
fn no_keys() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_PUBLIC_KEY": null}));
    home.fails("keys", "no Langfuse keys", "~/.config/claude-langfuse/config.json", 3);
}

#[test]
fn swapped_keys() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_SECRET_KEY": PUBLIC_KEY, "LANGFUSE_PUBLIC_KEY": SECRET_KEY}));
    home.fails("keys", "is not a public key", "swap the two keys", 3);
}

#[test]
fn a_missing_or_empty_key_file() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "~/key"}));
    home.fails("keys", "~/key: No such file", "fix the path or the file", 3);
    home.sandbox.write("key", b"\n");
    home.fails("keys", "file is empty", "fix the path or the file", 3);
    let directory = home.sandbox.path("folder");
    fs::create_dir(&directory).unwrap();
    home.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": directory}));
    home.fails("keys", "could not read key file", "fix the path or the file", 3);
}

#[test]
fn a_world_readable_key_file() {
    let home = DoctorHome::healthy();
    let path = home.sandbox.write("key", SECRET_KEY.as_bytes());
    home.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "~/key"}));
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    home.warns("config", "key file is world-readable", "chmod 600");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    home.sandbox.run(&["doctor"]).exits(0);
}

#[test]
fn a_broken_configuration_file() {
    let home = DoctorHome::healthy();
    home.sandbox.write(".config/claude-langfuse/config.json", b"{\"env\": {");
    home.fails("config", "could not parse the file", "fix the file", 3);
}

#[test]
fn an_invalid_value() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"TRACE_TO_LANGFUSE": "ture"}));
    home.fails("config", "\"ture\" is neither true nor false", "use true or false", 3);
    home.configured(&json!({"CC_LANGFUSE_MASK_PATTERNS": "("}));
    home.fails("mask", "CC_LANGFUSE_MASK_PATTERNS can't be read", "fix or remove the pattern", 3);
}

#[test]
fn a_name_that_is_misspelled_or_of_another_hook() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_BASEURL": "https://langfuse.example"}));
    home.fails("config", "LANGFUSE_BASEURL", "use LANGFUSE_BASE_URL", 3);
    home.configured(&json!({}));
    home.settings(|settings| settings["env"] = json!({"CC_LANGFUSE_FLUSH_TIMEOUT": "35"}));
    home.warns(
        "config",
        "CC_LANGFUSE_FLUSH_TIMEOUT in ~/.claude/settings.json",
        "use CC_LANGFUSE_HOOK_BUDGET",
    );
}

#[test]
fn an_applications_host_that_is_ignored() {
    let mut home = DoctorHome::healthy();
    home.sandbox.set("LANGFUSE_BASE_URL", "https://langfuse.example");
    home.warns("config", "LANGFUSE_BASE_URL in the environment: ignored", "use CC_LANGFUSE_");
}

#[test]
fn an_invalid_address() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_BASE_URL": "cloud.langfuse.com"}));
    home.fails("keys", "does not begin with https://", "use a URL such as", 3);
}

#[test]
fn missing_consent() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"TRACE_TO_LANGFUSE": null}));
    home.warns(
        "consent",
        "tracing is off in ~: TRACE_TO_LANGFUSE is not set",
        "set TRACE_TO_LANGFUSE to true",
    );
    home.configured(&json!({"TRACE_TO_LANGFUSE": "false"}));
    home.warns("consent", "TRACE_TO_LANGFUSE in ~/.config", "set it to true there");
}

#[test]
fn a_forgotten_pause() {
    let home = DoctorHome::healthy();
    home.sandbox.run(&["pause"]).exits(0);
    home.warns("pause", "tracing is paused", "claude-langfuse resume");
}

#[test]
fn a_read_only_state_folder() {
    let home = DoctorHome::healthy();
    let file = home.sandbox.write("file", b"");
    home.configured(&json!({"CC_LANGFUSE_STATE_DIR": file}));
    home.fails("state", "can't write to ~/file/claude-langfuse: ", "CC_LANGFUSE_STATE_DIR", 1);
}

/// A limit on the size of files acts like a full disk: a write fails.
#[test]
fn a_full_disk() {
    let home = DoctorHome::healthy();
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec '{}' doctor --json --offline",
        env!("CARGO_BIN_EXE_claude-langfuse")
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .env("HOME", home.sandbox.path(""))
        .env("PATH", "/usr/bin:/bin")
        .current_dir(home.sandbox.path(""))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let failed = findings.iter().find(|one| one["verdict"] == "fail").unwrap();
    assert_eq!(failed["check"], "state", "{report:#}");
    assert!(failed["help"].as_str().unwrap().starts_with("free disk space"), "{report:#}");
    let left =
        home.sandbox.state().into_iter().any(|path| path.to_string_lossy().contains("doctor"));
    assert!(!left, "{:?}", home.sandbox.state());
}

#[test]
fn a_state_folder_readable_by_others() {
    let home = DoctorHome::healthy();
    let folder = home.sandbox.path(".claude/state/claude-langfuse");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    home.warns("state", "other users can read", "chmod 700 ~/.claude/state/claude-langfuse");
}

#[test]
fn waiting_sessions_after_an_outage() {
    let home = DoctorHome::healthy();
    home.mock.reply_always(Some(Reply::Status(503)));
    home.sandbox.session("v2.1.330/simple").whole().stop(0);
    home.mock.reply_always(None);
    home.warns("waiting", "1 session with unsent turns", "claude-langfuse flush");
    home.sandbox.run(&["flush"]).exits(0);
    let report = home.sandbox.run(&["doctor", "--json"]).exits(0).json().remove(0);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|one| one["check"] != "waiting"), "{report:#}");
}
