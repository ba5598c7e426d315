//! `net.unixsocket`: who on this host may connect through the unix socket.

use super::{files, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, FileStatus, Socket};
use crate::audit::fix::Action;
use crate::render::escape::printable;

/// `net.unixsocket`.
pub struct UnixSocket;

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

impl Check for UnixSocket {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.unixsocket",
            title: "The unix socket is for the server's user and group",
            category: Category::Network,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "Whoever may write to the socket may connect, past bind, the firewall and protected mode: every account and \
                  every broken web application of the host.",
            expected: "mode 700, or 770 with the group of the server",
            remedy: "Take the socket from everybody but the server's user and group; put the accounts that need it into that \
                     group.",
            references: &[
                steps::SECURITY,
                "https://cwe.mitre.org/data/definitions/732.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "every account of the host can connect through the unix socket",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let sockets = match facts.sockets.known() {
            Ok(sockets) => sockets,
            Err(reason) => return Outcome::unknown(reason),
        };
        let mut fine = Vec::new();
        let mut wrong = Vec::new();
        let mut unknown = Vec::new();
        for socket in sockets {
            let Socket::Unix { path, file } = socket else {
                continue;
            };
            match file.known() {
                Err(reason) => unknown.push(format!("unix {}: {reason}", printable(path))),
                Ok(file) if open_to(facts, file) == 0 => fine.push(who_may(facts, file)),
                Ok(file) => wrong.push(file),
            }
        }
        if wrong.is_empty() {
            return match unknown.into_iter().next() {
                Some(reason) => Outcome::unknown(reason),
                None if fine.is_empty() => {
                    Outcome::not_applicable("the server listens on no unix socket")
                }
                None => Outcome::Pass(fine),
            };
        }
        failed(facts, &wrong, unknown)
    }
}

fn failed(facts: &Facts, wrong: &[&FileStatus], unknown: Vec<String>) -> Outcome {
    let closed = |file: &FileStatus| files::kept_out(facts, &facts.socket_parents, file);
    let told = |file: &&FileStatus| match closed(file) {
        Some(folder) => format!(
            "{}, were it not for the folder {}",
            who_may(facts, file),
            files::shown(folder)
        ),
        None => who_may(facts, file),
    };
    let mut actual: Vec<String> = wrong.iter().map(told).collect();
    let missing = unknown.iter().map(|reason| format!("unknown: {reason}"));
    actual.extend(missing);
    let mut failure = Failure::new(actual)
        .steps(wrong.iter().flat_map(|file| close(facts, file)))
        .actions(wrong.iter().map(|file| Action::Permissions {
            path: file.path.clone(),
            mode: for_the_server(facts, file),
        }));
    if wrong.iter().all(|file| closed(file).is_some()) {
        failure = failure.severity(Severity::Low, "a folder above keeps others out");
    } else if wrong.iter().all(|file| is_meant(facts, file)) {
        failure = failure.severity(
            Severity::Low,
            "unixsocketgroup names this group, so somebody chose it",
        );
    }
    failure.into()
}

/// The bits that let in who should not be: for a socket it is writing that counts.
fn open_to(facts: &Facts, file: &FileStatus) -> u32 {
    let strangers = match file.gid == facts.process.gid {
        true => OTHERS_WRITE,
        false => OTHERS_WRITE | GROUP_WRITES,
    };
    file.mode & strangers
}

/// The socket as `ls -l` shows it, and whom that lets in.
fn who_may(facts: &Facts, file: &FileStatus) -> String {
    let line = files::shown(file);
    let bits = open_to(facts, file);
    if bits & OTHERS_WRITE != 0 {
        return format!("{line}: anybody on this host may connect");
    }
    if bits & GROUP_WRITES != 0 {
        return format!(
            "{line}: group {} may connect, and the server's is {}",
            file.group, facts.process.group
        );
    }
    let sharers = facts.process.group_sharers.known();
    match sharers {
        Ok(sharers) if file.mode & GROUP_WRITES != 0 && !sharers.is_empty() => format!(
            "{line}: so may {}, of the server's group",
            steps::first_few(sharers, 5)
        ),
        _ => line,
    }
}

/// Whether only a group is let in that the configuration names (a setting of Valkey).
fn is_meant(facts: &Facts, file: &FileStatus) -> bool {
    let group = facts.setting("unixsocketgroup").unwrap_or_default();
    let number = file.gid.to_string();
    open_to(facts, file) == GROUP_WRITES
        && (group == file.group.as_bytes() || group == number.as_bytes())
}

fn for_the_server(facts: &Facts, file: &FileStatus) -> u32 {
    match file.gid == facts.process.gid {
        true => file.mode & 0o770,
        false => file.mode & 0o700,
    }
}

