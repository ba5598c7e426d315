//! Checks of the process the server runs in.

use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::Facts;
use crate::render::escape::printable;

/// `proc.root`: the server must not be root.
pub struct Root;

/// `proc.capabilities`: no Linux capability is held.
pub struct Capabilities;

/// `proc.no-new-privs`: the kernel keeps the process from gaining rights.
pub struct NoNewPrivs;

/// `proc.core-dumps`: a crash does not write the data to disk.
pub struct CoreDumps;

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

impl Check for Capabilities {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "proc.capabilities",
            title: "The server holds no Linux capabilities",
            category: Category::Process,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "A capability is a piece of root's power. A server that opens a port above 1023 and its own files needs none; \
                  whoever takes it over has them all.",
            expected: "no effective and no permitted capability",
            remedy: "Start the server without capabilities, as an ordinary user.",
            references: &[
                CAPABILITIES,
                "https://cwe.mitre.org/data/definitions/250.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "whoever takes over the server has some of root's power",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let privileges = match facts.machine.privileges.known() {
            Ok(privileges) => privileges,
            Err(reason) => return Outcome::unknown(reason),
        };
        let lines = [
            ("effective", privileges.effective),
            ("permitted", privileges.permitted),
        ]
        .map(|(name, mask)| format!("{name} capabilities: {}", capabilities(mask)));
        if privileges.effective | privileges.permitted == 0 {
            return Outcome::Pass(lines.into());
        }
        Failure::new(lines.into())
            .steps([
                "# in the systemd unit: User=redis, CapabilityBoundingSet= and AmbientCapabilities= (both empty)",
                "# in a container: cap_drop: [ALL] and a user other than root",
            ])
            .into()
    }
}

impl Check for NoNewPrivs {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "proc.no-new-privs",
            title: "no_new_privs or seccomp is on",
            category: Category::Process,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "With no_new_privs, code that runs in the server can gain no rights from sudo or any other set-uid program; a \
                  seccomp filter takes most of the kernel out of its reach.",
            expected: "NoNewPrivs 1, or a seccomp filter",
            remedy: "Let systemd or the container runtime put the walls up.",
            references: &[
                "https://docs.kernel.org/userspace-api/no_new_privs.html",
                "https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "nothing keeps code in the server from gaining rights",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let privileges = match facts.machine.privileges.known() {
            Ok(privileges) => privileges,
            Err(reason) => return Outcome::unknown(reason),
        };
        let word = |on: bool| if on { "on" } else { "off" };
        let actual = vec![format!(
            "no_new_privs {}, seccomp {}",
            word(privileges.no_new_privs),
            word(privileges.seccomp)
        )];
        if privileges.no_new_privs || privileges.seccomp {
            return Outcome::Pass(actual);
        }
        Failure::new(actual)
            .steps([
                "# in the systemd unit: NoNewPrivileges=yes and SystemCallFilter=@system-service",
                "# in a container: security_opt: [no-new-privileges:true]",
            ])
            .into()
    }
}

impl Check for CoreDumps {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "proc.core-dumps",
            title: "A crash writes no core dump",
            category: Category::Process,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "A core dump is the server's memory: all data and every password, in a file with rules of its own.",
            expected: "a core file limit of 0, or a process that the kernel does not dump",
            remedy: "Set the limit to 0 where the server is started.",
            references: &[
                "https://man7.org/linux/man-pages/man5/core.5.html",
                "https://cwe.mitre.org/data/definitions/528.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "a crash leaves all data and passwords in a file",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let core = match facts.machine.core.known() {
            Ok(core) => core,
            Err(reason) => return Outcome::unknown(reason),
        };
        if core.undumpable {
            return Outcome::pass("the kernel does not dump this process (PR_GET_DUMPABLE 0)");
        }
        let pattern = core.pattern.as_deref().map(printable);
        let mut actual = vec![
            match core.limit {
                Some(limit) => format!("core file limit {limit}"),
                None => "core file limit unlimited".to_owned(),
            },
            match &pattern {
                Some(pattern) => format!("core_pattern {pattern}"),
                None => "core_pattern: could not be read".to_owned(),
            },
        ];
        let pipe = core
            .pattern
            .as_deref()
            .and_then(|pattern| pattern.strip_prefix(b"|"));
        match (core.limit, pipe) {
            (Some(0), None) => Outcome::Pass(actual),
            // It asks for the limit and keeps nothing at 0.
            (Some(0), Some(program)) if contains(program, b"systemd-coredump") => {
                Outcome::Pass(actual)
            }
            (Some(0), Some(_)) => Outcome::Unknown {
                reason: format!(
                    "the limit is 0, but the kernel hands a core to a program whatever the limit is: {}",
                    pattern.unwrap_or_default()
                ),
                steps: vec!["cat /proc/sys/kernel/core_pattern".to_owned()],
            },
            _ => {
                actual.extend(
                    (core.pattern.as_deref() == Some(b"|/bin/false"))
                        .then(|| "the program throws it away".to_owned()),
                );
                Failure::new(actual)
                    .steps([
                        format!("sudo prlimit --pid {} --core=0", facts.process.pid),
                        "# for the next start: LimitCORE=0 in the systemd unit".to_owned(),
                    ])
                    .into()
            }
        }
    }
}

