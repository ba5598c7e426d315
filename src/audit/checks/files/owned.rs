//! Checks of single files that hold secrets or decide what the server does: redis.conf, the ACL file, TLS keys, the policy.

use super::{
    OTHERS, PERMISSIONS, in_safe_hands, kept_out, members, names, shown, stranger, take_away,
};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::checks::steps;
use crate::audit::facts::{Fact, Facts, FileStatus};

/// `file.config`: redis.conf and what it includes.
pub struct Config;

/// `file.acl`: the users and their password digests.
pub struct Acl;

/// `file.tls-key`: private keys.
pub struct TlsKey;

/// `file.policy`: what the gate is told.
pub struct Policy;

impl Check for Config {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.config",
            title: "redis.conf is private and in safe hands",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: true,
            why: "redis.conf holds the password in clear, and whoever can write it decides what the server does at its next \
                  start.",
            expected: "mode 600 (640 accepted), owned by root or the server's user",
            remedy: "Take the file from everybody but the server's user and root.",
            references: &[steps::TUTORIAL, PERMISSIONS],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "redis.conf, with its password, is open to other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        if facts.files.config.is_empty() {
            return Outcome::not_applicable("the server was started without a configuration file");
        }
        let files: Vec<&Fact<FileStatus>> = facts.files.config.iter().collect();
        judged(facts, &files, PRIVATE)
    }
}

impl Check for Acl {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.acl",
            title: "The ACL file is private and in safe hands",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "The ACL file holds every user's password digest, and whoever can write it makes himself administrator.",
            expected: "mode 600 (640 accepted), owned by root or the server's user",
            remedy: "Take the file from everybody but the server's user and root.",
            references: &[steps::ACL, PERMISSIONS],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "the ACL file is open to other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        match &facts.files.acl {
            None => Outcome::not_applicable("no aclfile is set"),
            Some(file) => judged(facts, &[file], PRIVATE),
        }
    }
}

impl Check for TlsKey {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.tls-key",
            title: "Private TLS keys are the server's alone",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "Whoever reads the private key can pose as this server, and read what he recorded of older connections.",
            expected: "mode 600 (640 accepted with a group of its own), owned by root or the server's user",
            remedy: "Give the server a key of its own, and take the file from everybody else.",
            references: &[
                "https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/",
                PERMISSIONS,
            ],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "a private TLS key is open to other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        if facts.files.tls_keys.is_empty() {
            return Outcome::not_applicable("neither tls-key-file nor tls-client-key-file is set");
        }
        let files: Vec<&Fact<FileStatus>> = facts.files.tls_keys.iter().collect();
        judged(facts, &files, KEY)
    }
}

impl Check for Policy {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.policy",
            title: "The policy of the gate is in safe hands",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "Whoever can write the policy file decides what the gate lets through after the next start or SECGATE LOAD.",
            expected: "writable by nobody but root or the server's user",
            remedy: "Take the right to write from everybody else.",
            references: &[steps::SECURITY, PERMISSIONS],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "the gate's policy can be written by other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        match &facts.files.policy {
            None => Outcome::not_applicable("this module was given no policy file"),
            Some(file) => judged(facts, &[file], UNTOUCHED),
        }
    }
}

/// What a file must not allow.
#[derive(Clone, Copy)]
struct Rule {
    /// The bits it must not have.
    forbidden: u32,
    /// A group that may read it must be the server's alone.
    own_group: bool,
}

const PRIVATE: Rule = Rule {
    forbidden: 0o020 | OTHERS,
    own_group: false,
};
const KEY: Rule = Rule {
    own_group: true,
    ..PRIVATE
};
const UNTOUCHED: Rule = Rule {
    forbidden: 0o022,
    own_group: false,
};

/// How many files a finding names before it counts them.
const NAMED: usize = 20;
/// How many files the server is asked to change one by one.
const CHANGED: usize = 200;

