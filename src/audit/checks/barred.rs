//! What bars a step: the gate may deny ACL or CONFIG, which the steps of other checks call. Then the gate lets them through
//! for as long as they take, or they say as whom they can be taken.

use std::collections::BTreeSet;
use std::ops::Range;

use super::called::{self, Call};
use super::denial::free_id;
use super::peers::Peers;
use super::steps;
use crate::audit::command_names::{CONFIG, SETUSER};
use crate::audit::facts::{Facts, GateVerdict, Standing, UserAccess};

/// The commands that steps need and the gate may deny: where the gate denies others, its word is the remedy.
const NEEDED: [&str; 2] = ["acl", CONFIG];

/// What the ids of statements that hold for a few steps end with.
const FOR_NOW: &str = "-for-now";

/// What the gate says to a call.
enum Bar {
    /// It denies it to whoever could make it.
    Everybody,
    /// It denies it to this user, and not to these.
    But(Vec<u8>, Vec<Vec<u8>>),
}

/// Has steps that the gate would refuse let through, by a statement that goes when they are done. Taken twice, it is as if
/// taken once.
pub fn past_the_gate(facts: &Facts, steps: &mut Vec<String>) {
    let plan: Vec<Planned> = planned(facts, steps);
    let remarks: BTreeSet<String> = plan.iter().flat_map(|step| step.remarks.clone()).collect();
    let mut past: Vec<String> = remarks
        .into_iter()
        .filter(|remark| !steps.contains(remark))
        .collect();
    let mut rest = 0..steps.len();
    while let Some(at) = rest.next() {
        let Some(group) = group(steps, &plan, at) else {
            past.extend(steps.get(at).cloned());
            continue;
        };
        let lines = steps.get(group.clone()).unwrap_or_default();
        let barred = plan.get(group.clone()).unwrap_or_default();
        rest.start = group.end;
        past.extend(bracketed(facts, lines, barred));
    }
    *steps = past;
}

/// What is to be done about a step.
#[derive(Default)]
struct Planned {
    /// The commands that must be let through.
    needs: BTreeSet<&'static str>,
    /// Who can make its calls.
    remarks: Vec<String>,
    /// No statement that holds for a few steps may be there when it is taken: it would be kept.
    stands_alone: bool,
}

fn planned(facts: &Facts, steps: &[String]) -> Vec<Planned> {
    // What the steps themselves let through, by the ids of the statements.
    let mut open: Vec<(String, Vec<String>)> = Vec::new();
    let mut plan = Vec::new();
    for step in steps {
        let mut planned = Planned::default();
        for call in called::calls(step) {
            if call.name == "secgate" {
                planned.stands_alone |= stands_alone(&call, &mut open);
                continue;
            }
            let Some(name) = NEEDED.into_iter().find(|name| *name == call.name) else {
                continue;
            };
            let is_open = open.iter().any(|(_, names)| names.contains(&call.name));
            match bar(facts, &call).filter(|_| !is_open) {
                Some(Bar::Everybody) => {
                    planned.needs.insert(name);
                }
                Some(Bar::But(user, others)) => planned.remarks.push(format!(
                    "# the gate denies {} to user {}: take the steps that call it as one of these (redis-cli --user): {}",
                    name.to_uppercase(),
                    super::access::names(&[user]),
                    super::access::names(&others)
                )),
                None => {}
            }
        }
        plan.push(planned);
    }
    plan
}

/// Whether a call of SECGATE saves the policy, or opens or closes what holds for a few steps; which is noted.
fn stands_alone(call: &Call, open: &mut Vec<(String, Vec<String>)>) -> bool {
    let mut arguments = call.arguments.iter();
    let verb = arguments.next().map(|verb| verb.to_uppercase());
    match verb.as_deref() {
        Some("SAVE") => true,
        Some("ALLOW") => {
            let id = |word: &String| word.strip_prefix("id=").map(str::to_owned);
            let Some(id) = arguments.clone().find_map(id) else {
                return false;
            };
            let names = arguments.filter(|word| !word.contains('=')).cloned();
            let is_ours = id.contains(FOR_NOW);
            if is_ours {
                open.push((id, names.collect()));
            }
            is_ours
        }
        Some("DEL") => {
            let before = open.len();
            let ids: Vec<&String> = arguments.collect();
            open.retain(|(id, _)| !ids.contains(&id));
            open.len() < before
        }
        _ => false,
    }
}

/// What the gate says to a call of ACL or CONFIG.
fn bar(facts: &Facts, call: &Call) -> Option<Bar> {
    let changes = !matches!(
        call.subcommand().as_deref(),
        None | Some("acl|list" | "acl|getuser" | "acl|log" | "acl|whoami" | "acl|users")
    );
    // Whoever denies ACL SETUSER denies the others that change users as well, or some of them.
    let setuser = (call.name == "acl" && changes).then_some(SETUSER);
    let names = [Some(call.name.as_str()), setuser];
    let bars = names.into_iter().flatten();
    bars.filter_map(|name| bar_of(facts, call, name)).next()
}

