//! An invalid configuration is neither consent nor refusal: nothing is sent, nothing is declined, and the turns are sent
//! after the fix.

mod corrupted;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use langfuse_mock::{MockLangfuse, SECRET_KEY};
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox, Session, traced_to};

const CONFIG: &str = ".config/claude-langfuse/config.json";
const CONFIG_NAME: &str = "config.json";

/// An attended session in a traced project.
struct Attended {
    mock: MockLangfuse,
    sandbox: Sandbox,
    project: PathBuf,
    /// The configuration, with one member per line.
    valid: String,
}

impl Attended {
    fn new() -> Self {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::new();
        sandbox.set("CLAUDE_CODE_SESSION_ATTENDED", "1");
        let project = sandbox.path("project");
        fs::create_dir_all(&project).unwrap();
        let config = json!({"env": traced_to(&mock.url()), "projects": {project.to_str().unwrap(): {"env": {}}}});
        let valid = serde_json::to_string_pretty(&config).unwrap();
        sandbox.write(CONFIG, valid.as_bytes());
        Self { mock, sandbox, project, valid }
    }

    fn session(&self) -> Session<'_> {
        let session = "v2.1.330/stream-multi";
        self.sandbox.session_in(&self.project, session)
    }

    fn repair(&self) {
        let path = self.sandbox.path(CONFIG);
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        } else if path.symlink_metadata().is_ok() {
            fs::remove_file(&path).unwrap();
        }
        self.sandbox.write(CONFIG, self.valid.as_bytes());
    }

    fn cursors(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let is_cursor =
            |path: &PathBuf| path.components().any(|part| part.as_os_str() == "sessions");
        let files = self.sandbox.state_files().into_iter();
        let files = files.map(|(path, content, _)| (path, content));
        files.filter(|(path, _)| is_cursor(path)).collect()
    }

    /// Each command that would send or report names the file and exits with 3.
    fn assert_commands_refuse(&self, session: &Session<'_>, file: &str, word: &str) {
        let (project, id) = (self.project.to_str().unwrap(), session.id());
        let place = |text: &str| {
            text.replace('~', self.sandbox.path("").to_str().unwrap().trim_end_matches('/'))
        };
        for command in [
            &["status", "--project", project][..],
            &["status", "--json", "--project", project],
            &["config", "--project", project],
            &["config", "--json", "--project", project],
            &["config", "check", "--project", project],
            &["doctor", "--offline", "--project", project],
            &["flush"],
            &["replay", id],
            &["replay", id, "--dry-run"],
            &["replay", "--all"],
            &["verify", id],
            &["export", id],
        ] {
            let ran = self.sandbox.run(command);
            assert_eq!(ran.code, Some(3), "{command:?}: {ran:#?}");
            let text = place(&[ran.stdout.as_str(), ran.stderr.as_str()].concat());
            let text: Vec<&str> = text.split_whitespace().collect();
            let text = text.join(" ").replace("\\\"", "\"");
            assert!(text.contains(file), "{command:?}: {text}");
            assert!(text.contains(word), "{command:?} {word}: {text}");
            assert!(!text.contains(SECRET_KEY), "{command:?}: {text}");
        }
        let line = self.sandbox.run(&["status", "--line", "--project", project]).exits(0);
        assert!(line.stdout.contains("suspended"), "{line:#?}");
    }
}

/// The notice of this Stop's hook, if there is one.
fn stop(session: &Session<'_>, number: usize) -> Option<String> {
    session.answered(number);
    let ran = session.start(&session.stop_event(number)).end();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    if ran.stdout.is_empty() {
        return None;
    }
    let said: Value = serde_json::from_str(&ran.stdout).expect("one message");
    assert_eq!(said.as_object().unwrap().len(), 1, "{said}");
    Some(said["systemMessage"].as_str().unwrap().to_owned())
}

