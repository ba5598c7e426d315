//! What SECAUDIT FIX can do about a failure on the running server: the actions that a finding carries beside its steps.
//! A check says what; the server side does it.

pub mod applied;
pub mod lockout;
pub mod plan;
pub mod request;

use super::facts::Facts;
use crate::policy::words::quote;
use crate::render::escape::printable;

/// One thing that can be done on the running server, and seen before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `CONFIG SET name value`. Several settings that only make sense together go in one call.
    Set(Vec<(String, Vec<u8>)>),
    /// A new random password for the default user, shown once. The server keeps its SHA-256 (ACL SETUSER), so that nobody
    /// can read it again.
    NewPassword,
    /// A statement for the policy.
    Statement(Statement),
    /// A mode for the gate: `enforce`.
    GateMode(&'static str),
    /// Permission bits (07777) for a file or a folder of this server. They only take away from others.
    Permissions {
        /// Where it lies.
        path: Vec<u8>,
        /// The bits it should have.
        mode: u32,
    },
}

/// A statement for the policy, and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// In the policy's own words, and with `at=` where it must not stand at the end: `deny flushall id=no-flush at=first`.
    /// Where the id is taken, it gets one of its own.
    pub line: String,
    /// What the operator should have in mind, beside what goes for every statement.
    pub mind: Vec<String>,
}

/// What makes a change outlive a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// CONFIG REWRITE.
    Rewrite,
    /// ACL SAVE: the users live in a file of their own.
    AclSave,
    /// SECGATE SAVE.
    PolicySave,
}

impl Keep {
    /// The command.
    pub fn command(self) -> &'static str {
        match self {
            Self::Rewrite => "CONFIG REWRITE",
            Self::AclSave => "ACL SAVE",
            Self::PolicySave => "SECGATE SAVE",
        }
    }
}

impl Action {
    /// `CONFIG SET name value`.
    pub fn set(name: &str, value: &str) -> Self {
        Self::Set(vec![(name.to_owned(), value.as_bytes().to_vec())])
    }

    /// What is done, as a command where there is one. Printable.
    pub fn does(&self) -> String {
        match self {
            Self::Set(pairs) => {
                let mut line = "CONFIG SET".to_owned();
                for (name, value) in pairs {
                    line.push(' ');
                    line.push_str(&setting(name, value));
                }
                line
            }
            Self::NewPassword => {
                "give user default a new random password of 256 bits, shown once".to_owned()
            }
            Self::Statement(Statement { line, .. }) => {
                let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
                let line = match (verb, rest.split_once(' ')) {
                    // Without ADD the profile would only be shown.
                    ("profile", Some((name, rest))) => format!("SECGATE PROFILE {name} ADD {rest}"),
                    ("profile", None) => format!("SECGATE PROFILE {rest} ADD"),
                    _ => format!("SECGATE {} {rest}", verb.to_uppercase()),
                };
                printable(line.trim_end().as_bytes())
            }
            Self::GateMode(mode) => format!("SECGATE MODE {mode}"),
            Self::Permissions { path, mode } => format!("chmod {mode:o} {}", printable(path)),
        }
    }

    /// What the operator should have in mind. Printable.
    pub fn mind(&self) -> Vec<&str> {
        match self {
            Self::Set(pairs) => {
                let remarks = pairs.iter().filter_map(|(name, _)| remark(name));
                remarks.collect()
            }
            Self::NewPassword => vec![
                "connections that are open stay logged in; who connects from now on must know it",
                "replicas of this server and Sentinels need it before they connect again (masterauth, auth-pass)",
            ],
            Self::Statement(Statement { mind, .. }) => {
                let always = ["calls that are queued in transactions already still run"];
                let own = mind.iter().map(String::as_str);
                always.into_iter().chain(own).collect()
            }
            Self::GateMode(_) => vec!["the rules that only recorded refuse from now on"],
            Self::Permissions { .. } => Vec::new(),
        }
    }

