//! `--by instructions`: turns by a hash of the CLAUDE.md files, skills, commands and agent types in rows. Two sessions of
//! 2.1.332 in one project; CLAUDE.md and a skill's description changed between them.

use std::fs;

use serde_json::Value;

use super::table;
use crate::sandbox::Sandbox;

/// The recorded sessions, started in this directory.
fn write_recorded(sandbox: &Sandbox, directory: &str) {
    for entry in fs::read_dir("tests/fixtures/instructions").unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("/home/dev/project", directory);
        let name = path.file_name().unwrap().to_str().unwrap();
        let place = format!(".claude/projects/{}/{name}", directory.replace('/', "-"));
        sandbox.write(&place, text.as_bytes());
    }
}

fn turns(sandbox: &Sandbox, arguments: &[&str]) -> Vec<(String, u64)> {
    let (rows, _) = table(sandbox, arguments);
    let group = |row: &Value| {
        (row["instructions"].as_str().unwrap().to_owned(), row["turns"].as_u64().unwrap())
    };
    let mut groups: Vec<(String, u64)> = rows.iter().map(group).collect();
    groups.sort_by_key(|(_, turns)| *turns);
    groups
}

#[test]
fn turns_with_other_instructions_are_another_group() {
    let sandbox = Sandbox::new();
    write_recorded(&sandbox, "/home/dev/project");
    let groups = turns(&sandbox, &["usage", "--by", "instructions"]);
    let counts: Vec<u64> = groups.iter().map(|(_, turns)| *turns).collect();
    assert_eq!(counts, [1, 3], "{groups:?}");
    assert!(groups.iter().all(|(hash, _)| hash.len() == 12), "{groups:?}");
    let (rows, _) = table(&sandbox, &["tools", "--by", "instructions,tool"]);
    let tools: Vec<&Value> = rows.iter().map(|row| &row["tool"]).collect();
    assert_eq!(tools, ["Skill", "Read"]);
    assert!(rows.iter().all(|row| row["instructions"] == *groups[1].0), "{rows:?}");
}

#[test]
fn another_checkout_has_the_same_hashes() {
    let sandbox = Sandbox::new();
    write_recorded(&sandbox, "/home/dev/project");
    let other = Sandbox::new();
    write_recorded(&other, "/home/dev/worktrees/x");
    let by = ["usage", "--by", "instructions"];
    assert_eq!(turns(&sandbox, &by), turns(&other, &by));
    let old = Sandbox::new();
    old.session("v2.0.76/simple").whole();
    assert_eq!(turns(&old, &by), [("none".to_owned(), 1)]);
}

#[test]
fn hashes_are_cached_without_their_texts() {
    let sandbox = Sandbox::new();
    write_recorded(&sandbox, "/home/dev/project");
    let by = ["usage", "--by", "instructions"];
    assert_eq!(turns(&sandbox, &by), turns(&sandbox, &by));
    for (path, content, _) in sandbox.state_files() {
        let content = String::from_utf8_lossy(&content).into_owned();
        assert!(!content.contains("RULE") && !content.contains("CLAUDE.md"), "{}", path.display());
    }
}
