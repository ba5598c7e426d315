//! Checks of the switches that only redis.conf can throw: DEBUG, MODULE and the settings that a running server keeps.

use super::access::{self, State};
use super::denial::{self, Denial};
use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::command_names::{CONFIG, SET_PATHS};
use crate::audit::facts::Facts;
use crate::render::escape::printable;

/// `cmd.debug`: `enable-debug-command no`.
pub struct DebugCommand;

/// `cmd.module-load`: `enable-module-command no`.
pub struct ModuleCommand;

/// `cmd.protected-configs`: `enable-protected-configs no`.
pub struct ProtectedConfigs;

impl Check for DebugCommand {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.debug",
            title: "DEBUG is switched off",
            category: Category::Commands,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "DEBUG crashes the server, stops it for as long as a client likes and reads its memory; it is made for the \
                  server's own tests.",
            expected: "enable-debug-command no",
            remedy: "Say so in redis.conf and restart; until then deny the command with the gate.",
            references: &[steps::TUTORIAL, steps::SECURITY],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "DEBUG is switched on, which crashes or halts the server",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        judged(facts, "enable-debug-command", "debug")
    }
}

impl Check for ModuleCommand {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.module-load",
            title: "MODULE is switched off",
            category: Category::Commands,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "MODULE LOAD makes the server run any code that lies on the machine, and a rogue master or CONFIG SET dir \
                  puts it there: it is the last step of most takeovers.",
            expected: "enable-module-command no",
            remedy: "Load modules by loadmodule lines, say no in redis.conf and restart; until then deny the command.",
            references: &[
                steps::SECURITY,
                "https://redis.io/docs/latest/commands/module-load/",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "MODULE is switched on, which runs code of somebody's choice",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        judged(facts, "enable-module-command", "module")
    }
}

impl Check for ProtectedConfigs {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.protected-configs",
            title: "Paths cannot be changed at run time",
            category: Category::Commands,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "With this switch CONFIG SET changes dir and dbfilename, so a client writes a file of his choice: a cron job, \
                  an SSH key, a module.",
            expected: "enable-protected-configs no",
            remedy: "Say so in redis.conf and restart; until then deny CONFIG SET of these parameters with the gate.",
            references: &[steps::SECURITY],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "CONFIG SET may change where the server writes its files",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        // Of CONFIG's calls these alone are what the switch opens; a rule against them leaves CONFIG open in part.
        let asked = facts.commands.iter().any(|known| known.name == SET_PATHS);
        let command = if asked { SET_PATHS } else { CONFIG };
        judged(facts, "enable-protected-configs", command)
    }
}

/// Judges a switch, and how the command it opens stands.
fn judged(facts: &Facts, setting: &str, command: &'static str) -> Outcome {
    let value = match facts.setting(setting) {
        Ok(value) => value,
        Err(reason) => return Outcome::unknown(reason),
    };
    let line = format!("{setting} {}", printable(value));
    if value.eq_ignore_ascii_case(b"no") {
        return Outcome::pass(line);
    }
    let known = facts.commands.iter().find(|known| known.name == command);
    let state = known.map(|known| access::state(facts, known));
    let mut actual = vec![line];
    actual.extend(access::summary(facts, &[command]).lines);
    let failure = Failure::new(actual).steps(switch_steps(facts, setting, command));
    if let Some(State::Closed(label)) = state {
        let what = match command {
            SET_PATHS => "set a path by CONFIG SET".to_owned(),
            command => format!("run {}", command.to_uppercase()),
        };
        let reason = format!("nobody can {what} at present: {label}");
        return failure.severity(Severity::Low, reason).into();
    }
    if value.eq_ignore_ascii_case(b"local") {
        let reason = "only connections from this host may";
        return failure.severity(Severity::Medium, reason).into();
    }
    failure.into()
}

