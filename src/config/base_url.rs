//! Base URLs in one form: they are half of a destination's identity, and two spellings of one server must not be
//! two destinations.

/// Normalises a pasted URL. Errors never quote it: it may hold a password.
pub fn normalise(pasted: &str) -> Result<String, String> {
    let text = unquoted(pasted.trim()).trim();
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "https" && scheme != "http" {
        return Err("does not begin with https:// or http://".to_owned());
    }
    if rest.chars().any(|one| one.is_whitespace() || one.is_control()) {
        return Err("contains a space".to_owned());
    }
    if rest.contains(['?', '#']) {
        return Err("contains a query or a fragment".to_owned());
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    check_authority(authority)?;
    // OTLP exporters and API clients are given this part as well.
    let path = match path.find("/api/public") {
        Some(at) => path.get(..at).unwrap_or_default(),
        None => path,
    };
    Ok(format!("{scheme}://{}{}", authority.to_ascii_lowercase(), path.trim_end_matches('/')))
}

fn check_authority(authority: &str) -> Result<(), String> {
    if authority.contains('@') {
        return Err("contains a user name or password, but only keys are credentials".to_owned());
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|one| one.split_once(']')) {
        Some((address, port)) => (address, port),
        None => match authority.find(':') {
            Some(at) => authority.split_at(at),
            None => (authority, ""),
        },
    };
    if host.is_empty() {
        return Err("has no host".to_owned());
    }
    let plain = |one: u8| one.is_ascii_alphanumeric() || matches!(one, b'-' | b'.' | b'_' | b':');
    if !host.bytes().all(plain) {
        return Err("has invalid characters in its host".to_owned());
    }
    let number = port.strip_prefix(':');
    if !port.is_empty() && number.is_none_or(|number| number.parse::<u16>().is_err()) {
        return Err("has an invalid port".to_owned());
    }
    Ok(())
}

/// Whether requests leave this machine unencrypted.
pub(super) fn is_plain_and_remote(base_url: &str) -> bool {
    let Some(rest) = base_url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => !address.to_canonical().is_loopback(),
        Err(_) => host != "localhost" && !host.ends_with(".localhost"),
    }
}

/// Quotes survive in files of variables that are read by something simpler than a shell.
pub(super) fn unquoted(text: &str) -> &str {
    let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{is_plain_and_remote, normalise};

    #[test]
    fn normalises_pasted_urls() {
        for (pasted, expected) in [
            ("https://cloud.langfuse.com", "https://cloud.langfuse.com"),
            (" 'https://Cloud.Langfuse.com//' ", "https://cloud.langfuse.com"),
            ("\"http://localhost:3000/\"", "http://localhost:3000"),
            ("HTTPS://host/Base/Path/", "https://host/Base/Path"),
            ("https://host/api/public/otel/v1/traces", "https://host"),
            ("https://host/lf/api/public/", "https://host/lf"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(normalise(pasted).as_deref(), Ok(expected), "{pasted}");
        }
    }

    #[test]
    fn rejects_invalid_base_urls() {
        for wrong in [
            "cloud.langfuse.com",
            "ftp://host",
            "https://",
            "https:///path",
            "https://me:secret@host",
            "https://host:port",
            "https://host:99999",
            "https://ho st",
            "https://host?x=1",
            "https://host/#top",
            "https://höst",
            "",
        ] {
            let error = normalise(wrong).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_this_machine_is_reached_unseen_without_encryption() {
        for seen in [
            "http://langfuse.corp",
            "http://10.0.0.7:3000/base",
            "http://[fd00::1]:3000",
            "http://localhost.corp",
        ] {
            assert!(is_plain_and_remote(seen), "{seen}");
        }
        for unseen in [
            "https://langfuse.corp",
            "http://localhost:3000",
            "http://a.localhost",
            "http://127.9.9.9:3000/base",
            "http://[::1]",
        ] {
            assert!(!is_plain_and_remote(unseen), "{unseen}");
        }
    }
}
