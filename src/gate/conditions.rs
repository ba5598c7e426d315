//! Whether the conditions of a rule hold for a call. Where that cannot be told, the gate fails closed: a deny holds, an
//! allow does not.

use super::{Call, Candidate};
use crate::policy::condition::{Condition, List, Source, Via};
use crate::policy::glob::Glob;
use crate::policy::name;
use crate::policy::param_names;
use crate::policy::statement::Action;
use crate::policy::table::Step;

/// Whether all conditions of a rule hold. `real_sub` is the first argument's real name, if it came under a new one.
#[inline]
pub fn hold(step: &Step, call: &dyn Call, real_sub: Option<&[u8]>) -> bool {
    let view = View {
        step,
        call,
        real_sub,
    };
    step.conditions
        .iter()
        .all(|condition| view.holds(condition))
}

struct View<'v> {
    step: &'v Step,
    call: &'v dyn Call,
    real_sub: Option<&'v [u8]>,
}

impl View<'_> {
    /// The first argument, by its real name.
    fn sub(&self) -> Option<&[u8]> {
        self.real_sub.or_else(|| self.call.word(1))
    }

    fn denies(&self) -> bool {
        self.step.action == Action::Deny
    }

    /// What holds when it cannot be told.
    fn doubt(&self) -> bool {
        self.denies() == self.call.fails_closed()
    }

    /// Where it is one of several clients: what holds in doubt holds if it does for one of them, else for all of them. So
    /// none gains by being mixed up with another, and where all are alike, nobody loses.
    #[cold]
    fn in_doubt(&self, holds: impl Fn(&Candidate) -> Option<bool>) -> bool {
        let doubt = self.doubt();
        let mut candidates = self.call.candidates().iter();
        let of_doubt = |one: &Candidate| holds(one).unwrap_or(doubt) == doubt;
        match candidates.as_slice() {
            [] => doubt,
            _ if candidates.any(of_doubt) => doubt,
            _ => !doubt,
        }
    }

    #[inline]
    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::User(list) => {
                let of = |user: &[u8]| {
                    let matches = |glob: &Glob| glob.matches(user);
                    list.holds(matches, matches)
                };
                match self.call.user() {
                    Some(user) => of(user),
                    None => self.in_doubt(|one| one.user.as_deref().map(of)),
                }
            }
            Condition::From(list) => {
                let of = |source: Source| {
                    list.holds(|net| net.contains(source), |net| net.contains(source))
                };
                match self.call.source() {
                    Some(source) => of(source),
                    None => self.in_doubt(|one| one.source.map(of)),
                }
            }
            Condition::Via(list) => {
                let by = |via: Via| list.holds(|item| *item == via, |item| *item == via);
                let holds = by(self.call.via());
                match self.call.or_via() {
                    Some(other) if by(other) != holds => self.doubt(),
                    _ => holds,
                }
            }
            Condition::Argument(number, list) => {
                let argument = self.argument(*number);
                let matches = |glob: &Glob| argument.is_some_and(|text| glob.matches(text));
                list.holds(matches, matches)
            }
            Condition::AnyArgument(list) => self.each(self.arguments(), |text| {
                let matches = |glob: &Glob| glob.matches(text);
                list.holds(matches, matches)
            }),
            Condition::Param(list) => self.params(list),
        }
    }

    /// A deny wants one that holds, an allow wants all to hold and at least one to be there. Else a call could buy its
    /// way through with an argument more.
    fn each<T>(&self, mut all: impl Iterator<Item = T>, mut holds: impl FnMut(T) -> bool) -> bool {
        if self.denies() {
            return all.any(holds);
        }
        let mut some = false;
        all.all(|one| {
            some = true;
            holds(one)
        }) && some
    }

    /// The argument with this number behind what the rule names.
    fn argument(&self, number: usize) -> Option<&[u8]> {
        match (&self.step.sub, number) {
            (None, 1) => self.sub(),
            (None, number) => self.call.word(number),
            (Some(_), number) => self.call.word(number.saturating_add(1)),
        }
    }

    fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        (1..).map_while(|number| self.argument(number))
    }

    /// The parameters that CONFIG GET and CONFIG SET name: those of SET one by one, those of GET may be patterns.
    fn params(&self, list: &List<Glob>) -> bool {
        let is = |word: &[u8]| self.sub().is_some_and(|sub| name::same(sub, word));
        let step = match () {
            () if is(b"get") => 1,
            () if is(b"set") => 2,
            () => return false,
        };
        let called = (2..).step_by(step).map_while(|index| self.call.word(index));
        self.each(called, |called| {
            if step == 1 && called.iter().any(|byte| b"[*?".contains(byte)) {
                return self.pattern(list, called);
            }
            let names = param_names::names(called);
            let matches = |glob: &Glob| names.iter().any(|name| glob.matches(name));
            list.holds(matches, matches)
        })
    }

    /// CONFIG GET with a pattern: it may mean one of the names, or be certain to mean only those.
    fn pattern(&self, list: &List<Glob>, called: &[u8]) -> bool {
        let called = name::canonical_vec(called);
        let asked = Glob::of_config_get(&called);
        let twins = param_names::twins_of(|name| asked.matches(name));
        let may =
            |glob: &Glob| glob.may_meet(&asked) || twins.iter().any(|name| glob.matches(name));
        let must = |glob: &Glob| glob.covers(&called);
        if self.denies() {
            list.holds(may, must)
        } else {
            list.holds(must, may)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::{Verdict, decide};
    use super::*;
    use crate::policy::Policy;
    use crate::policy::resolve::tests::FewCommands;
    use crate::policy::table::Compiled;

    /// FLUSHALL in a script of one of several clients, by their users.
    struct Mixed(Vec<Candidate>);

    impl Mixed {
        fn of(users: &[Option<&str>]) -> Self {
            let candidate = |user: &Option<&str>| Candidate {
                user: user.map(|user| user.as_bytes().into()),
                source: Some(Source::Unix),
            };
            Self(users.iter().map(candidate).collect())
        }
    }

    impl Call for Mixed {
        fn word(&self, index: usize) -> Option<&[u8]> {
            (index == 0).then_some(b"flushall")
        }
        fn rewritten(&self) -> bool {
            false
        }
        fn user(&self) -> Option<&[u8]> {
            None
        }
        fn source(&self) -> Option<Source> {
            None
        }
        fn candidates(&self) -> &[Candidate] {
            &self.0
        }
        fn via(&self) -> Via {
            Via::Script
        }
    }

    fn is_denied(policy: &str, users: &[Option<&str>]) -> bool {
        let policy = Policy::read(policy.as_bytes(), &FewCommands).unwrap();
        let compiled = Compiled::new(&policy, &FewCommands, false);
        let verdict = decide(&compiled, &Mixed::of(users)).verdict;
        matches!(verdict, Verdict::Deny(_))
    }

    #[test]
    fn a_deny_holds_if_it_does_for_one_who_may_be_behind_the_call() {
        let deny = "deny flushall user=app";
        assert!(is_denied(deny, &[Some("ops"), Some("app")]));
        assert!(!is_denied(deny, &[Some("ops"), Some("dba")]));
        assert!(is_denied(deny, &[Some("ops"), None]));
        assert!(is_denied(deny, &[]));
        assert!(!is_denied("deny flushall from=!unix", &[Some("ops"), None]));
    }

    #[test]
    fn an_allow_holds_only_if_it_does_for_all_who_may_be_behind_the_call() {
        let allow = "allow flushall user=ops\ndeny flushall";
        assert!(is_denied(allow, &[Some("ops"), Some("app")]));
        assert!(!is_denied(allow, &[Some("ops"), Some("ops")]));
        assert!(is_denied(allow, &[Some("ops"), None]));
        assert!(is_denied(allow, &[]));
    }
}
