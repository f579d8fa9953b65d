//! What a command does when a server wants to be left alone for a while: it waits and goes on. A hook never does.

use std::time::Duration;

use crate::commands::complain;
use crate::delivery::Courier;
use crate::langfuse::{Body, Reply};
use crate::score::Score;

/// The longest that one request may be put off. Langfuse counts requests by the minute.
const LONGEST: Duration = Duration::from_secs(600);
/// A server that says 0 would be asked without a pause.
const SHORTEST: Duration = Duration::from_secs(1);

/// Asks, and asks again for as long as the server wants to be left alone meanwhile.
pub(super) fn patiently<Answer>(
    mut ask: impl FnMut() -> Result<Answer, Reply>,
) -> Result<Answer, Reply> {
    let mut patience = Patience::new();
    loop {
        match ask() {
            Err(reply) if patience.waits(&reply) => {}
            answer => return answer,
        }
    }
}

/// What is left of the patience with one request.
struct Patience {
    left: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { left: LONGEST }
    }

    /// Waits as long as the server asks for; gives whether it is to be asked again.
    fn waits(&mut self, reply: &Reply) -> bool {
        let Some(wait) = self.wait(reply) else {
            return false;
        };
        if let Reply::Later { reason, .. } = reply {
            complain(&format!("{reason}: going on in {} s", wait.as_secs()));
        }
        std::thread::sleep(wait);
        true
    }

    fn wait(&mut self, reply: &Reply) -> Option<Duration> {
        let Reply::Later {
            retry_after: Some(wait),
            ..
        } = reply
        else {
            return None;
        };
        let wait = (*wait).max(SHORTEST);
        self.left = self.left.checked_sub(wait)?;
        Some(wait)
    }
}

/// A courier that waits where it is asked to.
pub(super) struct Patient<Inner>(pub Inner);

impl<Inner: Courier> Courier for Patient<Inner> {
    fn score(&mut self, scores: &[Score]) -> Result<usize, Reply> {
        patiently(|| self.0.score(scores))
    }

    fn send(&mut self, raw: &str, body: &Body) -> Reply {
        let mut patience = Patience::new();
        loop {
            let reply = self.0.send(raw, body);
            if !patience.waits(&reply) {
                return reply;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Patience;
    use crate::langfuse::Reply;

    fn later(seconds: Option<u64>) -> Reply {
        Reply::Later {
            reason: "busy".to_owned(),
            retry_after: seconds.map(Duration::from_secs),
            timed_out: false,
        }
    }

    #[test]
    fn only_a_server_that_says_how_long_is_waited_for_and_not_for_ever() {
        let mut patience = Patience::new();
        let mut wait = |reply| patience.wait(&reply).map(|wait| wait.as_secs());
        assert_eq!(wait(later(None)), None);
        assert_eq!(wait(Reply::Acknowledged), None);
        assert_eq!(wait(later(Some(0))), Some(1));
        assert_eq!(wait(later(Some(7200))), None);
        assert_eq!(wait(later(Some(599))), Some(599));
        assert_eq!(wait(later(Some(1))), None);
    }
}
