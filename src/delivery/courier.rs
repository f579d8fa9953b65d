//! Couriers that reach a server, or know better than to try.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::Courier;
use crate::config::{Config, Destination};
use crate::langfuse::{Body, Client, ClientOptions, Deadline, Reply};

/// Sends to Langfuse, each request within its own time and all within a common one.
pub struct Express {
    client: Client,
    /// The longest that one request may take.
    request_time: Duration,
    /// When all must be over.
    deadline: Option<Deadline>,
}

impl Express {
    /// Prepares a courier over one connection, which is opened by the first request. `environment`: for proxies and
    /// certificates.
    ///
    /// # Errors
    /// When the base URL or the proxy can't be used.
    pub fn new(
        destination: &Destination,
        config: &Config,
        environment: &BTreeMap<String, String>,
        request_time: Duration,
        deadline: Option<Deadline>,
    ) -> Result<Self> {
        let options = ClientOptions {
            ca_file: config.ca_file.clone(),
            environment: environment.clone(),
        };
        let Destination {
            base_url,
            public_key,
            secret_key,
            ..
        } = destination;
        let client = Client::new(base_url, public_key, secret_key, options)?;
        Ok(Self {
            client,
            request_time,
            deadline,
        })
    }
}

impl Courier for Express {
    fn send(&mut self, _raw: &str, body: &Body) -> Reply {
        let deadline = match self.deadline {
            Some(deadline) => deadline.at_most(self.request_time),
            None => Deadline::after(self.request_time),
        };
        self.client.send(body, deadline)
    }
}

/// Sends nothing and opens no socket: why is known already.
pub struct Absent {
    /// One line for people.
    pub reason: String,
}

impl Courier for Absent {
    fn send(&mut self, _raw: &str, _body: &Body) -> Reply {
        Reply::Later {
            reason: self.reason.clone(),
            retry_after: None,
            network: true,
            timed_out: false,
        }
    }

    fn absence(&self) -> Option<&str> {
        Some(&self.reason)
    }
}
