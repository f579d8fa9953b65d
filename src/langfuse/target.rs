//! The server of a base URL. Messages show it without user name, password and query.

use anyhow::{Context, Result, bail};
use ureq::http::Uri;
use ureq::http::uri::Authority;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    base: String,
    pub(crate) is_https: bool,
    /// In lower case and without the brackets of an IPv6 address.
    pub(crate) host: String,
    /// The scheme's default if the URL names none.
    pub(crate) port: u16,
}

impl Target {
    /// Reads a base URL such as `https://cloud.langfuse.com` or `http://localhost:3000/langfuse`.
    ///
    /// Errors do not quote it: it may hold a password.
    pub(crate) fn parse(base_url: &str) -> Result<Self> {
        let base = base_url.trim().trim_end_matches('/');
        let uri: Uri = base.parse().ok().context("could not read the base URL")?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => bail!("the base URL must begin with https:// or http://"),
        };
        let authority = uri.authority().context("the base URL names no host")?;
        if authority.as_str().contains('@') {
            bail!("the base URL must not hold a user name or password");
        }
        if !has_sound_port(authority) {
            bail!("the base URL names a port that does not exist");
        }
        if base.contains(['?', '#']) {
            bail!("the base URL must not hold a query");
        }
        let host = authority.host().trim_start_matches('[');
        Ok(Self {
            base: base.to_owned(),
            is_https,
            host: host.trim_end_matches(']').to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
        })
    }

    /// A path of the API, with its query.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The server as messages name it: `host:port`.
    pub(crate) fn label(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Whether the port is valid or absent: `http` reports an unreadable port as absent, and ureq would use 443 or 80.
pub(crate) fn has_sound_port(authority: &Authority) -> bool {
    authority.port_u16().is_some() || authority.as_str().ends_with(authority.host())
}

/// A URL for messages: without user name, password, query and fragment, on one line of at most 200 characters.
pub(crate) fn plain(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{path}")
        .chars()
        .filter(|character| !character.is_control())
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_name_host_port_and_endpoint() {
        for (base, label, url) in [
            (
                "https://cloud.langfuse.com",
                "cloud.langfuse.com:443",
                "https://cloud.langfuse.com/api",
            ),
            ("http://LocalHost:3000/", "localhost:3000", "http://LocalHost:3000/api"),
            ("https://host/langfuse//", "host:443", "https://host/langfuse/api"),
            ("http://[::1]", "[::1]:80", "http://[::1]/api"),
        ] {
            let target = Target::parse(base).unwrap();
            assert_eq!((target.label().as_str(), target.url("/api").as_str()), (label, url));
        }
    }

    #[test]
    fn a_base_url_that_can_not_work_is_refused_without_showing_secrets() {
        for base in [
            "",
            "cloud.langfuse.com",
            "ftp://host",
            "https://",
            "https://user:hunter2@host",
            "https://user:hunter2/@host",
            "https://host/?key=hunter2",
            "https://ho st",
            "https://host:99999",
        ] {
            let error = format!("{:#}", Target::parse(base).unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn shown_urls_hold_no_user_and_no_query() {
        for (url, shown) in [
            ("https://a:b@host:1/path?token=x#y", "https://host:1/path"),
            ("a:b@host", "host"),
            ("/login?next=/", "/login"),
            ("https://host/a@b", "https://host/a@b"),
            ("https://host/\r\nx", "https://host/x"),
        ] {
            assert_eq!(plain(url), shown);
        }
    }
}
