//! Checks of limits: memory, clients, and what one client's replies may take.

use super::keeping;
use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, Memory};
use crate::audit::fix::Action;
use crate::audit::reach::{self, Reach};
use crate::render::escape::printable;

/// `limit.maxmemory`: a limit below the memory there is.
pub struct MaxMemory;

/// `limit.clients`: clients end before descriptors do, and dead ones are dropped.
pub struct Clients;

/// `limit.output-buffer`: no client's replies may fill the memory.
pub struct OutputBuffer;

const ADMIN: &str = "https://redis.io/docs/latest/operate/oss_and_stack/management/admin/";
const CLIENTS: &str = "https://redis.io/docs/latest/develop/reference/clients/";

/// What the server keeps of its descriptors for files, replication and the cluster (CONFIG_MIN_RESERVED_FDS).
const RESERVED_DESCRIPTORS: u64 = 32;

/// From this many idle clients on, nobody cleans up.
const MANY_IDLE: u64 = 100;

impl Check for MaxMemory {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "limit.maxmemory",
            title: "maxmemory is below the memory there is",
            category: Category::Limits,
            severity: Severity::Low,
            worst: Severity::Medium,
            tutorial: false,
            why: "Without a limit that the machine can keep, whoever may write makes the kernel kill the server, or its \
                  neighbours.",
            expected: "maxmemory above 0 and below the physical memory and the control group's limit",
            remedy: "Give the server a limit that leaves room for the system, for replication buffers and for a background save.",
            references: &[ADMIN, "https://cwe.mitre.org/data/definitions/770.html"],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "the server may grow until the kernel kills it",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let limit = match number(facts, "maxmemory") {
            Ok(limit) => limit,
            Err(reason) => return Outcome::unknown(reason),
        };
        let actual = match limit {
            0 => "maxmemory 0: no limit".to_owned(),
            limit => format!("maxmemory {}", size(limit)),
        };
        let memory = facts.machine.memory.known();
        let steps = || {
            let advice = match memory {
                Ok(memory) => size(least(memory).saturating_mul(3) / 4),
                Err(_) => "SIZE".to_owned(),
            };
            let set = format!("{} CONFIG SET maxmemory {advice}", steps::cli(facts));
            let keep = keeping::setting(facts, &format!("maxmemory {advice}"));
            let policy =
                "# maxmemory-policy says what happens when it is full: noeviction refuses writes";
            [set, keep, policy.to_owned()]
        };
        match (limit, memory) {
            (0, Ok(memory)) => Failure::new(vec![actual, there_is(memory)])
                .steps(steps())
                .into(),
            (0, Err(reason)) => Failure::new(vec![actual, format!("memory: {reason}")])
                .steps(steps())
                .into(),
            (_, Err(reason)) => Outcome::unknown(format!("{actual}; memory: {reason}")),
            (limit, Ok(memory)) if limit > least(memory) => {
                Failure::new(vec![actual, there_is(memory)])
                    .severity(
                        Severity::Medium,
                        "the limit is above the memory there is, so it protects from nothing and looks as if it did",
                    )
                    .steps(steps())
                    .into()
            }
            (_, Ok(memory)) => Outcome::Pass(vec![actual, there_is(memory)]),
        }
    }
}

