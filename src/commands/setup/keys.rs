//! Region and keys: asks for them, and tries them at once.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::answers::{Keys, SecretSource};
use super::args::SetupArgs;
use crate::commands::exit_status::{misconfigured, status_error, wrong_usage};
use crate::commands::output::{ask, ask_hidden, ask_yes, show};
use crate::commands::regions::Region;
use crate::commands::remedy::failure;
use crate::config::{Config, Destination, Layer, Secret, Source, masked, normalise_url, shown};
use crate::langfuse::{Client, Deadline, Problem, Project, Verdict, project};

/// The number of tries for rejected keys.
const MAX_ATTEMPTS: usize = 3;
/// The maximum length of a key.
const MAX_KEY_BYTES: usize = 200;

/// The keys with their destination.
#[derive(Debug)]
pub(super) struct TriedKeys {
    pub(super) keys: Keys,
    pub(super) destination: Destination,
    /// The project that the server named.
    pub(super) project: Option<Project>,
}

/// Asks for keys and tries them, or takes them from flags.
pub(super) fn tried_keys(args: &SetupArgs, config: &Config, asks: bool) -> Result<TriedKeys> {
    let given = args.public_key.is_some() || args.secret_key_file.is_some();
    let host_given = args.region.is_some() || args.base_url.is_some();
    if !given
        && !host_given
        && let Some(configured) = configured(config, asks)?
    {
        return Ok(configured);
    }
    let mut base_url = base_url(args, asks)?;
    for attempt in 1.. {
        let public_key = public_key(args, asks && (attempt > 1 || args.public_key.is_none()))?;
        let secret = secret(args, asks && (attempt > 1 || args.secret_key_file.is_none()))?;
        let key = match &secret {
            SecretSource::Typed(secret) => secret.clone(),
            SecretSource::File(path) => Secret::new(read_key(path)?),
        };
        check_pair(&public_key, key.expose())?;
        let mut destination = destination(&base_url, &public_key, &key);
        let tried = match try_keys(config, &destination) {
            Err(verdict) if is_rejection(&verdict) => {
                in_other_regions(args, config, &mut destination, &verdict, asks)?.ok_or(verdict)
            }
            Err(verdict) if keeps_untested(args, &destination, &verdict, asks)? => Ok(None),
            tried => tried,
        };
        match tried {
            Ok(project) => {
                let base_url = destination.base_url.clone();
                let keys = Keys::New { base_url, public_key, secret };
                return Ok(TriedKeys { keys, destination, project });
            }
            Err(verdict) => {
                let (reason, status) = failure(&verdict, &destination);
                if !asks || attempt == MAX_ATTEMPTS {
                    return Err(status_error(status, format!("nothing was changed: {reason}")));
                }
                show("Enter the keys again, or Ctrl-C to stop.\n")?;
                if !is_rejection(&verdict) {
                    base_url = ask_base_url()?;
                }
            }
        }
    }
    bail!("nothing was changed: the keys were rejected")
}

/// The configured keys, if the user wants to keep them.
fn configured(config: &Config, asks: bool) -> Result<Option<TriedKeys>> {
    let Ok(destination) = &config.destination else {
        return Ok(None);
    };
    let Destination { base_url, public_key, keys_source, .. } = destination;
    let is_shell = keys_source.layer == Layer::Session && keys_source.place == "the environment";
    let question =
        format!("Use the keys that are set: {public_key} at {base_url} ({keys_source})?");
    if asks && !ask_yes(&question, true)? {
        return Ok(None);
    }
    let project = match try_keys(config, destination) {
        Ok(project) => project,
        Err(verdict) => {
            let (reason, status) = failure(&verdict, destination);
            if !asks {
                return Err(status_error(status, format!("nothing was changed: {reason}")));
            }
            show(&format!("{reason}\n"))?;
            return Ok(None);
        }
    };
    let keys = if is_shell {
        // The shell's keys don't count for hooks of other shells.
        Keys::New {
            base_url: base_url.clone(),
            public_key: public_key.clone(),
            secret: SecretSource::Typed(destination.secret_key.clone()),
        }
    } else {
        Keys::Kept
    };
    Ok(Some(TriedKeys { keys, destination: destination.clone(), project }))
}

