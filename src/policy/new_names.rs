//! The names that statements give to commands: what is about such a name is told the real one.

use std::collections::HashMap;

use super::name::Name;
use super::problem::Problem;
use super::resolve::{self, Commands};
use super::statement::{Body, Target};

/// The new names of a policy, each with the name it stands for.
#[derive(Debug)]
pub struct NewNames(HashMap<Vec<u8>, Name>);

impl NewNames {
    /// Those that these statements give, if they may: a name that is taken stays what it is.
    pub fn given_by<'b>(
        bodies: impl IntoIterator<Item = &'b Body>,
        commands: &dyn Commands,
    ) -> Self {
        let given = bodies.into_iter().filter_map(|body| match body {
            Body::Rename { old: real, new } | Body::Alias { new, target: real } => {
                let free = resolve::not_free(real, new, commands).is_none();
                free.then(|| (key(new), real.clone()))
            }
            _ => None,
        });
        Self(given.collect())
    }

    /// What is wrong with a statement that is about some of them: it would never match, as names are resolved first.
    pub fn problems(&self, body: &Body) -> Vec<Problem> {
        meant(body)
            .into_iter()
            .filter_map(|name| {
                let real = self.real(name)?;
                let message = format!(
                    "'{name}' is a new name of '{real}', and statements are about real names: write {real}"
                );
                Some(Problem::new(name.at, message))
            })
            .collect()
    }

    /// The real name, if this is a new one or a subcommand of one.
    fn real(&self, name: &Name) -> Option<Name> {
        if let Some(real) = self.0.get(&key(name)) {
            return Some(real.clone());
        }
        let container = self.0.get(&name.command)?;
        Some(Name {
            sub: name.sub.clone(),
            ..container.clone()
        })
    }
}

/// The commands that a statement is about.
fn meant(body: &Body) -> Vec<&Name> {
    match body {
        Body::Rule(rule) => {
            let named = rule.targets.iter().filter_map(|target| match target {
                Target::Command(name) => Some(name),
                Target::Every | Target::Category(_) => None,
            });
            named.collect()
        }
        Body::Rename { old, .. } => vec![old],
        Body::Alias { target, .. } => vec![target],
        Body::Profile { .. } | Body::Suppress { .. } | Body::Administrators(_) => Vec::new(),
    }
}

fn key(name: &Name) -> Vec<u8> {
    match &name.sub {
        Some(sub) => [name.command.as_slice(), sub].join(&b'|'),
        None => name.command.clone(),
    }
}
