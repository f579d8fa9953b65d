//! Lines damaged by crashes, editors and other programs: no row of a session is lost or duplicate.

use proptest::prelude::*;

use super::cases;
use super::receiver::same_rows;
use super::recorded::{Growing, Session, any_session};

#[derive(Clone, Copy, Debug)]
enum Damage {
    EveryRowTwice,
    /// The rows up to one are repeated after it.
    HistoryAgain(u16),
    /// A row is truncated, and the complete row follows on the same line.
    TornBefore(u16, u16),
    TwoRowsOnALine(u16),
    ZerosBehind(u16, u8),
    ZerosBefore(u16, u8),
    ByteOrderMark,
    CarriageReturns,
    BlankLine(u16),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Self::EveryRowTwice),
            any::<u16>().prop_map(Self::HistoryAgain),
            any::<(u16, u16)>().prop_map(|(row, cut)| Self::TornBefore(row, cut)),
            any::<u16>().prop_map(Self::TwoRowsOnALine),
            any::<(u16, u8)>().prop_map(|(row, zeros)| Self::ZerosBehind(row, zeros)),
            any::<(u16, u8)>().prop_map(|(row, zeros)| Self::ZerosBefore(row, zeros)),
            Just(Self::ByteOrderMark),
            Just(Self::CarriageReturns),
            any::<u16>().prop_map(Self::BlankLine),
        ]
    }

    fn of(self, text: &str) -> String {
        let rows: Vec<&str> = text.lines().collect();
        let chosen = |share: u16| usize::from(share) * rows.len() / (usize::from(u16::MAX) + 1);
        let zeros = |count: u8| "\0".repeat(count.into());
        let with = |share: u16, changed: &dyn Fn(&str) -> String| {
            let rows = rows.iter().enumerate();
            rows.map(|(place, row)| match place == chosen(share) {
                true => changed(row),
                false => format!("{row}\n"),
            })
            .collect()
        };
        match self {
            Self::EveryRowTwice => rows.iter().map(|row| format!("{row}\n{row}\n")).collect(),
            Self::HistoryAgain(share) => {
                let (before, rest) = rows.split_at((chosen(share) + 1).min(rows.len()));
                let all = [before, before, rest].concat();
                all.iter().map(|row| format!("{row}\n")).collect()
            }
            Self::TornBefore(share, cut) => with(share, &|row| {
                let cut = usize::from(cut) * row.len() / (usize::from(u16::MAX) + 1);
                let torn = String::from_utf8_lossy(&row.as_bytes()[..cut]);
                format!("{}{row}\n", torn.trim_end_matches(char::REPLACEMENT_CHARACTER))
            }),
            Self::TwoRowsOnALine(share) => with(share, &str::to_owned),
            Self::ZerosBehind(share, count) => {
                with(share, &|row| format!("{row}{}\n", zeros(count)))
            }
            Self::ZerosBefore(share, count) => {
                with(share, &|row| format!("{}{row}\n", zeros(count)))
            }
            Self::ByteOrderMark => format!("\u{feff}{text}"),
            Self::CarriageReturns => text.replace('\n', "\r\n"),
            Self::BlankLine(share) => with(share, &|row| format!("\n  \n{row}\n")),
        }
    }

    /// An agent's file is read as a whole: only its rows show that history was repeated in it.
    fn of_file(self, file: &Growing) -> Growing {
        let has_rows = file.path.extension().is_some_and(|kind| kind == "jsonl");
        let text = std::str::from_utf8(&file.bytes).unwrap();
        let text = if has_rows { self.of(text) } else { text.to_owned() };
        Growing::new(file.path.clone(), text.into_bytes())
    }
}

fn damaged(session: &Session, damage: Damage, with_agents: bool) -> Session {
    let mut changed = session.clone();
    changed.main = damage.of_file(&session.main);
    if with_agents {
        changed.agents = session.agents.iter().map(|file| damage.of_file(file)).collect();
    }
    changed
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn damaged_lines_change_no_row_that_is_sent(
        session in any_session(),
        damage in Damage::any(),
        with_agents in any::<bool>(),
    ) {
        let changed = damaged(session, damage, with_agents);
        same_rows(&changed.replayed().rows(), &session.expected)?;
    }
}
