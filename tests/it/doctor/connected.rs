//! Problems on the way to Langfuse, each distinguished.

use langfuse_mock::{PUBLIC_KEY, Reading, Reply, SECRET_KEY};
use serde_json::json;

use super::DoctorHome;
use super::cloud::Cloud;
use crate::client::server::Server;
use crate::client::tls::{EXPIRED, GOOD, OTHER_HOST, bundle, tls_server};
use crate::sandbox::{Sandbox, unused_address};

/// Any response of a server.
fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A user whose Langfuse is at this address.
fn at(url: &str) -> DoctorHome {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_BASE_URL": url}));
    home
}

/// Keys for Langfuse Cloud behind a proxy, without a host.
fn in_cloud(cloud: &Cloud) -> DoctorHome {
    let mut home = DoctorHome::healthy();
    let authority = home.sandbox.write("ca.pem", Cloud::authority().as_bytes());
    home.configured(&json!({"LANGFUSE_BASE_URL": null, "LANGFUSE_CA_FILE": authority}));
    home.sandbox.set("HTTPS_PROXY", format!("http://{}", cloud.proxy));
    home
}

const ADDRESS: &str =
    "check the address: LANGFUSE_BASE_URL in ~/.config/claude-langfuse/config.json";

#[test]
fn a_wrong_key() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_SECRET_KEY": "sk-lf-wrong"}));
    home.fails("keys", "answered 401", "check the keys: LANGFUSE_PUBLIC_KEY in ~/.config", 5);
}

#[test]
fn a_key_of_another_region_is_found_if_the_user_wants_that() {
    let cloud = Cloud::with_keys_of("us.cloud.langfuse.com");
    let home = in_cloud(&cloud);
    home.fails("keys", "answered 401", "the option --yes tries the other regions", 5);
    assert_eq!(
        cloud.asked(),
        ["cloud.langfuse.com"],
        "keys were shown to a host without a question"
    );
    home.finds(
        &["--yes"],
        "fail",
        "keys",
        "but https://us.cloud.langfuse.com accepts them",
        "add \"LANGFUSE_BASE_URL\": \"https://us.cloud.langfuse.com\" beside LANGFUSE_PUBLIC_KEY in ~/.config",
        5,
    );
}

#[test]
fn a_terminal_asks_before_keys_are_sent_to_other_regions() {
    for (answer, found) in [("y", true), ("yes", true), ("", false), ("n", false)] {
        let cloud = Cloud::with_keys_of("us.cloud.langfuse.com");
        let home = in_cloud(&cloud);
        let mut terminal = home.sandbox.at_terminal(300, &["doctor"]);
        terminal.sees(
            "Try them at the other regions of Langfuse Cloud (https://us.cloud.langfuse.com, ",
        );
        terminal.sees("? [y/N] ");
        assert_eq!(cloud.asked(), ["cloud.langfuse.com"]);
        let (code, screen) = terminal.types(answer).ends();
        assert_eq!(code, Some(5), "{screen}");
        let told = screen.contains("https://us.cloud.langfuse.com accepts them");
        assert_eq!((told, cloud.asked().len() > 1), (found, found), "{screen}");
    }
}

#[test]
fn a_key_of_no_region() {
    let cloud = Cloud::with_keys_of("nowhere");
    let home = in_cloud(&cloud);
    home.finds(
        &["--yes"],
        "fail",
        "keys",
        "every other region of Langfuse Cloud rejects them too",
        "check the keys",
        5,
    );
    assert_eq!(cloud.asked().len(), 4, "{:?}", cloud.asked());
}

#[test]
fn a_key_of_the_default_region_is_tried_nowhere_else() {
    let cloud = Cloud::with_keys_of("cloud.langfuse.com");
    let home = in_cloud(&cloud);
    let report = home.sandbox.run(&["doctor", "--json", "--yes"]).exits(0);
    assert!(report.stdout.contains("through the proxy"), "{}", report.stdout);
    assert_eq!(cloud.asked(), ["cloud.langfuse.com"]);
}

