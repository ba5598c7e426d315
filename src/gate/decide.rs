//! The decision: names are resolved first, then the first rule that matches wins, and no match passes.

use crate::policy::compile::{Compiled, Named, Step, SubName};
use crate::policy::name::{self, MAX_NAME};
use crate::policy::statement::{Action, DenyReply, Mode};

/// One command call as the filter sees it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The command's name as it came: any bytes.
    pub name: &'a [u8],
    /// The first argument, if there is one: where the command has subcommands, the subcommand.
    pub first: Option<&'a [u8]>,
    /// We already gave this call its real name, and the server shows it to us again (paused clients on Redis 7.0).
    pub rewritten: bool,
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'p> {
    /// The real name to run it under, when it came under a new one.
    pub command: Option<Real<'p>>,
    /// The real subcommand, likewise.
    pub sub: Option<Real<'p>>,
    /// Whether it runs.
    pub verdict: Verdict<'p>,
}

/// The real name behind a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Real<'p> {
    /// As the server has it.
    pub name: &'p [u8],
    /// The statement that gave the new name.
    pub statement: usize,
}

/// Whether a call runs, and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'p> {
    /// It runs; an `allow` rule may have said so.
    Pass(Option<Decided<'p>>),
    /// It runs, and the refusal that would have been is recorded.
    Observe(Decided<'p>),
    /// It is refused.
    Deny(Decided<'p>),
}

/// What decided, and about what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<'p> {
    /// The statement's index in the policy.
    pub statement: usize,
    /// The command, canonical: the real name, or the one that is gone.
    pub command: Vec<u8>,
    /// The subcommand, where the statement is about it.
    pub sub: Option<&'p [u8]>,
    /// What the refused client is told, where the rule says so.
    pub reply: Option<DenyReply>,
    /// The name was renamed away: to clients it does not exist.
    pub gone: bool,
}

/// Decides one call.
pub fn decide<'p>(policy: &'p Compiled, request: &Request<'_>) -> Decision<'p> {
    let mut decision = Decision {
        command: None,
        sub: None,
        verdict: Verdict::Pass(None),
    };
    if policy.mode() == Mode::Off {
        return decision;
    }
    let mut buffer = [0; MAX_NAME];
    let mut command = name::canonical(request.name, &mut buffer);
    let mut named = command.and_then(|command| policy.named(command));
    if let Some((real, statement)) = named.and_then(|named| named.runs.as_ref()) {
        let statement = *statement;
        decision.command = Some(Real {
            name: real,
            statement,
        });
        command = Some(real);
        named = policy.named(real);
    } else if let Some(statement) = named.and_then(|named| named.gone)
        && !request.rewritten
    {
        decision.verdict = gone(policy, statement, command.unwrap_or_default(), None);
        return decision;
    }
    let mut first = request.first;
    if let Some(sub) = sub_name(named, request) {
        match &sub.runs {
            Some(real) => {
                let statement = sub.statement;
                decision.sub = Some(Real {
                    name: real,
                    statement,
                });
                first = Some(real);
            }
            None if request.rewritten => {}
            None => {
                decision.verdict = gone(
                    policy,
                    sub.statement,
                    command.unwrap_or_default(),
                    Some(&sub.name),
                );
                return decision;
            }
        }
    }
    let steps = named.map_or(policy.others(), |named| &named.steps);
    if let Some(step) = steps.iter().find(|step| matches(step, first)) {
        let called = match command {
            Some(command) => command.to_vec(),
            None => name::canonical_vec(request.name),
        };
        decision.verdict = verdict(policy.mode(), step, called);
    }
    decision
}

fn sub_name<'p>(named: Option<&'p Named>, request: &Request<'_>) -> Option<&'p SubName> {
    let first = request.first?;
    named?.subs.iter().find(|sub| name::same(first, &sub.name))
}

fn matches(step: &Step, first: Option<&[u8]>) -> bool {
    match &step.sub {
        None => true,
        Some(sub) => first.is_some_and(|first| name::same(first, sub)),
    }
}

fn gone<'p>(
    policy: &Compiled,
    statement: usize,
    command: &[u8],
    sub: Option<&'p [u8]>,
) -> Verdict<'p> {
    let decided = Decided {
        statement,
        command: command.to_vec(),
        sub,
        reply: Some(DenyReply::Unknown),
        gone: true,
    };
    match policy.mode() {
        Mode::Enforce => Verdict::Deny(decided),
        Mode::Observe | Mode::Off => Verdict::Observe(decided),
    }
}