    /// What makes it outlive a restart; nothing where it does so by itself.
    pub fn keep(&self, facts: &Facts) -> Option<Keep> {
        match self {
            Self::Set(_) => Some(Keep::Rewrite),
            Self::NewPassword => match facts.setting("aclfile") {
                Ok(file) if !file.is_empty() => Some(Keep::AclSave),
                _ => Some(Keep::Rewrite),
            },
            Self::Statement(_) | Self::GateMode(_) => Some(Keep::PolicySave),
            Self::Permissions { .. } => None,
        }
    }
}

/// A setting and its value as CONFIG SET takes them.
pub fn setting(name: &str, value: &[u8]) -> String {
    let mut line = format!("{} ", printable(name.as_bytes()));
    quote(value, &mut line);
    line
}

/// What a changed setting means to clients.
fn remark(name: &str) -> Option<&'static str> {
    match name {
        "bind" => {
            Some("connections that are open stay; nobody connects through other addresses any more")
        }
        "protected-mode" => Some(
            "while user default needs no password, clients of other hosts are turned away from now on",
        ),
        "tls-auth-clients" => Some("clients without a certificate are turned away from now on"),
        "tls-protocols" | "tls-ciphers" | "tls-ciphersuites" => {
            Some("clients that know nothing newer are turned away from now on")
        }
        "client-output-buffer-limit" => {
            Some("a client that has more waiting for it is disconnected")
        }
        "timeout" => Some("clients that are idle for longer are disconnected"),
        "maxmemory" => Some("when it is full, maxmemory-policy says what happens"),
        "dir" | "dbfilename" | "appenddirname" => {
            Some("the next save goes there; files that exist stay where they are")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;

    fn statement(line: &str) -> Action {
        Action::Statement(Statement {
            line: line.to_owned(),
            mind: Vec::new(),
        })
    }

    #[test]
    fn an_action_reads_as_what_one_would_type() {
        let set = |pairs: &[(&str, &str)]| {
            let owned =
                |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
            Action::Set(pairs.iter().map(owned).collect())
        };
        for (action, does) in [
            (
                set(&[("bind", "127.0.0.1 -::1"), ("port", "6380")]),
                "CONFIG SET bind \"127.0.0.1 -::1\" port 6380",
            ),
            (set(&[("logfile", "")]), "CONFIG SET logfile \"\""),
            (set(&[("dir", "/a\u{1b}")]), "CONFIG SET dir \"/a\\x1b\""),
            (
                statement("deny eval note=\"a b\""),
                "SECGATE DENY eval note=\"a b\"",
            ),
            (
                statement("profile scripting"),
                "SECGATE PROFILE scripting ADD",
            ),
            (
                statement("profile rce user=!ops id=x at=2"),
                "SECGATE PROFILE rce ADD user=!ops id=x at=2",
            ),
            (Action::GateMode("enforce"), "SECGATE MODE enforce"),
            (
                Action::Permissions {
                    path: b"/var/lib/\xff".to_vec(),
                    mode: 0o700,
                },
                "chmod 700 /var/lib/\\xff",
            ),
        ] {
            assert_eq!(action.does(), does);
        }
    }

    #[test]
    fn each_change_is_kept_where_the_server_reads_it_again() {
        let mut facts = sample::hardened();
        let password = || Action::NewPassword;
        assert_eq!(password().keep(&facts), Some(Keep::Rewrite));
        sample::set(&mut facts, "aclfile", "/etc/redis/users.acl");
        assert_eq!(password().keep(&facts), Some(Keep::AclSave));
        assert_eq!(Action::Set(Vec::new()).keep(&facts), Some(Keep::Rewrite));
        assert_eq!(
            Action::GateMode("enforce").keep(&facts),
            Some(Keep::PolicySave)
        );
    }

    #[test]
    fn remarks_fit_a_line_of_the_report() {
        let names = [
            "bind",
            "protected-mode",
            "tls-protocols",
            "timeout",
            "dir",
            "maxmemory",
        ];
        let set = names.map(|name| (name.to_owned(), Vec::new())).to_vec();
        let actions = [
            Action::Set(set),
            Action::NewPassword,
            statement("deny eval"),
            Action::GateMode("enforce"),
        ];
        for remark in actions.iter().flat_map(Action::mind) {
            assert!(remark.len() > 20 && remark.is_ascii(), "{remark}");
        }
    }
}
