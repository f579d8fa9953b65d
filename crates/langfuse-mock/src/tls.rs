//! Certificates for TLS servers of tests and benches, and the configuration of such a server.
//!
//! They were made once with openssl (2000 to 2100, P-256) and are good for nothing else.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// Signs the others.
const AUTHORITY: &str = include_str!("tls/authority.base64");
/// For `localhost` and 127.0.0.1.
pub const GOOD: &str = include_str!("tls/good.base64");
/// For `other.example`.
pub const OTHER_HOST: &str = include_str!("tls/other_host.base64");
/// For `localhost`, until 2001.
pub const EXPIRED: &str = include_str!("tls/expired.base64");
/// The key of all three.
pub const KEY: &str = include_str!("tls/key.base64");

/// The configuration of a server with this certificate and this key.
pub fn server_config(certificate: &str, key: &str) -> Arc<ServerConfig> {
    let decode = |text: &str| BASE64_STANDARD.decode(text.trim()).unwrap();
    let key = PrivateKeyDer::try_from(decode(key)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![decode(certificate).into()], key);
    Arc::new(config.unwrap())
}

/// The authority's certificate, in PEM.
pub fn authority() -> String {
    format!("-----BEGIN CERTIFICATE-----\n{AUTHORITY}-----END CERTIFICATE-----\n")
}
