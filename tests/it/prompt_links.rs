//! Model calls are linked to the prompts that `instructions push` made from their session's instructions.

use std::collections::BTreeSet;
use std::fs;

use base::Timestamp;
use base::sha256::hex;
use claude_langfuse::state::{PromptVersion, PromptVersions, Store, prompt_name};
use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};
use transcript::instruction_hash;

use crate::sandbox::{Sandbox, traced_to};

/// Two sessions of 2.1.332, with the first CLAUDE.md of the first session.
const FIRST: &str = "78e9a408-c2a0-4b57-8b81-6d43fbe7c206";
const SECOND: &str = "0c2589f7-85ec-482c-8159-eab034db9b6c";
const RULES: &str = "Be brief. RULE-ONE\n@extra.md";
const SUBAGENT: &str = "v2.1.330/agent-killed";

fn write_recorded(sandbox: &Sandbox, session: &str) -> String {
    let text = fs::read(format!("tests/fixtures/instructions/{session}.jsonl")).unwrap();
    let path = format!(".claude/projects/-home-dev-project/{session}.jsonl");
    sandbox.write(&path, &text).display().to_string()
}

/// As stored by `instructions push`: each with its source, its text and the time of the push.
fn push(sandbox: &Sandbox, mock: &MockLangfuse, pushed: &[(&str, &str, &str)]) {
    let mut versions = PromptVersions::default();
    for (number, (source, text, at)) in (3..).zip(pushed) {
        versions.add(PromptVersion {
            name: prompt_name("project", source),
            version: number,
            text: instruction_hash(text),
            sent: instruction_hash(text),
            pushed_at: Timestamp::parse(at).unwrap(),
        });
    }
    let env = traced_to(&mock.url());
    let key = env["LANGFUSE_PUBLIC_KEY"].as_str().unwrap();
    let destination = hex(format!("{}\n{key}", mock.url()).as_bytes(), 8);
    let store = Store::new(&sandbox.state_folder());
    store.save_prompt_versions(&destination, &versions).unwrap();
}

fn links(rows: &[Row]) -> BTreeSet<(String, String, u64)> {
    let link = |row: &Row| {
        let version = row.to_json()["prompt_version"].as_u64();
        Some((row.kind.clone(), row.prompt_name.clone()?, version.unwrap()))
    };
    rows.iter().filter_map(link).collect()
}

#[test]
fn calls_of_a_session_are_linked_to_its_claude_md_and_those_of_agents_to_their_type() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(SUBAGENT);
    session.whole();
    let rows = session.transcript().text(usize::MAX);
    let rows = rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap());
    let lines = rows.filter_map(|row| row["attachment"]["addedLines"].as_array().cloned());
    let line = lines.flatten().find_map(|line| {
        line.as_str().unwrap().strip_prefix("- general-purpose").map(str::to_owned)
    });
    let line = format!("general-purpose{}", line.unwrap());
    let transcript = write_recorded(&sandbox, FIRST);
    let before = "2020-01-01T00:00:00Z";
    let agent = ("agents/general-purpose", line.as_str(), before);
    push(&sandbox, &mock, &[("CLAUDE.md", RULES, before), agent]);
    session.replay(&[]).exits(0);
    let agent = "claude-code/project/agents/general-purpose".to_owned();
    assert_eq!(links(&mock.rows()), BTreeSet::from([("GENERATION".to_owned(), agent, 4)]));
    let linked = mock.rows().iter().filter(|row| row.prompt_name.is_some()).count();
    let calls = mock.rows().iter().filter(|row| row.kind == "GENERATION").count();
    assert!(linked > 0 && linked < calls, "{linked} of {calls}");
    mock.clear();
    sandbox.run(&["replay", &transcript]).exits(0);
    let main = "claude-code/project/CLAUDE.md".to_owned();
    assert_eq!(links(&mock.rows()), BTreeSet::from([("GENERATION".to_owned(), main, 3)]));
    let calls = mock.rows().into_iter().filter(|row| row.kind == "GENERATION");
    assert!(calls.map(|row| row.prompt_name).all(|name| name.is_some()));
}