impl Check for Clients {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "limit.clients",
            title: "Clients are limited and dead ones are dropped",
            category: Category::Limits,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "Each connection takes a descriptor. When they run out, nobody gets in any more, administrators included; \
                  dead and forgotten connections are the usual reason.",
            expected: "maxclients within the descriptor limit, tcp-keepalive above 0, and a timeout where clients idle",
            remedy: "Keep maxclients below the descriptor limit, let the kernel find dead peers, and drop idle clients.",
            references: &[CLIENTS, "https://cwe.mitre.org/data/definitions/770.html"],
            fix: Fix::Auto,
            exposed: Exposed::Network,
            cap: "connections can run out",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let settings = ["maxclients", "timeout", "tcp-keepalive"].map(|name| number(facts, name));
        let [maximum, timeout, keepalive] = match settings {
            [Ok(maximum), Ok(timeout), Ok(keepalive)] => [maximum, timeout, keepalive],
            [Err(reason), ..] | [_, Err(reason), _] | [.., Err(reason)] => {
                return Outcome::unknown(reason);
            }
        };
        let mut actual = vec![format!(
            "maxclients {maximum}, timeout {timeout}, tcp-keepalive {keepalive}"
        )];
        let mut faults = Vec::new();
        let mut steps = Vec::new();
        let mut actions = Vec::new();
        let mut unknown = None;
        let mut set = |name: &str, value: u64| {
            actions.push(Action::set(name, &value.to_string()));
            format!("{} CONFIG SET {name} {value}", steps::cli(facts))
        };
        match facts.machine.open_files.known() {
            Ok(None) => actual.push("descriptors: no limit".to_owned()),
            Ok(Some(limit)) => {
                actual.push(format!("descriptors: at most {limit}"));
                let room = limit.saturating_sub(RESERVED_DESCRIPTORS);
                if maximum > room {
                    faults.push(format!(
                        "maxclients {maximum} and the {RESERVED_DESCRIPTORS} descriptors the server keeps for itself are more \
                         than the limit of {limit}"
                    ));
                    steps.push("# raise LimitNOFILE= in the systemd unit, or:".to_owned());
                    steps.push(set("maxclients", room));
                }
            }
            Err(reason) => unknown = Some(format!("the descriptor limit: {reason}")),
        }
        if keepalive == 0 {
            faults.push("tcp-keepalive 0: a client that vanished keeps its connection".to_owned());
            steps.push(set("tcp-keepalive", 300));
        }
        if timeout == 0 {
            match idle(facts) {
                Ok(idle) if idle > MANY_IDLE => {
                    faults.push(format!(
                        "timeout 0, and {idle} clients have been idle for more than an hour"
                    ));
                    steps.push(set("timeout", 3600));
                }
                Ok(_) => {}
                Err(reason) => {
                    unknown = unknown.or(Some(format!("timeout 0; idle clients: {reason}")))
                }
            }
        }
        if !faults.is_empty() {
            faults.extend(actual);
            steps.push(keeping::settings(facts, ""));
            return Failure::new(faults).steps(steps).actions(actions).into();
        }
        match unknown {
            Some(reason) => Outcome::unknown(reason),
            None => Outcome::Pass(actual),
        }
    }
}

impl Check for OutputBuffer {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "limit.output-buffer",
            title: "What waits for a client is limited",
            category: Category::Limits,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "Replies that a client does not fetch wait in the server's memory. Without a limit, one slow or hostile client \
                  fills it; before the fix of CVE-2025-21605 it did not even have to log in.",
            expected: "client-output-buffer-limit normal with a hard limit, where clients from other hosts can connect",
            remedy: "Give ordinary clients a hard limit well above their largest reply.",
            references: &[
                CLIENTS,
                "https://nvd.nist.gov/vuln/detail/CVE-2025-21605",
                "https://cwe.mitre.org/data/definitions/770.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Network,
            cap: "one client's replies can fill the memory",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let setting = match facts.setting("client-output-buffer-limit") {
            Ok(setting) => String::from_utf8_lossy(setting).into_owned(),
            Err(reason) => return Outcome::unknown(reason),
        };
        let words: Vec<&str> = setting.split_whitespace().collect();
        let Some(at) = words.iter().position(|word| *word == "normal") else {
            let shown = printable(setting.as_bytes());
            return Outcome::unknown(format!(
                "client-output-buffer-limit in a form not known: {shown}"
            ));
        };
        let normal: Vec<&str> = words.iter().skip(at).take(4).copied().collect();
        let mut actual = vec![printable(
            format!("client-output-buffer-limit {}", normal.join(" ")).as_bytes(),
        )];
        let together = all_clients(facts);
        let limited = matches!(together, Ok(Some((_, true))));
        actual.extend(together.iter().flatten().map(|(line, _)| line.clone()));
        if limited || normal.get(1).is_some_and(|hard| *hard != "0") {
            return Outcome::Pass(actual);
        }
        match reach::network(facts) {
            Ok(Reach::Host(why)) => {
                actual.push(format!("only this host's own clients can use it: {why}"));
                Outcome::Pass(actual)
            }
            Ok(Reach::Beyond(listener)) => {
                if let Err(reason) = together {
                    return Outcome::unknown(reason);
                }
                actual.push(format!("clients from other hosts connect to {listener}"));
                let (name, limit) = ("client-output-buffer-limit", "normal 256mb 64mb 60");
                Failure::new(actual)
                    .steps([
                        format!("{} CONFIG SET {name} \"{limit}\"", steps::cli(facts)),
                        keeping::setting(facts, &format!("{name} {limit}")),
                    ])
                    .actions([Action::set(name, limit)])
                    .into()
            }
            Err(reason) => Outcome::unknown(reason),
        }
    }
}

