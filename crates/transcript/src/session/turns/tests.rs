//! Rows that open a turn, belong to it, or wait for the next one.

use base::Timestamp;

use super::{Turn, Turns};
use crate::session::InputItem;
use crate::{AssistantMessage, Block, Boundary, Entry, Header, Prompt, Record, Request, text_of};

/// Rows a second apart, each ten bytes long.
#[derive(Default)]
struct Rows(Vec<Entry>);

impl Rows {
    fn add(mut self, uuid: &str, record: Record) -> Self {
        let number = self.0.len() as u64;
        self.0.push(Entry {
            offset: number * 10,
            end: number * 10 + 10,
            at: Some(Timestamp::from_millis(number * 1000)),
            uuid: Some(uuid.to_owned()),
            header: Header::default(),
            record,
        });
        self
    }

    fn prompt(self, uuid: &str) -> Self {
        let prompt = Prompt { content: vec![Block::Text(uuid.to_owned())], ..Prompt::default() };
        self.add(uuid, Record::Prompt(prompt))
    }

    fn marked_prompt(self, uuid: &str) -> Self {
        let prompt = Prompt { marked: true, ..Prompt::default() };
        self.add(uuid, Record::Prompt(prompt))
    }

    fn command(self, uuid: &str) -> Self {
        let prompt = Prompt {
            content: vec![Block::Text(uuid.to_owned())],
            tentative: true,
            ..Prompt::default()
        };
        self.add(uuid, Record::Prompt(prompt))
    }

    fn injected(self, text: &str) -> Self {
        self.add("i", Record::Injected(vec![Block::Text(text.to_owned())]))
    }

    fn answer(self, message_id: &str) -> Self {
        let answer = AssistantMessage {
            message_id: Some(message_id.to_owned()),
            stop_reason: Some("end_turn".to_owned()),
            blocks: vec![Block::Text("an answer".to_owned())],
            request_ref: Some(format!("request of {message_id}")),
            ..AssistantMessage::default()
        };
        self.add("a", Record::Assistant(answer))
    }

    fn turns(self) -> Vec<Turn> {
        let mut turns = Turns::default();
        let mut all: Vec<Turn> = Vec::new();
        for entry in self.0 {
            all.extend(turns.push(entry));
        }
        all.extend(turns.finish());
        all
    }
}

fn summary(text: &str) -> Record {
    Record::Summary { text: text.to_owned(), turn: None }
}

fn uuids(turns: &[Turn]) -> Vec<&str> {
    turns.iter().map(|turn| turn.opening.uuid.as_str()).collect()
}

#[test]
fn a_turn_lasts_until_the_next_prompt() {
    let turns = Rows::default().prompt("p1").answer("m1").prompt("p2").turns();
    assert_eq!(uuids(&turns), ["p1", "p2"]);
    assert_eq!((turns[0].start, turns[0].end, turns[0].closed), (0, 20, true));
    assert!(!turns[1].closed);
    assert!(turns[0].is_finished() && !turns[1].is_finished());
}

#[test]
fn text_that_the_cli_writes_before_a_prompt_is_read_again_with_it() {
    let turns = Rows::default()
        .prompt("p1")
        .answer("m1")
        .injected("reminder")
        .prompt("p2")
        .answer("m2")
        .turns();
    assert_eq!((turns[0].end, turns[1].start), (20, 20));
    assert_eq!(turns[1].activity.generations[0].input.len(), 2);
    assert_eq!(turns[0].activity.last_at, Some(Timestamp::from_millis(1000)));
}

#[test]
fn text_after_an_answer_belongs_to_a_continuing_turn() {
    let turns = Rows::default().prompt("p1").answer("m1").injected("go on").answer("m2").turns();
    assert_eq!(uuids(&turns), ["p1"]);
    assert_eq!(turns[0].activity.generations[1].input.len(), 1);
}

#[test]
fn a_request_row_before_its_prompt_sets_the_start_of_the_call() {
    let request =
        Request { id: "request of m2".to_owned(), params: serde_json::Value::Null, shape: None };
    let turns = Rows::default()
        .prompt("p1")
        .answer("m1")
        .add("r", Record::Request(request))
        .prompt("p2")
        .answer("m2")
        .turns();
    let started_at = turns[1].activity.generations[0].started_at;
    assert_eq!(started_at, Timestamp::from_millis(2000));
    assert_eq!(turns[0].activity.failed_requests(), 0);
}

#[test]
fn a_command_is_a_turn_only_if_a_model_answers_it() {
    let local = Rows::default().prompt("p1").answer("m1").command("/cost").prompt("p2");
    assert_eq!(uuids(&local.turns()), ["p1", "p2"]);
    let skill = Rows::default().prompt("p1").answer("m1").command("/greet").answer("m2");
    assert_eq!(uuids(&skill.turns()), ["p1", "/greet"]);
}

