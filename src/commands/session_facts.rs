//! The facts of the selected sessions, one session after the other, for `usage` and `tools`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;
use base::Timestamp;
use clap::Args;
use serde_json::Value;
use transcript::{locate, origin};

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::session_args::{self, SessionFilter, SessionSelector};
use crate::commands::time_arg::{self, TimeArg};
use crate::config::{Config, Destination, Scope, repository_identity, root_of};
use crate::langfuse::{Deadline, Prices};
use crate::privacy::Policy;
use crate::state::{Store, StoredPrices};
use crate::usage::{CachedFacts, Dimension, Groups, Seen, SessionFacts, read_session, stamp};

/// Options that select calls.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct FactsFilter {
    /// Only the project of this directory
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Only calls since WHEN (90m, 12h, 7d, 2026-11-23)
    #[arg(long, value_name = "WHEN", value_parser = time_arg::parse)]
    since: Option<TimeArg>,
    /// Only calls before WHEN or the end of its day
    #[arg(long, value_name = "WHEN", value_parser = time_arg::parse_until)]
    until: Option<TimeArg>,
}

impl FactsFilter {
    pub(super) fn covers(&self, at: Timestamp) -> bool {
        let is_since = self.since.as_ref().is_none_or(|since| at >= since.at);
        is_since && self.until.as_ref().is_none_or(|until| at < until.at)
    }
}

/// Facts shared by all sessions that were started in one directory.
pub(super) struct StartFacts {
    /// The identity of the project: its remote, otherwise its main checkout.
    pub project: String,
    pub policy: Policy,
    pub config: Config,
    store: Store,
    pub prices: Option<Rc<Prices>>,
}

impl StartFacts {
    /// The destination of these sessions, if this one was sent there.
    pub(super) fn sent_to(&self, session: &str) -> Option<String> {
        let destination = self.config.destination.as_ref().ok()?.id();
        let cursor = self.store.cursor(session, &destination).ok()??;
        cursor.delivered_at.map(|_| destination)
    }

    /// The masked text, as it would be sent: people share such tables.
    pub(super) fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.policy.apply_to_name(&mut text);
        text
    }
}

/// A session whose facts were read.
pub(super) struct Session<'a> {
    pub id: String,
    pub path: &'a Path,
    pub start: Rc<StartFacts>,
    pub facts: SessionFacts,
}

/// The selected sessions.
pub(super) struct SelectedSessions {
    pub context: DeliveryContext,
    pub claude_config: PathBuf,
    /// Whether prices are read from the servers first.
    pub refreshes_prices: bool,
    filter: FactsFilter,
    starts: BTreeMap<Option<PathBuf>, Rc<StartFacts>>,
    prices: BTreeMap<String, Option<(Timestamp, Rc<Prices>)>>,
}

impl SelectedSessions {
    /// # Errors
    /// When Claude Code's folder is not known.
    pub(super) fn new(config: Option<PathBuf>, filter: &FactsFilter) -> Result<Self> {
        let context = DeliveryContext::new(config)?;
        let claude_config = session_args::claude_config_dir(&context.env)?;
        let of_project =
            SessionFilter { project: filter.project.clone(), ..SessionFilter::default() };
        SessionSelector::new(&of_project, &claude_config)?;
        Ok(Self {
            context,
            claude_config,
            refreshes_prices: false,
            filter: filter.clone(),
            starts: BTreeMap::new(),
            prices: BTreeMap::new(),
        })
    }

