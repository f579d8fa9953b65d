//! Counts, sizes, times and paths as people read them.

use std::path::Path;
use std::time::Duration;

use base::Timestamp;
use transcript::Diagnostics;

/// A count with its noun: `1 session`, `2 sessions`.
pub(in crate::commands) fn plural(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// The unreadable lines of a transcript: their count, and the first one's offset and error.
pub(in crate::commands) fn broken_lines(diagnostics: &Diagnostics) -> Option<String> {
    let (offset, reason) = diagnostics.broken.first()?;
    let lines = plural(usize::try_from(diagnostics.broken_lines).ok()?, "line");
    Some(format!("{lines} can't be read, the first at byte {offset}: {reason}"))
}

/// The rows of a transcript in which no row has a time.
pub(in crate::commands) fn untimed_rows(diagnostics: &Diagnostics) -> Option<String> {
    let count = usize::try_from(diagnostics.untimed_rows).ok().filter(|count| *count > 0)?;
    Some(format!("{} without a usable time: not sent", plural(count, "row")))
}

/// A duration in its two largest units: `8s`, `1m23s`, `2h05m`.
pub(in crate::commands) fn short_duration(seconds: u128) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A short duration: `250ms`, `1.5s`, `2m05s`.
pub(in crate::commands) fn milliseconds(count: u64) -> String {
    match count {
        0..1_000 => format!("{count}ms"),
        1_000..60_000 => format!("{}.{}s", count / 1_000, count % 1_000 / 100),
        _ => format!("{}m{:02}s", count / 60_000, count % 60_000 / 1_000),
    }
}

/// An amount of US dollars; one below a cent has four decimals.
pub(in crate::commands) fn dollars(amount: f64) -> String {
    if amount > 0.0 && amount < 0.01 { format!("${amount:.4}") } else { format!("${amount:.2}") }
}

/// A duration in its largest unit: `2 hours`.
pub(in crate::commands) fn long_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    plural(usize::try_from(count).unwrap_or(usize::MAX), unit)
}

/// A time of the last day as its age, else in the local time zone.
pub(in crate::commands) fn when(at: Timestamp, now: Timestamp) -> String {
    match now.since(at).as_secs() {
        seconds @ 0..60 => format!("{seconds} s ago"),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => at.local_minute(),
    }
}

/// A size in decimal units.
pub(in crate::commands) fn byte_size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// A message with `~` for the home folder of this process.
pub(in crate::commands) fn for_people(text: &str) -> String {
    shorten_home(std::env::home_dir().as_deref(), text)
}

/// Replaces the home folder by `~`: shorter, and bug reports carry no user name. Also as Claude Code encodes it in the names of
/// its folders: `-home-me-project`.
pub(in crate::commands) fn shorten_home(home: Option<&Path>, text: &str) -> String {
    let Some(home) = home.and_then(Path::to_str).filter(|home| home.len() > 1) else {
        return text.to_owned();
    };
    let letter = |one: char| if one.is_ascii_alphanumeric() { one } else { '-' };
    let encoded: String = home.chars().map(letter).collect();
    let text = shorten_folder(home, text);
    // Only in the place of a whole name: it may be a part of another one.
    let names = text.split_inclusive('/').map(|part| match part.strip_prefix(&*encoded) {
        Some(rest) if !rest.starts_with(|next: char| next.is_alphanumeric()) => format!("~{rest}"),
        _ => part.to_owned(),
    });
    names.collect()
}

fn shorten_folder(home: &str, text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(home) {
        let (before, from) = rest.split_at(at);
        let after = from.get(home.len()..).unwrap_or_default();
        // `/home/me` is only a prefix of `/home/melissa`, not its parent.
        let ends =
            !after.starts_with(|one: char| one.is_alphanumeric() || matches!(one, '-' | '_' | '.'));
        short.push_str(before);
        short.push_str(if ends { "~" } else { home });
        rest = after;
    }
    short + rest
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use base::Timestamp;

    use super::{long_duration, shorten_home, when};

    #[test]
    fn recent_times_are_shown_by_their_age() {
        let now = Timestamp::parse("2026-11-23T12:00:00Z").unwrap();
        let ago = |seconds| when(now.before(Duration::from_secs(seconds)), now);
        assert_eq!(
            [59, 119, 7_199, 86_399].map(ago),
            ["59 s ago", "1 min ago", "1 h ago", "23 h ago"]
        );
        let day = now.before(Duration::from_secs(86_400));
        assert_eq!(when(day, now), day.local_minute());
    }

    #[test]
    fn long_duration_has_one_unit() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "1 minute"),
            (7200, "2 hours"),
            (86_400 * 30, "30 days"),
        ] {
            assert_eq!(long_duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn shortens_the_home_folder_wherever_it_is_a_whole_folder() {
        let home = Some(Path::new("/home/me"));
        for (text, short) in [
            ("/home/me/a in /home/me", "~/a in ~"),
            ("/home/melissa/a", "/home/melissa/a"),
            ("[ -x '/home/me/bin' ]", "[ -x '~/bin' ]"),
            ("nothing", "nothing"),
            ("/x/projects/-home-me-src-app/a.jsonl", "/x/projects/~-src-app/a.jsonl"),
            ("/home/me/.claude/projects/-home-me", "~/.claude/projects/~"),
            ("/x/projects/-home-melissa-app", "/x/projects/-home-melissa-app"),
        ] {
            assert_eq!(shorten_home(home, text), short);
        }
        assert_eq!(shorten_home(Some(Path::new("/")), "/etc"), "/etc");
        assert_eq!(shorten_home(None, "/etc"), "/etc");
    }
}
