//! Finished agents, step by step: events that cause a resend, and events that don't.

use std::fs;
use std::path::PathBuf;

use super::machine::Run;
use super::receiver::same_rows;
use super::recorded::Session;
use super::twins::{Author, Event, World, begin, main_path, now};

/// A continuing session, with a Stop after each turn.
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

    /// Earlier turns launched agents, the last one launched none.
    fn with_agents(agents: u8) -> Self {
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
        self.worlds[0].machine.path(&main_path())
    }

    fn requests(&self) -> usize {
        self.worlds[0].receiver.requests()
    }

    /// Langfuse has the rows of one replay of all, and got no model call twice.
    fn is_all_there(&self) {
        let receiver = &self.worlds[0].receiver;
        receiver.each_generation_once().unwrap();
        receiver.violations().unwrap();
        let whole = Session::read(&self.path(), "made up".to_owned());
        same_rows(&receiver.rows(), &whole.expected).unwrap();
    }
}

#[test]
fn finished_agents_are_not_sent_again() {
    let mut life = Life::with_agents(3);
    life.meet(Event::Turn(vec![3]));
    life.is_all_there();
    let requests = life.requests();
    life.run(Run::Stop);
    life.run(Run::End);
    assert_eq!(life.requests(), requests);
    life.meet(Event::Turn(vec![]));
    life.run(Run::End);
    life.is_all_there();
}

#[test]
fn an_agent_that_continues_without_a_row_of_its_session_is_found_by_the_next_stop() {
    for change in [
        Event::Grows(1),
        // A step of a workflow is in another folder.
        Event::Grows(5),
        Event::Nested(1, 4),
    ] {
        let mut life = Life::with_agents(6);
        let requests = life.requests();
        life.meet(change);
        assert!(life.requests() > requests);
        life.meet(Event::Turn(vec![]));
        life.is_all_there();
    }
}

#[test]
fn a_new_agent_beside_finished_ones_is_sent() {
    let mut life = Life::with_agents(2);
    life.meet(Event::Stray(2));
    life.meet(Event::Turn(vec![3, 4]));
    life.meet(Event::Turn(vec![]));
    // The row of the call that the stray agent names may be written much later.
    let World { machine, receiver, .. } = &mut life.worlds[0];
    machine.replay(&life.session, receiver).unwrap();
    life.is_all_there();
}

/// The file of a nested agent exists before its parent's is known.
#[test]
fn an_agents_file_before_its_launch_is_sent_after_it() {
    let mut life = Life::new();
    life.meet(Event::Nested(2, 3));
    life.meet(Event::Turn(vec![]));
    life.meet(Event::Turn(vec![2]));
    life.is_all_there();
}

#[test]
fn an_outcome_that_is_notified_later_is_shown() {
    let mut life = Life::new();
    life.meet(Event::Background(0));
    life.meet(Event::Grows(0));
    life.run(Run::End);
    life.meet(Event::Turn(vec![]));
    life.meet(Event::Turn(vec![]));
    life.meet(Event::Told(0, "killed"));
    let rows = life.worlds[0].receiver.rows();
    let outcome = |row: &langfuse_mock::Row| row.metadata.get("agent_outcome").cloned();
    let outcomes: Vec<String> = rows.iter().filter_map(outcome).collect();
    assert_eq!(outcomes, ["killed"]);
    life.is_all_there();
}

#[test]
fn a_session_continues_without_agents_of_a_damaged_archive() {
    for damage in ["", "{\"schema\":2", "rubbish\n"] {
        let mut life = Life::with_agents(3);
        let machine = &life.worlds[0].machine;
        machine.archive_agents();
        let is_archive = |path: &PathBuf| path.extension().is_some_and(|it| it == "resting");
        let archive = machine.state().into_keys().find(is_archive).unwrap();
        fs::write(archive, damage).unwrap();
        life.meet(Event::Grows(1));
        life.meet(Event::Turn(vec![4]));
        life.meet(Event::Turn(vec![]));
        life.run(Run::End);
        let receiver = &life.worlds[0].receiver;
        receiver.each_generation_once().unwrap();
        receiver.violations().unwrap();
        let requests = life.requests();
        life.run(Run::Stop);
        assert_eq!(life.requests(), requests, "{damage}");
    }
}

#[test]
fn a_cursor_of_schema_1_is_read() {
    let mut life = Life::with_agents(3);
    let is_cursor = |(path, _): &(PathBuf, String)| path.extension().is_some_and(|it| it == "json");
    let state = life.worlds[0].machine.state();
    let (path, text) = state.into_iter().find(is_cursor).unwrap();
    let older = text.replacen("{\"schema\":3,", "{\"schema\":1,", 1);
    assert_ne!(older, text);
    // Builds of that schema wrote no checksum.
    let (older, _) = older.split_once(",\"checksum\"").expect("state has a checksum");
    let older = format!("{older}}}");
    fs::write(&path, &older).unwrap();
    let requests = life.requests();
    life.run(Run::Stop);
    assert_eq!((life.requests(), fs::read_to_string(&path).unwrap()), (requests, older));
    life.meet(Event::Turn(vec![]));
    life.meet(Event::Grows(2));
    life.is_all_there();
}
