//! The way to Langfuse: name, address, encryption, the server itself, its keys. Each step is only taken after the one before,
//! so that the first thing that is wrong is the one that is told.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::{Patient, regions, test_trace};
use crate::commands::Outcome;
use crate::commands::output::report::Report;
use crate::commands::remedy::remedy;
use crate::commands::status::roughly;
use crate::config::Destination;
use crate::langfuse::{Client, Deadline, Health, Problem, Project, Reply, health, project};

/// A name server that does not answer is not waited for any longer.
const LOOKUP: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(5);
/// From here on, times in Langfuse look wrong beside those of others.
const SKEW: Duration = Duration::from_secs(60);

pub(super) fn check(patient: &Patient<'_>, report: &mut Report) -> Outcome {
    let Ok(destination) = &patient.config.destination else {
        // Where to is not known, which is told already.
        return Outcome::Done;
    };
    let mut client = match client(patient, destination) {
        Ok(client) => client,
        Err(reason) => {
            report.fail("address", reason, remedy(Some(Problem::Proxy), destination));
            return Outcome::Misconfigured;
        }
    };
    if let Err(outcome) = reach(&client, report) {
        return outcome;
    }
    let deadline = || Deadline::after(patient.config.timeout);
    match health(&mut client, deadline()) {
        Ok(health) => tell_of_server(&client, &health, report),
        Err(reply) => return refused("server", &reply, destination, report),
    }
    match project(&mut client, deadline()) {
        Ok(project) => report.ok("project", named(project.as_ref())),
        Err(Reply::Misconfigured {
            reason,
            problem: Problem::Keys,
        }) => {
            return regions::look_elsewhere(patient, destination, &reason, report);
        }
        Err(reply) => return refused("project", &reply, destination, report),
    }
    test_trace::check(patient, destination, &mut client, report)
}

pub(super) fn client(patient: &Patient<'_>, destination: &Destination) -> Result<Client, String> {
    let environment = &patient.post.surroundings.environment;
    let client = Client::to(destination, patient.config.ca_file.as_deref(), environment);
    client.map_err(|error| format!("{error:#}"))
}

/// Name and address of the server, or of the proxy before it.
fn reach(client: &Client, report: &mut Report) -> Result<(), Outcome> {
    let proxy = client.proxy();
    let (peer, what) = match &proxy {
        Some(proxy) => (proxy.clone(), "the proxy "),
        None => (client.server(), ""),
    };
    let addresses = match lookup(&peer) {
        Ok(addresses) => addresses,
        Err(why) => {
            let help = match proxy {
                Some(_) => "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
                None => "check the spelling of the address, and whether this machine is online",
            };
            report.fail(
                "dns",
                format!("the host of {what}{peer} was not found: {why}"),
                help,
            );
            return Err(Outcome::Unreachable);
        }
    };
    let mut last = String::new();
    for address in &addresses {
        match TcpStream::connect_timeout(address, CONNECT) {
            Ok(_) => {
                report.ok("tcp", format!("{what}{peer} answers at {address}"));
                return Ok(());
            }
            Err(error) => last = error.to_string(),
        }
    }
    report.fail(
        "tcp",
        format!("{what}{peer} does not answer: {last}"),
        "check port and host of the address, and whether a firewall or a VPN is in between",
    );
    Err(Outcome::Unreachable)
}

/// In a thread, because the system's own patience can be half a minute.
fn lookup(peer: &str) -> Result<Vec<SocketAddr>, String> {
    let (done, waiting) = mpsc::channel::<()>();
    let name = peer.to_owned();
    let asking = std::thread::spawn(move || {
        let found = name.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        drop(done);
        found
    });
    if waiting.recv_timeout(LOOKUP) == Err(RecvTimeoutError::Timeout) {
        return Err("the name server does not answer".to_owned());
    }
    match asking.join() {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(_)) | Err(_) => Err("it has no address".to_owned()),
    }
}

fn tell_of_server(client: &Client, health: &Health, report: &mut Report) {
    let version = health.version.as_deref().unwrap_or("of unknown version");
    let through = client
        .proxy()
        .map(|proxy| format!(" through the proxy {proxy}"));
    report.ok(
        "server",
        format!(
            "{} is Langfuse {version}{}",
            client.server(),
            through.unwrap_or_default()
        ),
    );
    match health.clock_skew {
        Some(skew) if skew > SKEW => report.warn(
            "clock",
            format!("this machine's clock and the server's are {} apart", roughly(skew)),
            "let this machine set its clock by the network: times in Langfuse are those of this machine",
        ),
        Some(_) => report.ok("clock", "as the server's"),
        None => {}
    }
}

fn named(project: Option<&Project>) -> String {
    match project {
        Some(Project {
            name,
            organisation: Some(organisation),
        }) => format!("the keys are for '{name}' of '{organisation}'"),
        Some(Project { name, .. }) => format!("the keys are for '{name}'"),
        None => "the keys are taken".to_owned(),
    }
}

/// What a reply that is no success says.
pub(super) fn refused(
    check: &'static str,
    reply: &Reply,
    destination: &Destination,
    report: &mut Report,
) -> Outcome {
    let (check, reason, problem) = match reply {
        Reply::Acknowledged => return Outcome::Done,
        Reply::Later { reason, .. } => (check, reason, None),
        Reply::TooLarge { reason } | Reply::Refused { reason } => (check, reason, None),
        Reply::Misconfigured {
            reason,
            problem: Problem::Certificate,
        } => ("tls", reason, Some(Problem::Certificate)),
        Reply::Misconfigured { reason, problem } => (check, reason, Some(*problem)),
    };
    report.fail(check, reason, remedy(problem, destination));
    Outcome::of(problem)
}