/// What bounds the memory of all clients together, from which the server takes the largest when there is too much of it;
/// `true` where that is less than the memory there is. `None` where the server has no such setting, `Err` with the reason where
/// it cannot be told.
fn all_clients(facts: &Facts) -> Result<Option<(String, bool)>, String> {
    let Ok(value) = facts.setting("maxmemory-clients") else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(value);
    let limit = match text.trim().strip_suffix('%') {
        None => number(facts, "maxmemory-clients")?,
        Some(percent) => {
            let maxmemory = number(facts, "maxmemory")?;
            let percent: u64 = percent
                .parse()
                .map_err(|_| format!("'maxmemory-clients' is no share: {}", printable(value)))?;
            (maxmemory / 100).saturating_mul(percent)
        }
    };
    let shown = match text.contains('%') {
        true => format!("maxmemory-clients {} of maxmemory", printable(value)),
        false => format!("maxmemory-clients {}", size(limit)),
    };
    if limit == 0 {
        let line = format!("{shown}: all clients together have no limit");
        return Ok(Some((line, false)));
    }
    let memory = facts.machine.memory.known().map_err(|reason| {
        format!(
            "{shown}, and whether that is less than the memory there is, cannot be told: {reason}"
        )
    })?;
    Ok(Some(match least(memory) <= limit {
        true => (
            format!("{shown}: no less than there is: {}", there_is(memory)),
            false,
        ),
        false => (format!("{shown}: the limit of all clients together"), true),
    }))
}

/// How many clients are idle; where few are connected, that many at most.
fn idle(facts: &Facts) -> Result<u64, String> {
    let clients = facts.clients.known()?;
    if clients.connected <= MANY_IDLE {
        return Ok(clients.connected);
    }
    Ok(*clients.idle.known()?)
}

/// A setting that is a number.
pub fn number(facts: &Facts, name: &str) -> Result<u64, String> {
    let value = facts.setting(name)?;
    let text = String::from_utf8_lossy(value);
    text.trim()
        .parse()
        .map_err(|_| format!("'{name}' is no number: {}", printable(value)))
}

fn least(memory: &Memory) -> u64 {
    match &memory.group {
        Some((group, _)) => memory.physical.min(*group),
        None => memory.physical,
    }
}

fn there_is(memory: &Memory) -> String {
    let physical = format!("physical memory {}", size(memory.physical));
    match &memory.group {
        Some((group, file)) => format!("{physical}, control group limit {} ({file})", size(*group)),
        None => format!("{physical}, no control group limit"),
    }
}

