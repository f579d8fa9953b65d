//! The back-off from a server, and the size limit of its requests.

use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::langfuse::Problem;

const MIN_BACKOFF: Duration = Duration::from_secs(30);
const MAX_BACKOFF: Duration = Duration::from_secs(3600);
/// A time further ahead means that the clock was set back.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(24 * 3600);
/// Requests are not halved below this, in bytes.
pub const MIN_REQUEST_BYTES: usize = 4 * 1024;

/// The health of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// Hooks open no socket before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The last failure, as shown to the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The problem, if only the user can fix it.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The maximum compressed size of a request, in bytes, after one timed out or was too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_limit: Option<usize>,
}

/// A problem of a newer release must not lose the other fields.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Problem>, D::Error> {
    Ok(Problem::deserialize(Value::deserialize(deserializer)?).ok())
}

impl Backoff {
    /// Whether hooks back off now.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.not_before.is_some_and(|until| until > now && until.since(now) <= MAX_CLOCK_SKEW)
    }

    /// Notes that the server accepted a request before it failed: it is slow rather than down, and the delay must not
    /// grow.
    pub fn got_through(&mut self) {
        self.failures = 0;
    }

    /// Notes a failure. `retry_after` is the server's own value.
    pub fn failed(&mut self, now: Timestamp, reason: &str, retry_after: Option<Duration>) {
        let window = MIN_BACKOFF.saturating_mul(1 << self.failures.min(8)).min(MAX_BACKOFF);
        // Jitter, so that a team's machines don't retry at the same time; the clock's last digits are random enough.
        let jitter = window
            .mul_f64(0.25 * f64::from(u8::try_from(now.as_millis() % 256).unwrap_or(0)) / 256.0);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now.plus(
            retry_after.map_or(window + jitter, |wish| wish.max(MIN_BACKOFF).min(MAX_CLOCK_SKEW)),
        ));
        self.reason = Some(reason.to_owned());
    }

    /// Notes that a request of `size` bytes timed out or was too large.
    pub fn halve_requests_of(&mut self, size: usize) {
        self.request_limit = Some((size / 2).max(MIN_REQUEST_BYTES));
    }

    /// Notes a success: requests may grow again, up to `usual` bytes.
    pub fn succeeded(&mut self, usual: usize) {
        (self.failures, self.not_before) = (0, None);
        (self.reason, self.problem) = (None, None);
        self.request_limit =
            self.request_limit.map(|limit| limit.saturating_mul(2)).filter(|limit| *limit < usual);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::Timestamp;

    use super::Backoff;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn windows_begin_at_thirty_seconds_and_grow_to_an_hour() {
        let mut backoff = Backoff::default();
        let mut windows = Vec::new();
        for _ in 0..10 {
            backoff.failed(NOW, "down", None);
            windows.push(backoff.not_before.unwrap().since(NOW).as_secs());
        }
        assert!((30..=38).contains(&windows[0]), "{windows:?}");
        assert!(
            windows.is_sorted() && (3600..=4500).contains(windows.last().unwrap()),
            "{windows:?}"
        );
        assert!(backoff.holds(NOW));
        backoff.succeeded(1000);
        assert!(!backoff.holds(NOW));
    }

    #[test]
    fn the_servers_wish_counts_up_to_a_day() {
        let mut backoff = Backoff::default();
        backoff.failed(NOW, "429", Some(Duration::from_secs(7)));
        assert_eq!(backoff.not_before, Some(NOW.plus(Duration::from_secs(30))));
        backoff.failed(NOW, "429", Some(Duration::from_secs(1_000_000)));
        assert_eq!(backoff.not_before, Some(NOW.plus(Duration::from_secs(86_400))));
    }

    #[test]
    fn a_time_that_only_a_clock_set_back_explains_does_not_hold() {
        let far = NOW.plus(Duration::from_secs(200_000));
        assert!(!Backoff { not_before: Some(far), ..Backoff::default() }.holds(NOW));
    }
}
