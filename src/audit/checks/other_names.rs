//! Remedies say commands by their own names; where one has another on this server, they say so.

use std::collections::BTreeSet;

use super::called;
use crate::audit::command_names::CONFIG;
use crate::audit::facts::{CommandAccess, Facts, GateVerdict, Standing};

/// Puts a remark before steps that say a command which does not answer to its own name. The new one is nobody's to read here.
pub fn remark(facts: &Facts, steps: &mut Vec<String>) {
    let said: BTreeSet<String> = steps.iter().flat_map(|step| said(step)).collect();
    let renamed = |name: &str| {
        let mut commands = facts.commands.iter();
        commands
            .find(|command| command.name == name)
            .and_then(whence)
    };
    // Who has read that ACL has another name need not read it of ACL SETUSER.
    let told_already = |name: &str| {
        let container = name.split_once('|').map(|(container, _)| container);
        container.is_some_and(|container| renamed(container).is_some())
    };
    let mut remarks: Vec<String> = facts
        .commands
        .iter()
        .filter(|command| said.contains(command.name) && !told_already(command.name))
        .filter_map(|command| Some((command.name.to_uppercase(), whence(command)?)))
        .map(|(name, whence)| {
            let name = name.replace('|', " ");
            format!("# {name} has another name here: see {whence}")
        })
        .collect();
    if !remarks.is_empty() {
        remarks.append(steps);
        *steps = remarks;
    }
}

/// The commands that a step says: those it calls, each also with its subcommand, and CONFIG where its remark knows no other way.
fn said(step: &str) -> BTreeSet<String> {
    let calls = called::calls(step);
    let remark = called::remark(step);
    let subcommands = calls.iter().filter_map(called::Call::subcommand);
    let names = calls.iter().map(|call| call.name.clone());
    let mut said: BTreeSet<String> = names.chain(subcommands).collect();
    let of_config = ["CONFIG SET ", "CONFIG GET ", "CONFIG REWRITE"];
    let about_a_call = !calls.is_empty() || remark.contains("redis-cli ");
    if about_a_call && of_config.iter().any(|words| remark.contains(words)) {
        said.insert(CONFIG.to_owned());
    }
    said
}

/// Where a command's new name is to be found, if it has one.
fn whence(command: &CommandAccess) -> Option<&'static str> {
    if command.standing.known() == Ok(&Standing::Renamed) {
        return Some("rename-command in redis.conf");
    }
    let access = command.access.known().ok()?;
    let renamed = |verdict: &GateVerdict| matches!(verdict, GateVerdict::Renamed(_));
    let any = access.iter().any(|one| renamed(&one.gate));
    any.then_some("SECGATE LIST")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::Fact;

    fn remarked(facts: &Facts, step: &str) -> Vec<String> {
        let mut steps = vec![step.to_owned()];
        remark(facts, &mut steps);
        steps
    }

    /// A server whose redis.conf renames these.
    fn renaming(names: &[&str]) -> Facts {
        let mut facts = sample::hardened();
        for name in names {
            sample::command(&mut facts, name).standing = Fact::Known(Standing::Renamed);
        }
        facts
    }

    #[test]
    fn steps_that_say_a_renamed_command_say_where_its_name_stands() {
        let mut facts = sample::hardened();
        let step = "redis-cli CONFIG SET bind 127.0.0.1";
        sample::open_command(&mut facts, "config", "default");
        assert_eq!(remarked(&facts, step), [step]);
        if let Fact::Known(access) = &mut sample::command(&mut facts, "config").access {
            access.first_mut().unwrap().gate = GateVerdict::Renamed("r1".to_owned());
        }
        assert_eq!(
            remarked(&facts, step),
            ["# CONFIG has another name here: see SECGATE LIST", step]
        );
        sample::command(&mut facts, "config").standing = Fact::Known(Standing::Renamed);
        assert_eq!(
            remarked(&facts, step).first().unwrap(),
            "# CONFIG has another name here: see rename-command in redis.conf"
        );
        let other = "chmod 600 /etc/redis/redis.conf   # then CONFIG SET nothing";
        assert_eq!(remarked(&facts, other), [other]);
    }

    #[test]
    fn a_word_that_is_no_command_of_a_step_is_none() {
        let facts = renaming(&["rename", "save", "keys"]);
        for step in [
            "redis-cli SECGATE RENAME config \"$(openssl rand -hex 12)\"",
            "redis-cli ACL SAVE",
            "redis-cli ACL SETUSER app KEYS x",
            "redis-cli INFO server   # no SAVE is needed",
        ] {
            assert_eq!(remarked(&facts, step), [step]);
        }
        let step = "redis-cli -p 7000 SAVE";
        assert_eq!(remarked(&facts, step).len(), 2);
    }

    #[test]
    fn a_remark_that_offers_config_counts() {
        let facts = renaming(&["config"]);
        let step = "redis-cli ACL SAVE   # or CONFIG REWRITE, where there is no aclfile";
        assert_eq!(remarked(&facts, step).len(), 2);
        let step = "# a Sentinel needs CONFIG, REPLICAOF and SLAVEOF";
        assert_eq!(remarked(&facts, step), [step]);
    }

    #[test]
    fn a_subcommand_has_a_name_of_its_own_unless_its_container_has_another() {
        let mut facts = renaming(&["acl|setuser"]);
        let step = "redis-cli ACL SETUSER app off";
        assert_eq!(
            remarked(&facts, step).first().unwrap(),
            "# ACL SETUSER has another name here: see rename-command in redis.conf"
        );
        sample::command(&mut facts, "acl").standing = Fact::Known(Standing::Renamed);
        let told = remarked(&facts, step);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.first().unwrap().starts_with("# ACL has "));
    }
}