#[test]
fn a_command_without_a_mark_is_a_local_one_where_the_release_marks_what_opens_a_turn() {
    let rows = Rows::default().marked_prompt("p1").command("/cost").answer("m1");
    assert_eq!(uuids(&rows.turns()), ["p1"]);
}

#[test]
fn a_manual_compaction_between_two_turns_has_its_own_trace() {
    let boundary = Boundary { manual: true, ..Boundary::default() };
    let turns = Rows::default()
        .prompt("p1")
        .answer("m1")
        .add("c", Record::Compacted(boundary))
        .add("s", summary("what was said"))
        .prompt("p2")
        .turns();
    assert_eq!(uuids(&turns), ["p1", "c", "p2"]);
    let compaction = turns[1].as_manual_compaction().unwrap();
    assert_eq!(compaction.summary.as_deref(), Some("what was said"));
    assert!(turns[1].is_finished());
}

#[test]
fn the_call_after_a_compaction_is_given_its_summary() {
    let summary = || summary("what was said");
    let boundary = |manual| Record::Compacted(Boundary { manual, ..Boundary::default() });
    let heard = |turn: &Turn| -> Vec<String> {
        let items = turn.activity.generations.last().unwrap().input.iter();
        let text = |item: &InputItem| match item {
            InputItem::User(blocks) => text_of(blocks),
            InputItem::Tool(_) => String::new(),
        };
        items.map(text).collect()
    };
    let within = Rows::default()
        .prompt("p1")
        .answer("m1")
        .injected("go on")
        .add("c", boundary(false))
        .add("s", summary())
        .answer("m2")
        .turns();
    assert_eq!(heard(&within[0]), ["go on", "what was said"]);
    let between = Rows::default()
        .prompt("p1")
        .answer("m1")
        .add("c", boundary(true))
        .add("s", summary())
        .prompt("p2")
        .answer("m2");
    let from_summary = Rows(between.0[3..].to_vec()).turns();
    let between = between.turns();
    assert_eq!(heard(&between[2]), ["what was said", "p2"]);
    assert_eq!(between[2].start, 30);
    assert_eq!(from_summary, between[2..], "read on from there");
}

#[test]
fn counts_rows_repeated_by_a_compaction_once() {
    let mut rows = Rows::default()
        .prompt("p1")
        .answer("m1")
        .add("c", Record::Compacted(Boundary { manual: true, ..Boundary::default() }))
        .answer("m1");
    rows.0[3].at = rows.0[1].at;
    let turns = rows.turns();
    assert_eq!(turns[0].activity.generations.len(), 1);
    assert!(turns[1].activity.generations.is_empty());
}

#[test]
fn a_row_without_a_uuid_opens_nothing() {
    let mut rows = Rows::default().prompt("p1").answer("m1").prompt("p2");
    rows.0[2].uuid = None;
    assert_eq!(uuids(&rows.turns()), ["p1"]);
}

#[test]
fn command_output_is_the_answer_of_a_turn_without_model_answer() {
    let shown = || Record::CommandOutput { text: "done".to_owned(), agent_id: None };
    let user_row = || {
        Record::Local(vec![Block::Text(
            "<local-command-stdout>done</local-command-stdout>".to_owned(),
        )])
    };
    for record in [shown(), user_row()] {
        let turns = Rows::default().prompt("/apart").add("s", record).turns();
        assert_eq!(turns[0].activity.command_output.as_deref(), Some("done"));
        assert!(turns[0].is_finished() && turns[0].ran_apart());
    }
    for others in [
        Rows::default().prompt("a question").add("s", shown()),
        Rows::default().marked_prompt("/marked").add("s", shown()),
        Rows::default().prompt("/x").answer("m").add("s", shown()),
        Rows::default()
            .prompt("/x")
            .add("i", Record::Interrupt("[Request interrupted by user]".to_owned()))
            .add("s", shown()),
    ] {
        assert_eq!(others.turns()[0].activity.command_output, None);
    }
}

#[test]
fn agents_that_commands_start_belong_to_the_turn_before() {
    let in_background =
        Record::CommandOutput { text: "Running".to_owned(), agent_id: Some("a".to_owned()) };
    let turns = Rows::default()
        .prompt("/apart")
        .add("s", in_background)
        .prompt("p")
        .answer("m")
        .add("b", Record::AgentStarted("b".to_owned()))
        .turns();
    assert_eq!(
        (&turns[0].started, &turns[1].started),
        (&vec!["a".to_owned()], &vec!["b".to_owned()])
    );
    assert!(!turns[0].ran_apart(), "its agent is named");
}

