//! Chooses the proxy, because ureq takes the first of `ALL_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY` for every scheme, even for
//! loopback addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use ureq::{Proxy, ProxyProtocol};

use crate::langfuse::target::{Target, has_sound_port};

/// The proxy of the first variable that is set; `None` for a direct connection.
///
/// Lower-case names come first, as in curl and in Claude Code. An empty value counts as unset.
pub(crate) fn choose<'a>(
    target: &Target,
    environment: &'a BTreeMap<String, String>,
) -> Option<&'a str> {
    let get = |names: [&str; 2]| {
        names
            .iter()
            .filter_map(|name| environment.get(*name))
            .map(|value| value.trim())
            .find(|value| !value.is_empty())
    };
    if is_loopback(&target.host) {
        return None;
    }
    let of_scheme = if target.is_https {
        get(["https_proxy", "HTTPS_PROXY"])
    } else {
        get(["http_proxy", "HTTP_PROXY"])
    };
    let proxy = of_scheme.or_else(|| get(["all_proxy", "ALL_PROXY"]))?;
    let exempt = get(["no_proxy", "NO_PROXY"])
        .is_some_and(|list| is_exempt(list, &target.host, target.port));
    (!exempt).then_some(proxy)
}

/// Parses a proxy's address. Errors do not quote it: it may hold a password.
pub(crate) fn read(text: &str) -> Result<Proxy> {
    let proxy = Proxy::new(text)
        .ok()
        .filter(|proxy| proxy.uri().authority().is_some_and(has_sound_port))
        .context("could not read the address of the proxy")?;
    if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        bail!(
            "the proxy {}:{} speaks SOCKS: name an HTTP proxy in HTTPS_PROXY, or the server in NO_PROXY",
            proxy.host(),
            proxy.port()
        );
    }
    Ok(proxy)
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Whether a `NO_PROXY` list contains the host. A name covers its subdomains, with or without a
/// leading `.` or `*.`, as in curl; addresses may be ranges such as `10.0.0.0/8`.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.');
    list.split([',', ' ', '\t']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let (name, wanted) = split_port(entry);
        wanted.is_none_or(|wanted| wanted == port) && names_host(name, host)
    })
}

fn names_host(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return in_range(entry, address);
    }
    let name = entry.strip_prefix('*').unwrap_or(entry);
    let name = name.trim_matches('.').to_ascii_lowercase();
    !name.is_empty()
        && host
            .strip_suffix(name.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Takes a port off the end of an entry: `host:80`, `[::1]:80`, but not the end of `::1`.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if name.ends_with(']') || !name.contains(':') => {
            (name, port.parse().ok())
        }
        _ => (entry, None),
    };
    (name.trim_start_matches('[').trim_end_matches(']'), port)
}

fn in_range(entry: &str, address: IpAddr) -> bool {
    let (base, bits) = match entry.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (entry, Some(128)),
    };
    let (Ok(base), Some(bits)) = (base.parse::<IpAddr>(), bits) else {
        return false;
    };
    let (base, address, width) = match (base.to_canonical(), address.to_canonical()) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            (base.to_bits().into(), address.to_bits().into(), 32_u32)
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let differing: u128 = base ^ address;
    differing.checked_shr(width.saturating_sub(bits)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        choose(&Target::parse(url).unwrap(), &environment).map(str::to_owned)
    }

    #[test]
    fn the_scheme_chooses_the_variable() {
        let both = [("HTTPS_PROXY", "s:1"), ("HTTP_PROXY", "p:1"), ("ALL_PROXY", "a:1")];
        assert_eq!(chosen("https://host", &both).as_deref(), Some("s:1"));
        assert_eq!(chosen("http://host", &both).as_deref(), Some("p:1"));
        assert_eq!(chosen("https://host", &both[1..]).as_deref(), Some("a:1"));
        assert_eq!(chosen("https://host", &both[1..2]), None);
        assert_eq!(chosen("http://host", &both[..1]), None);
    }

    #[test]
    fn lower_case_comes_first_and_empty_means_unset() {
        let pair = |lower| [("https_proxy", lower), ("HTTPS_PROXY", "upper:1")];
        assert_eq!(chosen("https://host", &pair("lower:1")).as_deref(), Some("lower:1"));
        assert_eq!(chosen("https://host", &pair(" ")).as_deref(), Some("upper:1"));
    }

    #[test]
    fn loopback_is_never_sent_through_a_proxy() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9:3000",
            "[::1]:3000",
            "[::ffff:127.0.0.1]",
        ] {
            let url = format!("http://{host}");
            assert_eq!(chosen(&url, &[("ALL_PROXY", "a:1"), ("HTTP_PROXY", "p:1")]), None, "{url}");
        }
        assert!(chosen("http://128.0.0.1", &[("HTTP_PROXY", "p:1")]).is_some());
        assert!(chosen("http://localhost.corp", &[("HTTP_PROXY", "p:1")]).is_some());
    }

    #[test]
    fn no_proxy_exempts_what_it_names() {
        for (list, url, exempt) in [
            ("*", "https://host", true),
            ("host", "https://host", true),
            ("HOST", "https://host", true),
            ("other, host ,third", "https://host", true),
            ("other host", "https://host", true),
            ("host", "https://langfuse.host", true),
            (".corp", "https://langfuse.corp", true),
            ("*.corp", "https://langfuse.corp", true),
            (".corp", "https://corp", true),
            ("corp", "https://notcorp", false),
            (".", "https://host", false),
            ("", "https://host", false),
            ("host:443", "https://host", true),
            ("host:80", "https://host", false),
            ("host:8443", "https://host:8443", true),
            ("host:x", "https://host", true),
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3:443", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/16", "https://10.1.2.3", false),
            ("0.0.0.0/0", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://langfuse", false),
            ("10.0.0.0/x", "https://10.1.2.3", false),
            ("0.1.2.3", "https://10.1.2.3", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("::/0", "https://[fd12::1]", true),
            ("[fd12::1]:443", "https://[fd12::1]", true),
            ("fd12::1", "https://[fd12::1]:444", true),
            ("fd12::2", "https://[fd12::1]", false),
        ] {
            let proxy = chosen(url, &[("HTTPS_PROXY", "s:1"), ("NO_PROXY", list)]);
            assert_eq!(proxy.is_none(), exempt, "NO_PROXY={list} for {url}");
        }
    }
}