/// Asks the server for the project of the keys.
fn try_keys(config: &Config, destination: &Destination) -> Result<Option<Project>, Verdict> {
    let mut client = Client::to(destination, config).map_err(|error| Verdict::Misconfigured {
        reason: format!("{error:#}"),
        problem: Problem::Url,
    })?;
    project(&mut client, Deadline::after(config.timeout))
}

/// Looks for the region that takes rejected keys, which becomes their destination. They are sent to other servers only if the
/// user says so.
fn in_other_regions(
    args: &SetupArgs,
    config: &Config,
    destination: &mut Destination,
    verdict: &Verdict,
    asks: bool,
) -> Result<Option<Option<Project>>> {
    let Some(own) = Region::of_url(&destination.base_url) else {
        if asks {
            show(&format!("{}\n", failure(verdict, destination).0))?;
        }
        return Ok(None);
    };
    let others = Region::ALL.into_iter().filter(|region| *region != own);
    let names: Vec<&str> = others.clone().map(Region::name).collect();
    let question = format!(
        "{} rejects the keys. Send them to the other regions, too ({})?",
        own.name(),
        names.join(", ")
    );
    let may_try = args.try_regions || asks && ask_yes(&question, false)?;
    if !may_try {
        return Ok(None);
    }
    for region in others {
        let there = Destination { base_url: region.url().to_owned(), ..destination.clone() };
        if let Ok(project) = try_keys(config, &there) {
            show(&format!("{} accepts them.\n", region.name()))?;
            *destination = there;
            return Ok(Some(project));
        }
    }
    show("No region accepts them.\n")?;
    Ok(None)
}

fn is_rejection(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Misconfigured { problem: Problem::Keys, .. })
}

/// Whether keys are kept although the server could not be asked.
fn keeps_untested(
    args: &SetupArgs,
    destination: &Destination,
    verdict: &Verdict,
    asks: bool,
) -> Result<bool> {
    let (reason, _) = failure(verdict, destination);
    if asks && !args.no_test {
        show(&format!("Could not try the keys: {reason}\n"))?;
    }
    Ok(args.no_test || asks && ask_yes("Keep them without a test?", false)?)
}

fn destination(base_url: &str, public_key: &str, secret_key: &Secret) -> Destination {
    let answer = |name| Source { layer: Layer::File, place: "your answers".to_owned(), name };
    Destination {
        base_url: base_url.to_owned(),
        public_key: public_key.to_owned(),
        secret_key: secret_key.clone(),
        keys_source: answer("LANGFUSE_PUBLIC_KEY"),
        secret_key_source: answer("LANGFUSE_SECRET_KEY"),
        base_url_source: answer("LANGFUSE_BASE_URL"),
    }
}

fn base_url(args: &SetupArgs, asks: bool) -> Result<String> {
    match (&args.base_url, args.region) {
        (Some(url), _) => {
            let invalid = |what| wrong_usage(format!("nothing was changed: --base-url {what}"));
            normalise_url(url).map_err(invalid)
        }
        (None, Some(region)) => Ok(region.url().to_owned()),
        (None, None) if asks => ask_base_url(),
        (None, None) => Ok(Region::Eu.url().to_owned()),
    }
}

