//! Agents at rest, step by step: who sleeps, what it takes to wake them, and what becomes of a session without them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use claude_langfuse::state::Cursor;

use super::desk::Run;
use super::receiver::same_rows;
use super::recorded::Session;
use super::twins::{Author, Event, ID, World, agent_id, begin, main_path, now};

/// A session that goes on, with a Stop after each turn.
struct Life {
    worlds: [World; 2],
    session: Session,
    author: Author,
}

impl Life {
    fn new() -> Self {
        let worlds = [World::new(false), World::new(true)];
        let (session, author) = begin(&worlds);
        let mut life = Self { worlds, session, author };
        life.run(Run::Stop);
        life
    }

    /// Agents were launched in turns of their own, and nobody launched any in the last one.
    fn with_sleepers(agents: u8) -> Self {
        let mut life = Self::new();
        for agent in 0..agents {
            life.meet(Event::Turn(vec![agent]));
        }
        life.meet(Event::Turn(vec![]));
        life
    }

    fn meet(&mut self, event: Event) {
        self.author.write(&event, &self.worlds);
        self.run(Run::Stop);
    }

    fn run(&mut self, run: Run) {
        let now = now(&self.author);
        for world in &mut self.worlds {
            world.run(&self.session, run, &[], now);
        }
    }

    fn path(&self) -> PathBuf {
        self.worlds[0].desk.path(&main_path())
    }

    fn cursor(&self) -> Cursor {
        let mut cursors = self.worlds[0].desk.store.all_cursors();
        cursors.next().expect("a cursor")
    }

    fn awake(&self) -> BTreeSet<String> {
        self.cursor().subagents.into_keys().collect()
    }

    /// The file in which they sleep.
    fn sleepers(&self) -> PathBuf {
        let mut state = self.worlds[0].desk.state().into_keys();
        let is_it = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "resting");
        state.find(is_it).expect("somebody sleeps")
    }

    fn requests(&self) -> usize {
        self.worlds[0].receiver.requests()
    }

    /// Langfuse has what one replay of it all would leave, and got no model call twice.
    fn is_all_there(&self) {
        let receiver = &self.worlds[0].receiver;
        receiver.each_generation_once().unwrap();
        receiver.complaints().unwrap();
        let whole = Session::read(&self.path(), "made up".to_owned());
        same_rows(&receiver.rows(), &whole.expected).unwrap();
    }
}

#[test]
fn agents_sleep_once_their_turn_is_over_and_are_not_even_read_any_more() {
    let mut life = Life::with_sleepers(3);
    life.meet(Event::Turn(vec![3]));
    assert_eq!(life.awake(), BTreeSet::from([agent_id(3)]));
    assert!(life.cursor().is_partly_asleep());
    life.is_all_there();
    // Whoever looked for them would miss them now.
    fs::remove_file(life.sleepers()).unwrap();
    let requests = life.requests();
    life.run(Run::Stop);
    life.run(Run::End);
    assert_eq!(life.requests(), requests);
    life.meet(Event::Turn(vec![]));
    life.run(Run::End);
    assert!(life.cursor().is_partly_asleep());
    life.is_all_there();
}

#[test]
fn an_agent_that_goes_on_without_a_row_of_its_session_is_noticed_by_the_next_stop() {
    for wakes in [
        Event::Grows(1),
        // A step of a workflow lies in another folder.
        Event::Grows(5),
        Event::Nested(1, 4),
    ] {
        let mut life = Life::with_sleepers(6);
        assert_eq!(life.awake(), BTreeSet::new());
        let requests = life.requests();
        life.meet(wakes);
        assert!(life.requests() > requests);
        life.meet(Event::Turn(vec![]));
        life.is_all_there();
    }
}

#[test]
fn a_new_agent_wakes_nobody() {
    let mut life = Life::with_sleepers(2);
    fs::remove_file(life.sleepers()).unwrap();
    life.meet(Event::Stray(2));
    life.meet(Event::Turn(vec![3, 4]));
    life.meet(Event::Turn(vec![]));
    assert!(life.cursor().is_partly_asleep());
    life.is_all_there();
}

/// What another one launched is there before anybody knows of that other one.
#[test]
fn an_agent_that_waits_for_its_launch_sleeps_until_then() {
    let mut life = Life::new();
    life.meet(Event::Nested(2, 3));
    life.meet(Event::Turn(vec![]));
    assert!(life.cursor().is_partly_asleep() && !life.awake().contains(&agent_id(3)));
    life.meet(Event::Turn(vec![2]));
    assert!(life.awake().contains(&agent_id(3)));
    life.is_all_there();
}

#[test]
fn an_outcome_that_is_told_later_wakes_the_agent_and_is_shown() {
    let mut life = Life::new();
    life.meet(Event::Background(0));
    life.meet(Event::Grows(0));
    life.run(Run::End);
    life.meet(Event::Turn(vec![]));
    life.meet(Event::Turn(vec![]));
    assert_eq!(life.awake(), BTreeSet::new());
    life.meet(Event::Told(0, "killed"));
    let rows = life.worlds[0].receiver.rows();
    let outcome = |row: &langfuse_mock::Row| row.metadata.get("agent_outcome").cloned();
    let outcomes: Vec<String> = rows.iter().filter_map(outcome).collect();
    assert_eq!(outcomes, ["killed"]);
    life.is_all_there();
}

#[test]
fn a_session_goes_on_without_agents_that_can_not_be_woken() {
    for damage in ["", "{\"schema\":2", "rubbish\n"] {
        let mut life = Life::with_sleepers(3);
        fs::write(life.sleepers(), damage).unwrap();
        life.meet(Event::Grows(1));
        life.meet(Event::Turn(vec![4]));
        life.meet(Event::Turn(vec![]));
        life.run(Run::End);
        let receiver = &life.worlds[0].receiver;
        receiver.each_generation_once().unwrap();
        receiver.complaints().unwrap();
        let requests = life.requests();
        life.run(Run::Stop);
        assert_eq!(life.requests(), requests, "{damage}");
    }
}

/// Up to schema 1 all agents were in the cursor itself.
#[test]
fn a_cursor_of_an_older_release_goes_on_and_its_agents_fall_asleep() {
    let mut life = Life::with_sleepers(3);
    let store = &life.worlds[0].desk.store;
    let awake = store.cursors_of(ID).pop().unwrap();
    store.save_cursor(&awake).unwrap();
    let state = life.worlds[0].desk.state().into_iter();
    let mut cursors =
        state.filter(|(path, _)| path.extension().is_some_and(|ending| ending == "json"));
    let (path, text) = cursors.next().expect("a cursor");
    let older = text.replacen("{\"schema\":3,", "{\"schema\":1,", 1);
    assert!(older != text && !older.contains("resting"));
    fs::write(&path, &older).unwrap();
    let requests = life.requests();
    life.run(Run::Stop);
    assert_eq!((life.requests(), fs::read_to_string(&path).unwrap()), (requests, older));
    life.meet(Event::Turn(vec![]));
    assert!(life.awake().is_empty() && life.cursor().is_partly_asleep());
    life.meet(Event::Grows(2));
    life.is_all_there();
}
