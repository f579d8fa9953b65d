//! A firewall that resets connections under large requests: they are halved, and the size is kept for later runs.

use langfuse_mock::{MockLangfuse, Reply};

use super::long::LongSession;
use crate::sandbox::{Received, Sandbox};

#[test]
fn a_replay_halves_reset_requests_and_keeps_the_size() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let mut session = LongSession::new(&sandbox);
    let mut replay = || {
        (0..8).for_each(|_| session.dense_turn(30_000));
        let before = mock.exports().len();
        sandbox.run(&["replay", session.path.to_str().unwrap()]).exits(0);
        assert_eq!(mock.answers().len(), session.turns());
        let sizes = mock.exports().into_iter().skip(before).map(|request| request.body.len());
        sizes.collect::<Vec<_>>()
    };
    (0..2).for_each(|_| mock.reply_next(Reply::Reset));
    let sizes = replay();
    assert!(sizes[0] > 150_000 && sizes[1] < sizes[0] * 3 / 5, "{sizes:?}");
    let got_through = sizes.iter().skip(2).max().unwrap();
    assert!(*got_through < sizes[1] * 3 / 5, "{sizes:?}");
    let next = replay();
    assert!(next.iter().all(|size| size <= got_through), "{sizes:?} {next:?}");
    // Once a larger request succeeds, all is sent.
    (0..5).for_each(|_| drop(replay()));
    assert_eq!(replay().len(), 1);
}
