//! `cmd.gate`: the gate does what its policy says.

use super::{keeping, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::Facts;
use crate::audit::fix::Action;
use crate::policy::statement;

/// `cmd.gate`.
pub struct Enforces;

impl Check for Enforces {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.gate",
            title: "The gate enforces its whole policy",
            category: Category::Commands,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "A gate that is off or only observes refuses nothing, and a rule on trial is easily forgotten: the policy \
                  reads as if it held.",
            expected: "mode enforce, and no rule with mode=observe",
            remedy: "Look through SECGATE LOG for calls that are still needed, allow those, and enforce.",
            references: &[steps::SECURITY],
            fix: Fix::Auto,
            exposed: Exposed::Clients,
            cap: "the gate, or a rule of it, refuses nothing",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let gate = &facts.gate;
        let count = statement::counted(gate.statements);
        let mut actual = vec![format!("mode {}, {count}", gate.mode)];
        let enforces = gate.mode == "enforce";
        if enforces && gate.on_trial.is_empty() {
            return Outcome::Pass(actual);
        }
        let cli = steps::cli(facts);
        let mut lines = vec![format!(
            "{cli} SECGATE LOG   # what would have been refused: allow what is needed"
        )];
        if !gate.on_trial.is_empty() {
            let ids = steps::first_few(&gate.on_trial, 6);
            actual.push(format!("only records (mode=observe): {ids}"));
            lines.push(format!(
                "{cli} SECGATE LIST   # of {ids}: SECGATE DEL each, and add it at its place without mode=observe"
            ));
        }
        let mut actions = Vec::new();
        if !enforces {
            lines.push(format!("{cli} SECGATE MODE enforce"));
            actions.push(Action::GateMode("enforce"));
        }
        lines.push(keeping::policy(facts));
        Failure::new(actual).steps(lines).actions(actions).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes};

    #[test]
    fn a_gate_that_enforces_all_passes() {
        let mut facts = sample::hardened();
        assert_eq!(passes(&Enforces, &facts), ["mode enforce, 1 statement"]);
        facts.gate.statements = 0;
        assert_eq!(passes(&Enforces, &facts), ["mode enforce, 0 statements"]);
    }

    #[test]
    fn a_gate_that_is_off_or_observes_fails_and_can_be_told_to_enforce() {
        for mode in ["off", "observe"] {
            let mut facts = sample::hardened();
            facts.gate.mode = mode;
            let failure = fails(&Enforces, &facts);
            assert_eq!(failure.actual, [format!("mode {mode}, 1 statement")]);
            assert_eq!(failure.actions, [Action::GateMode("enforce")]);
        }
    }

    #[test]
    fn a_rule_on_trial_fails_and_is_named() {
        let mut facts = sample::hardened();
        facts.gate.on_trial = vec!["no-keys".to_owned()];
        let failure = fails(&Enforces, &facts);
        assert!(
            failure
                .actual
                .iter()
                .any(|line| line.ends_with(": no-keys")),
            "{failure:?}"
        );
        assert_eq!(failure.actions, []);
    }
}
