//! How far an agent's file was acknowledged. A session can have hundreds of agents, most of them done: those are kept as one
//! line of words each, which is short and fast to read.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cursor::Launcher;
use crate::trace::{SpanId, WorkflowRun};
use crate::transcript::FileMark;

/// Where an agent belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The turn that launched it; its own first row, where nothing launched it.
    pub turn: String,
    /// The tool call that launched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<SpanId>,
}

/// How far an agent's file was acknowledged, or a workflow's run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Lane {
    /// The tool call that launched it, as its meta file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    /// Its kind, as the call that launched it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// Where the call stands that launched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// Where it belongs; `None` while its launch is not visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// It is a run of a workflow, whose file is the one that tells of its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowRun>,
    /// The agent has given its answer.
    #[serde(default)]
    pub finished: bool,
    /// How it ended, as its call's result or a notification says: `completed`, `failed`, `killed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Tracing was switched off while it ran: only an explicit replay sends what is left of it.
    #[serde(default)]
    pub declined: bool,
    /// The file as it was when it was last read.
    #[serde(default)]
    pub file: FileMark,
    /// Nothing of it waits.
    #[serde(default)]
    pub idle: bool,
    /// It was sent as it is after its end.
    #[serde(default)]
    pub ended: bool,
    /// How much of it is acknowledged for good, once it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
    /// Acknowledged spans, as in the cursor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acknowledged: BTreeMap<SpanId, String>,
}

/// The first so many of each kind are acknowledged for good. An agent's file only grows, and 500 finished agents with
/// every span by its id would be 2 MB of state to read in every hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Model calls.
    pub generations: usize,
    /// Tools.
    pub tools: usize,
    /// Events.
    pub events: usize,
}

impl Lane {
    /// Nothing is to be done for it, unless its file changes or a row tells of it or of its launch. Runs of workflows are
    /// few, and their files are elsewhere.
    pub(super) fn can_rest(&self) -> bool {
        let has_nothing_to_send = match self.link {
            Some(_) => self.idle && self.ended,
            None => self.tool_use_id.is_some(),
        };
        has_nothing_to_send && !self.declined && self.workflow.is_none()
    }

