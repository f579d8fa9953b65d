//! A checkout for one run. It borrows the objects of the user's repository and has a history of its own, so that no
//! git command in it reaches that repository: no commit, no branch, no push.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::commands::experiment::diff::Diff;
use crate::commands::experiment::item::Item;
use crate::commands::experiment::temporary::{Temporary, remove_all};
use crate::commands::git::Git;
use crate::config::repository_identity;

/// The user's repository. Only its objects are read.
pub(super) struct Repository {
    pub top: PathBuf,
    /// Host, owner and name of `origin`.
    pub identity: Option<String>,
    pub git: Git,
    objects: PathBuf,
    object_format: String,
    /// The commits at which a shallow clone ends.
    shallow: Option<Vec<u8>>,
}

/// The instructions that replace those of a checkout.
#[derive(Clone, Debug)]
pub(super) struct Instructions {
    pub revision: String,
    pub commit: String,
    pub files: Vec<String>,
}

impl Repository {
    /// # Errors
    /// When the folder is in no repository.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let git = Git::new(folder);
        let top = git.text(&["rev-parse", "--show-toplevel"]);
        let top = PathBuf::from(
            top.with_context(|| format!("could not use repository: {}", folder.display()))?,
        );
        let git = Git::new(&top);
        let path =
            |name: &str| git.text(&["rev-parse", "--path-format=absolute", "--git-path", name]);
        Ok(Self {
            objects: PathBuf::from(path("objects")?),
            shallow: fs::read(path("shallow")?).ok(),
            object_format: git.text(&["rev-parse", "--show-object-format"])?,
            identity: repository_identity(&top),
            git,
            top,
        })
    }

    /// The instructions of a revision.
    ///
    /// # Errors
    /// When there is no such revision, or it has none.
    pub(super) fn instructions(&self, revision: &str) -> Result<Instructions> {
        let Some(commit) = self.git.commit(revision) else {
            bail!(
                "could not find instructions: {revision} is no revision of {}",
                self.top.display()
            );
        };
        let names = self.git.bytes(&["ls-tree", "-r", "-z", "--name-only", &commit])?;
        let files: Vec<String> = names_of(&names).filter(|name| is_instruction(name)).collect();
        if files.is_empty() {
            bail!("could not find instructions: {revision} has neither CLAUDE.md nor .claude/");
        }
        Ok(Instructions { revision: revision.to_owned(), commit, files })
    }

    /// The changes of the turn's own commits; `None` if the commits are missing here.
    pub(super) fn real_diff(&self, item: &Item) -> Option<Diff> {
        let last = self.git.commit(item.rerun.commits.last()?)?;
        let patch = [&["diff-tree"], &PATCH[..], &[&item.commit, &last]].concat();
        Some(Diff::read(&self.git.bytes(&patch).ok()?, is_instruction))
    }
}

const PATCH: [&str; 7] = [
    "-p",
    "--unified=0",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=all",
];

/// Files with instructions for Claude Code: CLAUDE.md in any folder, and all of `.claude/`.
fn is_instruction(path: &str) -> bool {
    path.starts_with(".claude/") || path == "CLAUDE.md" || path.ends_with("/CLAUDE.md")
}

fn names_of(bytes: &[u8]) -> impl Iterator<Item = String> {
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned())
}

/// The checkout of one run. Dropping it removes it.
pub(super) struct Checkout {
    /// Holds the checkout and the other files of the run.
    pub place: PathBuf,
    /// For temporary files of the run: Claude Code leaves some.
    pub temporary: PathBuf,
    top: PathBuf,
    /// The start directory of Claude Code.
    pub directory: PathBuf,
    /// A history beside the checkout. The history inside, which a run may change, is never read.
    history: Git,
    base: String,
}

impl Checkout {
    /// Creates the checkout of an item at its commit, with replaced instructions.
    ///
    /// # Errors
    /// If the files can't be written, or git fails.
    pub(super) fn create(
        temporary: &Temporary,
        slot: usize,
        repository: &Repository,
        item: &Item,
        instructions: Option<&Instructions>,
    ) -> Result<Self> {
        // An item comes from a server.
        let below = Path::new(item.rerun.directory.as_deref().unwrap_or_default());
        if !below.components().all(|part| matches!(part, Component::Normal(_))) {
            bail!("could not use directory of item {}: it leads out of its repository", item.id);
        }
        let place = temporary.path.join(slot.to_string());
        let name = repository.top.file_name().unwrap_or("repository".as_ref());
        let (top, git_dir) = (place.join("checkout").join(name), place.join("history.git"));
        let temporary_files = place.join("tmp");
        for folder in [&top, &temporary_files] {
            fs::create_dir_all(folder)
                .with_context(|| format!("could not create folder: {}", folder.display()))?;
        }
        let mut checkout = Self {
            directory: if below == Path::new("") { top.clone() } else { top.join(below) },
            history: Git::outside(&top, &git_dir),
            base: item.commit.clone(),
            temporary: temporary_files,
            place,
            top,
        };
        let history = &checkout.history;
        init(history, &git_dir, repository, &[&repository.objects])?;
        history.text(&["read-tree", "--reset", "-u", &item.commit])?;
        if let Some(instructions) = instructions {
            checkout.base = lay_over(history, item, instructions)?;
        }
        checkout.make_own_repository(repository, item, &git_dir)?;
        // A folder in no commit: the turn began in an empty one.
        fs::create_dir_all(&checkout.directory).with_context(|| {
            format!("could not create folder: {}", checkout.directory.display())
        })?;
        if !checkout.directory.canonicalize()?.starts_with(&checkout.top) {
            bail!("could not use directory of item {}: it leads out of its repository", item.id);
        }
        Ok(checkout)
    }