/// Files with one mistake, each with its message.
fn slips(attended: &Attended) -> Vec<(String, &'static str)> {
    let valid = attended.valid.as_str();
    let project = attended.project.to_str().unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(valid.contains(from), "{valid}");
        valid.replacen(from, to, 1)
    };
    let switch = |to: &str| replaced("\"TRACE_TO_LANGFUSE\": \"true\"", to);
    let in_project = |to: &str| replaced("\"env\": {}", to);
    let at_top = |to: &str| replaced("{", &format!("{{{to},"));
    vec![
        (replaced("\n  },", ",\n  },"), "trailing comma at line"),
        (switch("\"TRACE_TO_LANGFUSE\": \"enabled\""), "\"enabled\" is neither"),
        (switch("\"TRACE_TO_LANGFUSE\": [true]"), "TRACE_TO_LANGFUSE in"),
        (switch("\"TRACE_TO_LANGFUSE\": null"), "TRACE_TO_LANGFUSE in"),
        (switch("\"TRACE_TO_LANGFUSF\": \"true\""), "TRACE_TO_LANGFUSF in"),
        (
            switch("\"TRACE_TO_LANGFUSE\": \"true\", \"CC_LANGFUSE_CAPTUR\": \"metadata\""),
            "CC_LANGFUSE_CAPTUR in",
        ),
        (
            switch("\"TRACE_TO_LANGFUSE\": \"true\", \"CC_LANGFUSE_CAPTURE\": [\"metadata\"]"),
            "is not a string",
        ),
        (at_top("\"TRACE_TO_LANGFUSE\": true"), "TRACE_TO_LANGFUSE into \"env\""),
        (at_top("\"enabled\": true"), "unknown key \"enabled\""),
        (in_project("\"TRACE_TO_LANGFUSE\": \"true\""), "TRACE_TO_LANGFUSE into \"env\""),
        (in_project("\"enable\": false"), "TRACE_TO_LANGFUSE in \"env\""),
        (in_project("\"env\": []"), "\"env\" is not a JSON object"),
        (in_project("\"env\": {\"TRACE_TO_LANGFUSE\": \"of\"}"), "\"of\" is neither"),
        (replaced(project, &project[1..]), "is not an absolute path"),
        (replaced("\"projects\"", "\"project\""), "unknown key \"project\""),
    ]
}

/// Files of another shape, each with its message.
fn misshapen(attended: &Attended) -> Vec<(String, &'static str)> {
    let valid = attended.valid.as_str();
    let project = attended.project.to_str().unwrap();
    vec![
        (json!({"env": [], "projects": {}}).to_string(), "\"env\" is not a JSON object"),
        (
            json!({"env": {}, "projects": [project]}).to_string(),
            "\"projects\" is not a JSON object",
        ),
        (json!({"projects": {project: "true"}}).to_string(), "not a JSON object"),
        (valid[..valid.len() / 2].to_owned(), "EOF while parsing"),
        (String::new(), "EOF while parsing"),
        ("[]".to_owned(), "not a JSON object"),
        ("\u{0}".repeat(valid.len()), "could not parse the file"),
    ]
}

fn broken(attended: &Attended) -> Vec<(String, &'static str)> {
    [slips(attended), misshapen(attended)].concat()
}

/// Turn 1 with a valid file, turn 2 with a broken one, turn 3 after the fix.
fn suspends(attended: &Attended, break_it: impl FnOnce(&Attended), file: &str, word: &str) {
    let file = attended.sandbox.path(file);
    let file = file.to_str().unwrap();
    let session = attended.session();
    assert_eq!(stop(&session, 0), None);
    let (before, requests) = (attended.cursors(), attended.mock.requests().len());
    let lines = attended.sandbox.log().lines().count();

    break_it(attended);
    let said = stop(&session, 1).unwrap_or_else(|| panic!("{word}: nothing was said"));
    assert!(said.contains(file) && said.contains(word), "{word}: {said}");
    assert!(!said.contains(SECRET_KEY), "{said}");
    let log = attended.sandbox.log();
    assert_eq!(log.lines().count(), lines + 1, "{log}");
    assert!(log.contains(word), "{word}: {log}");
    assert_eq!(stop(&session, 1), None, "{word}: said again");
    attended.assert_commands_refuse(&session, file, word);
    assert_eq!(attended.cursors(), before, "{word}");
    assert_eq!(attended.mock.requests().len(), requests, "{word}");
}

