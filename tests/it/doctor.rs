//! `doctor` names each problem with a remedy, and reports none in a healthy home.

pub(crate) mod cloud;
mod configured;
mod connected;
mod hooked;
mod prices;
mod seeded;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};
use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox};

/// A user with a working set-up: traced, with the hook and a session.
pub(crate) struct DoctorHome {
    pub(crate) sandbox: Sandbox,
    pub(crate) mock: MockLangfuse,
}

impl DoctorHome {
    pub(crate) fn healthy() -> Self {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        sandbox.run(&["install"]).exits(0);
        let mut session = sandbox.session("v2.1.330/resume");
        let logger = "/home/dev/bin/hook_logger.py /home/dev/log/hooks.jsonl user";
        session.recording = session
            .recording
            // The price list of the mock is older than the recording's model.
            .replaced("claude-opus-5-5", "claude-opus-5")
            .replaced(logger, "claude-langfuse hook");
        session.whole().stop(0);
        Self { sandbox, mock }
    }

    /// Writes the `env` of the configuration again, with these changes.
    pub(crate) fn configured(&self, changes: &Value) -> &Self {
        let mut env = crate::sandbox::traced_to(&self.mock.url());
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => env.as_object_mut().unwrap().remove(name),
                value => env.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        self.sandbox.config(&json!({"env": env}));
        self
    }

    /// Changes Claude Code's settings.
    pub(crate) fn settings(&self, change: impl FnOnce(&mut Value)) -> &Self {
        let path = self.sandbox.path(".claude/settings.json");
        let mut settings = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut settings);
        std::fs::write(path, settings.to_string()).unwrap();
        self
    }

    /// Doctor reports this problem with a remedy.
    pub(crate) fn fails(&self, check: &str, message: &str, help: &str, code: i32) -> Ran {
        self.finds(&[], "fail", check, message, help, code)
    }

    /// Doctor reports this warning, and nothing worse.
    pub(crate) fn warns(&self, check: &str, message: &str, help: &str) -> Ran {
        self.finds(&[], "warn", check, message, help, 0)
    }

    /// Run with these arguments, doctor reports this as the first of its worst kind; consequences of it may follow.
    pub(crate) fn finds(
        &self,
        options: &[&str],
        verdict: &str,
        check: &str,
        message: &str,
        help: &str,
        code: i32,
    ) -> Ran {
        let arguments = [&["doctor", "--json"], options].concat();
        let ran = self.sandbox.run(&arguments).exits(code);
        let report = ran.json().remove(0);
        assert_eq!(report["verdict"], verdict, "{report:#}");
        let findings = report["findings"].as_array().unwrap();
        let worst: Vec<&Value> = findings.iter().filter(|one| one["verdict"] == verdict).collect();
        let finding = worst[0];
        let told = |name: &str| finding[name].as_str().unwrap().to_owned();
        assert_eq!(told("check"), check, "{finding:#}");
        assert!(told("message").contains(message), "{finding:#}");
        assert!(told("help").contains(help), "{finding:#}");
        assert_clean(&ran, &self.sandbox);
        ran
    }
}

/// The output can be pasted into a bug report.
fn assert_clean(ran: &Ran, sandbox: &Sandbox) {
    let home = sandbox.path("").display().to_string();
    let home = home.trim_end_matches('/');
    assert!(!ran.stdout.contains(home), "{ran:?}");
    for printed in [&ran.stdout, &ran.stderr] {
        assert!(!printed.contains(SECRET_KEY), "{ran:?}");
    }
}

#[test]
fn a_healthy_home_has_no_problems() {
    let home = DoctorHome::healthy();
    let ran = home.sandbox.run(&["doctor"]).exits(0);
    assert!(!ran.stdout.contains("warn") && !ran.stdout.contains("fail"), "{}", ran.stdout);
    assert_clean(&ran, &home.sandbox);
    home.sandbox
        .screen()
        .hide(env!("CARGO_BIN_EXE_claude-langfuse"), "/usr/bin/claude-langfuse")
        .hide(home.mock.address().to_string(), "langfuse.example:443")
        .hide(home.mock.url(), "https://langfuse.example")
        .hide(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH), "linux x86_64")
        .types("claude-langfuse doctor --offline")
        .types("claude-langfuse doctor --send-test --project nowhere")
        .types("claude-langfuse doctor --offline --send-test")
        .is("doctor");
}

#[test]
fn a_test_trace_is_sent_and_read_back() {
    let home = DoctorHome::healthy();
    let before = home.mock.rows().len();
    let ran = home.sandbox.run(&["doctor", "--send-test"]).exits(0);
    let rows = home.mock.rows();
    assert_eq!(rows.len(), before + 1);
    let sent = rows.iter().find(|row| row.name == "claude-langfuse doctor").unwrap();
    assert!(ran.stdout.contains(&format!("/trace/{}", sent.trace_id)), "{}", ran.stdout);
}

#[test]
fn content_that_is_not_enabled_is_not_sent() {
    let home = DoctorHome::healthy();
    let (rows, state) = (home.mock.rows().len(), home.sandbox.state_files());
    home.sandbox.run(&["doctor"]).exits(0);
    assert_eq!(home.mock.rows().len(), rows);
    let mut after = home.sandbox.state_files();
    after.retain(|(path, ..)| !path.to_string_lossy().contains("/prices/"));
    assert_eq!(after, state);
    let requests = home.mock.requests().len();
    home.sandbox.run(&["doctor", "--offline"]).exits(0);
    assert_eq!(home.mock.requests().len(), requests);
}

#[test]
fn without_a_set_up_doctor_names_the_first_step() {
    let sandbox = Sandbox::new();
    sandbox
        .screen()
        .hide(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH), "linux x86_64")
        .types("claude-langfuse doctor")
        .is("doctor_of_nothing");
    assert!(sandbox.state().is_empty(), "{:?}", sandbox.state());
    assert_ne!(PUBLIC_KEY, SECRET_KEY);
}
