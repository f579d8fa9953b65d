//! Compares instructions and the binary's size with the record: a check that does not depend on the machine's speed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::process::{Measure, program};
use super::scene::Run;

/// Slack for another C library or kernel.
const SLACK: f64 = 1.10;
/// Slack for another linker.
const SIZE_SLACK: f64 = 1.03;
/// Upper limit of the binary's size in bytes, independent of the record.
const MAX_BINARY_BYTES: u64 = 6_600_000;
const SIZE: &str = "bytes of the binary";

/// Compares each guarded run with the record, or writes a new record.
pub fn run(runs: Vec<Run>, record: bool) {
    let size = fs::metadata(program()).expect("the program is built").len();
    let mut figures = vec![(SIZE.to_owned(), size)];
    let measure = Measure::new();
    if !measure.has_callgrind() {
        println!("valgrind is not installed: only the binary's size is compared");
    }
    for run in runs.into_iter().filter(|run| run.is_guarded) {
        let count = run.count_instructions(&measure);
        figures.extend(count.map(|count| (run.name, count)));
    }
    if record {
        let lines: Vec<String> =
            figures.iter().map(|(name, figure)| format!("{figure}\t{name}\n")).collect();
        return fs::write(record_path(), lines.concat()).expect("the record is written");
    }
    let recorded = read();
    let mut is_over = size > MAX_BINARY_BYTES;
    for (name, figure) in figures {
        let was = *recorded
            .get(&name)
            .unwrap_or_else(|| panic!("'{name}' has no record. Run with --record"));
        let slack = if name == SIZE { SIZE_SLACK } else { SLACK };
        let ratio = figure as f64 / was as f64;
        let verdict = if ratio > slack { "TOO MUCH" } else { "ok" };
        is_over |= ratio > slack;
        println!("{name:<62}{figure:>12}{was:>12}{ratio:>8.3}  {verdict}");
    }
    assert!(
        !is_over,
        "more than recorded. Find the cause, or record it (--record) and justify it in the commit"
    );
}

fn read() -> BTreeMap<String, u64> {
    let text = fs::read_to_string(record_path()).expect("there is a record");
    let lines = text.lines().map(|line| {
        let (figure, name) = line.split_once('\t').expect("a figure and a name");
        (name.to_owned(), figure.parse().expect("a figure"))
    });
    lines.collect()
}

fn record_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/recorded.tsv")
}
