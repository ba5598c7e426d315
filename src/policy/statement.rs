//! One line of a policy as a value, and how it is written back.

use std::borrow::Cow;
use std::fmt;

use super::condition::Condition;
use super::day::Day;
use super::glob::Glob;
use super::name::Name;
use super::problem::At;
use super::profiles::Profile;
use super::words::quote;

/// How many there are: `1 statement`, `2 statements`.
pub fn counted(statements: usize) -> String {
    match statements {
        1 => "1 statement".to_owned(),
        count => format!("{count} statements"),
    }
}

/// Whether the gate acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing is looked at; the filter is not registered.
    Off,
    /// Decisions are made and recorded, and every call passes.
    Observe,
    /// Decisions hold.
    #[default]
    Enforce,
}

impl Mode {
    /// All of them, as they are written.
    pub const WORDS: [&'static str; 3] = ["off", "observe", "enforce"];

    /// Reads a word, ignoring case.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        match word.to_ascii_lowercase().as_slice() {
            b"off" => Some(Self::Off),
            b"observe" => Some(Self::Observe),
            b"enforce" => Some(Self::Enforce),
            _ => None,
        }
    }

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

/// What a refused client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DenyReply {
    /// That the gate refused, and by which rule.
    #[default]
    Explain,
    /// What the server says of a command that does not exist.
    Unknown,
}

impl DenyReply {
    /// All of them, as they are written.
    pub const WORDS: [&'static str; 2] = ["explain", "unknown"];

    /// Reads a word, ignoring case.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        match word.to_ascii_lowercase().as_slice() {
            b"explain" => Some(Self::Explain),
            b"unknown" => Some(Self::Unknown),
            _ => None,
        }
    }

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Explain => "explain",
            Self::Unknown => "unknown",
        }
    }
}

/// What a rule does with the calls it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// They are refused.
    Deny,
    /// They pass, whatever stands below.
    Allow,
}

/// Which commands a rule means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `*`: every command but those that need `force`.
    Every,
    /// `@category`: the commands that this server has in an ACL category, but those that need `force`.
    Category(Category),
    /// A command, or one of its subcommands.
    Command(Name),
}

/// An ACL category, lower case, without its `@`.
#[derive(Debug, Clone)]
pub struct Category {
    /// `dangerous`
    pub name: Vec<u8>,
    /// Where it was written.
    pub at: At,
}

impl PartialEq for Category {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Category {}

/// A `deny` or `allow` statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Deny or allow.
    pub action: Action,
    /// The commands, in the order they were written; never empty.
    pub targets: Vec<Target>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// `reply=`, where it differs from `secaudit.deny-reply`.
    pub reply: Option<DenyReply>,
    /// `mode=observe`: this rule only records.
    pub observe: bool,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `deny …` or `allow …`.
    Rule(Rule),
    /// `profile NAME`: the rules of a built-in list, as if each carried these conditions and options.
    Profile {
        /// The list.
        profile: &'static Profile,
        /// All of them must hold, beside the rule's own.
        conditions: Vec<Condition>,
        /// `reply=`
        reply: Option<DenyReply>,
        /// `mode=observe`
        observe: bool,
    },
    /// `rename OLD NEW`: the old name stops existing, the new one runs it.
    Rename {
        /// The command as the server has it.
        old: Name,
        /// The name that runs it from now on.
        new: Name,
    },
    /// `alias NEW TARGET`: another name for a command that keeps its own.
    Alias {
        /// The new name.
        new: Name,
        /// The command it runs.
        target: Name,
    },
    /// `suppress CHECK`: what this check of the audit finds is accepted, for the reason that the note gives.
    Suppress {
        /// The check's id, lower case: `net.tls`.
        check: String,
        /// `until=`: the last day it holds; for ever without one.
        until: Option<Day>,
        /// Where the id was written.
        at: At,
    },
    /// `administrators PATTERN …`: users who may do what the audit calls dangerous in others.
    Administrators(Vec<Pattern>),
}

/// A pattern over names of users, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As it was written.
    pub text: Vec<u8>,
    /// What it matches.
    pub glob: Glob,
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Unique in its policy: given by the operator, else `r1`, `r2` … for the life of the statement.
    pub id: String,
    /// What it says.
    pub body: Body,
    /// The operator's remark.
    pub note: Option<Vec<u8>>,
    /// It may name commands that this server does not have.
    pub optional: bool,
    /// It may touch the commands that a connection cannot live without.
    pub force: bool,
}

