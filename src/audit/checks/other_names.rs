//! Remedies say commands by their own names; where one has another on this server, they say so.

use crate::audit::facts::{CommandAccess, Facts, GateVerdict, Standing};

/// Puts a remark before steps that say a command which does not answer to its own name. The new one is nobody's to read here.
pub fn remark(facts: &Facts, steps: &mut Vec<String>) {
    let says = |name: &str| {
        let word = format!(" {} ", name.to_uppercase());
        let said = |step: &String| step.starts_with("redis-cli") || step.contains("redis-cli ");
        steps.iter().any(|step| said(step) && step.contains(&word))
    };
    let mut remarks: Vec<String> = facts
        .commands
        .iter()
        .filter(|command| says(command.name))
        .filter_map(|command| Some((command.name.to_uppercase(), whence(command)?)))
        .map(|(name, whence)| format!("# {name} has another name here: see {whence}"))
        .collect();
    if !remarks.is_empty() {
        remarks.append(steps);
        *steps = remarks;
    }
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
}
