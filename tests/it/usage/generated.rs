//! Generated histories with a ledger: forks, subagents, commits and many models, around a change of clocks.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{DIMENSIONS, Tokens, table};
use crate::sandbox::Sandbox;

const HISTORIES: u64 = 20;
const MODELS: [&str; 3] = ["claude-opus-4-8", "claude-haiku-4-5-20251001", "claude-sonnet-5"];

/// A time zone whose clocks change at `change`, from one offset to another; all in seconds.
struct Zone {
    name: &'static str,
    change: &'static str,
    before: i64,
    after: i64,
}

const ZONES: [Zone; 3] = [
    Zone {
        name: "CET-1CEST,M3.5.0,M10.5.0/3",
        change: "2026-03-29T01:00:00Z",
        before: 3_600,
        after: 7_200,
    },
    Zone {
        name: "EST5EDT,M3.2.0,M11.1.0",
        change: "2026-11-01T06:00:00Z",
        before: -14_400,
        after: -18_000,
    },
    Zone {
        name: "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        change: "2026-04-04T15:00:00Z",
        before: 39_600,
        after: 37_800,
    },
];

impl Zone {
    fn change(&self) -> i64 {
        OffsetDateTime::parse(self.change, &Rfc3339).unwrap().unix_timestamp()
    }

    fn date(&self, at: i64) -> time::Date {
        let offset = if at < self.change() { self.before } else { self.after };
        OffsetDateTime::from_unix_timestamp(at + offset).unwrap().date()
    }
}

/// A generated call: the values of its dimensions, and its tokens.
struct Played {
    values: BTreeMap<&'static str, String>,
    turn: String,
    tokens: Tokens,
}

/// A deterministic source of numbers.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Writes one history: a session, its subagents and its forks.
struct Writer<'a> {
    sandbox: &'a Sandbox,
    zone: &'a Zone,
    rng: Rng,
    history: u64,
    now: i64,
    session: String,
    rows: Vec<Value>,
    ledger: Vec<Played>,
    /// Each turn of this session and its commits.
    turns: Vec<(String, Vec<String>)>,
    branch: String,
    ids: u64,
}

