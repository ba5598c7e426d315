//! A statement of the gate that takes commands from users: which of them need one, before which others it must stand, which
//! id is free, whom it spares, and what to mind. In the policy's words for SECAUDIT FIX, and as a line of shell.

use std::collections::BTreeSet;

use super::{access, keeping, steps};
use crate::audit::facts::{Facts, GateVerdict, Through, UserAccess};
use crate::audit::fix::{Action, Statement};
use crate::audit::reach;
use crate::render::escape::printable;

/// The commands somebody can run, and who.
pub type Open = [(&'static str, Vec<Vec<u8>>)];

/// By these the keys of a slot move from node to node.
const MOVE_SLOTS: [&str; 3] = ["migrate", "restore", "restore-asking"];

/// A statement that is to take commands away.
pub struct Denial<'f> {
    facts: &'f Facts,
    /// The commands that need one; the gate would refuse the others if it enforced.
    pub names: Vec<&'static str>,
    /// The statements that let calls of them through, by their places in the policy.
    in_front: BTreeSet<usize>,
    spared: Vec<&'f [u8]>,
    id: Option<String>,
    mind: Vec<String>,
}

impl<'f> Denial<'f> {
    /// Takes these commands, where that is needed, from all but the administrators and the users who are spared.
    pub fn of(
        facts: &'f Facts,
        names: impl IntoIterator<Item = &'static str>,
        spared: &[&'f [u8]],
    ) -> Self {
        let mut denial = Self {
            facts,
            names: Vec::new(),
            in_front: BTreeSet::new(),
            spared: spared.to_vec(),
            id: None,
            mind: Vec::new(),
        };
        for name in names {
            let through = denial.through(name);
            if through.iter().any(|through| *through != Through::Mode) {
                denial.names.push(name);
            }
            denial
                .in_front
                .extend(through.iter().filter_map(|through| match through {
                    Through::Statement(place) => Some(*place),
                    Through::Mode | Through::NoRule => None,
                }));
        }
        denial
    }

    /// Why the gate lets a command through, for each user from whom it is to be taken.
    fn through(&self, name: &str) -> Vec<Through> {
        let mut commands = self.facts.commands.iter();
        let command = commands.find(|command| command.name == name);
        let Some(Ok(access)) = command.map(|command| command.access.known()) else {
            return vec![Through::NoRule];
        };
        let able = |access: &&UserAccess| {
            access.acl && matches!(access.gate, GateVerdict::Pass | GateVerdict::Partly(_))
        };
        let meant = |access: &&UserAccess| {
            !self.facts.is_administrator(&access.user)
                && !self.spared.contains(&access.user.as_slice())
        };
        let users = access.iter().filter(able).filter(meant);
        users.map(|access| access.through).collect()
    }

    /// Gives it this id, or where that is taken one like it.
    pub fn id(mut self, wanted: &str) -> Self {
        self.id = Some(free_id(self.facts, wanted));
        self
    }

    /// Adds what to mind.
    pub fn mind(mut self, what: Option<String>) -> Self {
        self.mind.extend(what);
        self
    }

    /// Whether there is anything for it to do.
    pub fn is_needed(&self) -> bool {
        !self.names.is_empty()
    }

    /// The action of SECAUDIT FIX, where it is needed: `what` it denies and its `options`, in the policy's words.
    pub fn action(self, what: &str, options: &str) -> Option<Action> {
        if !self.is_needed() {
            return None;
        }
        let spared = steps::but_administrators(self.facts, &self.spared);
        let line = format!("{what}{spared}{options}{}", self.place());
        let mut mind = self.always_mind();
        mind.extend(self.mind);
        Some(Action::Statement(Statement { line, mind }))
    }

    /// What to mind wherever it stands, and whatever it denies.
    fn always_mind(&self) -> Vec<String> {
        let mut mind = Vec::new();
        if !self.in_front.is_empty() {
            let places = self.in_front.iter();
            let ids = places.filter_map(|place| self.facts.gate.ids.get(*place));
            let ids: Vec<String> = ids.map(|id| printable(id.as_bytes())).collect();
            mind.push(format!(
                "it goes before {}: what is let through there is refused from then on",
                steps::first_few(&ids, 6)
            ));
        }
        if self.facts.gate.mode != "enforce" {
            mind.push(format!(
                "in mode {} the gate refuses nothing, this included: SECGATE MODE enforce (or the fix of cmd.gate) puts \
                 the whole policy in force",
                self.facts.gate.mode
            ));
        }
        let not_spared = steps::not_spared(self.facts);
        if !not_spared.is_empty() {
            mind.push(format!(
                "{} is named as an administrator, but needs no password: anybody can be that user, so it is not spared",
                access::names(&not_spared)
            ));
        }
        mind.extend(self.on_a_cluster());
        mind
    }

    /// What to mind where it keeps a cluster from moving slots. Printable.
    pub fn on_a_cluster(&self) -> Option<String> {
        let moves = self.names.iter().any(|name| MOVE_SLOTS.contains(name));
        (moves && reach::is_yes(self.facts, "cluster-enabled")).then(|| {
            format!(
                "this is a node of a cluster: resharding it stops halfway from then on and leaves a slot open; for as long \
                 as that takes, let the keys through on every node (SECGATE ALLOW {} id={} at=first)",
                MOVE_SLOTS.join(" "),
                free_id(self.facts, "reshard")
            )
        })
    }

    /// The step by hand, where it is needed: `what` stands behind SECGATE, as a shell takes it.
    pub fn step(&self, what: &str, options: &str) -> Option<String> {
        let cli = steps::cli(self.facts);
        let spared = steps::but_administrators_in_shell(self.facts, &self.spared);
        self.is_needed()
            .then(|| format!("{cli} SECGATE {what}{spared}{options}{}", self.place()))
    }

    /// ` id=no-flush at=2`
    fn place(&self) -> String {
        let id = self.id.as_ref().map(|id| format!(" id={id}"));
        let at = self.in_front.first().map(|place| match place {
            0 => " at=first".to_owned(),
            place => format!(" at={}", place.saturating_add(1)),
        });
        [id, at].into_iter().flatten().collect()
    }
}

/// This id, or where a statement of the policy has it, the first like it that is free.
pub fn free_id(facts: &Facts, wanted: &str) -> String {
    let is_free = |id: &String| !facts.gate.ids.contains(id);
    let others = (2_u64..).map(|number| format!("{wanted}-{number}"));
    let mut ids = std::iter::once(wanted.to_owned()).chain(others);
    ids.find(is_free).unwrap_or_else(|| wanted.to_owned())
}

/// What puts the gate's statements in force, where its mode does not.
pub fn mode_step(facts: &Facts) -> Option<String> {
    let mode = facts.gate.mode;
    let cli = steps::cli(facts);
    (mode != "enforce").then(|| {
        format!(
            "{cli} SECGATE MODE enforce   # in mode {mode} nothing of the policy is in force, and then all of it is"
        )
    })
}

/// The same, and what keeps it.
pub fn last_steps(facts: &Facts) -> Vec<String> {
    mode_step(facts)
        .into_iter()
        .chain([keeping::policy(facts)])
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;

    fn open(names: &[&str]) -> Facts {
        let mut facts = sample::hardened();
        facts.gate.ids = ["a", "b", "no-x"].map(str::to_owned).to_vec();
        for name in names {
            sample::open_command(&mut facts, name, "default");
        }
        facts
    }

    fn statement(denial: Denial<'_>) -> Statement {
        match denial.action("deny x", "") {
            Some(Action::Statement(statement)) => statement,
            _ => Statement::default(),
        }
    }

    #[test]
    fn it_stands_at_the_end_or_before_the_first_that_lets_a_call_through() {
        let mut facts = open(&["keys", "save"]);
        let names = ["keys", "save"];
        assert_eq!(statement(Denial::of(&facts, names, &[])).line, "deny x");
        sample::through(&mut facts, "keys", Through::Statement(2));
        let found = statement(Denial::of(&facts, names, &[]));
        assert_eq!(found.line, "deny x at=3");
        sample::through(&mut facts, "save", Through::Statement(0));
        let found = statement(Denial::of(&facts, names, &[]).id("no-x"));
        assert_eq!(found.line, "deny x id=no-x-2 at=first");
        assert!(
            found.mind.concat().contains("it goes before a, no-x: "),
            "{found:?}"
        );
    }

    #[test]
    fn what_only_the_mode_lets_through_needs_none() {
        let mut facts = open(&["keys", "save"]);
        facts.gate.mode = "observe";
        sample::through(&mut facts, "keys", Through::Mode);
        let denial = Denial::of(&facts, ["keys", "save"], &[]);
        assert_eq!(denial.names, ["save"]);
        assert!(statement(denial).mind.concat().contains("mode observe"));
        assert!(last_steps(&facts).concat().contains("SECGATE MODE enforce"));
        sample::through(&mut facts, "save", Through::Mode);
        let denial = Denial::of(&facts, ["keys", "save"], &[]);
        assert_eq!(denial.step("DENY x", ""), None);
        assert_eq!(denial.action("deny x", ""), None);
    }

    #[test]
    fn what_is_open_to_those_who_are_spared_alone_needs_none() {
        let mut facts = open(&["keys"]);
        sample::add_user(&mut facts, "watch", false);
        facts.gate.capabilities = vec![("caller-identity", true)];
        let spared: [&[u8]; 1] = [b"watch"];
        let found = statement(Denial::of(&facts, ["keys"], &spared));
        assert_eq!(found.line, "deny x user=!watch");
        sample::verdict(&mut facts, "keys", GateVerdict::Denied("r".to_owned()));
        sample::open_command(&mut facts, "keys", "watch");
        assert!(!Denial::of(&facts, ["keys"], &spared).is_needed());
    }

    #[test]
    fn a_named_administrator_who_needs_no_password_is_not_spared_and_that_is_said() {
        let mut facts = open(&["keys"]);
        facts.gate.capabilities = vec![("caller-identity", true)];
        let policy = crate::policy::Policy::read(
            b"administrators ops* dba\n",
            &crate::policy::resolve::tests::FewCommands,
        );
        facts.gate.accepted = crate::audit::facts::Accepted::by(&policy.unwrap());
        sample::add_user(&mut facts, "ops1", false);
        sample::add_user(&mut facts, "dba", false);
        facts.administrators = [b"ops1".to_vec(), b"dba".to_vec()].into();
        let found = statement(Denial::of(&facts, ["keys"], &[]));
        assert_eq!(found.line, "deny x user=!ops*,!dba");
        sample::add_user(&mut facts, "ops2", true);
        let found = statement(Denial::of(&facts, ["keys"], &[]));
        assert_eq!(found.line, "deny x user=!ops1,!dba");
        assert!(
            found
                .mind
                .concat()
                .contains("ops2 is named as an administrator"),
            "{found:?}"
        );
        // Once it is off, nobody can be that user.
        sample::user(&mut facts, "ops2").enabled = false;
        let found = statement(Denial::of(&facts, ["keys"], &[]));
        assert_eq!(found.line, "deny x user=!ops*,!dba");
        assert!(found.mind.is_empty(), "{found:?}");
    }

    #[test]
    fn what_is_not_known_needs_one() {
        assert!(Denial::of(&sample::nothing_read(), ["keys"], &[]).is_needed());
    }
}
