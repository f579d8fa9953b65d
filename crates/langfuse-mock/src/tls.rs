//! Certificates for servers of tests and benches, and what a TLS server says of itself.
//!
//! They were made once with openssl (2000 to 2100, P-256) and are good for nothing else.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// Signs the others.
const AUTHORITY: &str = "\
    MIIBdjCCAR2gAwIBAgIBATAKBggqhkjOPQQDAjAiMSAwHgYDVQQDDBdjbGF1ZGUtbGFuZ2Z1c2UgdGVzdCBDQTAg\
    Fw0wMDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowIjEgMB4GA1UEAwwXY2xhdWRlLWxhbmdmdXNlIHRlc3Qg\
    Q0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQueAcuFuBBS+F4QVpzgf10ul00iei651ESmIC2BXSj3hV2Jg06\
    eoenPVx0nflEStuMKbsHEN9ymWuqMgX1chQvo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAd\
    BgNVHQ4EFgQUq6IDPwRiQcmbU8kvfYRSdr17cYAwCgYIKoZIzj0EAwIDRwAwRAIgURvnuEMrN8aErgfbeQhqRq6u\
    VvcpArAxB564FC7aih8CIBZAtbBQdB2MKKQ064MkN6+GKKNQxfbM8fLv7ugBuaRz";
/// For `localhost` and 127.0.0.1.
pub const GOOD: &str = "\
    MIIBizCCATGgAwIBAgIBAjAKBggqhkjOPQQDAjAiMSAwHgYDVQQDDBdjbGF1ZGUtbGFuZ2Z1c2UgdGVzdCBDQTAg\
    Fw0wMDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowDzENMAsGA1UEAwwEbGVhZjBZMBMGByqGSM49AgEGCCqG\
    SM49AwEHA0IABHbwSilnUJlHOadvlMJQHcOUQSdD4nsoTp+fVgSc4dDU4A5M5ozCAqLErav+eC4i2ex6QNbRLUB4\
    erPeik2J4a2jaTBnMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAJBgNVHRMEAjAAMB0GA1UdDgQWBBTRini7\
    wSZhrHrrAGuweLXi8mO14zAfBgNVHSMEGDAWgBSrogM/BGJByZtTyS99hFJ2vXtxgDAKBggqhkjOPQQDAgNIADBF\
    AiEAxZH721uRdRrwTOjNxd8gbWPupjZneEDS6OFP0PB7N34CIAiqTD/tHSuhxnQWV+ekULkkGAoB6DMjt2nIeDAe\
    /xXM";
/// For `other.example`.
pub const OTHER_HOST: &str = "\
    MIIBiTCCAS+gAwIBAgIBAzAKBggqhkjOPQQDAjAiMSAwHgYDVQQDDBdjbGF1ZGUtbGFuZ2Z1c2UgdGVzdCBDQTAg\
    Fw0wMDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowDzENMAsGA1UEAwwEbGVhZjBZMBMGByqGSM49AgEGCCqG\
    SM49AwEHA0IABHbwSilnUJlHOadvlMJQHcOUQSdD4nsoTp+fVgSc4dDU4A5M5ozCAqLErav+eC4i2ex6QNbRLUB4\
    erPeik2J4a2jZzBlMBgGA1UdEQQRMA+CDW90aGVyLmV4YW1wbGUwCQYDVR0TBAIwADAdBgNVHQ4EFgQU0Yp4u8Em\
    Yax66wBrsHi14vJjteMwHwYDVR0jBBgwFoAUq6IDPwRiQcmbU8kvfYRSdr17cYAwCgYIKoZIzj0EAwIDSAAwRQIg\
    ebv5sdS4/KmEKRmNoMMsFjfpBCFgYsHMRd30ltkyvUwCIQDvJ09s8SWBdfurwnO6mHo0NLRJOVhq86YHokmn50cH\
    xw==";
/// For `localhost`, until 2001.
pub const EXPIRED: &str = "\
    MIIBiTCCAS+gAwIBAgIBBDAKBggqhkjOPQQDAjAiMSAwHgYDVQQDDBdjbGF1ZGUtbGFuZ2Z1c2UgdGVzdCBDQTAe\
    Fw0wMDAxMDEwMDAwMDBaFw0wMTAxMDEwMDAwMDBaMA8xDTALBgNVBAMMBGxlYWYwWTATBgcqhkjOPQIBBggqhkjO\
    PQMBBwNCAAR28EopZ1CZRzmnb5TCUB3DlEEnQ+J7KE6fn1YEnOHQ1OAOTOaMwgKixK2r/nguItnsekDW0S1AeHqz\
    3opNieGto2kwZzAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCQYDVR0TBAIwADAdBgNVHQ4EFgQU0Yp4u8Em\
    Yax66wBrsHi14vJjteMwHwYDVR0jBBgwFoAUq6IDPwRiQcmbU8kvfYRSdr17cYAwCgYIKoZIzj0EAwIDSAAwRQIh\
    AOM3eGSU/Yzg5QK7aTpr042T7Cjyl9wPmzZ7UXmBUYSlAiBRWbmXMWauFEkrtWyGA294d9litRLQi4yyKfQQJ9gj\
    xA==";
/// The key of all three.
pub const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgY+st2Z5KgbN3zDTt/cqV3rQfJa2p66g4IEZZApJz\
    3rKhRANCAAR28EopZ1CZRzmnb5TCUB3DlEEnQ+J7KE6fn1YEnOHQ1OAOTOaMwgKixK2r/nguItnsekDW0S1AeHqz\
    3opNieGt";

/// What a server with this certificate and this key says of itself.
pub fn server_config(certificate: &str, key: &str) -> Arc<ServerConfig> {
    let decode = |text| BASE64_STANDARD.decode(text).unwrap();
    let key = PrivateKeyDer::try_from(decode(key)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![decode(certificate).into()], key);
    Arc::new(config.unwrap())
}

/// The certificate that vouches for the others, as a file holds it.
pub fn authority() -> String {
    format!("-----BEGIN CERTIFICATE-----\n{AUTHORITY}\n-----END CERTIFICATE-----\n")
}