#[test]
fn a_key_of_an_organisation() {
    let server = Server::new(|connection| {
        connection.request();
        connection.answer(200, r#"{"status":"OK","version":"4.16.0"}"#);
        connection.request();
        connection.answer(403, r#"{"message":"Organization-scoped API key"}"#);
    });
    at(&server.url()).fails("keys", "they must be a project's", "check the keys", 5);
}

#[test]
fn a_host_that_does_not_exist() {
    at("https://langfuse.invalid").fails(
        "dns",
        "the host of langfuse.invalid:443 was not found",
        "check the spelling",
        4,
    );
}

#[test]
fn a_closed_port() {
    at(&format!("http://{}", unused_address())).fails(
        "tcp",
        "does not answer",
        "check the port and host",
        4,
    );
}

#[test]
fn a_captive_portal() {
    let page = answer("200 OK", "Content-Type: text/html\r\n", "<html>Welcome to our Wi-Fi</html>");
    let portal = Server::answering(page);
    at(&portal.url()).fails("server", "a sign-in page", "sign in to the network", 3);
}

#[test]
fn another_web_site() {
    let site = Server::answering(answer(
        "404 Not Found",
        "Content-Type: text/html\r\n",
        "<html>404</html>",
    ));
    at(&site.url()).fails("server", "Langfuse's endpoint is not there", ADDRESS, 3);
}

#[test]
fn an_address_that_moved() {
    let old = Server::answering(answer(
        "301 Moved Permanently",
        "Location: https://new.example/\r\n",
        "",
    ));
    at(&old.url()).fails("server", "it points to https://new.example/", ADDRESS, 3);
}

#[test]
fn a_server_that_is_not_http() {
    let other = Server::answering("SSH-2.0-OpenSSH_9.2\r\n");
    at(&other.url()).fails("server", "did not answer in proper HTTP", "check the address", 3);
}

#[test]
fn an_expired_certificate() {
    let (_folder, authority) = bundle();
    let (server, _) = tls_server(EXPIRED);
    let home = at(&format!("https://localhost:{}", server.address.port()));
    home.configured(&json!({
        "LANGFUSE_BASE_URL": format!("https://localhost:{}", server.address.port()),
        "LANGFUSE_CA_FILE": authority,
    }));
    home.fails("tls", "certificate expired", "renew the certificate", 3);
}

#[test]
fn a_certificate_of_another_host_or_an_unknown_authority() {
    let (_folder, authority) = bundle();
    let (server, _) = tls_server(OTHER_HOST);
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_BASE_URL": format!("https://{}", server.address), "LANGFUSE_CA_FILE": authority}));
    home.fails("tls", "not valid for name", "LANGFUSE_CA_FILE", 3);
    let (server, _) = tls_server(GOOD);
    at(&format!("https://{}", server.address)).fails("tls", "UnknownIssuer", "LANGFUSE_CA_FILE", 3);
}

#[test]
fn an_unreadable_ca_file() {
    let (server, _) = tls_server(GOOD);
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_BASE_URL": format!("https://{}", server.address), "LANGFUSE_CA_FILE": "~/nothing.pem"}));
    home.fails("tls", "could not read the certificates in ~/nothing.pem", "LANGFUSE_CA_FILE", 3);
}

#[test]
fn tls_to_a_plain_http_server() {
    let plain = Server::new(|connection| {
        connection.write(answer("400 Bad Request", "", ""));
        // The program does not read the TLS bytes, but something must receive them.
        let _ = std::io::copy(&mut connection.stream, &mut std::io::sink());
    });
    at(&format!("https://{}", plain.address)).fails(
        "server",
        "does not speak TLS",
        "check the address",
        3,
    );
}

#[test]
fn a_server_in_trouble() {
    let server = Server::answering(answer(
        "503 Service Unavailable",
        "Content-Type: application/json\r\n",
        "{}",
    ));
    at(&server.url()).fails("server", "answered 503", "nothing is lost", 4);
}

#[test]
fn a_server_that_hangs() {
    let server = Server::new(|connection| while connection.request() {});
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_BASE_URL": server.url(), "LANGFUSE_TIMEOUT": "0.3"}));
    home.fails("server", "did not answer in time", "nothing is lost", 4);
}

#[test]
fn a_wrong_clock() {
    let date = "Date: Tue, 01 Jan 2030 00:00:00 GMT\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let body = r#"{"status":"OK","version":"4.16.0","data":[{"id":"p","name":"Project"}]}"#;
    let server = Server::answering(answer("200 OK", date, body));
    at(&server.url()).warns("clock", "differ by", "turn on network time");
}

#[test]
fn a_dead_proxy_or_one_with_a_password() {
    let mut home = at("https://langfuse.example");
    let dead = unused_address();
    home.sandbox.set("HTTPS_PROXY", format!("http://{dead}"));
    home.fails("tcp", &format!("the proxy {dead} does not answer"), "check the port and host", 4);
    let proxy = Server::answering(answer("407 Proxy Authentication Required", "", ""));
    home.sandbox.set("HTTPS_PROXY", format!("http://{}", proxy.address));
    home.fails("server", "answered 407", "check HTTPS_PROXY", 3);
    home.sandbox.set("HTTPS_PROXY", "socks5://127.0.0.1:9050");
    home.fails("address", "speaks SOCKS", "check HTTPS_PROXY", 3);
}

#[test]
fn a_server_that_takes_everything_and_stores_nothing() {
    let home = DoctorHome::healthy();
    home.configured(&json!({"LANGFUSE_TIMEOUT": "0.8"}));
    home.mock.reply_always(Some(Reply::Lose));
    home.finds(&["--send-test"], "fail", "test trace", "did not store it", "check the worker", 1);
}

#[test]
fn a_server_with_older_tables_is_read_by_its_older_list() {
    let home = DoctorHome::healthy();
    home.mock.show(Reading::Old);
    let ran = home.sandbox.run(&["doctor", "--send-test"]).exits(0);
    for told in [" found", "sent and read back"] {
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
    }
}

#[test]
fn an_account_without_permission_to_send() {
    let home = DoctorHome::healthy();
    let suspended = br#"{"message":"Ingestion suspended","error":"ForbiddenError"}"#.to_vec();
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    home.mock.reply_always(Some(Reply::StatusWithBody(403, headers, suspended)));
    home.finds(
        &["--send-test"],
        "fail",
        "test trace",
        "the project may not send",
        "check the plan",
        5,
    );
}

#[test]
fn a_deleted_last_trace() {
    let home = DoctorHome::healthy();
    home.mock.clear();
    home.warns("last trace", "not found", "replay --again");
}

#[test]
fn a_model_without_a_price() {
    let mock = langfuse_mock::MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.run(&["install"]).exits(0);
    sandbox.session("v2.1.330/simple").whole().stop(0);
    let home = DoctorHome { sandbox, mock };
    home.warns("prices", "no price for claude-opus-5-5", "with the prices of claude-opus-5");
}

#[test]
fn keys_are_never_shown() {
    let home = DoctorHome::healthy();
    for options in
        [&["doctor"][..], &["doctor", "-v", "-v"], &["config"], &["status"], &["config", "check"]]
    {
        let ran = home.sandbox.run(options);
        assert!(!ran.stdout.contains(SECRET_KEY) && !ran.stderr.contains(SECRET_KEY), "{ran:?}");
    }
    assert!(home.sandbox.run(&["config"]).stdout.contains(PUBLIC_KEY));
}