fn bar_of(facts: &Facts, call: &Call, name: &str) -> Option<Bar> {
    let mut commands = facts.commands.iter();
    let command = commands.find(|command| command.name == name)?;
    if command.standing.known() != Ok(&Standing::Own) {
        return None;
    }
    let access = command.access.known().ok()?;
    let acts = |access: &UserAccess| call.user.as_deref() == Some(access.user.as_slice());
    // What a Sentinel may do helps nobody who takes these steps.
    let operates = |access: &&UserAccess| {
        access.acl && (acts(access) || Peers::of(facts, &access.user).is_none())
    };
    let is_denied = |access: &&UserAccess| matches!(access.gate, GateVerdict::Denied(_));
    let (denied, passing): (Vec<_>, Vec<_>) = access.iter().filter(operates).partition(is_denied);
    match (denied.is_empty(), passing.is_empty()) {
        (true, _) => None,
        (false, true) => Some(Bar::Everybody),
        (false, false) => {
            let acting = denied.iter().find(|access| acts(access))?;
            let others = passing.iter().map(|access| access.user.clone());
            Some(Bar::But(acting.user.clone(), others.collect()))
        }
    }
}

/// The steps from this one on that are let through together, where it is barred. The policy must not be saved among them.
fn group(steps: &[String], plan: &[Planned], at: usize) -> Option<Range<usize>> {
    let is_barred = |planned: &Planned| !planned.needs.is_empty();
    plan.get(at).filter(|planned| is_barred(planned))?;
    let mut end = at;
    for (index, (step, planned)) in steps.iter().zip(plan).enumerate().skip(at) {
        if planned.stands_alone {
            break;
        }
        // Behind a new password nothing goes on, the closing statement neither, before the shell has it.
        if is_barred(planned) || step.contains("REDISCLI_AUTH=") {
            end = index;
        }
    }
    Some(at..end.saturating_add(1))
}

/// Steps between the statement that lets them through and the end of it.
fn bracketed(facts: &Facts, lines: &[String], barred: &[Planned]) -> Vec<String> {
    let names: BTreeSet<&str> = barred.iter().flat_map(|one| one.needs.clone()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let calls: Vec<Call> = lines.iter().flat_map(|line| called::calls(line)).collect();
    let ours: Vec<&Call> = calls
        .iter()
        .filter(|call| names.contains(&call.name.as_str()))
        .collect();
    let (Some(first), Some(last)) = (ours.first(), calls.last()) else {
        return lines.to_vec();
    };
    let id = free_id(facts, &format!("{}{FOR_NOW}", names.join("-and-")));
    let them = match names.as_slice() {
        [_] => "it",
        _ => "them",
    };
    let open = format!(
        "{} SECGATE ALLOW {}{} id={id} at=first   # the gate denies {them}, and the next lines need {them}",
        first.cli,
        names.join(" "),
        only_for(facts, &ours)
    );
    let elsewhere = match ours.iter().any(|call| moves(call)) {
        true => "   # at the address where the server is now",
        false => "",
    };
    let close = format!("{} SECGATE DEL {id}{elsewhere}", last.cli);
    [vec![open], lines.to_vec(), vec![close]].concat()
}

/// Whether a call changes where the server answers.
fn moves(call: &Call) -> bool {
    let places = ["bind", "port", "tls-port", "unixsocket", "tls-auth-clients"];
    let sets = call.subcommand().as_deref() == Some("config|set");
    sets && call
        .arguments
        .iter()
        .any(|word| places.contains(&word.as_str()))
}

/// The condition by which a statement is for those alone who make these calls, where the gate can tell and it is known who
/// they are: a user who could not make them by the ACL stands for somebody else.
fn only_for(facts: &Facts, calls: &[&Call]) -> String {
    if !facts.gate.capabilities.contains(&("caller-identity", true)) {
        return String::new();
    }
    let mut list: BTreeSet<Vec<u8>> = BTreeSet::new();
    for call in calls {
        match &call.user {
            Some(user) if !user.is_empty() && can_act(facts, user, &call.name) => {
                list.insert(pattern(user));
            }
            _ => return String::new(),
        }
    }
    let list: Vec<Vec<u8>> = list.into_iter().collect();
    format!(" user={}", steps::shell_path(&list.join(&b',')))
}

/// Whether a user may make calls of a command by the ACL, or is only made by these steps.
fn can_act(facts: &Facts, user: &[u8], name: &str) -> bool {
    let Ok(users) = facts.users.known() else {
        return false;
    };
    let mut commands = facts.commands.iter();
    let command = commands.find(|command| command.name == name);
    let mut access = command
        .and_then(|command| command.access.known().ok())
        .into_iter()
        .flatten();
    access.any(|access| access.user == user && access.acl)
        || !users.iter().any(|one| one.name == user)
}

/// A name as an item of `user=`.
fn pattern(user: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::new();
    if user.starts_with(b"!") {
        pattern.push(b'\\');
    }
    for byte in steps::glob_of(user) {
        pattern.extend((byte == b',').then_some(b'\\'));
        pattern.push(byte);
    }
    pattern
}

#[cfg(test)]
#[path = "barred_tests.rs"]
mod tests;
