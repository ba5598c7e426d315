//! What the gate says to calls, and why it lets through those that it does.

/// What the gate says to a command of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateVerdict {
    /// No rule stands in the way, or the gate does not enforce.
    Pass,
    /// Every call of it is denied, by this rule.
    Denied(String),
    /// The gate gave it another name (`secgate rename`): its own name no longer exists.
    Renamed(String),
    /// Some calls are denied, by this rule (subcommands, conditions).
    Partly(String),
}

/// Why the gate lets calls through. The later ones in this list ask for more to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Through {
    /// It lets none through, or for its mode alone: if it enforced, it would refuse them all.
    #[default]
    Mode,
    /// No rule is about some of them.
    NoRule,
    /// A statement lets some through, whatever stands behind it: the first that does, by its place in `Gate::ids`.
    Statement(usize),
}

impl Through {
    /// Why it lets through the calls of both.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Statement(one), Self::Statement(other)) => Self::Statement(one.min(other)),
            (one, other) => one.max(other),
        }
    }
}

/// What the gate says to a call of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gated {
    /// What becomes of it.
    pub verdict: GateVerdict,
    /// Why it is let through, where it is.
    pub through: Through,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_calls_the_first_statement_that_lets_one_through_counts_most() {
        use Through::{Mode, NoRule, Statement};
        for (one, other, both) in [
            (Mode, Mode, Mode),
            (Mode, NoRule, NoRule),
            (NoRule, Statement(3), Statement(3)),
            (Statement(3), Statement(1), Statement(1)),
            (Statement(0), Mode, Statement(0)),
        ] {
            assert_eq!(one.and(other), both);
            assert_eq!(other.and(one), both);
        }
    }
}
