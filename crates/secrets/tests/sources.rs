//! What masking takes for secrets in sources: nearly all of it is wrong there. Reads the sources of all dependencies, or the
//! folder in `MASK_SOURCES`, and prints each finding:
//!
//!     cargo test -p claude-langfuse-secrets --test sources -- --ignored --nocapture
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code: what cannot be must stop the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use secrets::{Patterns, Secret, find};

/// Wrong masks in a million bytes.
const MOST_PER_MEGABYTE: f64 = 2.0;

/// Languages in whose sources nothing may be masked.
const SPARED: [&str; 9] = ["c", "h", "rs", "sql", "toml", "yaml", "yml", "sh", "bash"];

/// Kinds that are credentials by their syntax, also where they are an example or of a test.
const BY_SYNTAX: [&str; 5] = ["url-password", "cookie", "basic-auth", "private-key", "jwt"];

fn folder() -> PathBuf {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let named = std::env::var_os("MASK_SOURCES").map(PathBuf::from);
    named.unwrap_or_else(|| cargo.unwrap().join("registry/src"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

fn print(path: &Path, text: &str, secret: &Secret<'_>) {
    let start = text[..secret.range.start].rfind('\n').map_or(0, |at| at + 1);
    let line: String = text[start..].lines().next().unwrap_or_default().chars().take(200).collect();
    println!("{}: {}: {}", path.display(), secret.kind, line.trim());
}

#[test]
#[ignore = "reads the sources of all dependencies: some minutes"]
fn sources_stay_as_they_are() {
    let mut paths = Vec::new();
    files(&folder(), &mut paths);
    let patterns = Patterns::default();
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    let mut bytes = 0;
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        bytes += text.len();
        for secret in find(&text, &patterns) {
            print(&path, &text, &secret);
            if !BY_SYNTAX.contains(&secret.kind) {
                let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
                *wrong.entry(ending).or_default() += 1;
            }
        }
    }
    let count: usize = wrong.values().sum();
    let rate = count as f64 * 1e6 / bytes.max(1) as f64;
    println!("{count} in {bytes} bytes, {rate:.2} in a million: {wrong:?}");
    assert!(bytes > 1_000_000, "no sources in {}", folder().display());
    assert!(rate <= MOST_PER_MEGABYTE, "{rate:.2}");
    for language in SPARED {
        assert_eq!(wrong.get(language), None, "{language}");
    }
}
