//! Whole runs of the built program, as people feel them: `cargo bench --bench whole`. Instructions are counted by callgrind,
//! because they are the same on a busy machine; CPU time and memory come from the kernel. `-- --large` adds files of 500 MB.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "measuring code, not shipped"
)]

#[path = "whole/process.rs"]
mod process;
#[path = "whole/scene.rs"]
mod scene;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "transcript.rs"]
mod transcript;

use process::Measure;
use scene::{Run, Scene};
use transcript::Release;

const MB: u64 = 1_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == process::CHILD)
    {
        return process::be_child(&arguments[1..]);
    }
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let measure = Measure::new();
    println!(
        "{:<58}{:>14}{:>10}{:>10}",
        "", "instructions", "CPU", "memory"
    );
    for run in runs(has("--large")) {
        let figures = run.measure(&measure);
        println!("{:<58}{figures}", run.name);
    }
}

/// All that is measured, in the order of the table in README.md.
fn runs(large: bool) -> Vec<Run> {
    let mut runs = vec![
        Run::new("the program's name and version", Scene::version),
        Run::new("a hook where tracing is off", Scene::disabled),
        Run::new("a hook with nothing to do", || Scene::idle(MB)),
        Run::new("a hook with one new turn of 64 KB, after 1 MB", || {
            Scene::new_turn(MB)
        }),
        Run::new("a hook with one new turn of 64 KB, after 50 MB", || {
            Scene::new_turn(50 * MB)
        }),
        Run::new("a hook with nothing to do, 500 agents at rest", || {
            Scene::agents(500)
        }),
        Run::new("a hook with one new turn, 10,000 sessions on disk", || {
            Scene::crowd(10_000)
        }),
        Run::new("a first hook on a session of 50 MB", || {
            Scene::first_contact(50 * MB)
        }),
        Run::new("a replay of 10 MB as 2.1.330 writes it", || {
            Scene::replay(Release::V2_1_330, 10 * MB)
        }),
        Run::new("a replay of 10 MB as 2.0.76 writes it", || {
            Scene::replay(Release::V2_0_76, 10 * MB)
        }),
    ];
    if large {
        runs.push(Run::new(
            "a hook with one new turn of 64 KB, after 500 MB",
            || Scene::new_turn(500 * MB),
        ));
        runs.push(Run::new("a replay of 500 MB as 2.1.330 writes it", || {
            Scene::replay(Release::V2_1_330, 500 * MB)
        }));
    }
    runs
}
