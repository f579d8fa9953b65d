//! The connection to Langfuse: name, address, TLS, server, keys. Each step needs the one before, so the report names the
//! first problem.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::DoctorContext;
use super::server::{client, report_failure};
use super::{prices, regions, test_trace};
use crate::commands::exit_status::ExitStatus;
use crate::commands::output::{CheckReport, long_duration};
use crate::commands::remedy::remedy_in_doctor;
use crate::langfuse::{Client, Deadline, Health, Problem, Project, Verdict, health, project};

/// Longest wait for the name server.
const DNS_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From this difference on, times in Langfuse look wrong beside those of other senders.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

pub(super) fn check(context: &DoctorContext<'_>, report: &mut CheckReport) -> ExitStatus {
    let Ok(destination) = &context.config.destination else {
        // `config::check` has reported the missing destination.
        return ExitStatus::Done;
    };
    let mut client = match client(context, destination) {
        Ok(client) => client,
        Err(reason) => {
            report.fail("address", reason, remedy_in_doctor(Some(Problem::Proxy), destination));
            return ExitStatus::Misconfigured;
        }
    };
    if let Err(status) = connect(&client, report) {
        return status;
    }
    let deadline = || Deadline::after(context.config.timeout);
    match health(&mut client, deadline()) {
        Ok(health) => report_server(&client, &health, report),
        Err(reply) => return report_failure("server", &reply, destination, report),
    }
    match project(&mut client, deadline()) {
        Ok(project) => report.ok("project", project_text(project.as_ref())),
        Err(Verdict::Misconfigured { reason, problem: Problem::Keys }) => {
            return regions::check(context, destination, &reason, report);
        }
        Err(reply) => return report_failure("project", &reply, destination, report),
    }
    prices::check(context, destination, &mut client, report);
    test_trace::check(context, destination, &mut client, report)
}

/// Resolves and connects to the server, or to its proxy.
fn connect(client: &Client, report: &mut CheckReport) -> Result<(), ExitStatus> {
    let proxy = client.proxy();
    let (peer, prefix) = match &proxy {
        Some(proxy) => (proxy.clone(), "the proxy "),
        None => (client.server(), ""),
    };
    let addresses = match lookup(&peer) {
        Ok(addresses) => addresses,
        Err(why) => {
            let help = match proxy {
                Some(_) => "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
                None => "check the spelling of the address and the network of this machine",
            };
            report.fail("dns", format!("the host of {prefix}{peer} was not found: {why}"), help);
            return Err(ExitStatus::Unreachable);
        }
    };
    let mut last_error = String::new();
    for address in &addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
            Ok(_) => {
                report.ok("tcp", format!("{prefix}{peer} answers at {address}"));
                return Ok(());
            }
            Err(error) => last_error = error.to_string(),
        }
    }
    report.fail(
        "tcp",
        format!("{prefix}{peer} does not answer: {last_error}"),
        "check the port and host of the address, and firewall and VPN",
    );
    Err(ExitStatus::Unreachable)
}

/// In a thread, because the system may wait for half a minute.
fn lookup(peer: &str) -> Result<Vec<SocketAddr>, String> {
    let (done, waiting) = mpsc::channel::<()>();
    let name = peer.to_owned();
    let asking = std::thread::spawn(move || {
        let found = name.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        drop(done);
        found
    });
    if waiting.recv_timeout(DNS_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
        return Err("the name server does not answer".to_owned());
    }
    match asking.join() {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(_)) | Err(_) => Err("the name has no address".to_owned()),
    }
}

fn report_server(client: &Client, health: &Health, report: &mut CheckReport) {
    let version = health.version.as_deref().unwrap_or("of unknown version");
    let proxy = client.proxy().map(|proxy| format!(" through the proxy {proxy}"));
    report.ok(
        "server",
        format!("{} is Langfuse {version}{}", client.server(), proxy.unwrap_or_default()),
    );
    match health.clock_skew {
        Some(skew) if skew > MAX_CLOCK_SKEW => report.warn(
            "clock",
            format!("the clocks of this machine and the server differ by {}", long_duration(skew)),
            "turn on network time: Langfuse shows the times of this machine",
        ),
        Some(_) => report.ok("clock", "same as the server's"),
        None => {}
    }
}

fn project_text(project: Option<&Project>) -> String {
    match project {
        Some(Project { name, organisation: Some(organisation) }) => {
            format!("the keys are for '{name}' of '{organisation}'")
        }
        Some(Project { name, .. }) => format!("the keys are for '{name}'"),
        None => "the keys are accepted".to_owned(),
    }
}