fn verdict(mode: Mode, step: &Step, command: Vec<u8>) -> Verdict<'_> {
    let decided = Decided {
        statement: step.statement,
        command,
        sub: step.sub.as_deref(),
        reply: step.reply,
        gone: false,
    };
    match step.action {
        Action::Allow => Verdict::Pass(Some(decided)),
        Action::Deny if step.observe || mode == Mode::Observe => Verdict::Observe(decided),
        Action::Deny => Verdict::Deny(decided),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::policy::resolve::tests::FewCommands;

    /// The decision in short: `deny r1`, `observe r1`, `pass`, `pass r2`, with `as config set` before it when rewritten.
    fn told(text: &str, call: &[&[u8]]) -> String {
        told_again(text, call, false)
    }

    fn told_again(text: &str, call: &[&[u8]], rewritten: bool) -> String {
        let policy = Policy::read(text.as_bytes(), &FewCommands).unwrap();
        let compiled = Compiled::new(&policy, &FewCommands, false);
        let request = Request {
            name: call.first().unwrap(),
            first: call.get(1).copied(),
            rewritten,
        };
        let decision = decide(&compiled, &request);
        let mut told = String::new();
        for part in [decision.command, decision.sub].into_iter().flatten() {
            told += &format!("as {} ", String::from_utf8_lossy(part.name));
        }
        let by = |decided: &Decided<'_>| compiled.id(decided.statement).to_owned();
        told += &match &decision.verdict {
            Verdict::Pass(None) => "pass".to_owned(),
            Verdict::Pass(Some(decided)) => format!("pass {}", by(decided)),
            Verdict::Observe(decided) => format!("observe {}", by(decided)),
            Verdict::Deny(decided) if decided.gone => format!("gone {}", by(decided)),
            Verdict::Deny(decided) => format!("deny {}", by(decided)),
        };
        told
    }

    #[test]
    fn the_first_match_wins_and_no_match_passes() {
        let text = "allow config|get\ndeny config\ndeny get\nallow get";
        assert_eq!(told(text, &[b"CONFIG", b"GeT"]), "pass r1");
        assert_eq!(told(text, &[b"CONFIG", b"SET"]), "deny r2");
        assert_eq!(told(text, &[b"config"]), "deny r2");
        assert_eq!(told(text, &[b"get", b"k"]), "deny r3");
        assert_eq!(told(text, &[b"set", b"k"]), "pass");
    }

    #[test]
    fn case_and_nul_suffixes_change_nothing() {
        let text = "deny config|set flushall";
        for call in [
            &[&b"FLUSHALL\0x"[..]][..],
            &[b"flushALL\0\0"],
            &[b"config\0q", b"SET\0zz"],
            &[b"CONFIG", b"set"],
        ] {
            assert_eq!(told(text, call), "deny r1", "{call:?}");
        }
        assert_eq!(told(text, &[b"config", b"sett"]), "pass");
        assert_eq!(told(text, &[b"flushall2"]), "pass");
        assert_eq!(told(text, &[b"\0flushall"]), "pass");
    }

    #[test]
    fn a_star_means_every_command_but_those_that_need_force() {
        let text = "allow get\ndeny *";
        assert_eq!(told(text, &[b"get"]), "pass r1");
        assert_eq!(told(text, &[b"set"]), "deny r2");
        assert_eq!(told(text, &[b"no-such-command"]), "deny r2");
        assert_eq!(told(text, &[&[b'x'; 300]]), "deny r2");
        assert_eq!(told(text, &[b""]), "deny r2");
        for spared in crate::policy::resolve::NEEDS_FORCE {
            assert_eq!(told(text, &[spared.as_bytes()]), "pass", "{spared}");
        }
        assert_eq!(told("deny *\ndeny auth force", &[b"auth"]), "deny r2");
        assert_eq!(told("deny get\nallow *\ndeny set", &[b"set"]), "pass r2");
        assert_eq!(told("deny get\nallow *\ndeny set", &[b"get"]), "deny r1");
    }

    #[test]
    fn new_names_run_the_real_command_and_rules_see_that() {
        let text = "deny flushall\nalias wipe flushall\nrename config c0nf\nalias cfg config\nrename config|set config|s3t";
        assert_eq!(told(text, &[b"WIPE"]), "as flushall deny r1");
        assert_eq!(told(text, &[b"config", b"get"]), "gone r3");
        assert_eq!(told(text, &[b"C0NF", b"get"]), "as config pass");
        assert_eq!(told(text, &[b"cfg", b"s3t"]), "as config as set pass");
        assert_eq!(told(text, &[b"cfg", b"SET\0"]), "as config gone r5");
        assert_eq!(
            told("rename config c\ndeny config|set", &[b"c", b"set"]),
            "as config deny r2"
        );
    }

    #[test]
    fn a_call_shown_twice_is_not_taken_for_the_old_name() {
        let text = "rename config c0nf\nrename config|set config|s3t\ndeny config|get";
        assert_eq!(told_again(text, &[b"config", b"set"], true), "pass");
        assert_eq!(told_again(text, &[b"config", b"get"], true), "deny r3");
        assert_eq!(told_again(text, &[b"config", b"set"], false), "gone r1");
    }

    #[test]
    fn observing_lets_pass_and_off_looks_at_nothing() {
        assert_eq!(told("mode observe\ndeny get", &[b"get"]), "observe r1");
        assert_eq!(told("deny get mode=observe", &[b"get"]), "observe r1");
        assert_eq!(
            told("mode observe\nrename get g3t", &[b"get"]),
            "observe r1"
        );
        assert_eq!(
            told("mode observe\nrename get g3t", &[b"g3t"]),
            "as get pass"
        );
        assert_eq!(told("mode off\ndeny get\nalias g get", &[b"g"]), "pass");
    }

    #[test]
    fn the_word_behind_the_bar_is_the_first_argument_where_there_are_no_subcommands() {
        assert_eq!(told("deny object|help", &[b"OBJECT", b"HELP"]), "deny r1");
        assert_eq!(told("deny object|help", &[b"OBJECT", b"encoding"]), "pass");
    }
}
