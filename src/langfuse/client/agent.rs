//! The set-up of ureq: no redirects, no errors for statuses, and no more memory than a hook needs.

use std::time::Duration;

use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Proxy};

use super::preconnect::Preconnect;

/// Node, under Langfuse, closes a connection that was idle for 5 s.
const MAX_IDLE: Duration = Duration::from_secs(4);
const USER_AGENT: &str = concat!("claude-langfuse/", env!("CARGO_PKG_VERSION"));

/// An agent that takes the connection that was opened ahead.
pub(super) fn agent(config: Config, preconnect: &Preconnect) -> Agent {
    Agent::with_parts(config, preconnect.clone(), DefaultResolver::default())
}

pub(super) fn config(roots: RootCerts, proxy: Option<Proxy>) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .user_agent(USER_AGENT)
        .max_idle_age(MAX_IDLE)
        // ureq zeroes its buffers first, and their default is 128 KB each: more than a hook sends and receives.
        // Headers must fit.
        .max_response_header_size(16 * 1024)
        .input_buffer_size(32 * 1024)
        .output_buffer_size(32 * 1024)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
}