    /// Visits the sessions one by one. An unreadable session is skipped, with a warning.
    pub(super) fn each(&mut self, mut visit: impl FnMut(Session<'_>)) {
        let project = self.filter.project.as_deref().map(project_filter);
        let since = self.filter.since.clone();
        let mut seen = Seen::default();
        let mut names = BTreeSet::new();
        for path in locate::sessions(&self.claude_config) {
            names.insert(Store::facts_name(&path));
            if !session_args::may_be_since(&path, since.as_ref()) {
                continue;
            }
            let Ok((start, row_session)) = origin(&path) else {
                continue;
            };
            let facts_of_start = self.start(start.as_deref());
            let is_selected = project
                .as_ref()
                .is_none_or(|project| project.covers(start.as_deref(), &facts_of_start.project));
            if !is_selected {
                continue;
            }
            let Ok(id) = session_args::session_id(&path, row_session) else {
                continue;
            };
            match facts_of(&path, &id, &facts_of_start) {
                Ok(mut facts) => {
                    seen.keep_new(&mut facts);
                    visit(Session { id, path: &path, start: facts_of_start, facts });
                }
                Err(error) => log::warn!("{error:#}"),
            }
        }
        let _ = self.start(None);
        for start in self.starts.values() {
            start.store.forget_facts_except(&names);
        }
    }

    fn start(&mut self, start: Option<&Path>) -> Rc<StartFacts> {
        let key = start.map(Path::to_path_buf);
        if let Some(known) = self.starts.get(&key) {
            return Rc::clone(known);
        }
        let config = self.context.config(start, Scope::Explicit);
        let prices = config.destination.as_ref().ok().and_then(|destination| {
            let id = destination.id();
            let (context, is_fresh) = (&self.context, self.refreshes_prices);
            let read = || {
                let fresh = is_fresh.then(|| read_prices(context, &config, destination)).flatten();
                let prices = fresh.or_else(|| Store::new(&config.state_dir).prices(&id))?;
                Some((prices.at, Rc::new(Prices::new(prices.list))))
            };
            self.prices.entry(id.clone()).or_insert_with(read).clone()
        });
        let facts = Rc::new(StartFacts {
            project: start.map_or_else(|| "unknown".to_owned(), project_key),
            policy: Policy::from(&config),
            store: Store::new(&config.state_dir),
            config,
            prices: prices.map(|(_, prices)| prices),
        });
        self.starts.insert(key, Rc::clone(&facts));
        facts
    }

    /// The oldest date of the price lists that were used.
    pub(super) fn price_date(&self) -> Option<Timestamp> {
        self.prices.values().flatten().map(|(at, _)| *at).min()
    }
}

/// Reads the prices of a server and keeps them.
fn read_prices(
    context: &DeliveryContext,
    config: &Config,
    destination: &Destination,
) -> Option<StoredPrices> {
    let mut client = context.client(config, destination).ok()?;
    match client.price_list(Deadline::after(config.timeout)) {
        Ok(list) => {
            let prices = StoredPrices { at: Timestamp::now(), list };
            if let Err(error) =
                Store::new(&config.state_dir).save_prices(&destination.id(), &prices)
            {
                log::warn!("{error:#}");
            }
            Some(prices)
        }
        Err(reply) => {
            log::warn!("prices were not read: {}", reply.reason().unwrap_or_default());
            None
        }
    }
}

/// Selects a directory with all directories below, and the other checkouts of a repository whose top it is.
struct ProjectFilter {
    forms: [PathBuf; 2],
    repository: Option<String>,
}

impl ProjectFilter {
    fn covers(&self, start: Option<&Path>, project: &str) -> bool {
        let is_below = |start: &Path| self.forms.iter().any(|form| start.starts_with(form));
        start.is_some_and(is_below) || self.repository.as_deref() == Some(project)
    }
}

fn project_filter(directory: &Path) -> ProjectFilter {
    let forms = session_args::forms_of(directory);
    let [_, real] = &forms;
    let is_top = real.join(".git").exists();
    ProjectFilter { repository: is_top.then(|| project_key(real)), forms }
}

/// The same for all checkouts of a repository.
fn project_key(start: &Path) -> String {
    repository_identity(start).unwrap_or_else(|| root_of(start).display().to_string())
}

/// Short names of projects: the last part of a key, if it is unique.
pub(super) struct ProjectNames(BTreeMap<String, String>);

impl ProjectNames {
    pub(super) fn of<'a>(keys: impl Iterator<Item = &'a String>) -> Self {
        let last = |key: &String| key.rsplit('/').next().unwrap_or_default().to_owned();
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for key in keys.collect::<BTreeSet<_>>() {
            by_name.entry(last(key)).or_default().push(key.clone());
        }
        let named = by_name.into_iter().flat_map(|(name, keys)| {
            let is_unique = keys.len() == 1 && !name.is_empty();
            keys.into_iter()
                .map(move |key| if is_unique { (key, name.clone()) } else { (key.clone(), key) })
        });
        Self(named.collect())
    }

    pub(super) fn of_groups<S: Default>(groups: &Groups<S>) -> Self {
        Self::of(Self::keys(groups))
    }

    /// The keys of all projects in a table.
    pub(super) fn keys<S: Default>(groups: &Groups<S>) -> impl Iterator<Item = &String> {
        let place = groups.by.iter().position(|by| *by == Dimension::Project);
        let keys = groups.sums.keys();
        keys.filter_map(move |key| key.get(place?))
    }

    pub(super) fn name(&self, key: &str) -> String {
        self.0.get(key).cloned().unwrap_or_else(|| key.to_owned())
    }
}

/// The values of a group as a table shows them.
pub(super) fn labels(by: &[Dimension], key: &[String], names: &ProjectNames) -> Vec<String> {
    let label = |(by, value): (&Dimension, &String)| match by {
        Dimension::Project => names.name(value),
        // The length that other commands need.
        Dimension::Session => value.chars().take(8).collect(),
        Dimension::PullRequest => short_pull_request(value),
        _ => value.clone(),
    };
    by.iter().zip(key).map(label).collect()
}

