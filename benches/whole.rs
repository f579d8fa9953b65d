//! Whole runs of the built program: `cargo bench --bench whole`; README.md lists the arguments.
//! No check asserts a time. `--guard` compares instructions and the binary's size with the record.
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

#[path = "whole/guard.rs"]
mod guard;
#[path = "whole/link.rs"]
mod link;
#[path = "whole/process.rs"]
mod process;
#[path = "whole/scene.rs"]
mod scene;
#[path = "whole/server.rs"]
mod server;
#[path = "synthetic.rs"]
mod synthetic;

use process::Measure;
use scene::{Run, Scene};
use synthetic::Release::{V2_0_76, V2_1_330};

const MB: u64 = 1_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == process::CHILD) {
        return process::be_child(&arguments[1..]);
    }
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let names = arguments.iter().filter(|name| !name.starts_with("--"));
    let names: Vec<&str> = names.map(String::as_str).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| name.contains(wanted));
    if has("--guard") || has("--record") {
        return guard::run(runs(false), has("--record"));
    }
    let measure = Measure::new();
    println!("{:<62}{}", "", process::HEAD);
    for run in runs(has("--large")) {
        if wanted(&run.name) {
            println!("{:<62}{}", run.name, run.measure(&measure));
        }
    }
    if wanted(link::NAME) {
        link::measure();
    }
}

/// All measured runs, in the order of the table in README.md.
fn runs(large: bool) -> Vec<Run> {
    let mut runs = vec![
        Run::new("the program's name and version", Scene::version).guarded(),
        Run::new("a hook where tracing is off", Scene::disabled).guarded(),
        Run::new("a Stop with nothing to do", || Scene::idle(MB)).guarded(),
        Run::new("a Stop, one new turn of 64 KB", || Scene::new_turn(V2_1_330, MB)).guarded(),
        Run::new("the same by HTTPS", || Scene::new_turn(V2_1_330, MB).by_tls()),
    ];
    for (release, name) in [(V2_1_330, "2.1.330"), (V2_0_76, "2.0.76")] {
        for size in [1, 50, 500] {
            if size < 500 || large {
                let name = format!("a Stop, one new turn, after {size} MB of {name}");
                runs.push(Run::new(&name, move || Scene::new_turn(release, size * MB)));
            }
        }
    }
    runs.extend([
        Run::new("a Stop with nothing to do, 500 finished agents", || Scene::agents(500)).guarded(),
        Run::new("a SessionEnd with nothing to do, 500 finished agents", || {
            Scene::agents(500).at_the_end()
        }),
        Run::new("a Stop, one new turn, 500 finished agents", || {
            Scene::agents(500).with_new_turn()
        })
        .guarded(),
        Run::new("a Stop, one new turn, 10,000 sessions on disk", || Scene::crowd(10_000)),
        Run::new("a first Stop in a session of 50 MB", || Scene::first_contact(V2_1_330, 50 * MB)),
        Run::new("a replay of 1 MB of 2.1.330", || Scene::replay(V2_1_330, MB)).guarded(),
        Run::new("a replay of 1 MB of 2.0.76", || Scene::replay(V2_0_76, MB)).guarded(),
        Run::new("a replay of 50 MB of 2.1.330", || Scene::replay(V2_1_330, 50 * MB)),
        Run::new("a replay of 50 MB of 2.0.76", || Scene::replay(V2_0_76, 50 * MB)),
    ]);
    if large {
        runs.push(Run::new("a replay of 500 MB of 2.1.330", || Scene::replay(V2_1_330, 500 * MB)));
    }
    runs
}