fn close(facts: &Facts, file: &FileStatus) -> [String; 2] {
    let mode = for_the_server(facts, file);
    let conf = match &facts.server.config_file {
        Some(path) => printable(path),
        None => "the redis.conf it is started with".to_owned(),
    };
    [
        format!(
            "sudo chmod {mode:o} {}   # connections that are open stay open",
            steps::shell_path(&file.path)
        ),
        format!(
            "# write into {conf}: unixsocketperm {mode:o}, for the server sets the mode anew at every start"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::{Fact, Parent};

    fn socket(mode: u32, gid: u32) -> Facts {
        let mut facts = sample::hardened();
        facts.sockets = Fact::Known(vec![sample::unix("/run/redis/redis.sock", mode, gid)]);
        facts
    }

    #[test]
    fn the_servers_own_user_and_group_may_connect() {
        for mode in [0o700, 0o755, 0o770, 0o775] {
            let actual = passes(&UnixSocket, &socket(mode, 112));
            assert!(actual.concat().starts_with("srwx"), "{actual:?}");
        }
        passes(&UnixSocket, &socket(0o755, 33));
    }

    #[test]
    fn accounts_of_the_servers_group_are_named() {
        let mut facts = socket(0o770, 112);
        facts.process.group_sharers = Fact::Known(vec!["www-data".to_owned()]);
        let actual = passes(&UnixSocket, &facts).concat();
        assert!(
            actual.ends_with("so may www-data, of the server's group"),
            "{actual}"
        );
    }

    #[test]
    fn a_socket_that_others_may_write_fails_and_is_closed_to_them_alone() {
        let failure = fails(&UnixSocket, &socket(0o777, 112));
        assert_eq!(
            failure.actual,
            ["srwxrwxrwx redis redis /run/redis/redis.sock: anybody on this host may connect"]
        );
        assert_eq!(failure.severity, None);
        let path = b"/run/redis/redis.sock".to_vec();
        assert_eq!(failure.actions, [Action::Permissions { path, mode: 0o770 }]);
        assert!(failure.steps.concat().contains("unixsocketperm 770"));
    }

    #[test]
    fn a_closed_folder_above_makes_it_low_and_is_told() {
        let mut facts = socket(0o777, 112);
        let parent = |mode| Parent {
            status: sample::folder("/run/redis", mode),
            leads_to: None,
            above: b"/run/redis/redis.sock".to_vec(),
        };
        facts.socket_parents = vec![parent(0o755)];
        assert_eq!(fails(&UnixSocket, &facts).severity, None);
        facts.socket_parents = vec![parent(0o700)];
        let failure = fails(&UnixSocket, &facts);
        let severity = failure.severity.map(|(severity, _)| severity);
        assert_eq!(severity, Some(Severity::Low));
        assert_eq!(
            failure.actual,
            [
                "srwxrwxrwx redis redis /run/redis/redis.sock: anybody on this host may connect, were it not for the folder \
                 drwx------ redis redis /run/redis"
            ]
        );
    }

    #[test]
    fn another_group_fails_and_is_shut_out() {
        let failure = fails(&UnixSocket, &socket(0o770, 33));
        assert!(
            failure
                .actual
                .concat()
                .contains("group www-data may connect"),
            "{failure:?}"
        );
        assert!(matches!(
            failure.actions.as_slice(),
            [Action::Permissions { mode: 0o700, .. }]
        ));
    }

    #[test]
    fn a_group_that_the_configuration_names_is_low_but_not_everybody() {
        let mut facts = socket(0o770, 33);
        for named in ["www-data", "33"] {
            sample::set(&mut facts, "unixsocketgroup", named);
            let severity = fails(&UnixSocket, &facts).severity;
            assert_eq!(severity.map(|(severity, _)| severity), Some(Severity::Low));
        }
        let mut facts = socket(0o777, 33);
        sample::set(&mut facts, "unixsocketgroup", "www-data");
        assert_eq!(fails(&UnixSocket, &facts).severity, None);
    }

    #[test]
    fn no_socket_is_not_applicable_and_one_without_a_file_unknown() {
        let outcome = UnixSocket.evaluate(&sample::hardened());
        assert!(matches!(outcome, Outcome::NotApplicable(_)));
        let mut facts = sample::hardened();
        facts.sockets = Fact::Known(vec![Socket::Unix {
            path: b"/run/a.sock".to_vec(),
            file: Fact::Unavailable("/run/a.sock: not there".to_owned()),
        }]);
        assert!(unknown(&UnixSocket, &facts).contains("not there"));
        facts.sockets = Fact::Unavailable("no /proc".to_owned());
        assert_eq!(unknown(&UnixSocket, &facts), "no /proc");
    }
}
