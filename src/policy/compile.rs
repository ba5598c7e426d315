//! Making a policy into the table that decides.

use std::collections::HashSet;

use super::Policy;
use super::condition::Condition;
use super::link::Link;
use super::name::Name;
use super::resolve::{self, Commands, ENDS_CONNECTION, Found, NEEDS_FORCE};
use super::statement::{Body, Category, Rule, Target};
use super::table::{Compiled, Named, Step, SubName};

/// The commands that run a script, and EXEC, which runs those that were queued.
const SCRIPT_STARTERS: [&str; 7] = [
    "eval",
    "evalsha",
    "eval_ro",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
    "exec",
];
/// The commands that open a transaction or subscribe, and those that change users: EXEC runs them too.
const UNSETTLING: [&str; 7] = [
    "multi",
    "subscribe",
    "psubscribe",
    "ssubscribe",
    "acl",
    "config",
    "exec",
];

/// The commands that clients are served while a script is busy. None of them can be called by a script. (Flag `allow_busy`,
/// Redis 7.0.15)
const WHILE_BUSY: [&str; 12] = [
    "auth", "hello", "reset", "quit", "multi", "discard", "watch", "unwatch", "replconf",
    "shutdown", "script", "function",
];

impl Compiled {
    /// Compiles a policy. `links` asks for the table of commands that may come over the replication link.
    pub fn new(policy: &Policy, commands: &dyn Commands, links: bool) -> Self {
        let spared = NEEDS_FORCE
            .iter()
            .map(|name| resolve::wire(name.as_bytes(), commands))
            .chain(words_of_http(commands).map(|word| word.as_bytes().to_vec()));
        let mut build = Build {
            compiled: Self {
                mode: policy.mode(),
                ..Self::default()
            },
            spared: spared.collect(),
            order: 0,
            commands,
        };
        for (index, statement) in policy.statements().iter().enumerate() {
            build.compiled.ids.push(statement.id.as_str().into());
            build.names(index, &statement.body);
        }
        for (index, statement) in policy.statements().iter().enumerate() {
            for rule in statement.rules() {
                build.rule(index, &rule);
            }
        }
        build.finish(links)
    }
}

/// Those that servers look for themselves. Where redis.conf gave a command such a name, scripts can call it: then it is a
/// name like others.
fn words_of_http(commands: &dyn Commands) -> impl Iterator<Item = &'static str> {
    let words = ENDS_CONNECTION.into_iter();
    words.filter(|word| commands.find(word.as_bytes()) == Found::Absent)
}

struct Build<'c> {
    compiled: Compiled,
    /// The commands that `*` and categories skip, as clients send them.
    spared: HashSet<Vec<u8>>,
    /// The place of the next rule among all.
    order: usize,
    commands: &'c dyn Commands,
}