/// Judges files by the mode bits they must not have and by their owner.
fn judged(facts: &Facts, files: &[&Fact<FileStatus>], rule: Rule) -> Outcome {
    let mut fine = Vec::new();
    let mut failure = Failure::new(Vec::new());
    let mut unknown = Vec::new();
    let mut all_kept_out = true;
    for file in files {
        let file = match file.known() {
            Ok(file) => file,
            Err(reason) => {
                unknown.push(reason.to_owned());
                continue;
            }
        };
        let mut faults = faults(facts, file, rule.forbidden);
        let mut bits = rule.forbidden;
        if rule.own_group && file.mode & 0o040 != 0 {
            match members(facts, file.gid, facts.process.uid) {
                Ok(others) if others.is_empty() => {}
                Ok(others) => {
                    bits |= 0o070;
                    faults.push(format!(
                        "group {} may read it, and so may {}",
                        file.group,
                        names(&others)
                    ));
                }
                Err(reason) => unknown.push(format!("{}: {reason}", shown(file))),
            }
        }
        if faults.is_empty() {
            fine.push(shown(file));
            continue;
        }
        let mut line = format!("{}: {}", shown(file), faults.join("; "));
        let parents = &facts.files.parents.found;
        // Whoever owns the file may have moved it there.
        match kept_out(facts, parents, file).filter(|_| in_safe_hands(facts, file)) {
            Some(folder) => {
                line.push_str(&format!(", were it not for the folder {}", shown(folder)))
            }
            None => all_kept_out = false,
        }
        failure.actual.push(line);
        if failure.actual.len() <= NAMED {
            failure.steps.extend(mend(facts, file, rule, bits));
        }
        // Of a stranger's file, chmod would not be the end.
        if in_safe_hands(facts, file) && failure.actions.len() < CHANGED {
            failure.actions.extend(take_away(facts, file, bits));
        }
    }
    if failure.actual.is_empty() {
        return match unknown.into_iter().next() {
            Some(reason) => Outcome::unknown(reason),
            None => Outcome::Pass(cut(fine)),
        };
    }
    if failure.actual.len() > NAMED {
        let more = failure.actual.len() - NAMED;
        failure
            .steps
            .push(format!("# and the same for {more} more"));
    }
    failure.actual = cut(failure.actual);
    // What nobody looked at may be open to all.
    all_kept_out &= unknown.is_empty();
    let unknown = unknown.iter().map(|reason| format!("unknown: {reason}"));
    failure.actual.extend(unknown.take(NAMED));
    match all_kept_out {
        true => failure
            .severity(Severity::Low, "a folder above keeps others out")
            .into(),
        false => failure.into(),
    }
}

/// The first lines, and how many more there are.
fn cut(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines
}

fn faults(facts: &Facts, file: &FileStatus, forbidden: u32) -> Vec<String> {
    let mut faults = Vec::new();
    let bits = file.mode & forbidden;
    if bits & 0o002 != 0 {
        faults.push("anybody may write it".to_owned());
    }
    if bits & 0o004 != 0 {
        faults.push("anybody may read it".to_owned());
    }
    if bits & 0o020 != 0 {
        faults.push(format!("group {} may write it", file.group));
    }
    if !in_safe_hands(facts, file) {
        faults.push(stranger(facts, file));
    }
    faults
}

/// As the tutorial does it: the server's user owns the file, and root's group.
fn mend(facts: &Facts, file: &FileStatus, rule: Rule, bits: u32) -> Vec<String> {
    let path = steps::shell_path(&file.path);
    let chmod = match rule.forbidden & OTHERS == OTHERS {
        true => format!("sudo chmod 600 {path}"),
        false => format!("sudo chmod {:o} {path}", file.mode & !bits),
    };
    let mut lines = vec![
        format!("sudo chown {}:root {path}", facts.process.user),
        chmod,
    ];
    if rule.own_group {
        lines.push(
            "# where other programs use the same key, give them a copy of their own first"
                .to_owned(),
        );
    }
    lines
}

#[cfg(test)]
#[path = "owned_tests.rs"]
mod tests;
