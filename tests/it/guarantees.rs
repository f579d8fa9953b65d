//! `docs/guarantees.md` names tests; each of these names must exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../../docs/guarantees.md");

#[test]
fn every_test_that_a_guarantee_names_exists() {
    let names = named();
    assert!(names.len() > 80, "{}", names.len());
    let files = [below("src"), below("crates"), below("tests/it")].concat();
    let missing: Vec<&str> = names
        .into_iter()
        .filter(|name| !files.iter().any(|(path, text)| holds(path, text, name)))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_guarantee_names_a_test() {
    let mut sections = DOCUMENT.split("\n**G").skip(1);
    for number in 1..=21 {
        let section = sections.next().unwrap_or_else(|| panic!("there is no G{number}"));
        let section = section.split("\n## ").next().unwrap();
        assert!(section.starts_with(&format!("{number}. ")), "{section}");
        assert!(section.contains("\n- `"), "G{number} is not proven");
    }
    assert_eq!(sections.next(), None);
}

/// The names in the lists, each once per list.
fn named() -> BTreeSet<&'static str> {
    let names = DOCUMENT.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    names.collect()
}

/// Whether a file is the module of a test, and contains the test.
fn holds(path: &Path, text: &str, name: &str) -> bool {
    let (module, function) = name.rsplit_once("::").expect("a module and a test");
    let module = module.trim_end_matches("::tests");
    let last = module.rsplit("::").next().unwrap();
    let file = path.file_stem().unwrap().to_string_lossy();
    // `client::faults` is in `client_faults.rs`, and `reply::tests` in `reply/tests.rs`.
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let is_module = file == last
        || file.ends_with(&format!("_{last}"))
        || (file == "tests" || file == "mod") && folder == last;
    is_module && text.contains(&format!("fn {function}("))
}

fn below(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    files
}
