//! A listing with endless pages, as from a proxy that drops the query, ends with an error.

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::json;

use crate::sandbox::Sandbox;

/// The page that links to itself.
fn same_page() -> Reply {
    let row = json!({
        "id": "x", "traceId": "t", "name": "n", "type": "SPAN", "startTime": "2026-11-23T06:53:18.382Z",
    });
    let page = json!({"data": [row], "meta": {"cursor": "abc"}}).to_string();
    Reply::StatusWithBody(200, Vec::new(), page.into_bytes())
}

#[test]
fn a_repeated_page_cursor_ends_the_command_with_an_error() {
    for command in
        [["verify", "8ceb", "--wait", "0"].as_slice(), &["forget", "8ceb", "--yes", "--wait", "0"]]
    {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        sandbox.session("v2.1.330/stream-multi").whole().replay(&[]).exits(0);
        (0..5).for_each(|_| mock.reply_to_reader(same_page()));
        let ran = sandbox.run(command).exits(4);
        assert!(ran.stderr.contains("list has no end"), "{}", ran.stderr);
    }
}
