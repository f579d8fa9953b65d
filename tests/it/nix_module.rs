//! The lock file of the flake.

use serde_json::Value;

#[test]
fn the_lock_file_pins_every_input_of_the_flake_and_no_other() {
    let flake = include_str!("../../flake.nix");
    let lock: Value = serde_json::from_str(include_str!("../../flake.lock")).unwrap();
    let nodes = lock["nodes"].as_object().unwrap();
    let mut names: Vec<&String> = nodes.keys().filter(|name| *name != "root").collect();
    for name in &names {
        let node = &nodes[*name];
        let (owner, repo) = (&node["original"]["owner"], &node["original"]["repo"]);
        let mut url = format!("github:{}/{}", owner.as_str().unwrap(), repo.as_str().unwrap());
        if let Some(reference) = node["original"]["ref"].as_str() {
            url = format!("{url}/{reference}");
        }
        assert!(flake.contains(&format!("\"{url}\"")), "{url} is no input");
        let revision = node["locked"]["rev"].as_str().unwrap();
        assert_eq!(revision.len(), 40);
        let hash = node["locked"]["narHash"].as_str().unwrap();
        assert!(hash.starts_with("sha256-") && hash.len() == 51, "{hash}");
    }
    let inputs = nodes["root"]["inputs"].as_object().unwrap();
    let mut pinned: Vec<&String> = inputs.keys().collect();
    names.sort();
    pinned.sort();
    assert_eq!(pinned, names);
    assert_eq!(flake.matches("\"github:").count(), names.len());
}