    /// The repository inside the checkout: the item's branch at its commit, and a remote without pushes.
    fn make_own_repository(
        &self,
        repository: &Repository,
        item: &Item,
        history: &Path,
    ) -> Result<()> {
        let git = Git::new(&self.top);
        let objects = [repository.objects.as_path(), &history.join("objects")];
        init(&git, &self.top.join(".git"), repository, &objects)?;
        let branch = item.rerun.branch.as_deref().unwrap_or_default();
        let branch = format!("refs/heads/{branch}");
        let is_valid = git.succeeds(&["check-ref-format", &branch]);
        let branch = if is_valid { branch.as_str() } else { "refs/heads/experiment" };
        git.text(&["symbolic-ref", "HEAD", branch])?;
        git.text(&["update-ref", "HEAD", &self.base])?;
        git.text(&["read-tree", "HEAD"])?;
        // It fails for files that a filter changes, which does no harm.
        git.succeeds(&["update-index", "-q", "--refresh"]);
        if let Some(identity) = &repository.identity {
            git.text(&["config", "remote.origin.url", &format!("https://{identity}")])?;
            git.text(&["config", "remote.origin.pushurl", "/dev/null"])?;
        }
        Ok(())
    }

    /// The changes of the run.
    ///
    /// # Errors
    /// If git fails.
    pub(super) fn diff(&self) -> Result<Diff> {
        self.history.text(&["add", "--all"])?;
        let patch = [&["diff-index", "--cached"], &PATCH[..], &[&self.base]].concat();
        Ok(Diff::read(&self.history.bytes(&patch)?, is_instruction))
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Err(error) = remove_all(&self.place) {
            log::warn!("could not remove {}: {error}", self.place.display());
        }
    }
}

/// A new repository that borrows objects.
fn init(git: &Git, git_dir: &Path, repository: &Repository, objects: &[&Path]) -> Result<()> {
    let format = format!("--object-format={}", repository.object_format);
    git.text(&["init", "--quiet", "--template=", &format])?;
    let mut alternates = String::new();
    for folder in objects {
        let folder = folder.to_str().context("could not use repository: its path is not UTF-8")?;
        alternates.push_str(&format!("{folder}\n"));
    }
    let write = |name: &str, content: &[u8]| {
        let path = git_dir.join(name);
        fs::create_dir_all(path.parent().unwrap_or(git_dir))
            .and_then(|()| fs::write(&path, content))
            .with_context(|| format!("could not write file: {}", path.display()))
    };
    write("objects/info/alternates", alternates.as_bytes())?;
    match &repository.shallow {
        Some(shallow) => write("shallow", shallow),
        None => Ok(()),
    }
}

/// Replaces the instructions of a checkout. Returns the commit with them.
fn lay_over(history: &Git, item: &Item, instructions: &Instructions) -> Result<String> {
    let present = history.bytes(&["ls-files", "-z"])?;
    let mut files: Vec<String> = names_of(&present).filter(|name| is_instruction(name)).collect();
    files.extend(instructions.files.iter().cloned());
    files.sort_unstable();
    files.dedup();
    let source = format!("--source={}", instructions.commit);
    let restore = ["--literal-pathspecs", "restore", &source, "--staged", "--worktree", "--"];
    let names = files.iter().map(String::as_str);
    history.text(&restore.into_iter().chain(names).collect::<Vec<_>>())?;
    let tree = history.text(&["write-tree"])?;
    if tree == history.text(&["rev-parse", &format!("{}^{{tree}}", item.commit)])? {
        return Ok(item.commit.clone());
    }
    let message = format!("Instructions of {}", instructions.revision);
    let author = ["-c", "user.name=claude-langfuse", "-c", "user.email=claude-langfuse@localhost"];
    let commit = ["commit-tree", &tree, "-p", &item.commit, "-m", &message];
    history.text(&[&author[..], &commit].concat())
}
