//! Checks of the process the server runs in.

use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::Facts;

/// `proc.root`: the server must not be root.
pub struct Root;

impl Check for Root {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "proc.root",
            title: "The server does not run as root",
            category: Category::Process,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "Whoever makes a server that runs as root write a file owns the whole machine: an SSH key, a cron job or \
                  a module is one CONFIG SET dir away.",
            expected: "an account of its own, such as redis, with no other rights",
            remedy: "Run the server under an account that owns nothing but its data.",
            references: &[
                steps::SECURITY,
                "https://cwe.mitre.org/data/definitions/250.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "whoever takes over the server owns the machine, for it runs as root",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let process = &facts.process;
        let actual = format!(
            "pid {} runs as {} (uid {}, gid {})",
            process.pid, process.user, process.uid, process.gid
        );
        if process.uid != 0 {
            return Outcome::pass(actual);
        }
        Failure::new(vec![actual])
            .steps([
                "sudo adduser --system --group --no-create-home redis",
                "sudo chown -R redis:redis DATA_DIRECTORY",
                "# start it as that user: User=redis in the systemd unit, or sudo -u redis redis-server ...",
            ])
            .into()
    }
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;

    #[test]
    fn root_fails_and_any_other_user_passes() {
        let mut facts = sample::hardened();
        assert!(matches!(Root.evaluate(&facts), Outcome::Pass(_)));
        facts.process.uid = 0;
        facts.process.user = "root".to_owned();
        let Outcome::Fail(failure) = Root.evaluate(&facts) else {
            panic!("root passed");
        };
        assert_eq!(failure.actual, ["pid 4242 runs as root (uid 0, gid 112)"]);
    }

    #[test]
    fn a_user_that_is_called_root_but_is_not_passes() {
        let mut facts = sample::hardened();
        facts.process.user = "root".to_owned();
        assert!(matches!(Root.evaluate(&facts), Outcome::Pass(_)));
    }
}