#[test]
fn answers_before_the_first_prompt_are_a_turn() {
    let boundary = Record::Compacted(Boundary::default());
    let rows = Rows::default().add("b", boundary).add("s", summary("what was said"));
    let turns = rows.answer("m1").prompt("p2").answer("m2").turns();
    assert_eq!(uuids(&turns), ["a", "p2"]);
    let first = &turns[0];
    assert!(first.opening.is_missing && first.closed && !first.is_numbered());
    assert_eq!((first.start, first.end, first.opening.at), (0, 30, Timestamp::from_millis(0)));
    assert_eq!(first.activity.generations[0].input.len(), 1, "the summary");
    assert_eq!(first.activity.compactions.len(), 1);
    assert!(!turns[1].opening.is_missing);
}

#[test]
fn a_prompt_that_only_the_queue_has_is_the_turns_input() {
    let queued = |text: Option<&str>| Record::Queued(text.map(str::to_owned));
    let rows = Rows::default().add("q", queued(Some("hello?"))).add("q", queued(None));
    let turns = rows.answer("m1").prompt("p2").answer("m2").turns();
    assert_eq!(uuids(&turns), ["a", "p2"]);
    assert_eq!(text_of(&turns[0].opening.prompt.content), "hello?");
    let [InputItem::User(input)] = turns[0].activity.generations[0].input.as_slice() else {
        panic!("{:?}", turns[0].activity.generations[0].input);
    };
    assert_eq!(text_of(input), "hello?");
    let usual = Rows::default().add("q", queued(Some("p1"))).prompt("p1").answer("m1").turns();
    assert_eq!(usual[0].activity.generations[0].input.len(), 1, "the prompt's own row");
}

#[test]
fn a_summary_names_the_turn_whose_opening_row_is_gone() {
    let named = Record::Summary { text: "what was said".to_owned(), turn: Some("p1".to_owned()) };
    let rows = || Rows::default().answer("m1").add("s", named.clone());
    let turns = rows().answer("m2").prompt("p2").turns();
    assert_eq!(uuids(&turns), ["p1", "p2"]);
    assert_eq!(text_of(&turns[0].opening.prompt.content), "what was said");
    let kept = rows().prompt("p1").answer("m2").turns();
    assert_eq!(uuids(&kept), ["p1"], "what stands before the row belongs to earlier turns");
    assert!(!kept[0].opening.is_missing);
}

#[test]
fn rows_without_an_answer_before_the_first_prompt_are_no_turn() {
    let boundary = Record::Compacted(Boundary::default());
    let rows = Rows::default().add("b", boundary).add("s", summary("what was said"));
    let turns = rows.prompt("p1").answer("m1").turns();
    assert_eq!(uuids(&turns), ["p1"]);
    assert_eq!(turns[0].activity.compactions.len(), 0);
    assert_eq!(turns[0].activity.generations[0].input.len(), 2);
}

fn title(text: &str, by_person: bool) -> Record {
    Record::Title { text: text.to_owned(), by_person }
}

/// The title at the opening row of each turn, and the title set within it.
fn titles(turns: &[Turn]) -> Vec<[Option<&str>; 2]> {
    let texts = turns.iter().map(|turn| {
        let both = [turn.title_before.as_ref(), turn.session_title.as_ref()];
        both.map(|title| title.map(|title| &*title.text))
    });
    texts.collect()
}

#[test]
fn a_title_is_known_to_the_turns_after_it_and_new_to_the_one_that_it_interrupts() {
    let rows = Rows::default().add("t", title("first", false)).prompt("p1");
    let rows = rows.add("t", title("second", false)).answer("m1");
    let rows = rows.add("t", title("after the end", false)).prompt("p2").answer("m2");
    let turns = rows.prompt("p3").add("t", title("after the end", false)).turns();
    assert_eq!(
        titles(&turns),
        [
            [Some("first"), Some("second")],
            [Some("after the end"), None],
            [Some("after the end"), None]
        ]
    );
}

#[test]
fn a_persons_title_beats_the_models() {
    let rows = Rows::default().add("t", title("mine", true)).prompt("p1");
    let turns = rows.add("t", title("by the model", false)).answer("m1").prompt("p2").turns();
    assert_eq!(titles(&turns), [[Some("mine"), None], [Some("mine"), None]]);
}

#[test]
fn a_title_before_continuing_rows_belongs_to_the_continuing_turn() {
    let rows = Rows::default().prompt("p1").answer("m1").add("t", title("late", false));
    let turns = rows.answer("m2").prompt("p2").turns();
    assert_eq!(titles(&turns), [[None, Some("late")], [Some("late"), None]]);
}