/// A size as redis.conf writes it.
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 10 << 30 => format!("{}gb", bytes >> 30),
        bytes if bytes >= 10 << 20 => format!("{}mb", bytes >> 20),
        bytes if bytes >= 10 << 10 => format!("{}kb", bytes >> 10),
        bytes => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::{self, Fact};

    fn severity(check: &dyn Check, facts: &Facts) -> Option<Severity> {
        fails(check, facts).severity.map(|(severity, _)| severity)
    }

    #[test]
    fn no_limit_is_low_and_one_above_what_there_is_is_medium() {
        let mut facts = sample::hardened();
        passes(&MaxMemory, &facts);
        sample::set(&mut facts, "maxmemory", "0");
        assert_eq!(severity(&MaxMemory, &facts), None);
        sample::set(&mut facts, "maxmemory", "99999999999999");
        assert_eq!(severity(&MaxMemory, &facts), Some(Severity::Medium));
    }

    #[test]
    fn a_control_group_counts_where_it_allows_less_than_the_machine_has() {
        let mut facts = sample::hardened();
        let group = Some((100 << 20, "/sys/fs/cgroup/memory.max".to_owned()));
        facts.machine.memory = Fact::Known(Memory {
            physical: 8 << 30,
            group,
        });
        sample::set(&mut facts, "maxmemory", "268435456");
        let failure = fails(&MaxMemory, &facts);
        assert!(
            failure
                .actual
                .concat()
                .contains("control group limit 100mb"),
            "{failure:?}"
        );
        assert!(failure.steps.concat().contains("maxmemory 75mb"));
    }

    #[test]
    fn memory_that_cannot_be_read_leaves_a_limit_unknown_but_none_is_none() {
        let mut facts = sample::hardened();
        facts.machine.memory = Fact::Unavailable("no /proc".to_owned());
        assert!(unknown(&MaxMemory, &facts).contains("no /proc"));
        sample::set(&mut facts, "maxmemory", "0");
        fails(&MaxMemory, &facts);
    }

    #[test]
    fn more_clients_than_descriptors_fail() {
        let mut facts = sample::hardened();
        facts.machine.open_files = Fact::Known(Some(1024));
        sample::set(&mut facts, "maxclients", "992");
        passes(&Clients, &facts);
        sample::set(&mut facts, "maxclients", "993");
        assert!(
            fails(&Clients, &facts)
                .steps
                .concat()
                .contains("maxclients 992")
        );
        facts.machine.open_files = Fact::Known(None);
        passes(&Clients, &facts);
        facts.machine.open_files = Fact::Unavailable("no /proc".to_owned());
        unknown(&Clients, &facts);
    }

    #[test]
    fn without_keepalive_or_with_many_idle_clients_and_no_timeout_it_fails() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "tcp-keepalive", "0");
        fails(&Clients, &facts);
        sample::set(&mut facts, "tcp-keepalive", "300");
        sample::set(&mut facts, "timeout", "0");
        passes(&Clients, &facts);
        let many = |idle| {
            Fact::Known(facts::Clients {
                connected: 500,
                idle,
                connections: Fact::Known(Vec::new()),
            })
        };
        facts.clients = many(Fact::Known(101));
        fails(&Clients, &facts);
        facts.clients = many(Fact::Known(100));
        passes(&Clients, &facts);
        facts.clients = many(Fact::Unavailable("too many".to_owned()));
        assert!(unknown(&Clients, &facts).contains("too many"));
    }

    #[test]
    fn replies_without_limit_fail_where_other_hosts_connect() {
        let mut facts = sample::hardened();
        passes(&OutputBuffer, &facts);
        let open = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
        sample::set(&mut facts, "client-output-buffer-limit", open);
        assert!(
            passes(&OutputBuffer, &facts)
                .concat()
                .contains("this host's own clients")
        );
        facts.sockets = Fact::Known(vec![sample::tcp("0.0.0.0:6379")]);
        fails(&OutputBuffer, &facts);
        sample::set(&mut facts, "client-output-buffer-limit", "rubbish");
        unknown(&OutputBuffer, &facts);
    }

    #[test]
    fn a_limit_of_all_clients_together_is_a_limit_where_it_is_below_the_memory() {
        let mut facts = sample::hardened();
        facts.sockets = Fact::Known(vec![sample::tcp("0.0.0.0:6379")]);
        sample::set(&mut facts, "client-output-buffer-limit", "normal 0 0 0");
        for (maxmemory, value, told) in [
            ("0", "536870912", "maxmemory-clients 512mb: the limit"),
            ("1073741824", "5%", "maxmemory-clients 5% of maxmemory: the"),
        ] {
            sample::set(&mut facts, "maxmemory", maxmemory);
            sample::set(&mut facts, "maxmemory-clients", value);
            let actual = passes(&OutputBuffer, &facts).concat();
            assert!(actual.contains(told), "{actual}");
        }
        for (maxmemory, value, told) in [
            (
                "0",
                "0",
                "maxmemory-clients 0: all clients together have no",
            ),
            ("0", "5%", "maxmemory-clients 5% of maxmemory: all clients"),
            ("0", "9999999999999", "no less than there is: physical"),
        ] {
            sample::set(&mut facts, "maxmemory", maxmemory);
            sample::set(&mut facts, "maxmemory-clients", value);
            let actual = fails(&OutputBuffer, &facts).actual.concat();
            assert!(actual.contains(told), "{actual}");
        }
    }

    #[test]
    fn a_limit_of_all_clients_is_unknown_without_the_memory_it_is_held_against() {
        let mut facts = sample::hardened();
        facts.machine.memory = Fact::Unavailable("no /proc".to_owned());
        sample::set(&mut facts, "client-output-buffer-limit", "normal 0 0 0");
        sample::set(&mut facts, "maxmemory-clients", "109951162777600");
        passes(&OutputBuffer, &facts);
        facts.sockets = Fact::Known(vec![sample::tcp("0.0.0.0:6379")]);
        assert!(unknown(&OutputBuffer, &facts).contains("no /proc"));
        sample::set(&mut facts, "maxmemory-clients", "0");
        fails(&OutputBuffer, &facts);
    }

    #[test]
    fn sizes_are_written_as_redis_conf_takes_them() {
        let shown: Vec<String> = [512, 100 << 10, 256 << 20, 16 << 30].map(size).into();
        assert_eq!(shown, ["512", "100kb", "256mb", "16gb"]);
    }
}
