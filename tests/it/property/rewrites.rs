//! A session's file is rewritten, seen so by one run, and restored: Langfuse ends with the rows of one replay.

use proptest::prelude::*;

use super::cases;
use super::desk::{Desk, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{Growing, any_session};

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Rewrite {
    OneRowDropped(u16),
    AFieldAddedEverywhere,
    LastNewlineMissing,
    HalfOfIt,
    Emptied,
    OneRowOnly(u16),
}

impl Rewrite {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            any::<u16>().prop_map(Self::OneRowDropped),
            Just(Self::AFieldAddedEverywhere),
            Just(Self::LastNewlineMissing),
            Just(Self::HalfOfIt),
            Just(Self::Emptied),
            any::<u16>().prop_map(Self::OneRowOnly),
        ]
    }

    fn of(self, text: &str) -> String {
        let rows: Vec<&str> = text.split_inclusive('\n').collect();
        let chosen = |share: u16| usize::from(share) * rows.len() / (usize::from(u16::MAX) + 1);
        match self {
            Self::OneRowDropped(share) => {
                let others = rows.iter().enumerate().filter(|(row, _)| *row != chosen(share));
                others.map(|(_, row)| *row).collect()
            }
            Self::AFieldAddedEverywhere => text.replace("}\n", ",\"added\":{\"by\":\"sync\"}}\n"),
            Self::LastNewlineMissing => text.trim_end_matches('\n').to_owned(),
            Self::HalfOfIt => rows.iter().take(rows.len() / 2).copied().collect(),
            Self::Emptied => String::new(),
            Self::OneRowOnly(share) => (*rows.get(chosen(share)).unwrap_or(&"")).to_owned(),
        }
    }
}

/// How far the file is written, why the program runs, and what a second run sees in its place.
#[derive(Clone, Debug)]
struct Step {
    share: u16,
    run: Run,
    rewritten: Option<(Rewrite, Run)>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rewritten = prop::option::weighted(0.7, (Rewrite::any(), Run::any()));
    let step = (any::<u16>(), Run::any(), rewritten);
    let step = step.prop_map(|(share, run, rewritten)| Step { share, run, rewritten });
    prop::collection::vec(step, 1..6)
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_rewritten_file_that_is_restored_ends_in_the_rows_of_one_replay(
        session in any_session(),
        steps in steps(),
    ) {
        let (desk, mut receiver) = (Desk::new(), Receiver::default());
        let whole = 0..session.main.bytes.len();
        let mut written = 0;
        for (index, step) in steps.iter().enumerate() {
            session.agents.iter().for_each(|agent| desk.write(agent, agent.bytes.len(), false));
            desk.write_beside(session);
            let range = if index == 0 { &session.first_turn } else { &whole };
            written = session.main.cut(step.share, 0, range).max(written);
            desk.write(&session.main, written, false);
            let now = session.main.time_at(written).unwrap_or(base::Timestamp::from_millis(0));
            desk.run(session, step.run, now, None, &mut receiver).unwrap();
            if let Some((rewrite, run)) = step.rewritten {
                let text = std::str::from_utf8(&session.main.bytes[..written]).unwrap();
                let text = rewrite.of(text);
                let file = Growing::new(session.main.path.clone(), text.into_bytes());
                desk.write_as_it_is(&file);
                desk.run(session, run, now, None, &mut receiver).unwrap();
            }
        }
        desk.write_all(session);
        let now = session.main.time_at(usize::MAX).unwrap();
        let report = desk.run(session, Run::End, now, None, &mut receiver).unwrap().unwrap();
        prop_assert_eq!(report.stopped, None);
        receiver.complaints()?;
        same_rows(&receiver.rows(), &session.expected)?;
    }
}
