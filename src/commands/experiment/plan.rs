//! The plan of a command.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::commands::experiment::checkout::{Instructions, Repository};
use crate::commands::experiment::claude::ClaudeCode;
use crate::commands::experiment::item::{Item, UNSAFE_MODE, Unusable, is_active};
use crate::commands::experiment::record::{Kept, Run, Setup, first_difference};
use crate::commands::experiment::run::RunArgs;
use crate::commands::output::{dollars, one_line, plural, short_duration, truncate};
use crate::config::Destination;

/// Width of a prompt's beginning.
const PROMPT_WIDTH: usize = 80;

/// Values shared by all experiments of one command.
pub(super) struct Plan<'a> {
    pub args: &'a RunArgs,
    pub repository: Repository,
    pub claude: ClaudeCode,
    pub instructions: Option<Instructions>,
    pub items: Vec<Item>,
    pub unusable: Vec<Unusable>,
    pub experiments: Vec<Experiment>,
}

/// One experiment, with its remaining runs.
pub(super) struct Experiment {
    pub name: String,
    pub setup: Setup,
    pub kept: Kept,
    /// Positions in [`Plan::items`], with the number of the repeat.
    pub todo: Vec<(usize, usize)>,
}

/// Reads the items that can be run in a repository.
///
/// # Errors
/// If a wanted item is not in the dataset.
pub(super) fn usable_items(
    all: &[Value],
    args: &RunArgs,
    repository: &Repository,
) -> Result<(Vec<Item>, Vec<Unusable>)> {
    let id = |item: &Value| item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let wanted = &args.items;
    for prefix in wanted {
        if !all.iter().any(|item| id(item).starts_with(prefix.as_str())) {
            bail!("could not find item: no id in the dataset starts with '{prefix}'");
        }
    }
    let (mut items, mut unusable) = (Vec::new(), Vec::new());
    for item in all.iter().filter(|item| is_active(item)) {
        if !wanted.is_empty() && !wanted.iter().any(|prefix| id(item).starts_with(prefix.as_str()))
        {
            continue;
        }
        match Item::read(item, repository.identity.as_deref(), args.permission_mode.as_deref()) {
            Ok(mut item) => match repository.git.commit(&item.commit) {
                Some(commit) => {
                    item.commit = commit;
                    items.push(item);
                }
                None => unusable.push(Unusable {
                    reason: format!(
                        "commit {} is missing here; 'git fetch' may bring it",
                        item.commit
                    ),
                    id: item.id,
                }),
            },
            Err(item) => unusable.push(item),
        }
    }
    Ok((items, unusable))
}

impl Experiment {
    /// # Errors
    /// If an experiment of this name was set up differently.
    pub(super) fn new(
        name: String,
        setup: Setup,
        kept: Kept,
        items: &[Item],
        repeats: usize,
    ) -> Result<Self> {
        if let Some(before) = &kept.setup
            && let Some((option, was, is)) = first_difference(before, &setup)
        {
            bail!(
                "could not continue experiment {name}: its {option} was {was}, and is {is} now; choose another --name"
            );
        }
        let all = (1..=repeats).flat_map(|repeat| (0..items.len()).map(move |item| (item, repeat)));
        let is_left = |(item, repeat): &(usize, usize)| {
            items.get(*item).is_some_and(|item| !kept.is_answered(&item.id, *repeat))
        };
        Ok(Self { todo: all.filter(is_left).collect(), name, setup, kept })
    }
}

