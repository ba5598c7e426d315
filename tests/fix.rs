//! SECAUDIT FIX on real servers: the plan, the doing, what stands in the way, and the secret it makes.

use crate::harness::resp::Client;
use crate::harness::server::Server;
use serde_json::Value;

mod files;
mod gate;
mod gate_order;
mod includes;
mod keeping;
mod modules;
mod permission;
mod persist;
mod plan;
mod reach;
mod secrecy;
mod start;
mod steps;

/// Calls SECAUDIT FIX with these words.
#[track_caller]
pub fn fix(client: &mut Client, words: &str) -> crate::harness::resp::Reply {
    let words = words.split_whitespace();
    let call: Vec<&str> = ["SECAUDIT", "FIX"].into_iter().chain(words).collect();
    client.call(call)
}

/// The same, as JSON.
#[track_caller]
pub fn fix_json(client: &mut Client, words: &str) -> Value {
    let reply = fix(client, &format!("{words} JSON"));
    assert!(!reply.is_error(), "{words}: {reply}");
    serde_json::from_str(&reply.text()).unwrap()
}

/// Applies a fix that must go through.
#[track_caller]
pub fn apply(server: &Server, words: &str) -> Value {
    let done = fix_json(&mut server.client(), &format!("APPLY {words}"));
    assert_eq!(done["complete"], true, "{done:#}");
    done
}

/// A setting as CONFIG GET tells it.
#[track_caller]
pub fn setting(server: &Server, name: &str) -> String {
    server.call(["CONFIG", "GET", name]).texts()[1].clone()
}

/// The password in what APPLY answered.
#[track_caller]
pub fn password(done: &Value) -> String {
    let steps = &done["checks"][0]["steps"][0];
    steps["password"].as_str().unwrap().to_owned()
}
