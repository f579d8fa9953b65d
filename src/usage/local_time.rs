//! Days in the machine's time zone, across changes of its clocks.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base::Timestamp;
use time::{Date, OffsetDateTime, UtcOffset};

/// Clocks change at whole quarters of an hour.
const QUARTER: u64 = 15 * 60;

/// The offsets of the machine's time zone, each asked for once. UTC without a time zone.
#[derive(Debug, Default)]
pub struct LocalTime {
    offsets: RefCell<BTreeMap<u64, UtcOffset>>,
}

impl LocalTime {
    /// `2026-03-29`.
    pub fn day(&self, at: Timestamp) -> String {
        self.date(at).to_string()
    }

    /// `2026-W13`: the week that begins on Monday, in the year of its Thursday.
    pub fn week(&self, at: Timestamp) -> String {
        let (year, week, _) = self.date(at).to_iso_week_date();
        format!("{year}-W{week:02}")
    }

    /// `2026-03`.
    pub fn month(&self, at: Timestamp) -> String {
        let date = self.date(at);
        format!("{}-{:02}", date.year(), u8::from(date.month()))
    }

    fn date(&self, at: Timestamp) -> Date {
        self.moment(at).to_offset(self.offset(at)).date()
    }

    fn moment(&self, at: Timestamp) -> OffsetDateTime {
        let seconds = i64::try_from(at.as_millis() / 1000).unwrap_or(0);
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    fn offset(&self, at: Timestamp) -> UtcOffset {
        let quarter = at.as_millis() / 1000 / QUARTER;
        let mut offsets = self.offsets.borrow_mut();
        let ask = || UtcOffset::local_offset_at(self.moment(at)).unwrap_or(UtcOffset::UTC);
        *offsets.entry(quarter).or_insert_with(ask)
    }
}
