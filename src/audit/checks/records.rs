//! Checks of what is recorded: the server's log and its log of denials.

use super::keeping;
use super::limits::number;
use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::Facts;
use crate::audit::fix::Action;
use crate::render::escape::printable;

/// `log.file`: the log is kept somewhere.
pub struct LogFile;

/// `log.acl-log`: denials are kept.
pub struct AclLog;

const CONFIG: &str = "https://redis.io/docs/latest/operate/oss_and_stack/management/config/";

impl Check for LogFile {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "log.file",
            title: "The server's log is kept",
            category: Category::Limits,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "What a server did on the day it was attacked stands in its log, or nowhere.",
            expected: "a logfile, syslog, or an output that a supervisor keeps, and a loglevel other than nothing",
            remedy: "Give the server a logfile, or leave its output to systemd or the container's runtime.",
            references: &[CONFIG, "https://cwe.mitre.org/data/definitions/778.html"],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "nothing is recorded",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let settings = ["loglevel", "logfile", "syslog-enabled"].map(|name| facts.setting(name));
        let [level, file, syslog] = match settings {
            [Ok(level), Ok(file), Ok(syslog)] => [level, file, syslog],
            [Err(reason), ..] | [_, Err(reason), _] | [.., Err(reason)] => {
                return Outcome::unknown(reason);
            }
        };
        let mut actual = vec![format!("loglevel {}", printable(level))];
        if level == b"nothing" {
            return Failure::new(actual)
                .steps([
                    format!("{} CONFIG SET loglevel notice", steps::cli(facts)),
                    keeping::setting(facts, "loglevel notice"),
                ])
                .actions([Action::set("loglevel", "notice")])
                .into();
        }
        let mut kept = Vec::new();
        if !file.is_empty() && file != b"/dev/null" {
            kept.push(format!("logfile {}", printable(file)));
        }
        if syslog == b"yes" {
            kept.push("syslog-enabled yes".to_owned());
        }
        if !kept.is_empty() {
            actual.extend(kept);
            return Outcome::Pass(actual);
        }
        actual.push(format!(
            "logfile \"{}\", syslog-enabled no",
            printable(file)
        ));
        let output = match facts.machine.stdout.known() {
            _ if file == b"/dev/null" => b"/dev/null",
            Ok(output) => output.as_slice(),
            Err(reason) => return Outcome::unknown(format!("logfile \"\"; {reason}")),
        };
        actual.push(format!("standard output: {}", printable(output)));
        // A pipe or a socket has somebody at its other end: journald, or a container's runtime.
        let lost = ["/dev/null", "/dev/pts/", "/dev/tty", "/dev/console"];
        if !lost
            .iter()
            .any(|place| output.starts_with(place.as_bytes()))
        {
            return Outcome::Pass(actual);
        }
        let line = "logfile /var/log/redis/redis-server.log";
        let mut steps = vec![format!(
            "# {line} in redis.conf, and a restart: this setting cannot be changed on a running server"
        )];
        if let Some(path) = &facts.server.config_file {
            steps.push(format!(
                "echo '{line}' | sudo tee -a {}",
                steps::shell_path(path)
            ));
        }
        Failure::new(actual).steps(steps).into()
    }
}

impl Check for AclLog {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "log.acl-log",
            title: "Denied commands and logins are kept (ACL LOG)",
            category: Category::Limits,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "ACL LOG is the server's only record of wrong passwords and of commands that a user may not run.",
            expected: "acllog-max-len above 0; 128 is the default",
            remedy: "Let the server keep some entries.",
            references: &[
                steps::ACL,
                "https://cwe.mitre.org/data/definitions/778.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "wrong passwords and denied commands leave no trace",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        match number(facts, "acllog-max-len") {
            Ok(0) => Failure::new(vec!["acllog-max-len 0".to_owned()])
                .steps([
                    format!("{} CONFIG SET acllog-max-len 128", steps::cli(facts)),
                    keeping::setting(facts, "acllog-max-len 128"),
                ])
                .actions([Action::set("acllog-max-len", "128")])
                .into(),
            Ok(length) => Outcome::pass(format!("acllog-max-len {length}")),
            Err(reason) => Outcome::unknown(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::Fact;

    #[test]
    fn a_log_file_syslog_or_a_supervisor_keeps_the_log() {
        let mut facts = sample::hardened();
        passes(&LogFile, &facts);
        sample::set(&mut facts, "logfile", "");
        for (output, kept) in [
            ("pipe:[77]", true),
            ("socket:[78]", true),
            ("/var/log/redis.out", true),
            ("/dev/null", false),
            ("/dev/pts/3", false),
        ] {
            facts.machine.stdout = Fact::Known(output.as_bytes().to_vec());
            let passed = matches!(LogFile.evaluate(&facts), Outcome::Pass(_));
            assert_eq!(passed, kept, "{output}");
        }
        sample::set(&mut facts, "syslog-enabled", "yes");
        passes(&LogFile, &facts);
        sample::set(&mut facts, "loglevel", "nothing");
        fails(&LogFile, &facts);
    }

    #[test]
    fn a_log_file_that_is_dev_null_keeps_nothing() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "logfile", "/dev/null");
        fails(&LogFile, &facts);
    }

    #[test]
    fn an_output_that_cannot_be_seen_is_unknown() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "logfile", "");
        facts.machine.stdout = Fact::Unavailable("no /proc".to_owned());
        assert!(unknown(&LogFile, &facts).contains("no /proc"));
    }

    #[test]
    fn an_acl_log_without_room_fails() {
        let mut facts = sample::hardened();
        passes(&AclLog, &facts);
        sample::set(&mut facts, "acllog-max-len", "0");
        fails(&AclLog, &facts);
    }
}
