//! Questions at a terminal: the texts, and the effect of each answer.

use std::fs;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};
use serde_json::json;

use crate::doctor::cloud::Cloud;
use crate::sandbox::{END_OF_INPUT, Received, Sandbox};

const MULTI: &str = "v2.1.330/stream-multi";
const DELETE: &str = "This can't be undone. [y/N] ";
const AGAIN: &str = "again? [y/N] ";

#[test]
fn forget_and_a_replay_of_forgotten_turns_ask_first() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(MULTI);
    session.whole().replay(&[]).exits(0);
    let deletions = || mock.requests().iter().filter(|request| request.method == "DELETE").count();
    let screen = sandbox.screen().hide(mock.url(), "http://langfuse.test");
    let screen = screen
        .answers("claude-langfuse forget 8ceb#2 --wait 2", &[(DELETE, "")])
        .answers("claude-langfuse forget 8ceb#2 --wait 2", &[(DELETE, END_OF_INPUT)]);
    assert_eq!(deletions(), 0);
    let screen = screen
        .answers("claude-langfuse forget 8ceb#2 --wait 2", &[(DELETE, "sure"), (DELETE, "y")]);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    let screen = screen.answers("claude-langfuse replay 8ceb --again", &[(AGAIN, "n")]);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    screen.answers("claude-langfuse replay 8ceb --again", &[(AGAIN, "yes")]).is("forget_dialogue");
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn allow_shows_the_resulting_destination() {
    let sandbox = Sandbox::new();
    sandbox.config(&json!({"env": crate::sandbox::traced_to("https://langfuse.example")}));
    fs::create_dir_all(sandbox.path("clone/.git")).unwrap();
    let env = json!({
        "LANGFUSE_BASE_URL": "https://langfuse.of-the-team.example",
        "CC_LANGFUSE_MAX_CHARS": "500",
    });
    let settings = json!({"env": env}).to_string();
    sandbox.write("clone/.claude/settings.json", settings.as_bytes());
    sandbox
        .screen()
        .answers("claude-langfuse allow clone", &[("Allow this? [y/N] ", "")])
        .answers("claude-langfuse allow clone", &[("Allow this? [y/N] ", END_OF_INPUT)])
        .answers("claude-langfuse allow clone", &[("Allow this? [y/N] ", "y")])
        .answers("claude-langfuse allow clone", &[])
        .is("allow_dialogue");
}

#[test]
fn doctor_asks_before_it_sends_keys_to_other_regions() {
    let cloud = Cloud::with_keys_of("us.cloud.langfuse.com");
    let mut sandbox = Sandbox::new();
    let authority = sandbox.write("ca.pem", Cloud::authority().as_bytes());
    sandbox.set("HTTPS_PROXY", format!("http://{}", cloud.proxy));
    sandbox.config(&json!({"env": {
        "TRACE_TO_LANGFUSE": "true", "LANGFUSE_CA_FILE": authority,
        "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY, "LANGFUSE_SECRET_KEY": SECRET_KEY,
    }}));
    sandbox
        .screen()
        .hide(cloud.proxy.to_string(), "proxy.example:3128")
        .hide(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH), "linux x86_64")
        .answers("claude-langfuse doctor", &[("? [y/N] ", "")])
        .answers("claude-langfuse doctor", &[("? [y/N] ", END_OF_INPUT)])
        .answers("claude-langfuse doctor", &[("? [y/N] ", "y")])
        .is("doctor_dialogue");
}

#[test]
fn install_offers_setup_and_a_secret_is_typed_without_echo() {
    let sandbox = Sandbox::new();
    sandbox
        .screen()
        .hide(env!("CARGO_BIN_EXE_claude-langfuse"), "/usr/bin/claude-langfuse")
        .answers("claude-langfuse install", &[("Set them up now? [Y/n] ", "n")])
        .answers("claude-langfuse install", &[("Set them up now? [Y/n] ", END_OF_INPUT)])
        .answers(
            "claude-langfuse config set LANGFUSE_SECRET_KEY -",
            &[("(not shown): ", END_OF_INPUT)],
        )
        .answers(
            "claude-langfuse config set LANGFUSE_SECRET_KEY -",
            &[("(not shown): ", SECRET_KEY)],
        )
        .is("install_dialogue");
}

#[test]
fn the_hook_at_a_terminal_explains_itself() {
    let sandbox = Sandbox::new();
    sandbox
        .screen()
        .answers("claude-langfuse hook", &[])
        .answers("claude-langfuse status --line", &[])
        .is("hook_at_a_terminal");
}