impl Plan<'_> {
    pub(super) fn runs(&self) -> usize {
        self.experiments.iter().map(|experiment| experiment.todo.len()).sum()
    }

    /// The permission mode of an item's run. `default` is what Claude Code does without the option.
    pub(super) fn permission_mode<'b>(&'b self, item: &'b Item) -> &'b str {
        let own = item.rerun.permission_mode.as_deref();
        self.args.permission_mode.as_deref().or(own).unwrap_or("default")
    }

    fn modes(&self) -> BTreeMap<&str, usize> {
        let mut modes = BTreeMap::new();
        for item in &self.items {
            *modes.entry(self.permission_mode(item)).or_default() += 1;
        }
        modes
    }

    /// Prints the runs, their folder and their permissions.
    pub(super) fn print(
        &self,
        out: &mut dyn Write,
        folder: &Path,
        destination: &Destination,
    ) -> io::Result<()> {
        self.print_experiments(out)?;
        let ClaudeCode { version, path, .. } = &self.claude;
        writeln!(out, "Claude Code        {version} ({})", path.display())?;
        let Repository { top, identity, .. } = &self.repository;
        let identity = identity.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        writeln!(out, "repository         {}{identity}: read only", top.display())?;
        let folder = folder.display();
        writeln!(out, "checkouts          in {folder}, one per run, removed after it")?;
        match &self.instructions {
            Some(Instructions { revision, commit, files }) => {
                let (commit, files) = (short_commit(commit), files.join(", "));
                writeln!(out, "instructions       {revision} ({commit}): {files}")?;
            }
            None => writeln!(out, "instructions       those of each item's commit")?,
        }
        self.print_rights(out)?;
        self.print_limits(out)?;
        let Destination { base_url, public_key, .. } = destination;
        writeln!(out, "sends to           {base_url} with {public_key}")?;
        self.print_items(out)
    }

    fn print_experiments(&self, out: &mut dyn Write) -> io::Result<()> {
        for Experiment { name, todo, kept, setup } in &self.experiments {
            let is_done = |run: &&Run| kept.is_answered(&run.item, run.repeat);
            let done = match kept.runs.values().filter(is_done).count() {
                0 => String::new(),
                done => format!(", {done} done before"),
            };
            let (runs, dataset) = (plural(todo.len(), "run"), &setup.dataset);
            writeln!(out, "experiment {name}: {runs} of dataset {dataset}{done}")?;
            let model = setup.model.as_deref().unwrap_or("as each item says");
            writeln!(out, "  model            {model}")?;
        }
        Ok(())
    }

    fn print_rights(&self, out: &mut dyn Write) -> io::Result<()> {
        let modes = self.modes();
        let shown =
            modes.iter().map(|(mode, count)| format!("{mode} ({})", plural(*count, "item")));
        writeln!(out, "permission mode    {}", shown.collect::<Vec<_>>().join(", "))?;
        for (mode, meaning) in [
            (UNSAFE_MODE, "Claude Code may run any command, and write anywhere"),
            ("default", "nobody is there to be asked, so what no rule allows is denied"),
        ] {
            if modes.contains_key(mode) {
                writeln!(out, "                   {mode}: {meaning}")?;
            }
        }
        if let Some(check) = &self.args.check {
            writeln!(out, "check              {check}")?;
        }
        Ok(())
    }

    fn print_limits(&self, out: &mut dyn Write) -> io::Result<()> {
        let limit = short_duration(self.args.timeout.as_secs().into());
        let parallel = match self.args.parallel {
            1 => String::new(),
            count => format!(", {count} at once"),
        };
        writeln!(out, "time limit         {limit} per run{parallel}")?;
        match self.args.max_usd {
            Some(max) => writeln!(out, "budget             {} per experiment", dollars(max)),
            None => writeln!(out, "budget             no limit; --max-usd sets one"),
        }
    }

    fn print_items(&self, out: &mut dyn Write) -> io::Result<()> {
        for item in &self.items {
            let commit = short_commit(&item.commit);
            let prompt = truncate(&one_line(&item.rerun.prompt), PROMPT_WIDTH);
            writeln!(out, "item {} at {commit}: {prompt}", item.id)?;
        }
        let later = self.items.iter().filter(|item| item.is_later_turn).count();
        if later > 0 {
            let all = plural(self.items.len(), "item");
            writeln!(
                out,
                "{later} of {all} began in the middle of a session: a rerun lacks the conversation before"
            )?;
        }
        for Unusable { id, reason } in &self.unusable {
            writeln!(out, "skipped item {id}: {reason}")?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let experiment = |experiment: &Experiment| {
            let item = |place: &usize| self.items.get(*place).map(|item| item.id.as_str());
            let todo: Vec<Value> = experiment
                .todo
                .iter()
                .map(|(place, repeat)| json!({"item": item(place), "repeat": repeat}))
                .collect();
            json!({"name": experiment.name, "setup": experiment.setup, "runs": todo})
        };
        let unusable = self
            .unusable
            .iter()
            .map(|Unusable { id, reason }| json!({"item": id, "reason": reason}));
        json!({
            "experiments": self.experiments.iter().map(experiment).collect::<Vec<_>>(),
            "permission_modes": self.modes(),
            "skipped": unusable.collect::<Vec<_>>(),
        })
    }
}

fn short_commit(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
