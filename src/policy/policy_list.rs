//! The policy: an ordered list of statements with unique ids. Every change yields a whole new policy or a list of problems.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::name::Name;
use super::nearest::did_you_mean;
use super::new_names::NewNames;
use super::parse::{self, Draft};
use super::problem::{At, Problem};
use super::resolve::{self, Commands};
use super::statement::{Body, Mode, Statement};
use crate::render::escape::printable;

/// An ordered list of statements, and the mode.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    mode: Mode,
    statements: Vec<Statement>,
    /// The number of the next id that is made up; never goes back, so that an id stays gone.
    next: usize,
}

impl Policy {
    /// Reads a whole file: all of it, or every problem in the order of its places.
    pub fn read(text: &[u8], commands: &dyn Commands) -> Result<Self, Vec<Problem>> {
        let file = parse::file(text);
        let mut problems = file.problems;
        let mut policy = Self {
            mode: file.mode.unwrap_or_default(),
            ..Self::default()
        };
        let mut taken = Taken::default();
        let names = NewNames::given_by(file.drafts.iter().map(|draft| &draft.body), commands);
        for draft in &file.drafts {
            problems.extend(resolved(draft, &names, commands));
            problems.extend(taken.claim_draft(draft));
        }
        let given: HashSet<String> = file
            .drafts
            .iter()
            .filter_map(|draft| Some(draft.id.as_ref()?.0.clone()))
            .collect();
        for draft in file.drafts {
            let id = policy.id_for(&draft, &|id| given.contains(id));
            policy.statements.push(finished(draft, id));
        }
        if problems.is_empty() {
            return Ok(policy);
        }
        problems.sort_by_key(|problem| problem.at);
        Err(problems)
    }

    /// The policy with one more statement, and the id it got.
    pub fn with(
        &self,
        draft: Draft,
        commands: &dyn Commands,
    ) -> Result<(Self, String), Vec<Problem>> {
        let mut taken = Taken::default();
        for statement in &self.statements {
            taken.claim(&statement.id, At::default(), &statement.body);
        }
        let bodies = self.statements.iter().map(|statement| &statement.body);
        let mut problems = resolved(&draft, &NewNames::given_by(bodies, commands), commands);
        problems.extend(self.already_meant(&draft, commands));
        problems.extend(taken.claim_draft(&draft));
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut policy = self.clone();
        let id = policy.id_for(&draft, &|id| taken.ids.contains_key(id));
        let end = policy.statements.len();
        let index = draft
            .position
            .map_or(end, |position| position.saturating_sub(1).min(end));
        policy.statements.insert(index, finished(draft, id.clone()));
        Ok((policy, id))
    }

    /// The policy without these statements; an id that it does not have is named and nothing is removed.
    pub fn without(&self, ids: &[&[u8]]) -> Result<Self, String> {
        let known: Vec<&String> = self
            .statements
            .iter()
            .map(|statement| &statement.id)
            .collect();
        for id in ids {
            if !known.iter().any(|known| known.as_bytes() == *id) {
                let hint = did_you_mean(id, known.iter().copied());
                let id = crate::render::escape::printable(id);
                return Err(format!("no statement has the id '{id}'{hint}"));
            }
        }
        let mut policy = self.clone();
        policy
            .statements
            .retain(|statement| !ids.contains(&statement.id.as_bytes()));
        Ok(policy)
    }

    /// The policy without any statement, in the same mode.
    pub fn emptied(&self) -> Self {
        Self {
            statements: Vec::new(),
            ..self.clone()
        }
    }

