//! A point in time in whole milliseconds, as Claude Code writes it and Langfuse stores it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Milliseconds since the Unix epoch. Langfuse keeps no finer times (docs/langfuse.md, "What replaces what").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Reads an RFC 3339 time with zone. `None` for other texts, for times before 1970, and from 2262 on, when
    /// Langfuse's nanoseconds overflow.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let nanos = i64::try_from(parsed.unix_timestamp_nanos()).ok()?;
        u64::try_from(nanos / 1_000_000).ok().map(Self)
    }

    /// The clock's time. Only for back-off and the age of sessions, never for a span.
    pub fn now() -> Self {
        Self::of(SystemTime::now())
    }

    /// A system time. The epoch for an earlier one.
    pub fn of(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this one; zero if it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This time plus a duration.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This time minus a duration.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// OTLP's form: nanoseconds as a decimal string (a number would be read as a double).
    pub fn unix_nanos(self) -> String {
        format!("{}000000", self.0)
    }

    /// RFC 3339 in UTC with milliseconds; Langfuse drops an observation whose time has no zone.
    pub fn rfc3339(self) -> String {
        const FORM: &[time::format_description::BorrowedFormatItem<'_>] = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        i64::try_from(self.0 / 1000)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .map(|moment| moment + Duration::from_millis(self.0 % 1000))
            .and_then(|moment| moment.format(FORM).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_time_survives_reading_and_writing() {
        let text = "2026-11-23T06:40:46.354Z";
        let read = Timestamp::parse(text).unwrap();
        assert_eq!(read.rfc3339(), text);
        assert_eq!(read.unix_nanos(), "1795416046354000000");
    }

    #[test]
    fn an_offset_is_brought_to_utc_and_finer_digits_are_dropped() {
        let read = Timestamp::parse("2026-11-23T07:40:46.354999+01:00").unwrap();
        assert_eq!(read.rfc3339(), "2026-11-23T06:40:46.354Z");
    }

    #[test]
    fn no_zone_rubbish_and_times_before_the_epoch_are_no_times() {
        for text in ["2026-11-23T06:40:46.354", "yesterday", "", "1969-12-31T23:59:59Z"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