impl Writer<'_> {
    fn id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}{:03}AbCdEfGhIjKlMn{:05}", self.history, self.ids)
    }

    fn time(&mut self) -> String {
        self.now += i64::try_from(self.rng.below(2_400)).unwrap() + 1;
        OffsetDateTime::from_unix_timestamp(self.now).unwrap().format(&Rfc3339).unwrap()
    }

    fn row(&mut self, mut row: Value) -> Value {
        row["timestamp"] = self.time().into();
        row["sessionId"] = self.session.clone().into();
        row["cwd"] = format!("/nowhere/project-{}", self.history % 7).into();
        row["version"] = "2.1.332".into();
        row["gitBranch"] = self.branch.clone().into();
        if row["uuid"].is_null() {
            row["uuid"] = self.id("uuid-").into();
        }
        row
    }

    fn prompt(&mut self) -> String {
        self.branch = ["main", "feature"][usize::try_from(self.rng.below(2)).unwrap()].to_owned();
        let row = self.row(json!({
            "type": "user", "turnOrigin": "human", "message": {"role": "user", "content": "go"},
        }));
        let turn = row["uuid"].as_str().unwrap().to_owned();
        self.rows.push(row);
        self.turns.push((turn.clone(), Vec::new()));
        turn
    }

    /// The rows of a call: its request, and an answer in one or two rows.
    fn call(&mut self, turn: &str, agent: &str, block: &Value) -> Vec<Value> {
        let reference = self.id("request-");
        let mut request = self.row(json!({"type": "api-request", "id": reference, "params": {}}));
        request.as_object_mut().unwrap().remove("uuid");
        let started_at = self.now;
        let model = MODELS[usize::try_from(self.rng.below(3)).unwrap()];
        let effort = ["low", "high"][usize::try_from(self.rng.below(2)).unwrap()];
        let tokens = Tokens {
            input: self.rng.below(50),
            read: self.rng.below(9_000),
            write: self.rng.below(900),
            output: self.rng.below(300) + 1,
        };
        let message = json!({
            "id": self.id("msg_01"), "model": model, "role": "assistant", "content": [], "stop_reason": "end_turn",
            "usage": {
                "input_tokens": tokens.input, "cache_read_input_tokens": tokens.read,
                "cache_creation_input_tokens": tokens.write, "output_tokens": tokens.output,
            },
        });
        let mut rows = vec![request];
        let blocks = [json!({"type": "text", "text": "said"}), block.clone()];
        for (index, block) in blocks.iter().enumerate().filter(|(_, block)| !block.is_null()) {
            let mut message = message.clone();
            message["content"] = json!([block]);
            rows.push(self.row(json!({
                "type": "assistant", "requestRef": reference, "apiBlockIndex": index, "effort": effort, "message": message,
            })));
        }
        let date = self.zone.date(started_at);
        let (year, week, _) = date.to_iso_week_date();
        let values = [
            ("project", format!("project-{}", self.history % 7)),
            ("session", self.session.clone()),
            ("day", date.to_string()),
            ("week", format!("{year}-W{week:02}")),
            ("month", format!("{}-{:02}", date.year(), u8::from(date.month()))),
            ("model", model.to_owned()),
            ("branch", self.branch.clone()),
            ("agent-type", agent.to_owned()),
            ("version", "2.1.332".to_owned()),
            ("effort", effort.to_owned()),
            ("pr", "none".to_owned()),
            ("instructions", "none".to_owned()),
        ];
        self.ledger.push(Played { values: values.into(), turn: turn.to_owned(), tokens });
        rows
    }

    fn result(&mut self, id: &str, result: &Value) -> Value {
        let block = json!({"type": "tool_result", "tool_use_id": id, "content": "ok"});
        self.row(json!({
            "type": "user", "message": {"role": "user", "content": [block]}, "toolUseResult": result,
        }))
    }

    fn commit(&mut self, turn: &str) {
        let id = self.id("toolu_01");
        let block = json!({"type": "tool_use", "id": id, "name": "Bash", "input": {"command": "git commit"}});
        let rows = self.call(turn, "main", &block);
        self.rows.extend(rows);
        let sha = format!("{:04x}{:03x}", self.history, self.ids);
        let result = json!({"gitOperation": {"commit": {"sha": sha, "kind": "committed"}}});
        let row = self.result(&id, &result);
        self.rows.push(row);
        self.turns.last_mut().unwrap().1.push(sha);
    }

    /// An agent in the background, whose calls continue after its turn.
    fn agent(&mut self, turn: &str) {
        let (id, agent_id) = (self.id("toolu_01"), self.id("a"));
        let block =
            json!({"type": "tool_use", "id": id, "name": "Agent", "input": {"prompt": "help"}});
        let rows = self.call(turn, "main", &block);
        self.rows.extend(rows);
        let launched = json!({"isAsync": true, "status": "async_launched", "agentId": agent_id});
        let row = self.result(&id, &launched);
        self.rows.push(row);
        let back = self.now;
        let mut rows = vec![self.row(json!({
            "type": "user", "isSidechain": true, "agentId": agent_id,
            "message": {"role": "user", "content": "help"},
        }))];
        for _ in 0..=self.rng.below(2) {
            rows.extend(self.call(turn, "Explore", &Value::Null));
        }
        self.now = back;
        let folder = self.folder();
        let path = format!("{folder}/{}/subagents/agent-{agent_id}", self.session);
        self.sandbox.write(&format!("{path}.jsonl"), lines(&rows).as_bytes());
        let meta = json!({"agentType": "Explore", "toolUseId": id});
        self.sandbox.write(&format!("{path}.meta.json"), meta.to_string().as_bytes());
    }

    fn folder(&self) -> String {
        format!(".claude/projects/-nowhere-project-{}", self.history % 7)
    }

    fn turns(&mut self, count: u64) {
        for _ in 0..count {
            let turn = self.prompt();
            for _ in 0..=self.rng.below(2) {
                match self.rng.below(4) {
                    0 | 1 => self.commit(&turn),
                    2 => self.agent(&turn),
                    _ => {}
                }
            }
            let rows = self.call(&turn, "main", &Value::Null);
            self.rows.extend(rows);
        }
    }

    /// Writes the session's file, and gives its calls their commits.
    fn close(&mut self) {
        let path = format!("{}/{}.jsonl", self.folder(), self.session);
        self.sandbox.write(&path, lines(&self.rows).as_bytes());
        for played in &mut self.ledger {
            let Some(place) = self.turns.iter().position(|(turn, _)| *turn == played.turn) else {
                continue;
            };
            let later = || self.turns[place + 1..].iter().find_map(|(_, shas)| shas.first());
            let commit = self.turns[place].1.last().or_else(later);
            let commit = commit.map_or("none", String::as_str).to_owned();
            played.values.entry("commit").or_insert(commit);
        }
    }

    /// Continues in a fork, which has copies of all rows but the requests.
    fn fork(&mut self) {
        let parent = self.session.clone();
        self.session = format!("{parent}-fork");
        let queued =
            self.row(json!({"type": "queue-operation", "operation": "enqueue", "content": "go"}));
        let copies = std::mem::take(&mut self.rows).into_iter();
        let copies = copies.filter(|row| row["type"] != "api-request").map(|mut row| {
            row["sessionId"] = self.session.clone().into();
            if row["type"] == "assistant" {
                row["requestSessionId"] = parent.clone().into();
            }
            row
        });
        self.rows = std::iter::once(queued).chain(copies).collect();
        self.turns.clear();
    }
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