    /// The same statements in another mode.
    pub fn in_mode(&self, mode: Mode) -> Self {
        Self {
            mode,
            ..self.clone()
        }
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The statements in order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// As a policy file.
    pub fn text(&self) -> String {
        let mut text = format!("mode {}\n", self.mode.word());
        for statement in &self.statements {
            text.push_str(&statement.to_string());
            text.push('\n');
        }
        text
    }

    /// The SHA-256 of the text, in hex: equal on nodes whose policies are equal.
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(self.text().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The problem with a new name that statements are about already: they would never match again.
    fn already_meant(&self, draft: &Draft, commands: &dyn Commands) -> Option<Problem> {
        let given = NewNames::given_by([&draft.body], commands);
        let mut statements = self.statements.iter();
        let meant = statements.find(|statement| !given.problems(&statement.body).is_empty())?;
        let message = format!(
            "statement '{}' is about a command of the new name: choose another name, or remove it first",
            meant.id
        );
        Some(Problem::new(draft.at, message))
    }

    fn id_for(&mut self, draft: &Draft, taken: &dyn Fn(&str) -> bool) -> String {
        if let Some((id, _)) = &draft.id {
            return id.clone();
        }
        loop {
            self.next += 1;
            let id = format!("r{}", self.next);
            if !taken(&id) {
                return id;
            }
        }
    }
}

/// All that is wrong with the names in a statement, one problem for each.
fn resolved(draft: &Draft, names: &NewNames, commands: &dyn Commands) -> Vec<Problem> {
    let new = names.problems(&draft.body);
    let mut found = resolve::problems(draft, commands);
    found.retain(|problem| !new.iter().any(|new| new.at == problem.at));
    found.extend(new);
    found
}

fn finished(draft: Draft, id: String) -> Statement {
    Statement {
        id,
        body: draft.body,
        note: draft.note,
        optional: draft.optional,
        force: draft.force,
    }
}

/// What the statements of one policy have claimed: each id once, each new name once, each rename of a command
/// once, each suppression of a check once.
#[derive(Default)]
struct Taken {
    ids: HashMap<String, At>,
    new_names: HashMap<String, At>,
    renamed: HashMap<String, At>,
    suppressed: HashMap<String, At>,
}

impl Taken {
    fn claim_draft(&mut self, draft: &Draft) -> Vec<Problem> {
        match &draft.id {
            Some((id, at)) => self.claim(id, *at, &draft.body),
            None => self.claim_names(&draft.body),
        }
    }

    fn claim(&mut self, id: &str, at: At, body: &Body) -> Vec<Problem> {
        let mut problems = self.claim_names(body);
        let what = format!("the id '{id}' is taken");
        let told = (what.as_str(), "choose another");
        problems.extend(first_claim(&mut self.ids, id.to_owned(), at, told));
        problems
    }

    fn claim_names(&mut self, body: &Body) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut new_name = |name: &Name| {
            let what = format!("the name '{name}' is taken by another statement");
            let told = (what.as_str(), "choose another");
            let key = name.to_string();
            problems.extend(first_claim(&mut self.new_names, key, name.at, told));
        };
        match body {
            Body::Rule(_) | Body::Profile { .. } | Body::Administrators(_) => {}
            Body::Suppress { check, at, .. } => {
                // Not yet known to be a check: it may be any bytes.
                let shown = printable(check.as_bytes());
                let what = format!("'{shown}' is suppressed by another statement");
                let told = (what.as_str(), "keep one of the two");
                problems.extend(first_claim(&mut self.suppressed, check.clone(), *at, told));
            }
            Body::Alias { new, .. } => new_name(new),
            Body::Rename { old, new } => {
                new_name(new);
                let what = format!("'{old}' is renamed by another statement");
                let told = (what.as_str(), "keep one of the two");
                let key = old.to_string();
                problems.extend(first_claim(&mut self.renamed, key, old.at, told));
            }
        }
        problems
    }
}

fn first_claim(
    claims: &mut HashMap<String, At>,
    key: String,
    at: At,
    (what, remedy): (&str, &str),
) -> Option<Problem> {
    let earlier = claims.insert(key, at)?;
    let place = match earlier.line {
        0 => String::new(),
        line => format!(" on line {line}"),
    };
    Some(Problem::new(at, format!("{what}{place}: {remedy}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::resolve::tests::FewCommands;
    use super::super::words::from_arguments;
    use super::*;

    fn read(text: &str) -> Policy {
        Policy::read(text.as_bytes(), &FewCommands).unwrap()
    }

    fn draft(words: &[&[u8]]) -> Draft {
        let words = from_arguments(words);
        let (verb, rest) = words.split_first().unwrap();
        parse::statement(verb, rest).draft.unwrap()
    }

    fn ids(policy: &Policy) -> Vec<&str> {
        policy
            .statements()
            .iter()
            .map(|statement| statement.id.as_str())
            .collect()
    }

    #[test]
    fn what_is_written_back_reads_as_the_same_policy() {
        let text = "mode observe\n\
            deny flushall config|set * id=a reply=unknown mode=observe optional force note=\"x \\\"y\\\"\\x00\"\n\
            allow get user=!a* from=10.0.0.0/8,unix arg2=x\\,y via=script\nprofile rce user=app id=road reply=unknown\ndeny @Dangerous\ndeny config|set param=dir\nrename config c0nf\nalias wipe flushall # gone\nrename config|set config|s3t\nSUPPRESS Net.TLS until=2027-01-01 note=\"a \\\"proxy\\\"\"\nadministrators ops-* \"o dd\" id=us\n";
        let policy = read(text);
        assert_eq!(
            ids(&policy),
            ["a", "r1", "road", "r2", "r3", "r4", "r5", "r6", "r7", "us"]
        );
        assert!(policy.text().ends_with(
            "suppress net.tls until=2027-01-01 id=r7 note=\"a \\\"proxy\\\"\"\nadministrators ops-* \"o dd\" id=us\n"
        ));
        let again = read(&policy.text());
        assert_eq!(again.text(), policy.text());
        assert_eq!(again.digest(), policy.digest());
        assert_eq!(again.mode(), Mode::Observe);
    }

    #[test]
    fn made_up_ids_avoid_given_ones_and_never_come_back() {
        let policy = read("deny get\ndeny set id=r2\ndeny del");
        assert_eq!(ids(&policy), ["r1", "r2", "r3"]);
        let policy = policy.without(&[b"r3"]).unwrap();
        let (policy, id) = policy
            .with(draft(&[b"deny", b"eval"]), &FewCommands)
            .unwrap();
        assert_eq!(id, "r4");
        assert_eq!(ids(&policy), ["r1", "r2", "r4"]);
    }

    #[test]
    fn a_statement_goes_where_it_is_sent() {
        let policy = read("deny get\ndeny set");
        for (at, expected) in [("at=first", 0), ("at=2", 1), ("at=99", 2)] {
            let (policy, _) = policy
                .with(
                    draft(&[b"deny", b"del", b"id=new", at.as_bytes()]),
                    &FewCommands,
                )
                .unwrap();
            assert_eq!(
                ids(&policy).iter().position(|id| *id == "new"),
                Some(expected),
                "{at}"
            );
        }
    }

    #[test]
    fn a_check_that_is_named_in_odd_bytes_twice_is_shown_in_printable_ones() {
        let problems = Policy::read(
            b"suppress \"net.\\x1b\\r\\n\" note=x\nsuppress \"net.\\x1b\\r\\n\" note=y",
            &FewCommands,
        )
        .unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            told.iter()
                .any(|text| text.contains("is suppressed by another")),
            "{told:?}"
        );
        for text in told {
            assert!(
                text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn ids_and_names_are_claimed_once() {
        let problems = Policy::read(
            b"deny get id=a\ndeny set id=a\nalias x get\nrename set x\nrename set y\nrename flushal f\nsuppress net.tls note=x\nsuppress net.tls note=y\nsuppress net.tsl note=x\nsuppress x note=x",
            &FewCommands,
        )
        .unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 2, column 13: the id 'a' is taken on line 1: choose another",
                "line 4, column 12: the name 'x' is taken by another statement on line 3: choose another",
                "line 5, column 8: 'set' is renamed by another statement on line 4: keep one of the two",
                "line 6, column 8: unknown command 'flushal': did you mean 'flushall'?",
                "line 8, column 10: 'net.tls' is suppressed by another statement on line 7: keep one of the two",
                "line 9, column 10: unknown check 'net.tsl': did you mean 'net.tls'?",
                "line 10, column 10: unknown check 'x': SECAUDIT CHECKS lists them",
            ]
        );
        let policy = read("alias x get id=a");
        assert!(
            policy
                .with(draft(&[b"deny", b"get", b"id=a"]), &FewCommands)
                .is_err()
        );
        assert!(
            policy
                .with(draft(&[b"alias", b"x", b"set"]), &FewCommands)
                .is_err()
        );
    }

    #[test]
    fn statements_about_new_names_are_told_the_real_ones() {
        let problems = Policy::read(
            b"deny c0nf c0nf|get optional\nrename config c0nf\nalias wipe flushall\nrename wipe x\nalias y wipe\n\
              deny config|s3t id=a\nrename config|set config|s3t\nallow wipe config",
            &FewCommands,
        )
        .unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let told: Vec<&str> = told
            .iter()
            .filter_map(|told| told.split(',').next_back())
            .collect();
        assert_eq!(
            told,
            [
                " and statements are about real names: write config",
                " and statements are about real names: write config|get",
                " and statements are about real names: write flushall",
                " and statements are about real names: write flushall",
                " and statements are about real names: write config|set",
                " and statements are about real names: write flushall",
            ],
            "{problems:?}"
        );
        let policy = read("rename config c0nf\ndeny later optional id=waits");
        let with = |words: &[&[u8]]| policy.with(draft(words), &FewCommands).unwrap_err();
        let told = with(&[b"deny", b"c0nf"]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told.iter()
                .all(|told| told.message.contains("write config"))
        );
        let told = with(&[b"alias", b"later", b"get"]);
        assert!(
            told.iter()
                .all(|told| told.message.contains("statement 'waits'")),
            "{told:?}"
        );
    }

    #[test]
    fn an_unknown_id_removes_nothing_and_names_the_nearest() {
        let policy = read("deny get id=no-get\ndeny set");
        let error = policy.without(&[b"r1", b"no-gte"]).unwrap_err();
        assert_eq!(
            error,
            "no statement has the id 'no-gte': did you mean 'no-get'?"
        );
        assert_eq!(policy.emptied().statements().len(), 0);
    }
}