const CAPABILITIES: &str = "https://man7.org/linux/man-pages/man7/capabilities.7.html";

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// A mask as names, in the kernel's order.
fn capabilities(mask: u64) -> String {
    const NAMES: [&str; 41] = [
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
    ];
    let held: Vec<String> = (0..64)
        .filter(|bit| mask >> bit & 1 == 1)
        .map(|bit: usize| {
            NAMES
                .get(bit)
                .map_or_else(|| bit.to_string(), ToString::to_string)
        })
        .collect();
    match held.len() {
        0 => "none".to_owned(),
        count if count > 8 => format!("{count}, among them {}", steps::first_few(&held, 4)),
        _ => held.join(" "),
    }
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes};
    use crate::audit::facts::{self, Fact, Privileges};

    fn privileges(facts: &mut Facts) -> &mut Privileges {
        match &mut facts.machine.privileges {
            Fact::Known(privileges) => privileges,
            Fact::Unavailable(reason) => panic!("{reason}"),
        }
    }

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

    #[test]
    fn any_capability_fails_and_is_named() {
        let mut facts = sample::hardened();
        passes(&Capabilities, &facts);
        privileges(&mut facts).permitted = 1 << 10;
        let failure = fails(&Capabilities, &facts);
        assert_eq!(
            failure.actual,
            [
                "effective capabilities: none",
                "permitted capabilities: net_bind_service"
            ]
        );
        assert_eq!(
            capabilities(u64::MAX),
            "64, among them chown, dac_override, dac_read_search, fowner and 60 more"
        );
    }

    #[test]
    fn one_wall_is_enough() {
        let mut facts = sample::hardened();
        privileges(&mut facts).seccomp = false;
        passes(&NoNewPrivs, &facts);
        privileges(&mut facts).no_new_privs = false;
        fails(&NoNewPrivs, &facts);
        privileges(&mut facts).seccomp = true;
        passes(&NoNewPrivs, &facts);
    }

    #[test]
    fn a_core_dump_is_told_by_limit_pattern_and_dumpability() {
        let outcome = |limit, undumpable, pattern: &str| {
            let mut facts = sample::hardened();
            facts.machine.core = Fact::Known(facts::CoreDumps {
                limit,
                undumpable,
                pattern: Some(pattern.as_bytes().to_vec()),
            });
            match CoreDumps.evaluate(&facts) {
                Outcome::Pass(_) => "pass",
                Outcome::Fail(_) => "fail",
                Outcome::Unknown { .. } => "unknown",
                Outcome::NotApplicable(_) => "not applicable",
            }
        };
        assert_eq!(outcome(Some(0), false, "core"), "pass");
        assert_eq!(outcome(None, false, "core"), "fail");
        assert_eq!(outcome(Some(1 << 20), false, "/cores/%p"), "fail");
        assert_eq!(outcome(None, true, "core"), "pass");
        let systemd = "|/usr/lib/systemd/systemd-coredump %P";
        assert_eq!(outcome(Some(0), false, systemd), "pass");
        assert_eq!(outcome(None, false, systemd), "fail");
        assert_eq!(
            outcome(Some(0), false, "|/usr/share/apport/apport"),
            "unknown"
        );
    }
}