fn ask_base_url() -> Result<String> {
    show("Where is your Langfuse?\n")?;
    for (number, region) in (1..).zip(Region::ALL) {
        show(&format!("  {number}  {:6} {}\n", region.name(), region.url()))?;
    }
    show("  5  your own\n")?;
    loop {
        let answer = ask("Number or URL", "1")?;
        let number = answer.parse::<usize>().ok();
        let chosen = number.and_then(|number| Region::ALL.get(number.checked_sub(1)?).copied());
        let by_name = Region::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(&answer));
        let by_flag = || Region::from_str(&answer, true).ok();
        if let Some(region) = chosen.or(by_name).or_else(by_flag) {
            return Ok(region.url().to_owned());
        }
        let url = if number == Some(5) { ask("URL", "")? } else { answer };
        match normalise_url(&url) {
            Ok(url) => return Ok(url),
            Err(what) => show(&format!("That {what}. Enter 1 to 5, or a URL.\n"))?,
        }
    }
}

fn public_key(args: &SetupArgs, asks: bool) -> Result<String> {
    if !asks {
        let missing =
            "nothing was changed: the public key is missing\n  help: name it with --public-key";
        let key = args.public_key.as_ref().ok_or_else(|| wrong_usage(missing))?;
        return check_key(key)
            .map_err(|what| wrong_usage(format!("nothing was changed: public key {what}")));
    }
    let other = "is a secret key; the public one begins with pk-lf-";
    ask_key(|| ask("Public key (pk-lf-…)", ""), "sk-lf-", other)
}

/// Asks until a key is given that can be one. `other`: what a key is that begins with `other_prefix`.
fn ask_key(ask: fn() -> Result<String>, other_prefix: &str, other: &str) -> Result<String> {
    loop {
        let key = ask()?;
        let is_other = key.starts_with(other_prefix);
        let checked = if is_other { Err(other.to_owned()) } else { check_key(&key) };
        match checked {
            Ok(key) => return Ok(key),
            Err(what) => show(&format!("This {what}.\n"))?,
        }
    }
}

fn secret(args: &SetupArgs, asks: bool) -> Result<SecretSource> {
    if asks {
        let other = "is a public key; the secret one begins with sk-lf-";
        let key = ask_key(|| ask_hidden("Secret key (sk-lf-…)"), "pk-lf-", other)?;
        show(&format!("  {}\n", masked(&key)))?;
        return Ok(SecretSource::Typed(Secret::new(key)));
    }
    let missing = "nothing was changed: the secret key is missing\n  help: name its file with --secret-key-file";
    let path = args.secret_key_file.as_ref().ok_or_else(|| wrong_usage(missing))?;
    if path != Path::new("-") {
        let path = std::path::absolute(path)?;
        return Ok(SecretSource::File(path));
    }
    let mut text = String::new();
    let limit = 64 * 1024;
    std::io::stdin()
        .lock()
        .take(limit)
        .read_to_string(&mut text)
        .context("could not read standard input")?;
    let key = check_key(text.trim());
    let key = key.map_err(|what| wrong_usage(format!("nothing was changed: secret key {what}")))?;
    Ok(SecretSource::Typed(Secret::new(key)))
}

fn read_key(path: &Path) -> Result<String> {
    let text = base::regular_file::read_text(path, 64 * 1024).map_err(|error| {
        misconfigured(format!("could not read key file: {}: {error}", path.display()))
    })?;
    check_key(text.trim()).map_err(|what| {
        misconfigured(format!("could not use key file: {}: it {what}", path.display()))
    })
}

/// One word of printable characters.
fn check_key(key: &str) -> Result<String, String> {
    if key.is_empty() {
        return Err("is empty".to_owned());
    }
    if key.len() > MAX_KEY_BYTES || !key.chars().all(|one| one.is_ascii_graphic()) {
        return Err("is no key: it must be one word".to_owned());
    }
    Ok(key.to_owned())
}

fn check_pair(public_key: &str, secret_key: &str) -> Result<()> {
    if public_key.starts_with("sk-lf-") || secret_key.starts_with("pk-lf-") {
        let public = shown(public_key);
        return Err(misconfigured(format!(
            "nothing was changed: the keys are swapped: {public} is not a public key"
        )));
    }
    Ok(())
}
