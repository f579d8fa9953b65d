//! For any split of a session and any failures between, Langfuse ends with the same rows, and
//! no acknowledged model call is sent again.
//!
//! In process, without sockets. The seed is fixed; `PROPTEST_CASES=20000 cargo test property` draws new cases.

mod agents;
mod agreed;
mod archive;
mod backends;
mod damaged;
mod faults;
mod finished_agents;
mod forks;
mod late;
mod links;
mod machine;
mod noise;
mod receiver;
mod recorded;
mod replays;
mod rewinds;
mod rewrites;
mod splits;
mod twins;

use proptest::test_runner::{Config, RngSeed};

/// Number of cases, always the same ones unless `PROPTEST_CASES` is set: then new ones.
fn cases(number: u32) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let standard = Config::default();
    Config {
        cases: if asked { standard.cases } else { number },
        rng_seed: if asked { standard.rng_seed } else { RngSeed::Fixed(2_1330) },
        failure_persistence: None,
        ..standard
    }
}
