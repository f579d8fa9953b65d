//! The keys are only in the configuration and in the header of a request.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use langfuse_mock::{MockLangfuse, PUBLIC_KEY, Reply, SECRET_KEY};
use serde_json::json;

use super::oracle::{can_trace, in_order};
use crate::missing;
use crate::sandbox::{Ran, Sandbox, traced_to};

/// The output has neither the key nor the header made from it.
fn assert_no_keys(ran: &Ran, what: &str) {
    let header = BASE64_STANDARD.encode(format!("{PUBLIC_KEY}:{SECRET_KEY}"));
    for text in [&ran.stdout, &ran.stderr] {
        for key in [SECRET_KEY, &header] {
            assert!(!text.contains(key), "{what}: {text}");
        }
    }
}

#[test]
fn no_response_makes_a_run_show_a_key() {
    let with_key = |status| {
        let body = format!("{{\"message\":\"{SECRET_KEY} is wrong\",\"error\":\"{SECRET_KEY}\"}}");
        let location =
            ("location".to_owned(), format!("https://user:{SECRET_KEY}@host/?key={SECRET_KEY}"));
        Reply::StatusWithBody(status, vec![location], body.into_bytes())
    };
    for status in [200, 204, 302, 307, 400, 401, 403, 404, 413, 422, 429, 500, 503] {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        sandbox.set("CC_LANGFUSE_DEBUG", "true").set("CLAUDE_CODE_SESSION_ATTENDED", "1");
        let session = sandbox.session("v2.1.330/simple");
        mock.reply_always(Some(with_key(status)));
        let what = format!("{status}");
        let hook = session.whole().start(&session.stop_event(0)).end();
        assert_no_keys(&hook, &what);
        for options in [&["-vv"][..], &["-vv", "--json"], &["--dry-run"]] {
            assert_no_keys(&session.replay(options), &what);
        }
        assert_no_keys(&sandbox.run(&["flush", "-vv"]), &what);
        in_order(&sandbox, &what);
    }
}

#[test]
fn no_mistake_in_the_configuration_makes_a_run_show_a_key() {
    let mistaken = |name: &str, value: &str| {
        let mut env = traced_to("http://127.0.0.1:1");
        env[name] = json!(value);
        env
    };
    let cases = [
        mistaken("LANGFUSE_PUBLIC_KEY", SECRET_KEY),
        mistaken("LANGFUSE_PUBLIC_KEY", &format!("pk-lf-1:{SECRET_KEY}")),
        mistaken("LANGFUSE_BASE_URL", &format!("https://{SECRET_KEY}@host")),
        mistaken("LANGFUSE_BASE_URL", &format!("https://host/?key={SECRET_KEY}")),
        mistaken("LANGFUSE_BASE_URL", SECRET_KEY),
        mistaken("LANGFUSE_SECRET_KEY_FILE", SECRET_KEY),
        mistaken("LANGFUSE_TIMEOUT", SECRET_KEY),
        mistaken("LANGFUSE_CA_FILE", SECRET_KEY),
        mistaken("TRACE_TO_LANGFUSE", SECRET_KEY),
        mistaken(SECRET_KEY, "name and value exchanged"),
        mistaken("CC_LANGFUSE_METADATA", &format!("{{{SECRET_KEY}")),
    ];
    for env in cases {
        let what = env.to_string();
        let mut sandbox = Sandbox::new();
        sandbox.set("CLAUDE_CODE_SESSION_ATTENDED", "1").set("CC_LANGFUSE_DEBUG", "true");
        sandbox.config(&json!({"env": env}));
        let session = sandbox.session("v2.1.330/simple");
        assert_no_keys(&session.whole().start(&session.stop_event(0)).end(), &what);
        for arguments in
            [&["flush", "-vv"][..], &["replay", "--all", "-vv"], &["pause"], &["resume"]]
        {
            assert_no_keys(&sandbox.run(arguments), &what);
        }
        assert_no_keys(&session.replay(&["-vv"]), &what);
        assert_no_keys(&session.replay(&["--dry-run"]), &what);
        in_order(&sandbox, &what);
    }
    let broken = format!("{{\"env\": {{\"LANGFUSE_SECRET_KEY\": \"{SECRET_KEY}\" \"x\"}}}}");
    let sandbox = Sandbox::new();
    sandbox.write(".config/claude-langfuse/config.json", broken.as_bytes());
    assert_no_keys(&sandbox.session("v2.1.330/simple").whole().replay(&["-vv"]), "a broken file");
}

#[test]
fn no_process_is_started_that_could_be_given_a_key() {
    if !can_trace() {
        return missing::tool("processes not counted: strace is missing, or may not trace");
    }
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent");
    session.whole();
    let log = sandbox.path("calls");
    let strace =
        ["strace", "-f", "-qq", "-e", "trace=execve,execveat", "-o", log.to_str().unwrap(), "--"];
    sandbox.start_under(&strace, &["hook"], session.end_event().to_string().as_bytes()).end();
    let started = fs::read_to_string(log).unwrap();
    assert_eq!(started.lines().filter(|line| line.contains("execve")).count(), 1, "{started}");
}