fn play(sandbox: &Sandbox, zone: &Zone) -> Vec<Played> {
    let mut ledger = Vec::new();
    for history in 0..HISTORIES {
        let mut writer = Writer {
            sandbox,
            zone,
            rng: Rng(history * 7_919 + 17),
            history,
            now: zone.change() - 60 * 600 * i64::try_from(history % 4).unwrap(),
            session: format!("session-{history}"),
            rows: Vec::new(),
            ledger: Vec::new(),
            turns: Vec::new(),
            branch: String::new(),
            ids: 0,
        };
        let count = writer.rng.below(5) + 1;
        writer.turns(count);
        writer.close();
        if history % 3 == 0 {
            writer.fork();
            writer.turns(2);
            writer.close();
        }
        ledger.append(&mut writer.ledger);
    }
    ledger
}

#[test]
fn every_dimension_has_the_sums_of_the_ledger_while_clocks_change() {
    for zone in &ZONES {
        let mut sandbox = Sandbox::new();
        sandbox.set("TZ", zone.name);
        let ledger = play(&sandbox, zone);
        for by in DIMENSIONS.into_iter().chain(["day,model", "commit,agent-type"]) {
            let dimensions: Vec<&str> = by.split(',').collect();
            let mut expected: BTreeMap<Vec<String>, (Tokens, u64)> = BTreeMap::new();
            for played in &ledger {
                let key = dimensions.iter().map(|name| played.values[name].clone()).collect();
                let (tokens, calls) = expected.entry(key).or_default();
                (*tokens, *calls) = (tokens.plus(played.tokens), *calls + 1);
            }
            let (rows, _) = table(&sandbox, &["usage", "--by", by]);
            let found: BTreeMap<Vec<String>, (Tokens, u64)> = rows
                .iter()
                .map(|row| {
                    let value =
                        |name: &&str| row[name.replace('-', "_")].as_str().unwrap().to_owned();
                    let key = dimensions.iter().map(value).collect();
                    (key, (Tokens::of(&row["tokens"]), row["calls"].as_u64().unwrap()))
                })
                .collect();
            assert_eq!(found, expected, "{by} in {}", zone.name);
        }
    }
}
