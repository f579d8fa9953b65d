//! Instructions that were pushed before a session: for any split, its model calls have the links of one
//! replay.

use base::Timestamp;
use claude_langfuse::state::{PromptVersion, PromptVersions, prompt_name};
use langfuse_mock::Row;
use proptest::prelude::*;
use serde_json::Value;
use transcript::instruction_hash;

use super::cases;
use super::machine::{DESTINATION, Machine, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{SESSIONS, Session, any_session};
use super::splits::{Step, live};

/// A machine that pushed all instructions in the session's rows, and half of them again in its middle.
fn pushed(session: &Session) -> Machine {
    let machine = Machine::new();
    let mut versions = PromptVersions::default();
    let middle = session.main.time_at(session.main.bytes.len() / 2);
    let middle = middle.unwrap_or(Timestamp::from_millis(0));
    let texts = texts(session);
    let again = texts.iter().step_by(2).map(|text| (text, middle));
    let first = texts.iter().map(|text| (text, Timestamp::from_millis(0)));
    for (number, (text, pushed_at)) in (1..).zip(first.chain(again)) {
        let hash = instruction_hash(text);
        versions.add(PromptVersion {
            name: prompt_name("project", &format!("{}.md", &hash[..8])),
            version: number,
            text: hash.clone(),
            sent: hash,
            pushed_at,
        });
    }
    machine.store.save_prompt_versions(DESTINATION, &versions).unwrap();
    machine
}

fn texts(session: &Session) -> Vec<String> {
    let rows = session.main.bytes.split(|byte| *byte == b'\n');
    let mut texts = Vec::new();
    for row in rows {
        let row: Value = serde_json::from_slice(row).unwrap_or_default();
        let attachment = &row["attachment"];
        let lines = attachment["addedLines"].as_array().into_iter().flatten();
        let lines = lines.filter_map(|line| line.as_str()?.strip_prefix("- "));
        let files = attachment["files"].as_array().into_iter().flatten();
        let files = files.filter_map(|file| file["content"].as_str());
        texts.extend(lines.chain(files).map(str::to_owned));
    }
    texts.sort();
    texts.dedup();
    texts
}

fn replayed(session: &Session) -> Vec<Row> {
    let (machine, mut receiver) = (pushed(session), Receiver::default());
    machine.write_all(session);
    machine.replay(session, &mut receiver).unwrap();
    receiver.rows()
}

#[test]
fn sessions_and_agents_of_releases_that_name_instructions_are_linked() {
    let linked = |session: &&Session| replayed(session).iter().any(|row| row.prompt_name.is_some());
    let linked: Vec<&str> = SESSIONS.iter().filter(linked).map(|session| &*session.name).collect();
    assert!(linked.iter().any(|name| name.starts_with("instructions/")), "{linked:?}");
    assert!(linked.iter().any(|name| name.starts_with("v2.1.330/agent-killed")), "{linked:?}");
    assert!(linked.iter().all(|name| !name.starts_with("v2.0") && !name.starts_with("v1")));
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn any_split_has_the_links_of_one_replay(
        session in any_session(),
        steps in Step::several(Run::any()),
    ) {
        let (machine, mut receiver) = (pushed(session), Receiver::default());
        live(&machine, session, &steps, &mut receiver)?;
        same_rows(&receiver.rows(), &replayed(session))?;
    }
}
