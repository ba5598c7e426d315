//! A sealed gate refuses steps that other checks give: then they say when they can be taken.

use std::collections::BTreeSet;

use super::called;
use crate::audit::facts::Facts;

/// What SECGATE refuses once it is sealed, of what steps call.
const REFUSED: [&str; 5] = ["ADMINISTRATORS", "ALLOW", "DEL", "LOAD", "SUPPRESS"];

/// Puts a remark before steps that a sealed gate refuses.
pub fn remark(facts: &Facts, steps: &mut Vec<String>) {
    if !facts.gate.sealed {
        return;
    }
    let calls = steps.iter().flat_map(|step| called::calls(step));
    let verbs = calls.filter(|call| call.name == "secgate");
    let verbs = verbs.filter_map(|call| Some(call.arguments.first()?.to_uppercase()));
    let refused: BTreeSet<String> = verbs
        .filter(|verb| REFUSED.contains(&verb.as_str()))
        .collect();
    if refused.is_empty() {
        return;
    }
    let refused: Vec<String> = refused.into_iter().collect();
    steps.insert(
        0,
        format!(
            "# the gate is sealed and refuses SECGATE {}: take these steps after the next restart, before it is sealed again",
            refused.join(", ")
        ),
    );
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;

    #[test]
    fn steps_that_a_sealed_gate_refuses_say_when_they_can_be_taken() {
        let mut facts = sample::hardened();
        let told = |facts: &Facts, steps: &[&str]| {
            let mut steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
            remark(facts, &mut steps);
            steps
        };
        let steps = [
            "redis-cli SECGATE ALLOW acl id=acl-for-now at=first",
            "redis-cli ACL SAVE",
            "redis-cli SECGATE del acl-for-now",
        ];
        assert_eq!(told(&facts, &steps), steps);
        facts.gate.sealed = true;
        let found = told(&facts, &steps);
        assert!(
            found[0].contains("refuses SECGATE ALLOW, DEL: "),
            "{found:?}"
        );
        assert_eq!(found[1..], steps);
        let stricter = [
            "redis-cli SECGATE DENY keys",
            "# SECGATE DEL x",
            "redis-cli SECGATE SAVE",
        ];
        assert_eq!(told(&facts, &stricter), stricter);
    }
}
