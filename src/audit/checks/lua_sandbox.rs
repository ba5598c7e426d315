//! `ver.lua-sandbox`: scripts cannot reach Lua's `package` library, and with it the machine.

use super::access::{self, State};
use super::{denial, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::command_names::SCRIPTING;
use crate::audit::facts::{Facts, Lua};

/// `ver.lua-sandbox`.
pub struct LuaSandbox;

impl Check for LuaSandbox {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "ver.lua-sandbox",
            title: "Scripts cannot reach the machine through Lua",
            category: Category::Version,
            severity: Severity::Critical,
            worst: Severity::Critical,
            tutorial: false,
            why: "With package.loadlib a script loads any library and runs any program as the server's user: one EVAL. \
                  Packages of Debian and Ubuntu were built so (CVE-2022-0543), and worms look for them.",
            expected: "EVAL \"return type(package)\" finds no such thing",
            remedy: "Deny scripts at once, and install a package of the distribution that has it mended.",
            references: &[
                "https://nvd.nist.gov/vuln/detail/CVE-2022-0543",
                "https://www.debian.org/security/2022/dsa-5081",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "a script can run any program on this machine",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let kind = match facts.lua.known() {
            Err(reason) => return Outcome::unknown(reason),
            Ok(Lua::Absent(reason)) => return Outcome::not_applicable(reason),
            Ok(Lua::Confined) => {
                return Outcome::pass("asked by a script: there is no 'package' in Lua");
            }
            Ok(Lua::Open(kind)) => kind,
        };
        let mut actual = vec![format!("asked by a script: 'package' is a {kind} in Lua")];
        let scripts = access::summary(facts, &SCRIPTING);
        actual.extend(scripts.lines);
        let failure = Failure::new(actual).steps(sandbox_steps(facts));
        let closed = |name: &&str| {
            let command = facts.commands.iter().find(|command| command.name == *name);
            command.is_some_and(|command| matches!(access::state(facts, command), State::Closed(_)))
        };
        match SCRIPTING.iter().all(closed) {
            true => failure
                .severity(Severity::High, "nobody can run a script at present")
                .into(),
            false => failure.into(),
        }
    }
}

fn sandbox_steps(facts: &Facts) -> Vec<String> {
    let cli = steps::cli(facts);
    let deny = format!("{cli} SECGATE PROFILE scripting ADD at=first   # holds at once");
    let upgrade = [
        "apt-get update && apt-get install --only-upgrade redis-server redis-tools   # Debian, Ubuntu; then restart".to_owned(),
        "# take the machine for compromised if strangers could reach the server: look for new files, cron jobs, keys".to_owned(),
    ];
    let by_gate = [deny].into_iter().chain(denial::last_steps(facts));
    by_gate.chain(upgrade).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::Fact;

    fn with(lua: Lua) -> Facts {
        let mut facts = sample::hardened();
        facts.lua = Fact::Known(lua);
        facts
    }

    #[test]
    fn a_reachable_library_is_critical_whatever_the_version() {
        let mut facts = with(Lua::Open("table".to_owned()));
        facts.server.version = "8.10.1".to_owned();
        sample::open_command(&mut facts, "eval", "default");
        let failure = fails(&LuaSandbox, &facts);
        assert_eq!(failure.severity, None);
        assert_eq!(
            failure.actual.first().map(String::as_str),
            Some("asked by a script: 'package' is a table in Lua")
        );
    }

    #[test]
    fn where_nobody_runs_scripts_it_is_high() {
        let failure = fails(&LuaSandbox, &with(Lua::Open("table".to_owned())));
        assert!(
            failure
                .severity
                .is_some_and(|(severity, _)| severity == Severity::High)
        );
    }

    #[test]
    fn confined_passes_absent_does_not_apply_and_silence_is_unknown() {
        passes(&LuaSandbox, &with(Lua::Confined));
        let absent = with(Lua::Absent("removed".to_owned()));
        assert!(matches!(
            LuaSandbox.evaluate(&absent),
            Outcome::NotApplicable(_)
        ));
        let mut facts = sample::hardened();
        facts.lua = Fact::Unavailable("the server is loading".to_owned());
        assert_eq!(unknown(&LuaSandbox, &facts), "the server is loading");
    }
}
