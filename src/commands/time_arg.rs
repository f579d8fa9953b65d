//! Times as arguments: an age (`90m`, `12h`, `7d`, `2w`), a date of the local time zone, or a time with a zone.

use std::time::Duration;

use base::Timestamp;

/// A time, as it was typed.
#[derive(Clone, Debug)]
pub(super) struct TimeArg {
    pub at: Timestamp,
    pub typed: String,
}

/// Parses the beginning of a time range; an age counts back from now.
///
/// # Errors
/// When the text is neither an age nor a date.
pub(super) fn parse(text: &str) -> Result<TimeArg, String> {
    parse_with(text, Timestamp::local_midnight)
}

/// Parses the end of a time range, which includes its day.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_until(text: &str) -> Result<TimeArg, String> {
    parse_with(text, Timestamp::local_end_of_day)
}

fn parse_with(typed: &str, day: fn(&str) -> Option<Timestamp>) -> Result<TimeArg, String> {
    let ago = age(typed).map(|age| Timestamp::now().before(age));
    match ago.or_else(|| day(typed)).or_else(|| Timestamp::parse(typed)) {
        Some(at) => Ok(TimeArg { at, typed: typed.to_owned() }),
        None => Err(
            "give an age (90m, 12h, 7d, 2w), a date (2026-11-23) or a time (2026-11-23T06:40:00Z)"
                .to_owned(),
        ),
    }
}

/// Parses a duration: `90s`, or an age.
///
/// # Errors
/// When the text is none, or no time at all.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').and_then(|count| count.parse().ok());
    let duration = seconds.map(Duration::from_secs).or_else(|| age(text));
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "give a duration: 90s, 30m, 2h".to_owned())
}

fn age(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    let count: u64 = count.parse().ok()?;
    count.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::{age, parse, parse_duration, parse_until};

    #[test]
    fn parses_ages_and_dates() {
        let seconds = |text: &str| age(text).map(|age| age.as_secs());
        assert_eq!(
            ["90m", "12h", "7d", "2w"].map(seconds),
            [Some(5_400), Some(43_200), Some(604_800), Some(1_209_600)]
        );
        let time = "2026-11-23T06:40:46+01:00";
        assert_eq!(parse(time).unwrap().at.rfc3339(), "2026-11-23T05:40:46.000Z");
        assert_eq!(parse(time).unwrap().at, parse_until(time).unwrap().at);
        assert_eq!(parse("2026-11-23").unwrap().at.local_second(), "2026-11-23 00:00:00");
    }

    #[test]
    fn the_end_of_a_range_includes_its_day() {
        let [begin, end] =
            [parse("2026-11-24"), parse_until("2026-11-23")].map(|time| time.unwrap().at);
        assert_eq!(begin, end);
    }

    #[test]
    fn parses_durations() {
        let seconds = |text: &str| parse_duration(text).map(|time| time.as_secs());
        assert_eq!(["90s", "30m", "2h"].map(seconds), [Ok(90), Ok(1_800), Ok(7_200)]);
        assert!(["0s", "1", "s", "-1m"].iter().all(|text| seconds(text).is_err()));
    }

    #[test]
    fn rejects_other_text() {
        for text in ["", "d", "7", "7x", "-7d", "99999999999999999w", "23.11.2026", "é"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("7d"), "{text}: {error}");
        }
    }
}
