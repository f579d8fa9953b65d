//! While a hook waits for the last row of a turn, it opens the connection.

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};

use super::{GAVE_UP, one_of_many_tries};
use crate::sandbox::{Received, Sandbox, unused_address};

#[test]
fn a_hook_connects_before_the_last_row_is_there_and_sends_after_it_over_that_connection() {
    one_of_many_tries(|| {
        let mock = MockLangfuse::start();
        let (relay, sandbox) = Sandbox::relayed(&mock);
        let session = sandbox.session("v2.1.330/stream-multi");
        for stop in 0..2 {
            session.before_answer(stop);
            let hook = session.start(&session.stop_event(stop));
            relay.wait_for_connection();
            assert_eq!(mock.requests().len(), stop, "half a turn was sent");
            session.answered(stop);
            hook.end().silent();
            if mock.requests().len() != stop + 1 {
                return false;
            }
            assert_eq!(relay.connections(), stop + 1);
        }
        mock.answers() == ["Answer 1.", "Answer 2."]
    });
}

#[test]
fn an_unreachable_server_is_detected_before_the_row_is_waited_for() {
    let address = unused_address().to_string();
    let mut sandbox = Sandbox::traced_to(&format!("http://{address}"));
    sandbox.set("CC_LANGFUSE_DEBUG", "true");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.before_answer(0).stop(0);
    let log = sandbox.log();
    assert!(log.contains("connection refused") && !log.contains(GAVE_UP), "{log}");
    let mock = MockLangfuse::start_at(&address, PUBLIC_KEY, SECRET_KEY);
    session.answered(1).stop(1);
    assert_eq!(mock.requests().len(), 0, "the back-off does not hold");
    sandbox.end_backoff();
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}