impl Statement {
    /// The verb it opens with.
    pub fn verb(&self) -> &'static str {
        match &self.body {
            Body::Rule(rule) => match rule.action {
                Action::Deny => "deny",
                Action::Allow => "allow",
            },
            Body::Profile { .. } => "profile",
            Body::Rename { .. } => "rename",
            Body::Alias { .. } => "alias",
            Body::Suppress { .. } => "suppress",
            Body::Administrators(_) => "administrators",
        }
    }

    /// Whether it is about calls, so that calls can hit it; what it says else is for the audit.
    pub fn is_about_calls(&self) -> bool {
        !matches!(self.body, Body::Suppress { .. } | Body::Administrators(_))
    }

    /// The rules it stands for, in order: one for a `deny` or `allow`, those of the list for a `profile`.
    pub fn rules(&self) -> Vec<Cow<'_, Rule>> {
        match &self.body {
            Body::Rule(rule) => vec![Cow::Borrowed(rule)],
            Body::Profile {
                profile,
                conditions,
                reply,
                observe,
            } => {
                let with_options = |mut rule: Rule| {
                    rule.conditions.extend(conditions.iter().cloned());
                    rule.reply = *reply;
                    rule.observe = *observe;
                    Cow::Owned(rule)
                };
                profile.rules().into_iter().map(with_options).collect()
            }
            Body::Rename { .. }
            | Body::Alias { .. }
            | Body::Suppress { .. }
            | Body::Administrators(_) => Vec::new(),
        }
    }
}

impl Body {
    /// The conditions it carries.
    pub fn conditions(&self) -> &[Condition] {
        match self {
            Self::Rule(Rule { conditions, .. }) | Self::Profile { conditions, .. } => conditions,
            Self::Rename { .. }
            | Self::Alias { .. }
            | Self::Suppress { .. }
            | Self::Administrators(_) => &[],
        }
    }

    /// `reply=` and `mode=observe`.
    fn answers(&self) -> (Option<DenyReply>, bool) {
        match self {
            Self::Rule(Rule { reply, observe, .. }) | Self::Profile { reply, observe, .. } => {
                (*reply, *observe)
            }
            Self::Rename { .. }
            | Self::Alias { .. }
            | Self::Suppress { .. }
            | Self::Administrators(_) => (None, false),
        }
    }
}

/// As a line of a policy file; reading it back gives the same statement.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::from(self.verb());
        match &self.body {
            Body::Rule(rule) => {
                for target in &rule.targets {
                    line.push(' ');
                    write_target(target, &mut line);
                }
            }
            Body::Profile { profile, .. } => {
                line.push(' ');
                line.push_str(profile.name);
            }
            Body::Rename { old, new } => write_names(&[old, new], &mut line),
            Body::Alias { new, target } => write_names(&[new, target], &mut line),
            Body::Suppress { check, until, .. } => {
                line.push(' ');
                line.push_str(check);
                if let Some(until) = until {
                    line.push_str(&format!(" until={until}"));
                }
            }
            Body::Administrators(patterns) => {
                for pattern in patterns {
                    line.push(' ');
                    quote(&pattern.text, &mut line);
                }
            }
        }
        for condition in self.body.conditions() {
            line.push(' ');
            line.push_str(&condition.to_string());
        }
        line.push_str(" id=");
        line.push_str(&self.id);
        let (reply, observe) = self.body.answers();
        if let Some(reply) = reply {
            line.push_str(" reply=");
            line.push_str(reply.word());
        }
        if observe {
            line.push_str(" mode=observe");
        }
        if self.optional {
            line.push_str(" optional");
        }
        if self.force {
            line.push_str(" force");
        }
        if let Some(note) = &self.note {
            line.push_str(" note=");
            quote(note, &mut line);
        }
        f.write_str(&line)
    }
}

fn write_target(target: &Target, line: &mut String) {
    match target {
        Target::Every => line.push('*'),
        Target::Category(category) => {
            line.push('@');
            line.push_str(&String::from_utf8_lossy(&category.name));
        }
        Target::Command(name) => write_name(name, line),
    }
}

fn write_names(names: &[&Name], line: &mut String) {
    for name in names {
        line.push(' ');
        write_name(name, line);
    }
}

fn write_name(name: &Name, line: &mut String) {
    let mut whole = name.command.clone();
    if let Some(sub) = &name.sub {
        whole.push(b'|');
        whole.extend_from_slice(sub);
    }
    quote(&whole, line);
}