impl Build<'_> {
    fn entry(&mut self, wire: &[u8]) -> &mut Named {
        let spared = self.spared.contains(wire);
        self.compiled
            .names
            .entry(wire.into())
            .or_insert_with(|| Named {
                spared,
                ..Named::default()
            })
    }

    /// Takes in what a statement says about names.
    fn names(&mut self, statement: usize, body: &Body) {
        let (real, new, old_goes) = match body {
            Body::Rule(_)
            | Body::Profile { .. }
            | Body::Suppress { .. }
            | Body::Administrators(_) => return,
            Body::Rename { old, new } => (old, new, true),
            Body::Alias { new, target } => (target, new, false),
        };
        let wire = resolve::wire(&real.command, self.commands);
        match (&real.sub, &new.sub) {
            (Some(real_sub), Some(new_sub)) => {
                let entry = self.entry(&wire);
                let sub = |name: &[u8], runs: Option<&[u8]>| SubName {
                    name: name.into(),
                    runs: runs.map(Into::into),
                    statement,
                };
                entry.subs.push(sub(new_sub, Some(real_sub)));
                if old_goes {
                    entry.subs.push(sub(real_sub, None));
                }
            }
            _ => {
                self.entry(&new.command).runs = Some((wire.as_slice().into(), statement));
                if old_goes {
                    self.entry(&wire).gone = Some(statement);
                }
            }
        }
    }

    fn rule(&mut self, statement: usize, rule: &Rule) {
        let step = Step {
            sub: None,
            action: rule.action,
            observe: rule.observe,
            reply: rule.reply,
            statement,
            conditions: rule.conditions.as_slice().into(),
            order: self.order,
        };
        self.order += 1;
        for target in &rule.targets {
            match target {
                Target::Every => self.compiled.others.push(step.clone()),
                Target::Category(category) => self.category(&step, category),
                Target::Command(name) => self.command(&step, name),
            }
        }
    }

    fn command(&mut self, step: &Step, name: &Name) {
        let wire = resolve::wire(&name.command, self.commands);
        if words_of_http(self.commands).any(|word| word.as_bytes() == wire) {
            return;
        }
        let mut step = step.clone();
        step.sub = name.sub.as_deref().map(Into::into);
        self.entry(&wire).steps.push(step);
    }

    fn category(&mut self, step: &Step, category: &Category) {
        let members = self.commands.category(&category.name);
        for name in members.unwrap_or_default() {
            if !self
                .spared
                .contains(&resolve::wire(&name.command, self.commands))
            {
                self.command(step, &name);
            }
        }
    }

    /// Those of them that the policy knows; if it means all names, all of them.
    fn mark_while_busy(&mut self) {
        let wires = WHILE_BUSY.map(|name| resolve::wire(name.as_bytes(), self.commands));
        if self.compiled.minds_all_names() {
            for wire in &wires {
                self.entry(wire);
            }
        }
        for (name, named) in &mut self.compiled.names {
            let real = named.runs.as_ref().map_or(name, |(real, _)| real);
            named.brings.while_busy = wires.iter().any(|wire| **wire == **real);
        }
    }

    fn finish(mut self, links: bool) -> Compiled {
        self.compiled.decides =
            !(self.compiled.names.is_empty() && self.compiled.others.is_empty());
        if links {
            self.mark_while_busy();
            let ruled = self.compiled.names.keys();
            self.compiled.link = Link::of(self.commands, ruled);
        } else if self.compiled.decides {
            let away = |name: &str| self.commands.find(name.as_bytes()) == Found::RenamedAway;
            self.compiled.unseen.scripts = SCRIPT_STARTERS.iter().any(|name| away(name));
            self.compiled.unseen.unsettles = UNSETTLING.iter().any(|name| away(name));
            for name in SCRIPT_STARTERS {
                let wire = resolve::wire(name.as_bytes(), self.commands);
                self.entry(&wire).brings.scripts = true;
            }
            for name in UNSETTLING {
                let wire = resolve::wire(name.as_bytes(), self.commands);
                self.entry(&wire).brings.unsettles = true;
            }
        }
        let whence = |condition: &Condition| matches!(condition, Condition::From(_));
        let mut asked = self.compiled.others.iter().map(|step| &step.conditions);
        self.compiled.others_ask_only_whence = self.compiled.minds_all_names()
            && asked.all(|conditions| !conditions.is_empty() && conditions.iter().all(whence));
        if self.compiled.minds_all_names() {
            for name in self.spared.clone() {
                self.entry(&name);
            }
            self.compiled.lengths.take_all();
        }
        for name in self.compiled.names.keys() {
            self.compiled.lengths.add(name);
            self.compiled.named.add(name);
            self.compiled.longest = self.compiled.longest.max(name.len());
        }
        self.compiled
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::resolve::tests::FewCommands;
    use super::*;
    use proptest::prelude::*;

    fn compiled(text: &str) -> Compiled {
        let policy = Policy::read(text.as_bytes(), &FewCommands).unwrap();
        Compiled::new(&policy, &FewCommands, true)
    }

    #[test]
    fn only_a_policy_that_can_decide_something_is_active() {
        assert!(!compiled("").is_active());
        assert!(!compiled("mode off\ndeny get").is_active());
        assert!(compiled("deny get").is_active());
        assert!(compiled("deny *").is_active());
        assert!(compiled("mode observe\nalias x get").is_active());
    }

    #[test]
    fn a_name_is_sorted_out_by_first_byte_and_length_but_never_by_a_nul() {
        let table = compiled("deny flushall config del");
        for name in [
            &b"FLUSHALL"[..],
            b"flushall",
            b"Config",
            b"DEL",
            b"DEL\0",
            b"config\0\0\0xyz",
            b"DBL",
        ] {
            assert!(table.lengths().might_match(name), "{name:?}");
        }
        for name in [
            &b""[..],
            b"GET",
            b"FLUSHDB",
            b"D",
            b"DELETE",
            b"\0DEL",
            b"CONFIGURE",
        ] {
            assert!(!table.lengths().might_match(name), "{name:?}");
        }
        let all = compiled("deny *");
        for name in [&b""[..], b"GET", b"\0", b"\xff"] {
            assert!(all.lengths().might_match(name), "{name:?}");
        }
    }

    #[test]
    fn a_rule_on_a_renamed_command_stands_under_the_name_that_clients_send() {
        let table = compiled("deny keys");
        assert!(table.named(b"k3ys").is_some());
        assert!(table.named(b"keys").is_none());
    }

    #[test]
    fn the_commands_of_the_replication_link_are_those_the_server_names() {
        let table = compiled("deny flushall");
        assert!(table.may_come_on_link(b"flushall"));
        assert!(!table.may_come_on_link(b"config"));
        let policy = Policy::read(b"deny flushall", &FewCommands).unwrap();
        let told = Compiled::new(&policy, &FewCommands, false);
        assert!(
            !told.may_come_on_link(b"flushall"),
            "not asked where the server tells"
        );
    }

    proptest! {
        #[test]
        fn no_spelling_of_a_denied_name_is_ever_sorted_out(
            name in prop_oneof![Just("flushall"), Just("del"), Just("config")],
            upper in proptest::collection::vec(any::<bool>(), 8),
            tail in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
        ) {
            let mut spelled: Vec<u8> = name
                .bytes()
                .zip(upper)
                .map(|(byte, upper)| if upper { byte.to_ascii_uppercase() } else { byte })
                .collect();
            if let Some(tail) = tail {
                spelled.push(0);
                spelled.extend(tail);
            }
            prop_assert!(compiled("deny flushall del config").lengths().might_match(&spelled));
        }
    }
}
