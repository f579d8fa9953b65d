//! Rules for this repository that a program can check.

use std::fs;
use std::path::{Path, PathBuf};

/// A longer file must be split.
const LONGEST_FILE: usize = 400;
/// `src/main.rs` parses, dispatches, and turns errors into exit codes.
const LONGEST_MAIN: usize = 60;

#[test]
fn no_file_is_too_long() {
    let too_long: Vec<String> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert_eq!(too_long, [""; 0]);
}

#[test]
fn the_main_file_does_nothing_itself() {
    let lines = read("src/main.rs").lines().count();
    assert!(lines < LONGEST_MAIN, "{lines} lines");
}

#[test]
fn every_rust_file_has_a_module_comment() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| path.ends_with(".rs") && !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(silent, [""; 0]);
}

#[test]
fn nothing_unfinished_is_left_behind() {
    // Concatenated, so that this file does not match itself.
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X"],
        ["db", "g!("],
        ["todo", "!("],
        ["unimplemented", "!("],
    ];
    assert_nowhere(&marks.map(|[first, second]| format!("{first}{second}")), sources());
}

#[test]
fn no_text_names_the_machine_or_folder_of_development() {
    let places = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/tmp/", "judge"],
        ["/tmp/", "h-"],
        ["claude-", "harness"],
        ["design", ".md"],
        ["facts", "/"],
        ["../sha", "red"],
    ];
    let mut texts = sources();
    // The checks of this repository may name their folder.
    texts.retain(|(path, _)| !path.starts_with(".ci/"));
    texts.extend(files("docs"));
    texts.extend(
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Cargo.toml", "justfile"]
            .map(|path| (path.to_owned(), read(path))),
    );
    assert_nowhere(&places.map(|[first, second]| format!("{first}{second}")), texts);
}

#[test]
fn the_recordings_are_of_no_real_machine() {
    let places = [["/wo", "rk/"], ["/ro", "ot/"]].map(|[first, second]| format!("{first}{second}"));
    let mut texts = files("tests/fixtures/transcripts");
    texts.extend(files("tests/it/snapshots"));
    assert!(texts.len() > 50);
    assert_nowhere(&places, texts);
}

#[test]
fn the_plugin_has_the_version_of_the_program() {
    let json = |path: &str| -> serde_json::Value { serde_json::from_str(&read(path)).unwrap() };
    let plugin = json("plugin/.claude-plugin/plugin.json");
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    let offered = &json(".claude-plugin/marketplace.json")["plugins"][0];
    assert_eq!((&offered["name"], offered["source"].as_str()), (&plugin["name"], Some("./plugin")));
}

#[test]
fn the_changelog_is_open_for_the_next_change() {
    let changelog = read("CHANGELOG.md");
    let is_open = |line: &str| line == "## Unreleased" || line == "## [Unreleased]";
    assert!(changelog.lines().any(is_open), "CHANGELOG.md has no section Unreleased");
}

#[test]
fn every_section_that_a_comment_cites_exists() {
    let mut cited = 0;
    for (path, text) in sources() {
        let lines = text.lines().map(str::trim_start);
        let lines = lines.map(|line| line.trim_start_matches(['/', '!', '#']).trim_start());
        let text = lines.collect::<Vec<_>>().join(" ");
        for page in ["docs/claude-code.md", "docs/langfuse.md"] {
            // A page, then a heading in quotes.
            for after in text.split(&format!("{page}, \"")).skip(1) {
                let heading = after.split('"').next().unwrap_or_default();
                let line = format!("## {heading}");
                let is_there = read(page).lines().any(|one| one == line);
                assert!(is_there, "{path}: {page} has no section \"{heading}\"");
                cited += 1;
            }
        }
    }
    assert!(cited > 5, "{cited} citations");
}

#[test]
fn every_link_of_a_page_points_to_a_file() {
    let mut pages = files("docs");
    pages.extend(
        ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|path| (path.to_owned(), read(path))),
    );
    for (path, text) in pages {
        let folder = root().join(&path);
        let folder = folder.parent().unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap_or_default();
            let is_there = link.is_empty() || link.contains("://") || folder.join(link).exists();
            assert!(is_there, "{path}: {link}");
        }
    }
}

fn assert_nowhere(words: &[String], texts: Vec<(String, String)>) {
    let mut found = Vec::new();
    for (path, text) in texts {
        for (number, line) in text.lines().enumerate() {
            // A person's own folder is an example.
            let line = line.replace("~/", "");
            let hit = words.iter().find(|word| line.contains(*word));
            found.extend(hit.map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// All handwritten source files: Rust, Nix and shell, without recorded or generated ones.
fn sources() -> Vec<(String, String)> {
    let folders =
        ["src", "crates", "tests", "examples", "benches", "nix", "modules", "checks", ".ci"];
    let mut sources: Vec<(String, String)> = folders.into_iter().flat_map(files).collect();
    sources.retain(|(path, _)| !path.starts_with("tests/fixtures/") && !path.ends_with(".snap"));
    sources.push(("flake.nix".to_owned(), read("flake.nix")));
    assert!(sources.len() > 50, "{} files", sources.len());
    sources
}

/// All text files below a folder of this repository, by their paths in it.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