#[test]
fn broken_json_sends_nothing_declines_nothing_and_is_notified_once() {
    for number in 0..broken(&Attended::new()).len() {
        let attended = Attended::new();
        let (text, word) = broken(&attended).remove(number);
        let break_it = |attended: &Attended| drop(attended.sandbox.write(CONFIG, text.as_bytes()));
        suspends(&attended, break_it, CONFIG, word);
        attended.repair();
        assert_eq!(stop(&attended.session(), 2), None);
        let answers = attended.mock.answers();
        assert_eq!(answers, ["Answer 1.", "Answer 2.", "Answer 3."], "{text}");
        assert_eq!(attended.mock.generations_sent(), 3, "{text}");
    }
}

#[test]
fn an_unreadable_file_suspends() {
    type Break = fn(&Attended);
    let cases: [(Break, &str); 5] = [
        (
            |attended| drop(attended.sandbox.write(CONFIG, b"{\"env\": {\"A\": \"\xff\"}}")),
            "invalid UTF-8",
        ),
        (
            |attended| {
                fs::remove_file(attended.sandbox.path(CONFIG)).unwrap();
                fs::create_dir(attended.sandbox.path(CONFIG)).unwrap();
            },
            "could not read the file",
        ),
        (
            |attended| {
                fs::remove_file(attended.sandbox.path(CONFIG)).unwrap();
                symlink("/nonexistent/config.json", attended.sandbox.path(CONFIG)).unwrap();
            },
            "broken link",
        ),
        (
            |attended| {
                fs::remove_file(attended.sandbox.path(CONFIG)).unwrap();
                symlink(CONFIG_NAME, attended.sandbox.path(CONFIG)).unwrap();
            },
            "could not read the file",
        ),
        (
            |attended| {
                fs::remove_file(attended.sandbox.path(CONFIG)).unwrap();
                symlink("/dev/zero", attended.sandbox.path(CONFIG)).unwrap();
            },
            "it is not a regular file",
        ),
    ];
    for (break_it, word) in cases {
        let attended = Attended::new();
        suspends(&attended, break_it, CONFIG, word);
        attended.repair();
        assert_eq!(stop(&attended.session(), 2), None);
        let answers = attended.mock.answers();
        assert_eq!(answers, ["Answer 1.", "Answer 2.", "Answer 3."], "{word}");
    }
}

#[test]
fn a_file_without_read_permission_suspends() {
    let attended = Attended::new();
    let path = attended.sandbox.path(CONFIG);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    // Root can read every file.
    let word = match fs::read(&path) {
        Ok(_) => None,
        Err(_) => Some("Permission denied"),
    };
    let said = stop(&attended.session(), 0);
    assert_eq!(word.is_some(), said.is_some(), "{said:?}");
    let said = said.unwrap_or_default();
    assert!(said.contains(word.unwrap_or_default()), "{said}");
}

