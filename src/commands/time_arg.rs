//! Times as arguments: an age (`90m`, `12h`, `7d`, `2w`) or a date.

use std::time::Duration;

use base::Timestamp;

use crate::usage::LocalTime;

/// Parses a time; an age counts back from now.
///
/// # Errors
/// When the text is neither an age nor a date.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    if let Some(age) = age(text) {
        return Ok(Timestamp::now().before(age));
    }
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    Timestamp::parse(&whole)
        .ok_or_else(|| "give an age (90m, 12h, 7d, 2w) or a date (2026-11-23, in UTC)".to_owned())
}

/// The same; a date is the beginning of its day in the machine's time zone.
///
/// # Errors
/// When the text is neither an age nor a date.
pub(super) fn parse_local(text: &str) -> Result<Timestamp, String> {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    match time::Date::parse(text, form) {
        Ok(day) => Ok(LocalTime::default().midnight(day)),
        Err(_) => parse(text).map_err(|error| error.replace(", in UTC", "")),
    }
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
    use super::{age, parse};

    #[test]
    fn parses_ages_and_dates() {
        let seconds = |text: &str| age(text).map(|age| age.as_secs());
        assert_eq!(
            ["90m", "12h", "7d", "2w"].map(seconds),
            [Some(5_400), Some(43_200), Some(604_800), Some(1_209_600)]
        );
        for (text, meant) in [
            ("2026-11-23", "2026-11-23T00:00:00.000Z"),
            ("2026-11-23T06:40:46+01:00", "2026-11-23T05:40:46.000Z"),
        ] {
            assert_eq!(parse(text).unwrap().rfc3339(), meant);
        }
    }

    #[test]
    fn rejects_other_text() {
        for text in ["", "d", "7", "7x", "-7d", "99999999999999999w", "23.11.2026", "é"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("7d"), "{text}: {error}");
        }
    }
}