fn switch_steps(facts: &Facts, setting: &str, command: &'static str) -> Vec<String> {
    let denial = Denial::of(facts, [command], &[]);
    let step = match command {
        CONFIG | SET_PATHS => denial.id("no-paths").step(
            "DENY 'config|set' param=dir,dbfilename,appenddirname,aclfile,logfile",
            "",
        ),
        _ => denial
            .id(&format!("no-{command}"))
            .step(&format!("DENY {command}"), ""),
    };
    let mut lines: Vec<String> = step
        .map(|step| format!("{step}   # holds at once"))
        .into_iter()
        .chain(denial::mode_step(facts))
        .collect();
    match &facts.server.config_file {
        Some(path) => {
            let path = steps::shell_path(path);
            lines.push(format!(
                "sed -i -E 's/^[[:space:]]*{setting}[[:space:]]/# &/I' {path}"
            ));
            lines.push(format!("echo '{setting} no' >> {path}   # then restart: the running server keeps it as it is"));
        }
        None => lines.push(format!(
            "# restart the server with a redis.conf that says: {setting} no"
        )),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::{CommandAccess, Fact, GateVerdict, Through};

    const SWITCHES: [(&dyn Check, &str, &str); 3] = [
        (&DebugCommand, "enable-debug-command", "debug"),
        (&ModuleCommand, "enable-module-command", "module"),
        (&ProtectedConfigs, "enable-protected-configs", "config"),
    ];

    #[test]
    fn a_switch_that_is_off_passes_and_one_that_is_on_fails() {
        for (check, setting, command) in SWITCHES {
            let mut facts = sample::hardened();
            passes(check, &facts);
            sample::set(&mut facts, setting, "yes");
            sample::open_command(&mut facts, command, "default");
            let failure = fails(check, &facts);
            assert_eq!(failure.severity, None);
            assert_eq!(
                failure.actual,
                [
                    format!("{setting} yes"),
                    format!("open to default: {command}")
                ]
            );
            sample::set(&mut facts, setting, "local");
            let severity = fails(check, &facts).severity.map(|(severity, _)| severity);
            assert_eq!(severity, Some(Severity::Medium));
        }
    }

    #[test]
    fn what_nobody_can_run_is_low_and_says_why() {
        for (check, setting, command) in SWITCHES {
            let mut facts = sample::hardened();
            sample::set(&mut facts, setting, "yes");
            sample::open_command(&mut facts, command, "default");
            sample::verdict(&mut facts, command, GateVerdict::Denied("r1".to_owned()));
            let severity = fails(check, &facts).severity;
            assert!(
                severity
                    .as_ref()
                    .is_some_and(|(severity, reason)| *severity == Severity::Low
                        && reason.contains("denied by the gate (rule r1)")),
                "{severity:?}"
            );
        }
    }

    #[test]
    fn a_rule_against_paths_counts_though_config_is_open_in_part() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "enable-protected-configs", "yes");
        sample::open_command(&mut facts, "config", "default");
        sample::verdict(
            &mut facts,
            "config",
            GateVerdict::Partly("no-paths".to_owned()),
        );
        let set = CommandAccess {
            name: SET_PATHS,
            ..sample::command(&mut facts, "config").clone()
        };
        facts.commands.push(set);
        facts.gate.ids.push("no-paths".to_owned());
        let failure = fails(&ProtectedConfigs, &facts);
        assert_eq!(failure.severity, None);
        assert!(failure.steps.concat().contains(" id=no-paths-2 "));
        let denied = GateVerdict::Denied("no-paths".to_owned());
        sample::verdict(&mut facts, SET_PATHS, denied);
        sample::through(&mut facts, SET_PATHS, Through::Mode);
        let failure = fails(&ProtectedConfigs, &facts);
        assert!(
            !failure.steps.concat().contains("SECGATE DENY"),
            "{failure:?}"
        );
        let reason = failure
            .severity
            .map(|(_, reason)| reason)
            .unwrap_or_default();
        assert_eq!(
            reason,
            "nobody can set a path by CONFIG SET at present: denied by the gate (rule no-paths)"
        );
    }

    #[test]
    fn a_setting_that_is_not_told_is_unknown() {
        for (check, setting, _) in SWITCHES {
            let mut facts = sample::hardened();
            if let Fact::Known(config) = &mut facts.config {
                config.remove(setting);
            }
            assert!(unknown(check, &facts).contains(setting));
        }
    }
}
