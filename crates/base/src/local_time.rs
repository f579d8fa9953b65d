//! Times in the time zone of this machine, as people read and write them.

use std::time::Duration;

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::Timestamp;

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const MINUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]");
const SECOND: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

impl Timestamp {
    /// `2026-11-23 06:40`.
    pub fn local_minute(self) -> String {
        self.local(MINUTE)
    }

    /// `2026-11-23 06:40:46`.
    pub fn local_second(self) -> String {
        self.local(SECOND)
    }

    fn local(self, form: &[BorrowedFormatItem<'_>]) -> String {
        let seconds = i64::try_from(self.as_millis() / 1000).ok();
        let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let local = time.and_then(|time| time.to_offset(offset_at(time)).format(form).ok());
        local.unwrap_or_default()
    }

    /// The beginning of a day, written as `2026-11-23`.
    pub fn local_midnight(date: &str) -> Option<Self> {
        midnight(Date::parse(date, DATE).ok()?)
    }

    /// The end of a day, written as `2026-11-23`.
    pub fn local_end_of_day(date: &str) -> Option<Self> {
        midnight(Date::parse(date, DATE).ok()?.next_day()?)
    }
}

fn midnight(date: Date) -> Option<Timestamp> {
    let local = PrimitiveDateTime::new(date, Time::MIDNIGHT);
    // Twice, because the offset may change between local and universal midnight.
    let about = local.assume_offset(offset_at(local.assume_utc()));
    let exact = local.assume_offset(offset_at(about));
    let seconds = u64::try_from(exact.unix_timestamp()).ok()?;
    Some(Timestamp::from_millis(0).plus(Duration::from_secs(seconds)))
}

/// Universal time if the zone is unknown.
fn offset_at(time: OffsetDateTime) -> UtcOffset {
    UtcOffset::local_offset_at(time).unwrap_or(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_day_has_a_beginning_and_an_end() {
        let begin = Timestamp::local_midnight("2026-11-23").unwrap();
        let end = Timestamp::local_end_of_day("2026-11-23").unwrap();
        assert_eq!(begin.local_minute(), "2026-11-23 00:00");
        assert_eq!(end.local_second(), "2026-11-24 00:00:00");
        assert_eq!(Timestamp::local_end_of_day("2026-11-22"), Some(begin));
    }

    #[test]
    fn other_text_is_no_day() {
        for text in ["", "2026-11", "2026-13-01", "23.11.2026", "2026-11-23T00:00:00Z"] {
            assert_eq!(Timestamp::local_midnight(text), None, "{text}");
        }
    }
}
