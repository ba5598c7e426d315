//! Each check on real servers: one that fails it and one that passes, by outcome and evidence, on what is in effect.

use crate::harness::resp::{Client, Reply};
use crate::harness::server::Server;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

mod accepted;
mod accounts;
mod authentication;
mod commands;
mod compromise;
mod files;
mod fixtures;
mod grade;
mod limits;
mod names;
mod network;
mod passwords;
mod process;
mod public_clients;
pub mod remedies;
mod renamed;
mod replication;
mod sockets;
mod switches;
mod tls;
mod tls_links;
mod users;
mod versions;

/// Checks whose outcome, or evidence, is a matter of the machine and of the server that a test happens to run on.
pub const MACHINES_OWN: [&str; 10] = [
    "ver.supported",
    "ver.advisories",
    // An ordinary server of the tests may own its module, and all that root owns.
    "file.module",
    "file.parents",
    "proc.capabilities",
    "proc.no-new-privs",
    "proc.core-dumps",
    "limit.maxmemory",
    "limit.clients",
    // The module may lie where tests keep what is theirs.
    "ioc.modules",
];

/// A password nobody guesses, made for this test run.
pub fn strong_password(seed: &str) -> String {
    use sha2::{Digest, Sha256};
    let words = format!(
        "{seed} {} {:?}",
        std::process::id(),
        std::time::SystemTime::now()
    );
    let digest = Sha256::digest(words.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sets the permission bits of a file or a folder.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A client that waits for its report as long as secaudit does, on however busy a machine.
pub fn patient(server: &Server) -> Client {
    server.client().patience(Duration::from_secs(70))
}

/// What SECAUDIT JSON answered.
#[derive(Debug)]
pub struct Report(Value);

impl Report {
    /// Asks the server.
    #[track_caller]
    pub fn of(server: &Server) -> Self {
        Self::by(&mut patient(server))
    }

    /// Asks by this connection.
    #[track_caller]
    pub fn by(client: &mut Client) -> Self {
        Self::from(&client.call(["SECAUDIT", "JSON"]))
    }

    /// From an answer to SECAUDIT JSON.
    #[track_caller]
    pub fn from(reply: &Reply) -> Self {
        assert!(!reply.is_error(), "{reply}");
        Self(serde_json::from_str(&reply.text()).unwrap())
    }

    /// The finding of a check.
    #[track_caller]
    pub fn finding(&self, id: &str) -> &Value {
        let findings = self.0["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["id"] == id);
        found.unwrap_or_else(|| panic!("no finding of {id}"))
    }

    /// The outcome of a check.
    #[track_caller]
    pub fn outcome(&self, id: &str) -> &str {
        self.finding(id)["outcome"].as_str().unwrap()
    }

    /// The evidence of a check, or the reason of an unknown one.
    #[track_caller]
    pub fn actual(&self, id: &str) -> &str {
        self.finding(id)["actual"].as_str().unwrap()
    }

    /// The severity that a check gave.
    #[track_caller]
    pub fn severity(&self, id: &str) -> &str {
        self.finding(id)["severity"].as_str().unwrap()
    }

    /// The steps that mend what a check found.
    #[track_caller]
    pub fn steps(&self, id: &str) -> Vec<&str> {
        let steps = self.finding(id)["remedy"]["steps"].as_array().unwrap();
        steps.iter().filter_map(Value::as_str).collect()
    }

    /// The grade and its reason, `F (auth.password: …)`.
    pub fn grade(&self) -> String {
        let grade = &self.0["grade"];
        let word = |name: &str| grade[name].as_str().unwrap().to_owned();
        format!("{} ({})", word("letter"), word("because"))
    }

    /// Requires grade A, or that nothing but what is the machine's own stands in its way.
    #[track_caller]
    pub fn gets_an_a(&self) {
        if self.fails_above_low_but_for_the_machine(&[]) {
            assert_eq!(self.grade(), "A (nothing fails above low)");
        }
    }

    /// Requires that just these checks fail above low, beside what is the machine's own; whether nothing of that does.
    #[track_caller]
    pub fn fails_above_low_but_for_the_machine(&self, wanted: &[&str]) -> bool {
        let findings = self.0["findings"].as_array().unwrap().iter();
        let grave = |finding: &&Value| {
            let minor = ["low", "info"].contains(&finding["severity"].as_str().unwrap());
            finding["outcome"] == "fail" && !minor
        };
        let ids = findings.filter(grave);
        let ids: Vec<&str> = ids.map(|finding| finding["id"].as_str().unwrap()).collect();
        let (own, ours): (Vec<&str>, Vec<&str>) =
            ids.iter().partition(|id| MACHINES_OWN.contains(id));
        assert_eq!(ours, wanted);
        own.is_empty()
    }

    /// What is told of the policy's own words: each note's kind and the statement it is about.
    pub fn notes(&self) -> Vec<(&str, &str)> {
        let notes = self.0["notes"].as_array().unwrap().iter();
        let words = notes.map(|note| (&note["kind"], &note["statement"]));
        words
            .map(|(kind, statement)| (kind.as_str().unwrap(), statement.as_str().unwrap()))
            .collect()
    }

    /// Every id and its outcome.
    pub fn outcomes(&self) -> Vec<(&str, &str)> {
        let findings = self.0["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| {
                (
                    finding["id"].as_str().unwrap(),
                    finding["outcome"].as_str().unwrap(),
                )
            })
            .collect()
    }

    /// Requires a check to have come out so, with this in its evidence.
    #[track_caller]
    pub fn shows(&self, id: &str, outcome: &str, part: &str) -> &Self {
        let finding = self.finding(id);
        assert_eq!(self.outcome(id), outcome, "{finding:#}");
        assert!(
            self.actual(id).contains(part),
            "{part:?} is not in {finding:#}"
        );
        self
    }
}
