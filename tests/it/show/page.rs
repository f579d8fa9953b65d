//! `show --html` writes one complete page that loads no other files and is readable without JavaScript.

use std::fs;

use base::sha256;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::sandbox::{Recording, Sandbox, mode};

const SESSION: &str = "v2.1.330/subagent-background";

fn page(sandbox: &Sandbox, arguments: &[&str]) -> String {
    sandbox.run(&[&["show", "--html", "-"], arguments].concat()).exits(0).stdout
}

/// The page without its script and its style.
fn without_script(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, rest) = rest.split_once("<script>").unwrap();
    let (_, tail) = rest.split_once("</script>").unwrap();
    format!("{head}{body}{tail}")
}

fn unescaped(text: &str) -> String {
    let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    marks.iter().fold(text.to_owned(), |text, (escaped, mark)| text.replace(escaped, mark))
}

#[test]
fn a_page_loads_nothing_and_runs_its_own_script_alone() {
    let sandbox = Sandbox::new();
    let session = sandbox.session(SESSION);
    let page = page(&sandbox, &[&session.whole().argument()]);
    for loading in ["<link", "<img", "<iframe", " src=", "@import", "url(", "<base", "<form"] {
        assert!(!page.contains(loading), "{loading}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    let (_, script) = page.split_once("<script>").unwrap();
    let (script, _) = script.split_once("</script>").unwrap();
    let hash = BASE64_STANDARD.encode(sha256::digest(script.as_bytes()));
    let policy =
        format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'");
    assert!(page.contains(&policy));
}

#[test]
fn without_javascript_the_page_has_every_observation_with_its_texts() {
    for name in [SESSION, "v2.1.330/tool-error", "v2.1.330/workflow", "v2.1.330/compact"] {
        let sandbox = Sandbox::new();
        let session = sandbox.session(name);
        let argument = session.whole().argument();
        let text = unescaped(&without_script(&page(&sandbox, &[&argument])));
        let rows = sandbox.run(&["show", "--json", &argument]).exits(0).json();
        let observations: Vec<&Value> =
            rows.iter().filter(|row| row["trace"].is_string()).collect();
        assert_eq!(text.matches("<details class=\"row ").count(), observations.len(), "{name}");
        for observation in observations {
            for key in ["input", "output"] {
                let content = observation[key].as_str().unwrap_or_default();
                for text_of in texts(content) {
                    assert!(text.contains(&text_of), "{name}: {text_of}");
                }
            }
        }
        let tokens = rows.last().unwrap()["tokens"]["output"].as_u64().unwrap();
        assert!(text.contains(&format!("out {tokens}  in ")), "{name}");
    }
}

/// The texts in a content: for JSON its string values.
fn texts(content: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(content) {
        Ok(Value::Array(items)) => items.iter().flat_map(|it| texts(&it.to_string())).collect(),
        Ok(Value::Object(fields)) => {
            let is_shown = |(name, _): &(&String, &Value)| *name == "content";
            let values = fields.iter().filter(is_shown).filter_map(|(_, value)| value.as_str());
            values.map(str::to_owned).collect()
        }
        _ => vec![content.to_owned()],
    }
}

#[test]
fn the_page_is_small_beside_its_data() {
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/simple");
    let page = page(&sandbox, &[&session.whole().argument()]);
    assert!(page.len() < 30_000, "{}", page.len());
}

#[test]
fn hostile_texts_are_texts() {
    let sandbox = Sandbox::new();
    let hostile = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\\u2028";
    let recording = Recording::open("v2.1.330/tool-error").replaced("Fail please", hostile);
    for transcript in &recording.sessions {
        sandbox.grow(transcript, usize::MAX);
    }
    let page = page(&sandbox, &["81dd"]);
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (1, 1));
    assert!(!page.contains("<img"));
    assert!(page.contains("&lt;img src=x onerror=alert(2)&gt;\u{fffd}"));
}

#[test]
fn the_file_is_private_and_appears_when_it_is_whole() {
    let sandbox = Sandbox::new();
    let session = sandbox.session(SESSION);
    let argument = session.whole().argument();
    let path = sandbox.path("page.html");
    let file = path.to_str().unwrap();
    for _ in 0..2 {
        let ran = sandbox.run(&["show", &argument, "--html", file]).exits(0);
        assert_eq!(ran.stdout, "");
        assert_eq!(fs::read_to_string(&path).unwrap(), page(&sandbox, &[&argument]));
        assert_eq!(mode(&path), 0o600);
    }
    assert!(!sandbox.path("page.html.part").exists());
    let nowhere = sandbox.path("nowhere/page.html");
    let ran = sandbox.run(&["show", &argument, "--html", nowhere.to_str().unwrap()]).exits(1);
    assert!(ran.stderr.contains("could not write"), "{}", ran.stderr);
    sandbox.run(&["show", &argument, "--html", "-", "--json"]).exits(2);
}

#[test]
fn a_page_has_the_turns_that_were_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.session(SESSION).whole();
    sandbox.session("v2.1.330/tool-error").whole();
    let second = page(&sandbox, &["bd098#2"]);
    assert!(second.contains("id=turn-2") && !second.contains("id=turn-1"));
    assert!(!second.contains("<h2>Session</h2>"), "one turn needs no overview");
    let failed = page(&sandbox, &["81dd", "--failed"]);
    let all = page(&sandbox, &["81dd"]);
    let rows = |page: &str| page.matches("<details class=\"row ").count();
    assert!(rows(&failed) > 0 && rows(&failed) < rows(&all));
    let nothing = page(&sandbox, &["bd098", "--failed"]);
    assert!(nothing.contains("<p>nothing failed</p>"));
}
