//! A run that is killed at any of its system calls, and the next run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use langfuse_mock::{MockLangfuse, Row};

use super::oracle::{can_trace, in_order, same_rows, say, undisturbed};
use crate::missing;
use crate::sandbox::{Received, Sandbox, Session};

/// The calls with effects visible to others: files, locks, and the connection.
const TELLING: [&str; 13] = [
    "connect",
    "flock",
    "ftruncate",
    "mkdir",
    "mkdirat",
    "openat",
    "recvfrom",
    "rename",
    "renameat",
    "sendto",
    "unlink",
    "unlinkat",
    "write",
];

/// A run, and the state before it.
struct Scene {
    recording: &'static str,
    before: fn(&Session<'_>),
    /// The arguments and the standard input of the killed run.
    run: fn(&Session<'_>) -> (Vec<String>, String),
}

const FIRST_CONTACT: Scene = Scene {
    recording: "v2.1.330/subagent",
    before: |session| {
        session.whole();
    },
    run: |session| (vec!["hook".to_owned()], session.end_event().to_string()),
};

const LATER_TURN: Scene = Scene {
    recording: "v2.1.330/stream-multi",
    before: |session| {
        session.answered(0).stop(0);
        session.answered(1);
    },
    run: |session| (vec!["hook".to_owned()], session.stop_event(1).to_string()),
};

const REPLAY: Scene = Scene {
    recording: "v2.1.330/stream-multi",
    before: |session| {
        session.answered(0).stop(0);
        session.whole();
    },
    run: |session| (vec!["replay".to_owned(), session.argument()], String::new()),
};

impl Scene {
    /// Kills the run at every one of these calls, each time in a new sandbox.
    fn killed_at_each_point(&self, counts: impl Fn(&str) -> bool) {
        if !can_trace() {
            return missing::tool("not killed: strace is missing, or may not trace");
        }
        let points: Vec<(String, usize)> = self
            .calls()
            .into_iter()
            .filter(|(call, _)| counts(call))
            .flat_map(|(call, times)| (1..=times).map(move |time| (call.clone(), time)))
            .collect();
        assert!(points.len() > 20, "{points:?}");
        say(&format!("{} points of a run of {}", points.len(), self.recording));
        let expected = undisturbed(self.recording);
        let (next, killed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some((call, time)) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let was_killed = self.killed_at(call, *time, &expected);
                        killed.fetch_add(usize::from(was_killed), Ordering::SeqCst);
                    }
                });
            }
        });
        // The order of two threads varies, so some points are not reached.
        let killed = killed.into_inner();
        assert!(killed * 10 > points.len() * 8, "{killed} of {}", points.len());
    }

    /// The number of each system call in the thread with most of them.
    fn calls(&self) -> BTreeMap<String, usize> {
        let (mock, mut counts) = (MockLangfuse::start(), BTreeMap::new());
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session(self.recording);
        (self.before)(&session);
        let log = sandbox.path("calls");
        self.trace(&sandbox, &session, &["-o", log.to_str().unwrap()]);
        let mut by_thread: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in std::fs::read_to_string(log).unwrap().lines() {
            let mut words = line.split([' ', '(']).filter(|word| !word.is_empty());
            let (thread, call) = (words.next().unwrap(), words.next().unwrap());
            if call
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            {
                *by_thread.entry((thread.to_owned(), call.to_owned())).or_default() += 1;
            }
        }
        for ((_, call), times) in by_thread {
            let most: &mut usize = counts.entry(call).or_default();
            *most = times.max(*most);
        }
        counts
    }

    fn trace(&self, sandbox: &Sandbox, session: &Session<'_>, options: &[&str]) -> bool {
        let (arguments, input) = (self.run)(session);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let runner = [&["strace", "-f", "-qq"], options, &["--"]].concat();
        sandbox.start_under(&runner, &arguments, input.as_bytes()).end().code.is_none()
    }

    fn killed_at(&self, call: &str, time: usize, expected: &[Row]) -> bool {
        let what = format!("killed at {call} {time}");
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session(self.recording);
        (self.before)(&session);
        let inject = format!("inject={call}:signal=KILL:when={time}");
        let was_killed = self.trace(&sandbox, &session, &["-o", "/dev/null", "-e", &inject]);
        // The same again, and then the end.
        let (arguments, input) = (self.run)(&session);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let again = sandbox.start(&arguments, input.as_bytes()).end();
        assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "{what}");
        session.whole().end();
        same_rows(&mock.rows(), expected, &what);
        in_order(&sandbox, &what);
        was_killed
    }
}

#[test]
fn a_first_hook_killed_at_any_visible_point_loses_nothing() {
    FIRST_CONTACT.killed_at_each_point(|call| TELLING.contains(&call));
}

#[test]
fn a_later_hook_killed_at_any_visible_point_loses_nothing() {
    LATER_TURN.killed_at_each_point(|call| TELLING.contains(&call));
}

#[test]
fn a_replay_killed_at_any_visible_point_loses_nothing() {
    REPLAY.killed_at_each_point(|call| TELLING.contains(&call));
}

#[test]
fn the_turn_of_a_first_hook_killed_before_reading_is_sent_by_the_next_one() {
    if !can_trace() {
        return missing::tool("not killed: strace is missing, or may not trace");
    }
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(LATER_TURN.recording);
    let path = session.answered(0).argument();
    let at_first_look = ["-P", &path, "-e", "inject=lseek:signal=KILL:when=1", "--"];
    let strace = [&["strace", "-f", "-qq", "-o", "/dev/null"], &at_first_look[..]].concat();
    let event = session.stop_event(0).to_string();
    let killed = sandbox.start_under(&strace, &["hook"], event.as_bytes()).end();
    assert_eq!(killed.code, None);
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
    session.whole().end();
    same_rows(&mock.rows(), &undisturbed(LATER_TURN.recording), "in the end");
    in_order(&sandbox, "killed at first contact");
}

#[test]
#[ignore = "takes minutes"]
fn a_run_killed_at_any_system_call_loses_nothing() {
    for scene in [FIRST_CONTACT, LATER_TURN, REPLAY] {
        scene.killed_at_each_point(|_| true);
    }
}
