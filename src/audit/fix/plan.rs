//! What SECAUDIT FIX would do: for each finding the actions, what to mind, how to undo them, and the operator's own steps.

use super::lockout::{Seat, refused};
use super::{Action, setting};
use crate::audit::facts::Facts;
use crate::audit::report::{Finding, Report, Verdict};

/// A plan. Nothing in it has been done.
#[derive(Debug)]
pub struct Plan<'r> {
    /// The report it is made for.
    pub report: &'r Report,
    /// What it is about.
    pub items: Vec<Item<'r>>,
    /// Why PERSIST would be refused, if all that can be done were asked for.
    pub persist_refused: Option<String>,
    /// What PERSIST would do besides, then.
    pub persist_mind: Vec<String>,
}

/// What there is to do about one finding.
#[derive(Debug)]
pub struct Item<'r> {
    /// The finding; one that does not fail has nothing to be done.
    pub finding: &'r Finding,
    /// What can be done at run time.
    pub actions: Vec<Planned>,
}

/// An action that is not done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What is done.
    pub does: String,
    /// What the operator should have in mind.
    pub mind: Vec<String>,
    /// What takes it back, where that can be told before.
    pub undo: Option<String>,
    /// Why it is not done for this caller.
    pub refused: Option<String>,
}

/// Plans the fix of these checks, or of all that fail, the worst first.
pub fn plan<'r>(
    report: &'r Report,
    facts: &Facts,
    checks: Option<&[&str]>,
    seat: &Seat,
) -> Plan<'r> {
    let findings: Vec<&Finding> = match checks {
        None => worst_first(report),
        Some(ids) => ids.iter().filter_map(|id| report.finding(id)).collect(),
    };
    let item = |finding: &'r Finding| Item {
        finding,
        actions: finding
            .actions
            .iter()
            .map(|action| planned(action, facts, seat))
            .collect(),
    };
    Plan {
        report,
        items: findings.into_iter().map(item).collect(),
        persist_refused: None,
        persist_mind: Vec::new(),
    }
}

impl Plan<'_> {
    /// The checks of which something can be done for this caller.
    pub fn applicable(&self) -> Vec<&'static str> {
        let possible = |item: &&Item| {
            !item.actions.is_empty() && item.actions.iter().all(|action| action.refused.is_none())
        };
        let items = self.items.iter().filter(possible);
        items.map(|item| item.finding.meta.id).collect()
    }
}

fn worst_first(report: &Report) -> Vec<&Finding> {
    let fails = |finding: &&Finding| finding.outcome == Verdict::Fail;
    let mut failures: Vec<&Finding> = report.findings.iter().filter(fails).collect();
    failures.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    failures
}

fn planned(action: &Action, facts: &Facts, seat: &Seat) -> Planned {
    let has_password = facts.default_user().is_ok_and(|user| !user.nopass);
    Planned {
        does: action.does(),
        mind: action.mind().into_iter().map(str::to_owned).collect(),
        undo: undo(action, facts),
        refused: refused(action, seat, facts, has_password),
    }
}

fn undo(action: &Action, facts: &Facts) -> Option<String> {
    match action {
        Action::Set(pairs) => {
            let before = pairs.iter().map(|(name, _)| {
                let value = facts.setting(name).ok()?;
                Some(setting(name, value))
            });
            let before: Option<Vec<String>> = before.collect();
            before.map(|before| format!("CONFIG SET {}", before.join(" ")))
        }
        Action::NewPassword => Some("ACL SETUSER default nopass".to_owned()),
        Action::Statement(_) => Some("SECGATE DEL and the id it gets".to_owned()),
        Action::GateMode(_) => Some(format!("SECGATE MODE {}", facts.gate.mode)),
        Action::Permissions { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::run;
    use crate::policy::condition::Source;

    const UNIX: Seat = Seat {
        source: Some(Source::Unix),
        local: None,
        tls: false,
    };

    #[test]
    fn all_that_fails_is_planned_worst_first_and_what_is_named_in_that_order() {
        let facts = sample::wide_open();
        let report = run(&facts);
        let whole = plan(&report, &facts, None, &UNIX);
        assert_eq!(whole.items.len(), report.counts.fail);
        assert!(
            whole
                .items
                .is_sorted_by(|a, b| a.finding.severity >= b.finding.severity)
        );
        let named = plan(
            &report,
            &facts,
            Some(&["log.acl-log", "auth.password"]),
            &UNIX,
        );
        let ids: Vec<&str> = named
            .items
            .iter()
            .map(|item| item.finding.meta.id)
            .collect();
        assert_eq!(ids, ["log.acl-log", "auth.password"]);
        assert_eq!(named.applicable(), ids);
    }

    #[test]
    fn a_planned_setting_says_what_takes_it_back() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "logfile", "");
        let action = Action::Set(vec![
            ("bind".to_owned(), b"::1".to_vec()),
            ("logfile".to_owned(), b"/x".to_vec()),
        ]);
        let planned = planned(&action, &facts, &UNIX);
        assert_eq!(planned.does, "CONFIG SET bind ::1 logfile /x");
        assert_eq!(
            planned.undo.as_deref(),
            Some("CONFIG SET bind 127.0.0.1 logfile \"\"")
        );
        let unknown = Action::Set(vec![("no-such".to_owned(), Vec::new())]);
        assert_eq!(undo(&unknown, &facts), None);
    }

    #[test]
    fn what_would_lock_the_caller_out_is_planned_with_the_reason_and_not_offered() {
        let mut facts = sample::wide_open();
        sample::set(&mut facts, "acllog-max-len", "0");
        let mut report = run(&facts);
        let bind = Action::Set(vec![("bind".to_owned(), b"127.0.0.1".to_vec())]);
        for finding in &mut report.findings {
            if finding.meta.id == "log.acl-log" {
                finding.actions = vec![bind.clone()];
            }
        }
        let remote = Seat {
            source: Some(Source::V4(0x0a00_0009)),
            local: "10.0.0.5".parse().ok(),
            tls: false,
        };
        let plan = plan(&report, &facts, Some(&["log.acl-log"]), &remote);
        let refused = plan.items.first().and_then(|item| item.actions.first());
        assert!(refused.is_some_and(|action| action.refused.is_some()));
        assert_eq!(plan.applicable(), [""; 0]);
    }
}
