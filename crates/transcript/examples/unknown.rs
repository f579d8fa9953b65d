//! Names of a folder of transcripts that the program does not know: types of rows, fields, hook events. For a new release of Claude
//! Code: `cargo run --package claude-langfuse-transcript --example unknown ~/.claude/projects`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> anyhow::Result<()> {
    let mut files: BTreeMap<String, usize> = BTreeMap::new();
    for folder in std::env::args_os().skip(1) {
        for transcript in transcripts(Path::new(&folder)) {
            let unknown = transcript::unknown_names(&transcript)?;
            for name in unknown.types.into_iter().chain(unknown.others) {
                *files.entry(name).or_default() += 1;
            }
        }
    }
    for (name, count) in files {
        println!("{name:?}: {count} files");
    }
    Ok(())
}

/// All transcripts at or below a path. A workflow's journal is none.
fn transcripts(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        let is_one = path.extension().is_some_and(|extension| extension == "jsonl")
            && path.file_name().is_some_and(|name| name != "journal.jsonl");
        return Vec::from_iter(is_one.then(|| path.to_owned()));
    };
    entries.flatten().flat_map(|entry| transcripts(&entry.path())).collect()
}