/// `https://github.com/owner/name/pull/7` as `owner/name#7`; another text as it is.
fn short_pull_request(url: &str) -> String {
    let short = || {
        let (_, path) = url.split_once("://")?.1.split_once('/')?;
        let (rest, number) = path.rsplit_once('/')?;
        let repository =
            ["/pull", "/-/merge_requests"].iter().find_map(|end| rest.strip_suffix(end));
        Some(format!("{}#{number}", repository?))
    };
    short().unwrap_or_else(|| url.to_owned())
}

/// The beginning of a group's object: its values.
pub(super) fn key_json(by: &[Dimension], key: &[String], names: &ProjectNames) -> Value {
    let value = |(by, value): (&Dimension, &String)| {
        let value = if *by == Dimension::Project { names.name(value) } else { value.clone() };
        (by.name().replace('-', "_"), Value::from(value))
    };
    Value::Object(by.iter().zip(key).map(value).collect())
}

/// The value of `--by`.
#[derive(Clone, Debug, Default)]
pub(super) struct By(pub Vec<Dimension>);

impl By {
    /// Parses one or two dimensions, with a comma between.
    ///
    /// # Errors
    /// When they are others than `allowed`, or more.
    pub(super) fn parse(text: &str, allowed: &[(Dimension, &str)]) -> Result<Self, String> {
        let find = |name: &str| allowed.iter().find(|(_, one)| *one == name).map(|(by, _)| *by);
        let found: Option<Vec<Dimension>> = text.split(',').map(|name| find(name.trim())).collect();
        found.filter(|found| found.len() <= 2).map(Self).ok_or_else(|| {
            let names: Vec<&str> = allowed.iter().map(|(_, name)| *name).collect();
            format!("give one or two of {}", names.join(", "))
        })
    }
}

/// The facts of a session, masked: cached ones, if its files are unchanged.
fn facts_of(transcript: &Path, session_id: &str, start: &StartFacts) -> Result<SessionFacts> {
    let stamp = stamp(transcript);
    let kept = stamp
        .and_then(|stamp| start.store.cached_facts::<CachedFacts>(transcript)?.still_valid(stamp));
    if let Some(mut facts) = kept {
        // The policy may be stricter than the one they were kept under.
        mask_facts(&mut facts, start);
        return Ok(facts);
    }
    let (mut facts, is_covered) = read_session(transcript, session_id)?;
    mask_facts(&mut facts, start);
    if let Some(stamp) = stamp.filter(|_| is_covered) {
        let kept = CachedFacts::new(stamp, facts.clone());
        if let Err(error) = start.store.cache_facts(transcript, &kept) {
            log::debug!("{error:#}");
        }
    }
    Ok(facts)
}

/// Masks the texts that tables show of every call.
fn mask_facts(facts: &mut SessionFacts, start: &StartFacts) {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut mask = |text: &mut String| {
        let masked = known.entry(text.clone()).or_insert_with(|| start.mask(text));
        text.clone_from(masked);
    };
    for turn in &mut facts.turns {
        let texts = [&mut turn.branch, &mut turn.commit, &mut turn.pull_request];
        texts
            .into_iter()
            .chain([&mut turn.version, &mut turn.effort])
            .flatten()
            .for_each(&mut mask);
    }
    for call in &mut facts.calls {
        mask(&mut call.model);
        [&mut call.agent_type, &mut call.effort, &mut call.speed, &mut call.service_tier]
            .into_iter()
            .flatten()
            .for_each(&mut mask);
    }
    for tool in &mut facts.tools {
        mask(&mut tool.name);
        let texts = [&mut tool.agent_type, &mut tool.model, &mut tool.skill];
        texts.into_iter().flatten().for_each(&mut mask);
    }
}

#[cfg(test)]
mod tests {
    use super::{ProjectNames, short_pull_request};

    #[test]
    fn pull_requests_are_short_and_other_urls_stay() {
        for (url, short) in [
            ("https://github.com/owner/name/pull/7", "owner/name#7"),
            ("https://gitlab.com/group/sub/name/-/merge_requests/12", "group/sub/name#12"),
            ("https://host/other/thing", "https://host/other/thing"),
            ("none", "none"),
        ] {
            assert_eq!(short_pull_request(url), short);
        }
    }

    #[test]
    fn a_project_has_its_whole_name_where_another_ends_alike() {
        let keys = ["host/one/app", "host/two/app", "/home/me/tool"].map(str::to_owned);
        let names = ProjectNames::of(keys.iter());
        let shown = keys.each_ref().map(|key| names.name(key));
        assert_eq!(shown, ["host/one/app", "host/two/app", "tool"]);
    }
}