#[test]
fn after_the_fix_a_session_begins_with_its_first_suspended_turn() {
    let attended = Attended::new();
    attended.sandbox.write(CONFIG, b"{\"env\": {,}}");
    let session = attended.session();
    assert!(stop(&session, 0).is_some());
    assert_eq!(stop(&session, 1), None);
    assert_eq!(attended.cursors(), []);
    attended.repair();
    assert_eq!(stop(&session, 2), None);
    assert_eq!(attended.mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn a_file_that_declines_after_the_fix_declines_the_suspended_turns() {
    let attended = Attended::new();
    attended.sandbox.write(CONFIG, b"{");
    let session = attended.session();
    stop(&session, 0);
    attended.sandbox.write(CONFIG, b"{\"env\": {\"TRACE_TO_LANGFUSE\": \"false\"}}");
    stop(&session, 1);
    attended.repair();
    stop(&session, 2);
    assert_eq!(attended.mock.answers(), ["Answer 3."]);
}

#[test]
fn settings_of_the_user_that_claude_code_drops_suspend() {
    const SETTINGS: &str = ".claude/settings.json";
    for (text, word) in [
        ("{\"env\": {},}", "trailing comma"),
        ("// comment\n{}", "could not parse the file"),
        ("{\"env\": []}", "\"env\" is not a JSON object"),
        ("{", "EOF while parsing"),
    ] {
        let attended = Attended::new();
        let break_it =
            |attended: &Attended| drop(attended.sandbox.write(SETTINGS, text.as_bytes()));
        suspends(&attended, break_it, SETTINGS, word);
        attended.sandbox.write(SETTINGS, b"{}");
        assert_eq!(stop(&attended.session(), 2), None);
        let answers = attended.mock.answers();
        assert_eq!(answers, ["Answer 1.", "Answer 2.", "Answer 3."], "{text}");
    }
}

#[test]
fn settings_of_the_user_that_claude_code_reads_do_not_suspend() {
    let utf16 = "\u{feff}{\"env\": {\"A\": \"b\"}}".encode_utf16();
    let utf16: Vec<u8> = utf16.flat_map(u16::to_le_bytes).collect();
    for content in [
        &b""[..],
        b" \n",
        b"{\"env\": {\"A\": \"\xff\"}}",
        b"{\"env\": {\"A\": \"\\ud800\", \"B\": [1], \"C\": null}}",
        b"\xef\xbb\xbf{}",
        &utf16,
    ] {
        let attended = Attended::new();
        attended.sandbox.write(".claude/settings.json", content);
        let shown = String::from_utf8_lossy(content);
        assert_eq!(stop(&attended.session(), 0), None, "{shown}");
        assert_eq!(attended.mock.answers(), ["Answer 1."], "{shown}");
    }
}

#[test]
fn a_broken_entry_of_another_project_does_not_matter() {
    let attended = Attended::new();
    let other = attended.sandbox.path("other");
    let mut config: Value = serde_json::from_str(&attended.valid).unwrap();
    config["projects"][other.to_str().unwrap()] = json!({"enable": true});
    attended.sandbox.config(&config);
    assert_eq!(stop(&attended.session(), 0), None);
    assert_eq!(attended.mock.answers(), ["Answer 1."]);
    let session = attended.sandbox.session_in(&other, "v2.1.330/simple");
    let said = stop(&session, 0).expect("a message");
    assert!(said.contains("unknown key \"enable\""), "{said}");
    assert_eq!(attended.mock.answers(), ["Answer 1."]);
}

#[test]
fn unattended_sessions_show_no_notice() {
    let mut attended = Attended::new();
    attended.sandbox.set("CLAUDE_CODE_SESSION_ATTENDED", "0");
    attended.sandbox.write(CONFIG, b"{");
    assert_eq!(stop(&attended.session(), 0), None);
    assert!(attended.sandbox.log().contains("EOF"), "{}", attended.sandbox.log());
}

#[test]
fn a_variable_of_another_hook_is_a_problem_and_does_not_suspend() {
    let attended = Attended::new();
    let session = attended.session();
    assert_eq!(stop(&session, 0), None);
    let switch = "\"TRACE_TO_LANGFUSE\"";
    assert!(attended.valid.contains(switch), "{}", attended.valid);
    let foreign = format!("\"CC_LANGFUSE_TAGS\": \"team\", {switch}");
    attended.sandbox.write(CONFIG, attended.valid.replacen(switch, &foreign, 1).as_bytes());
    assert_eq!(stop(&session, 1), None);
    assert_eq!(attended.mock.answers(), ["Answer 1.", "Answer 2."]);
    let check = ["config", "check", "--project", attended.project.to_str().unwrap()];
    let told = attended.sandbox.run(&check).exits(3).stdout;
    assert!(told.contains("CC_LANGFUSE_TAGS") && told.contains("CC_LANGFUSE_TRACE_TAGS"), "{told}");
}
