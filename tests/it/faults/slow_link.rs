//! A link of 256 kbit/s: a backlog that no single hook can send arrives in parts, for any length.

use std::time::Duration;

use claude_langfuse::delivery::{
    Agreed, Extent, Job, StateAccess, Transport, Trigger, deliver, note_health,
};
use claude_langfuse::langfuse::{Body, Verdict};
use claude_langfuse::privacy::Policy;
use claude_langfuse::score::Score;
use claude_langfuse::state::Store;
use claude_langfuse::trace::Attributes;
use langfuse_mock::{Events, MockLangfuse};

use super::long::LongSession;
use crate::sandbox::{Received, Relay, Sandbox, is_turn};

/// Bytes per second.
const RATE: usize = 32 * 1024;
/// Time until the server has read a request and answered.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Budget and largest request of the two kinds of hooks.
const STOP: (Duration, usize) = (Duration::from_secs(3), 48 * 1024);
const END: (Duration, usize) = (Duration::from_secs(9), 160 * 1024);

/// A link with a simulated clock.
#[derive(Default)]
struct Link {
    events: Events,
    /// The rest of the hook's budget.
    left: Duration,
    /// Sizes of the received requests, and the number of timeouts.
    arrived: Vec<usize>,
    cut_off: usize,
}

impl Transport for Link {
    fn send(&mut self, raw: &str, body: &Body) -> Verdict {
        let needed = ROUND_TRIP
            + Duration::from_secs(1) * u32::try_from(body.wire_len()).unwrap()
                / u32::try_from(RATE).unwrap();
        if needed > self.left {
            self.left = Duration::ZERO;
            self.cut_off += 1;
            return Verdict::Later {
                reason: "did not answer in time".to_owned(),
                retry_after: None,
                timed_out: true,
            };
        }
        self.left -= needed;
        self.arrived.push(body.wire_len());
        self.events.ingest(raw.as_bytes());
        Verdict::Acknowledged
    }

    fn score(&mut self, scores: &[Score]) -> Result<usize, Verdict> {
        unreachable!("nobody asked for {} scores", scores.len())
    }
}

/// Runs one hook like `hook`; returns whether it left unsent turns.
fn hook(
    session: &LongSession,
    store: &Store,
    link: &mut Link,
    (budget, usual): (Duration, usize),
) -> bool {
    let known = store.backoff("destination");
    let job = Job {
        session_id: session.id.to_owned(),
        transcript: session.path.clone(),
        is_guest: false,
        destination: "destination".to_owned(),
        extent: Extent::Live,
        trigger: Trigger::SessionEnd,
        attributes: Attributes::default(),
        policy: Policy { max_chars: 200_000, ..Policy::default() },
        agreed: Agreed::Kept,
        scores: false,
        paused: Vec::new(),
        is_named: true,
        sends_forgotten: false,
        declined: Vec::new(),
        suspended: None,
        wire_limit: Some(known.request_limit.map_or(usual, |limit| limit.min(usual))),
    };
    link.left = budget;
    let report = deliver(&job, StateAccess::ReadWrite(store), link).unwrap().unwrap();
    note_health(store, "destination", &report, usual);
    report.has_leftover()
}

#[test]
fn a_backlog_too_large_for_one_hook_arrives_over_a_slow_link() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut link) = (Store::new(folder.path()), Link::default());
    let mut session = LongSession::in_folder(folder.path().join("project"));
    // Written while there was no link at all.
    session.turn(100);
    assert!(hook(&session, &store, &mut link, (Duration::ZERO, STOP.1)));
    for _ in 0..40 {
        session.turn(50_000);
    }
    // More than any Stop can send, and less than 160 KB.
    session.dense_turn(170_000);
    session.turn(50_000);
    let mut hooks = 0;
    while hook(&session, &store, &mut link, if hooks % 5 == 4 { END } else { STOP }) {
        hooks += 1;
        assert!(hooks < 100, "no progress: {:?}", link.arrived);
    }
    let answers = link.events.rows().into_iter().filter(is_turn).count();
    assert_eq!(answers, session.turns());
    let largest = *link.arrived.iter().max().unwrap();
    assert!((100_000..160_000).contains(&largest), "{largest}");
    // A truncated request wastes time, so a hook uses most of its time, but not all.
    let bytes: usize = link.arrived.iter().sum();
    let needed = bytes / RATE / 3;
    assert!(hooks < 3 * needed, "{hooks} hooks for what {needed} could carry: {:?}", link.arrived);
}

#[test]
fn hooks_with_partial_success_do_not_increase_the_back_off() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut link) = (Store::new(folder.path()), Link::default());
    let mut session = LongSession::in_folder(folder.path().join("project"));
    session.turn(100);
    assert!(hook(&session, &store, &mut link, (Duration::ZERO, STOP.1)));
    (0..20).for_each(|_| session.turn(50_000));
    for _ in 0..4 {
        assert!(hook(&session, &store, &mut link, STOP));
        assert_eq!(store.backoff("destination").failures, 1);
    }
}

/// End to end: the program, a port limited to 256 kbit/s, 50 MB of transcript.
#[test]
#[ignore = "takes as long as the link needs: a quarter of an hour"]
fn fifty_megabytes_arrive_over_a_link_of_256_kbit() {
    let mock = MockLangfuse::start();
    let relay = Relay::slow(mock.address(), RATE);
    let sandbox = Sandbox::traced_to(&relay.url());
    let mut session = LongSession::new(&sandbox);
    let hook = |session: &LongSession, name: &str| {
        let ran = sandbox.raw_hook(session.event(name).as_bytes()).silent();
        assert!(ran.took < Duration::from_secs(11), "{:?}", ran.took);
    };
    session.turn(100);
    hook(&session, "Stop");
    while session.path.metadata().unwrap().len() < 50_000_000 {
        (0..9).for_each(|_| session.turn(60_000));
        session.dense_turn(95_000);
    }
    let mut hooks = 0;
    while mock.answers().len() < session.turns() {
        hook(&session, if hooks % 5 == 4 { "SessionEnd" } else { "Stop" });
        sandbox.forget_backoff_time();
        hooks += 1;
        assert!(hooks < 2000, "no progress");
    }
    let sizes = mock.exports().into_iter().map(|request| request.body.len());
    println!("{hooks} hooks, {} requests, {} bytes", mock.exports().len(), sizes.sum::<usize>());
    assert_eq!(mock.rows().len(), 2 * session.turns());
    // A truncated request may still have arrived, as the same row.
    assert!(mock.generations_sent() < session.turns() * 6 / 5, "{} sent", mock.generations_sent());
}