    /// Takes note of how the agent ended. Its root shows it: what was sent without is to be sent again.
    pub fn ends_as(&mut self, outcome: Option<String>) {
        self.ended &= self.outcome == outcome;
        self.outcome = outcome;
    }
}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.line() {
            Some(line) => serializer.serialize_str(&line),
            None => Self::serialize(self, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LineOrObject;

        impl<'de> Visitor<'de> for LineOrObject {
            type Value = Lane;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a lane")
            }

            fn visit_str<E: Error>(self, line: &str) -> Result<Lane, E> {
                Lane::of_line(line).ok_or_else(|| E::custom("a line that is no lane"))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Lane, A::Error> {
                Lane::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_any(LineOrObject)
    }
}

/// What stands for a word that is not there.
const NONE: &str = "-";

impl Lane {
    /// All of it in words with spaces between, where that can be told again from them.
    fn line(&self) -> Option<String> {
        if self.workflow.is_some() || self.acknowledged.len() > 1 {
            return None;
        }
        let mut line = Line {
            words: String::with_capacity(256),
            is_whole: true,
        };
        for flag in [self.finished, self.idle, self.ended, self.declined] {
            line.words.push(if flag { '+' } else { '.' });
        }
        for number in [
            self.file.device,
            self.file.inode,
            self.file.length,
            self.file.offset,
        ] {
            line.number(Some(number));
        }
        line.word(Some(&self.file.hash).filter(|hash| !hash.is_empty()));
        line.word(self.link.as_ref().map(|link| &link.turn));
        let span = self.link.as_ref().and_then(|link| link.span.as_ref());
        line.word(span.map(SpanId::as_str));
        line.word(self.tool_use_id.as_ref());
        line.word(self.agent_type.as_ref());
        line.word(self.outcome.as_ref());
        let launcher = self.launcher.as_ref();
        line.number(launcher.map(|launcher| launcher.offset));
        line.number(launcher.map(|launcher| launcher.depth));
        line.word(launcher.and_then(|launcher| launcher.agent_id.as_ref()));
        let done = self.done.as_ref();
        line.number(done.map(|done| done.generations as u64));
        line.number(done.map(|done| done.tools as u64));
        line.number(done.map(|done| done.events as u64));
        let acknowledged = self.acknowledged.first_key_value();
        line.word(acknowledged.map(|(span, _)| span.as_str()));
        line.word(acknowledged.map(|(_, mark)| mark));
        line.is_whole.then_some(line.words)
    }

    /// Reads the words in the order in which [`Self::line`] writes them.
    fn of_line(line: &str) -> Option<Self> {
        // Byte by byte, which for words as short as these is twice as fast as a search.
        let mut words = line
            .as_bytes()
            .split(|byte| *byte == b' ')
            .map(str::from_utf8)
            .map_while(Result::ok);
        let &[finished, idle, ended, declined] = words.next()?.as_bytes() else {
            return None;
        };
        let mut next = || {
            words
                .next()
                .map(|word| Some(word).filter(|word| *word != NONE))
        };
        let file = FileMark {
            device: number(next()?)??,
            inode: number(next()?)??,
            length: number(next()?)??,
            offset: number(next()?)??,
            hash: next()?.unwrap_or_default().to_owned(),
        };
        let (turn, span) = (next()?, next()?);
        let (tool_use_id, agent_type, outcome) = (next()?, next()?, next()?);
        let (offset, depth, agent_id) = (number(next()?)?, number(next()?)?, next()?);
        let mut count = || Some(number(next()?)?.and_then(|count| usize::try_from(count).ok()));
        let (generations, tools, events) = (count()?, count()?, count()?);
        let (acknowledged, mark) = (next()?, next()?);
        let text = |word: Option<&str>| word.map(str::to_owned);
        Some(Self {
            tool_use_id: text(tool_use_id),
            agent_type: text(agent_type),
            launcher: offset.zip(depth).map(|(offset, depth)| Launcher {
                agent_id: text(agent_id),
                offset,
                depth,
            }),
            link: turn.map(|turn| Link {
                turn: turn.to_owned(),
                span: span.map(SpanId::given),
            }),
            workflow: None,
            finished: finished == b'+',
            outcome: text(outcome),
            declined: declined == b'+',
            file,
            idle: idle == b'+',
            ended: ended == b'+',
            done: generations
                .zip(tools.zip(events))
                .map(|(generations, (tools, events))| Done {
                    generations,
                    tools,
                    events,
                }),
            acknowledged: BTreeMap::from_iter(
                acknowledged
                    .zip(mark)
                    .map(|(span, mark)| (SpanId::given(span), mark.to_owned())),
            ),
        })
    }
}

/// `None` where there should be a number and is none; a number that is not there is `Some(None)`.
fn number(word: Option<&str>) -> Option<Option<u64>> {
    word.map_or(Some(None), |word| word.parse().ok().map(Some))
}

/// A line in the making.
struct Line {
    words: String,
    /// Every word could be told from the next one and from none.
    is_whole: bool,
}

impl Line {
    fn word(&mut self, word: Option<impl AsRef<str>>) {
        self.words.push(' ');
        match word {
            None => self.words.push_str(NONE),
            Some(word) => {
                let word = word.as_ref();
                self.is_whole &= !word.is_empty() && word != NONE && !word.contains(' ');
                self.words.push_str(word);
            }
        }
    }

    fn number(&mut self, number: Option<u64>) {
        match number {
            Some(number) => {
                // Into a text that can't fail.
                let _ = write!(self.words, " {number}");
            }
            None => self.word(None::<&str>),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Done, Lane, Launcher, Link};
    use crate::trace::SpanId;
    use crate::transcript::FileMark;

    fn at_rest() -> Lane {
        Lane {
            tool_use_id: Some("toolu_1".to_owned()),
            agent_type: Some("Explore".to_owned()),
            launcher: Some(Launcher {
                agent_id: None,
                offset: 7,
                depth: 2,
            }),
            link: Some(Link {
                turn: "turn".to_owned(),
                span: Some(SpanId::given("ab")),
            }),
            finished: true,
            outcome: Some("completed".to_owned()),
            file: FileMark {
                device: 1,
                inode: 2,
                length: 3,
                offset: 4,
                hash: "5".to_owned(),
            },
            idle: true,
            done: Some(Done {
                generations: 4,
                tools: 3,
                events: 0,
            }),
            acknowledged: [(SpanId::given("cd"), "ef".to_owned())].into(),
            ..Lane::default()
        }
    }

    fn kept(lane: &Lane) -> Value {
        let kept = serde_json::to_value(lane).unwrap();
        let read: Lane = serde_json::from_value(kept.clone()).unwrap();
        assert_eq!(&read, lane, "{kept}");
        kept
    }

    #[test]
    fn a_lane_is_a_line_and_comes_back_as_it_was() {
        assert_eq!(
            kept(&at_rest()),
            "++.. 1 2 3 4 5 turn ab toolu_1 Explore completed 7 2 - 4 3 0 cd ef"
        );
        assert_eq!(
            kept(&Lane::default()),
            ".... 0 0 0 0 - - - - - - - - - - - - - -"
        );
        let mut lane = at_rest();
        lane.link = None;
        lane.declined = true;
        lane.launcher.as_mut().unwrap().agent_id = Some("a1".to_owned());
        assert!(kept(&lane).is_string());
    }

    #[test]
    fn a_lane_with_more_than_words_is_an_object_and_comes_back_as_it_was() {
        let changes: [fn(&mut Lane); 4] = [
            |lane| lane.agent_type = Some("two words".to_owned()),
            |lane| lane.agent_type = Some("-".to_owned()),
            |lane| lane.outcome = Some(String::new()),
            |lane| {
                let more = (SpanId::given("gh"), "ij".to_owned());
                lane.acknowledged.extend([more]);
            },
        ];
        for change in changes {
            let mut lane = at_rest();
            change(&mut lane);
            assert!(kept(&lane).is_object());
        }
    }

    #[test]
    fn a_line_that_is_none_is_no_lane() {
        for line in ["", "++..", "++.. 1 2 x 4 5 - - - - - - - - - - - - -"] {
            assert!(
                serde_json::from_value::<Lane>(json!(line)).is_err(),
                "{line}"
            );
        }
    }
}
