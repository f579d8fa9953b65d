//! Uploads to another host, at a URL from Langfuse. The URL is a secret: its signature allows anybody to upload.

use ureq::http::Uri;

use super::agent::{agent, config};
use super::preconnect::Preconnect;
use super::{CONNECT_TIMEOUT, Client};
use crate::langfuse::proxy;
use crate::langfuse::target::Target;
use crate::langfuse::transport_error::TransportError;
use crate::langfuse::{Deadline, Problem, Verdict};

impl Client {
    /// PUTs bytes to a URL, without our keys, and follows no redirect. Returns the status.
    ///
    /// # Errors
    /// The verdict of a URL that is not encrypted although Langfuse's is, or of a request without an answer.
    pub(in crate::langfuse) fn put_elsewhere(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        bytes: &[u8],
        deadline: Deadline,
    ) -> Result<u16, Verdict> {
        let unusable = |what: &str| Verdict::misconfigured(Problem::NotLangfuse, what.to_owned());
        let target =
            target_of(url).ok_or_else(|| unusable("the URL of an upload names no host"))?;
        if self.target.is_https && !target.is_https {
            return Err(unusable("the URL of an upload is not encrypted"));
        }
        let proxy = proxy::choose(&target, &self.environment).map(proxy::read).transpose();
        let proxy = proxy.map_err(|error| unusable(&format!("{error:#}")))?;
        let name = proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        let roots = self.agent.config().tls_config().root_certs().clone();
        let agent = agent(config(roots, proxy), &Preconnect::default());
        let remaining = deadline.remaining();
        let mut request = agent
            .put(url)
            .config()
            .timeout_global(Some(remaining))
            .timeout_connect(Some(CONNECT_TIMEOUT.min(remaining)))
            .build();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match request.send(bytes) {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => {
                let (too_late, wire_len) = (deadline.has_passed(), bytes.len());
                let failure = TransportError { too_late, started: false, wire_len, error };
                Err(failure.classify(&target.label(), name.as_deref()))
            }
        }
    }
}

/// The host of a URL with a query.
fn target_of(url: &str) -> Option<Target> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    Target::parse(&format!("{scheme}://{authority}")).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::config::Secret;
    use crate::langfuse::{Client, ClientOptions, Deadline, Verdict};

    #[test]
    fn rejects_upload_urls_without_tls_or_without_a_host() {
        let keys = Secret::new("sk-lf-x".to_owned());
        let client =
            Client::new("https://host", "pk-lf-x", &keys, ClientOptions::default()).unwrap();
        let deadline = Deadline::after(Duration::from_secs(5));
        for url in ["http://127.0.0.1:9/x?signature=hunter2", "/x?signature=hunter2", "file:///x"] {
            let verdict = client.put_elsewhere(url, &[], b"x", deadline).unwrap_err();
            assert!(matches!(verdict, Verdict::Misconfigured { .. }), "{verdict:?}");
            assert!(!verdict.reason().unwrap().contains("hunter2"), "{verdict:?}");
        }
    }
}