#[test]
fn a_push_causes_no_resend_and_links_no_earlier_turn() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let transcript = write_recorded(&sandbox, FIRST);
    sandbox.run(&["replay", &transcript]).exits(0);
    let sent = mock.exports().len();
    // The first turn is older, the second one younger.
    push(&sandbox, &mock, &[("CLAUDE.md", RULES, "2024-12-01T12:25:13.000Z")]);
    sandbox.run(&["replay", &transcript]).exits(0);
    assert_eq!(mock.exports().len(), sent);
    sandbox.run(&["verify", &transcript]).exits(0);
    sandbox.run(&["replay", "--again", &transcript]).exits(0);
    let mut calls = mock.rows();
    calls.retain(|row| row.kind == "GENERATION");
    calls.sort_by_key(|row| row.start_ms);
    let linked: Vec<bool> = calls.iter().map(|row| row.prompt_name.is_some()).collect();
    assert!(!linked[0] && linked[linked.len() - 1], "{linked:?}");
    assert!(linked.is_sorted(), "{linked:?}");
    sandbox.run(&["verify", &transcript]).exits(0);
}

#[test]
fn another_text_another_project_and_another_destination_are_not_linked() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let mut env = traced_to(&mock.url());
    sandbox.config(&json!({"env": env}));
    push(&sandbox, &mock, &[("CLAUDE.md", RULES, "2020-01-01T00:00:00Z")]);
    let transcript = write_recorded(&sandbox, SECOND);
    sandbox.run(&["replay", &transcript]).exits(0);
    assert!(links(&mock.rows()).is_empty(), "CLAUDE.md was changed between the sessions");
    env["CC_LANGFUSE_PROJECT"] = "another".into();
    sandbox.config(&json!({"env": env}));
    let transcript = write_recorded(&sandbox, FIRST);
    sandbox.run(&["replay", &transcript]).exits(0);
    let other = MockLangfuse::start();
    sandbox.config(&json!({"env": traced_to(&other.url())}));
    sandbox.run(&["replay", &transcript]).exits(0);
    assert!(links(&mock.rows()).is_empty() && links(&other.rows()).is_empty());
    assert!(!other.rows().is_empty());
}

/// Name and version of a prompt in a request.
fn form(attributes: &Value) -> [Option<String>; 2] {
    ["name", "version"].map(|field| {
        let key = format!("langfuse.observation.prompt.{field}");
        let mut attributes = attributes.as_array().unwrap().iter();
        let value = &attributes.find(|attribute| attribute["key"] == *key)?["value"];
        let (kind, value) = value.as_object()?.iter().next()?;
        Some(if value == "" { "empty".to_owned() } else { kind.clone() })
    })
}

/// The tables of Langfuse 3 (modes `dual` and `legacy`) lose an observation for a name without a version, and for a version
/// that is not an integer.
#[test]
fn a_prompt_link_has_a_form_that_every_mode_of_langfuse_keeps() {
    let fixtures = ["langfuse-verdicts", "langfuse-prompt-verdicts"];
    let verdicts =
        fixtures.map(|name| fs::read_to_string(format!("tests/fixtures/{name}.jsonl")).unwrap());
    let verdicts = verdicts.concat();
    let verdicts = verdicts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (mut kept, mut lost) = (BTreeSet::new(), BTreeSet::new());
    let shared = "/resourceSpans/0/scopeSpans/0/spans/0/attributes";
    for verdict in verdicts.filter(|it| it["name"].as_str().unwrap().starts_with("prompt-")) {
        if let Some(attributes) = verdict["request"].pointer(shared) {
            let forms = if verdict["lost"] == true { &mut lost } else { &mut kept };
            forms.insert(form(attributes));
        }
    }
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let transcript = write_recorded(&sandbox, FIRST);
    push(&sandbox, &mock, &[("CLAUDE.md", RULES, "2020-01-01T00:00:00Z")]);
    let printed = sandbox.run(&["replay", "--dry-run", &transcript]).exits(0).stdout;
    let spans = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let spans = spans.flat_map(|request| {
        let spans = request.pointer("/resourceSpans/0/scopeSpans/0/spans");
        spans.map_or(vec![request.clone()], |spans| spans.as_array().unwrap().clone())
    });
    let forms = spans.map(|span| form(&span["attributes"])).filter(|form| *form != [None, None]);
    let forms: BTreeSet<_> = forms.collect();
    assert_eq!(forms.len(), 1);
    assert!(forms.is_subset(&kept) && forms.is_disjoint(&lost), "{forms:?} {kept:?} {lost:?}");
}
