//! The table of SECGATE's subcommands: what the server, COMMAND DOCS and HELP are told of each.

use std::ffi::CStr;

use crate::server::ffi::CommandSpec;

/// The container.
pub const COMMAND: CommandSpec = CommandSpec {
    name: c"secgate",
    flags: FLAGS,
    arity: -2,
    summary: c"Blocks, renames and aliases commands on the running server",
    tips: c"",
    categories: CATEGORIES,
    refuses: false,
    subcommands: &SUBCOMMANDS,
};

/// Not from scripts, and while the server loads or has lost its master: as ACL and CONFIG.
/// Not in MONITOR and SLOWLOG, which more people read than may see the new name of a command.
const FLAGS: &CStr = c"admin deny-script allow-loading allow-stale no-monitor no-slowlog";
const CATEGORIES: &CStr = c"admin dangerous";
/// A policy is node-local; a cluster-wide change is sent to every node.
const EVERYWHERE: &CStr = c"request_policy:all_nodes response_policy:all_succeeded";
/// What each node has of its own: the answers of several nodes stand side by side.
const EACH: &CStr = c"nondeterministic_output request_policy:all_nodes response_policy:special";
/// As the server's own HELP.
const ANYWHERE: &CStr = c"";

const SUBCOMMANDS: [CommandSpec; 18] = [
    sub(
        c"deny",
        -3,
        c"Adds a rule that refuses commands",
        EVERYWHERE,
    ),
    sub(
        c"allow",
        -3,
        c"Adds a rule that lets commands pass, whatever stands below it",
        EVERYWHERE,
    ),
    sub(
        c"rename",
        -4,
        c"Gives a command another name; the old one stops existing",
        EVERYWHERE,
    ),
    sub(c"alias", -4, c"Gives a command a second name", EVERYWHERE),
    sub(
        c"profile",
        -2,
        c"Shows the built-in lists of rules, or adds one",
        EVERYWHERE,
    ),
    sub(
        c"suppress",
        -4,
        c"Accepts what a check of SECAUDIT finds, for a reason and a time",
        EVERYWHERE,
    ),
    sub(
        c"administrators",
        -3,
        c"Names the users whom SECAUDIT lets administer",
        EVERYWHERE,
    ),
    sub(
        c"list",
        -2,
        c"Shows the policy with the hits of each statement",
        EACH,
    ),
    sub(c"del", -3, c"Removes statements by id", EVERYWHERE),
    sub(c"reset", 2, c"Removes all statements", EVERYWHERE),
    sub(
        c"mode",
        -2,
        c"Reads or sets the mode: off, observe or enforce",
        EVERYWHERE,
    ),
    sub(
        c"test",
        -3,
        c"Shows the decision for a call that is not made",
        EACH,
    ),
    sub(
        c"load",
        2,
        c"Reads the policy file, whole or not at all",
        EVERYWHERE,
    ),
    sub(c"save", 2, c"Writes the policy file", EVERYWHERE),
    sub(c"log", -2, c"Shows or forgets recent decisions", EACH),
    sub(c"stats", 2, c"Shows the counters", EACH),
    sub(
        c"seal",
        2,
        c"Until restart, lets nothing of the gate be weakened",
        EVERYWHERE,
    ),
    sub(c"help", 2, c"Shows this help", ANYWHERE),
];

/// What HELP shows: the words after SECGATE, and what they do.
const HELP: [(&str, &str); 18] = [
    (
        "DENY <command>|@<category>|* [...] [<condition> ...] [id=<id>] [at=first|<n>] [reply=explain|unknown] [mode=observe] [note=<text>] [optional] [force]",
        "Refuse calls of these commands (config, config|set, @dangerous, *). Replies the rule's id. Conditions are lists, \
         ! negates: user=<pattern> from=<ip>|<network>|unix param=<pattern> arg<n>=<pattern> arg=<pattern> via=client|script|module.",
    ),
    (
        "ALLOW <command>|@<category>|* [...] [<condition> ...] [id=<id>] [at=first|<n>] [note=<text>] [optional]",
        "Let calls pass, whatever stands below. The first rule that matches decides.",
    ),
    (
        "RENAME <command> <new-name> [id=<id>] [note=<text>] [optional] [force]",
        "The new name runs the command, the old one stops existing.",
    ),
    (
        "ALIAS <new-name> <command> [id=<id>] [note=<text>] [optional]",
        "The new name runs the command too. It grants nothing: ACLs see the real command.",
    ),
    (
        "PROFILE [<name> [ADD [<condition> ...] [id=<id>] [at=first|<n>] [reply=explain|unknown] [mode=observe]]]",
        "List the built-in profiles, show the statements of one, or add one to the policy.",
    ),
    (
        "SUPPRESS <check> note=<reason> [until=<yyyy-mm-dd>] [id=<id>]",
        "Accept what a check of SECAUDIT finds, to the end of that day (UTC). It stays in the report, with the reason.",
    ),
    (
        "ADMINISTRATORS <user-pattern> [...] [id=<id>] [note=<text>]",
        "Name the users who may do what SECAUDIT calls dangerous in others.",
    ),
    (
        "LIST [JSON]",
        "The policy, one statement a line, in the syntax of the policy file.",
    ),
    ("DEL <id> [<id> ...]", "Remove statements."),
    ("RESET", "Remove all statements."),
    (
        "MODE [off|observe|enforce]",
        "Read or set the mode. observe records what enforce would refuse.",
    ),
    (
        "TEST [USER <user>] [FROM <ip>|unix] <command> [<arg> ...]",
        "The decision for a call that is not made, and the rule behind it.",
    ),
    (
        "LOAD",
        "Read the policy file. If anything in it is wrong, nothing changes.",
    ),
    (
        "SAVE",
        "Write the policy file, in one step. Comments in it are lost; notes are kept.",
    ),
    (
        "LOG [<count>] [JSON] | LOG RESET",
        "Recent refusals, newest first, or forget them.",
    ),
    ("STATS", "Counters, in total and of each statement."),
    (
        "SEAL",
        "Until restart: no statement removed or weakened, no mode lowered, no setting of ours changed.",
    ),
    ("HELP", "Print this help."),
];

const fn sub(
    name: &'static CStr,
    arity: i32,
    summary: &'static CStr,
    tips: &'static CStr,
) -> CommandSpec {
    CommandSpec {
        name,
        flags: FLAGS,
        arity,
        summary,
        tips,
        categories: CATEGORIES,
        refuses: false,
        subcommands: &[],
    }
}

/// HELP, in the form of the server's own.
pub fn help() -> Vec<String> {
    let mut lines =
        vec!["SECGATE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:".to_owned()];
    for (form, does) in HELP {
        lines.push(form.to_owned());
        lines.push(format!("    {does}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_and_the_table_name_the_same_subcommands_in_the_same_order() {
        let first_word = |form: &str| {
            form.split([' ', '|'])
                .next()
                .unwrap_or_default()
                .to_lowercase()
        };
        let helped: Vec<String> = HELP.iter().map(|(form, _)| first_word(form)).collect();
        let registered: Vec<String> = SUBCOMMANDS
            .iter()
            .map(|sub| sub.name.to_string_lossy().into_owned())
            .collect();
        assert_eq!(helped, registered);
    }
}
