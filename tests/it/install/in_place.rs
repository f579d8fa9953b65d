//! Settings files of many forms: no byte outside of our entry changes, and `uninstall` restores every byte.

use std::fs;

use serde_json::Value;

use super::{SETTINGS, files};
use crate::sandbox::Sandbox;

/// Contents of settings files, with `\n` as line end and without a final one.
const CONTENTS: [&str; 12] = [
    "{}",
    "{ }",
    "{\n}",
    "{\"model\":\"opus\",\"env\":{\"A\":\"1\",\"B\":\"2\"}}",
    "{ \"model\": \"opus\", \"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"true\"}]}]} }",
    "{\n  \"model\": \"opus\",\n  \"permissions\": {\n    \"allow\": [\"Bash(ls:*)\", \"Read\"],\n    \"deny\": []\n  }\n}",
    "{\n\t\"hooks\": {\n\t\t\"Stop\": [\n\t\t\t{\n\t\t\t\t\"hooks\": [\n\t\t\t\t\t{ \"type\": \"command\", \"command\": \"notify-send 'd\u{f6}n\u{eb}'\" }\n\t\t\t\t]\n\t\t\t}\n\t\t]\n\t},\n\t\"z\": 1.50e3\n}",
    "{\n    \"hooks\": {},\n    \"big\": 18446744073709551615, \"tiny\": 1e-7,\n\n    \"esc\": \"\\u00e9 \\/ \\ud83d \\\"quoted\\\" {[,:]}\"\n}",
    "{\n   \"hooks\" : { \"Stop\" : [ ] , \"PreToolUse\" : [\n { \"matcher\" : \"Bash\", \"hooks\" : [] }\n ] }\n , \"comma\": \"first\"\n}",
    "{\n\"flush\": true,\n\"left\": [1,\n2,\n3]\n}",
    "{\n  \"model\": \"sonnet\",\n  \"model\": \"opus\",\n  \"hooks\": {\n    \"SessionEnd\": [\n      {\n        \"matcher\": \"clear\",\n        \"hooks\": []\n      }\n    ]\n  }\n}",
    "  \n\n{\"outputStyle\": \"\\u200b\", \"nested\": {\"a\": {\"b\": {\"c\": [[[]]]}}}}",
];

/// Each content with both line ends, with and without a byte order mark and a final line end; and empty files.
fn forms() -> Vec<Vec<u8>> {
    let mut forms: Vec<Vec<u8>> = [&b""[..], b"\n", b"\xef\xbb\xbf"].map(<[u8]>::to_vec).to_vec();
    for content in CONTENTS {
        for (newline, mark, last) in
            [("\n", "", "\n"), ("\n", "", ""), ("\r\n", "\u{feff}", "\r\n"), ("\r\n", "", "")]
        {
            let text = format!("{mark}{}{last}", content.replace('\n', newline));
            forms.push(text.into_bytes());
        }
    }
    // A byte that is not UTF-8, which Claude Code reads as a replacement character.
    forms.push(b"{\n  \"name\": \"J\xf6rg\"\n}\n".to_vec());
    assert!(forms.len() > 40);
    forms
}

fn read(sandbox: &Sandbox) -> Vec<u8> {
    fs::read(sandbox.path(SETTINGS)).unwrap()
}

/// Whether `after` is `before` with at most two insertions.
fn only_adds(before: &[u8], after: &[u8]) -> bool {
    let same = |left: &mut dyn Iterator<Item = &u8>, right: &mut dyn Iterator<Item = &u8>| {
        left.zip(right).take_while(|(left, right)| left == right).count()
    };
    let start = same(&mut before.iter(), &mut after.iter());
    let end = same(&mut before[start..].iter().rev(), &mut after[start..].iter().rev());
    let middle = &before[start..before.len() - end];
    let inserted = &after[start..after.len() - end];
    middle.is_empty() || inserted.windows(middle.len()).any(|window| window == middle)
}

fn parse(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes).replace("\\ud83d", "?");
    serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap()
}

#[test]
fn install_adds_its_entry_and_uninstall_restores_every_byte() {
    for before in forms() {
        let sandbox = Sandbox::new();
        sandbox.write(SETTINGS, &before);
        let dry = sandbox.run(&["install", "--dry-run"]).exits(0).stdout;
        sandbox.run(&["install"]).exits(0);
        let after = read(&sandbox);
        let shown = String::from_utf8_lossy(&after);
        assert!(only_adds(&before, &after), "{shown}");
        let added: Vec<&str> =
            dry.lines().skip(2).filter_map(|line| line.strip_prefix('+')).collect();
        assert!(added.iter().all(|line| shown.contains(line)), "{dry}\n{shown}");
        let hooks = &parse(&after)["hooks"];
        for event in ["Stop", "SessionEnd"] {
            assert!(hooks[event].to_string().contains("exec"), "{shown}");
        }
        if before.windows(2).any(|two| two == b"\r\n") {
            assert_eq!(shown.matches('\n').count(), shown.matches("\r\n").count());
        }
        sandbox.run(&["uninstall"]).exits(0);
        let restored = read(&sandbox);
        assert_eq!(restored, before, "{}", String::from_utf8_lossy(&restored));
    }
}

#[test]
fn uninstall_needs_no_backup_if_the_file_has_other_settings() {
    for before in forms().into_iter().filter(|form| form.contains(&b'"')) {
        let sandbox = Sandbox::new();
        sandbox.write(SETTINGS, &before);
        let may_lose = ["\"hooks\": {}", "[ ]"];
        let text = String::from_utf8_lossy(&before).into_owned();
        sandbox.run(&["install"]).exits(0);
        fs::remove_file(sandbox.path(".claude/settings.json.before-claude-langfuse")).unwrap();
        sandbox.run(&["uninstall"]).exits(0);
        if may_lose.iter().any(|empty| text.contains(empty)) {
            // The program can't know whether the file had an empty list before.
            assert!(!String::from_utf8_lossy(&read(&sandbox)).contains("exec"));
            continue;
        }
        assert_eq!(String::from_utf8_lossy(&read(&sandbox)), text);
    }
}

#[test]
fn the_first_backup_stays_and_later_changes_stay_too() {
    let sandbox = Sandbox::new();
    sandbox.write(SETTINGS, b"{\"a\": 1}");
    sandbox.run(&["install"]).exits(0);
    let installed = String::from_utf8(read(&sandbox)).unwrap();
    sandbox.write(SETTINGS, installed.replace("\"a\": 1", "\"a\": 2").as_bytes());
    sandbox.run(&["uninstall"]).exits(0);
    assert_eq!(read(&sandbox), b"{\"a\": 2}");
    sandbox.run(&["install"]).exits(0);
    sandbox.run(&["uninstall"]).exits(0);
    assert_eq!(read(&sandbox), b"{\"a\": 2}");
    let first = sandbox.path(".claude/settings.json.before-claude-langfuse");
    assert_eq!(fs::read(first).unwrap(), b"{\"a\": 1}");
    // Another copy only of values without a copy.
    assert_eq!(
        files(&sandbox, ".claude"),
        [
            "projects",
            "settings.json",
            "settings.json.before-claude-langfuse",
            "settings.json.before-claude-langfuse-2"
        ]
    );
}
