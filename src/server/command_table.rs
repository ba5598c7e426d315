//! The server's command table, as a policy needs to know it, also where redis.conf's rename-command was at work.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use once_cell::unsync::OnceCell;

use super::collect::ask::Reply;
use super::collect::config_file;
use super::ffi::{CommandSpec, Ctx};
use super::module::Module;
use super::requests;
use crate::audit::checks;
use crate::policy::name::{Name, canonical_vec};
use crate::policy::problem::At;
use crate::policy::resolve::{Commands, Found};

/// The server's command table, and the context to ask for what is not kept.
pub struct ServerCommands<'c> {
    ctx: Ctx<'c>,
    table: Rc<Table>,
}

/// What the server answered to COMMAND, and what redis.conf says of renamed commands. It changes only with modules.
#[derive(Default)]
pub struct Table {
    /// By original name; empty when COMMAND could not be asked.
    commands: HashMap<Vec<u8>, Command>,
    /// Original name to the name clients send; empty for a removed command.
    renames: Vec<(Vec<u8>, Vec<u8>)>,
    /// Every name in an ACL category, asked when first needed.
    categorised: OnceCell<HashSet<Vec<u8>>>,
}

#[derive(Default)]
struct Command {
    on_link: bool,
    categories: HashSet<Vec<u8>>,
    /// By name, each with its categories.
    subcommands: HashMap<Vec<u8>, HashSet<Vec<u8>>>,
}

/// Sent over the link besides commands flagged `write` (ENGINE.md §1.4): `may_replicate` is not among the flags that
/// COMMAND shows. Scripts are missing on purpose: from Redis 7.0 on a master sends what they did, not the scripts.
const LINK_ITSELF: [&[u8]; 8] = [
    b"ping",
    b"select",
    b"replconf",
    b"multi",
    b"exec",
    b"publish",
    b"spublish",
    b"pfcount",
];

impl<'c> ServerCommands<'c> {
    /// The table as it was read before, or read now: one COMMAND and, only if names are missing from what the server
    /// runs, a look into redis.conf.
    pub fn read(ctx: Ctx<'c>) -> Self {
        let kept = &Module::get(ctx.lock()).commands;
        if let Some(table) = kept.borrow().as_ref() {
            let table = Rc::clone(table);
            return Self { ctx, table };
        }
        let table = Rc::new(Self::ask(ctx));
        kept.replace(Some(Rc::clone(&table)));
        Self { ctx, table }
    }

    fn ask(ctx: Ctx<'c>) -> Table {
        let mut table = Table::default();
        table.take_commands(ctx.call(&[b"COMMAND"]).ok());
        let all_there = table.commands.keys().all(|name| ctx.has_command(&[name]));
        if table.commands.is_empty() || !all_there {
            let path = ctx.info_field("server", "config_file").unwrap_or_default();
            table.renames = config_file::renames(path.as_bytes());
        }
        let renamed = table.new_name(b"command").map(<[u8]>::to_vec);
        if let (true, Some(wire)) = (table.commands.is_empty(), renamed) {
            table.take_commands(ctx.call(&[&wire]).ok());
        }
        table
    }

    /// The name clients send, or the one given.
    pub fn wire(&self, command: &[u8]) -> Vec<u8> {
        crate::policy::resolve::wire(command, self)
    }

    /// Whether an ACL category lists the name: categories are of original names, removed ones included. Asked once.
    fn ever_was(&self, command: &[u8]) -> bool {
        let categorised = self.table.categorised.get_or_init(|| self.categorised());
        categorised.contains(command)
    }

    fn categorised(&self) -> HashSet<Vec<u8>> {
        let acl = self.table.new_name(b"acl").unwrap_or(b"acl");
        let texts = |words: &[&[u8]]| match self.ctx.call(words) {
            Ok(Reply::Array(items)) => items.into_iter().filter_map(text).collect(),
            _ => Vec::new(),
        };
        let categories = texts(&[acl, b"CAT"]);
        let names = categories
            .iter()
            .flat_map(|category| texts(&[acl, b"CAT", category]));
        names.collect()
    }
}

impl Table {
    fn take_commands(&mut self, reply: Option<Reply>) {
        let Some(Reply::Array(entries)) = reply else {
            return;
        };
        self.commands
            .extend(entries.iter().filter_map(read_command));
    }

    /// The name that rename-command gave a command; empty for a removed one.
    fn new_name(&self, old: &[u8]) -> Option<&[u8]> {
        let (_, new) = self.renames.iter().find(|(name, _)| name == old)?;
        Some(new)
    }

    /// The command behind the name clients send.
    fn behind(&self, wire: &[u8]) -> Option<&Command> {
        let renamed = self.renames.iter().find(|(_, new)| new == wire);
        self.commands.get(renamed.map_or(wire, |(old, _)| old))
    }
}

impl Commands for ServerCommands<'_> {
    fn find_check(&self, id: &str) -> Result<(), Option<&'static str>> {
        checks::find(id.as_bytes()).map(|_| ())
    }

    fn find(&self, command: &[u8]) -> Found {
        if command.is_empty() {
            return Found::Absent;
        }
        if self.ctx.has_command(&[command]) || ours(command).is_some() {
            return Found::Here {
                wire: command.to_vec(),
            };
        }
        match self.table.new_name(command) {
            Some([]) => Found::Removed,
            // One with a NUL in it runs under many names: no rule could mean them all.
            Some(new) if !new.contains(&0) && self.ctx.has_command(&[new]) => {
                Found::Here { wire: new.to_vec() }
            }
            _ if self.table.commands.contains_key(command) => Found::RenamedAway,
            // What COMMAND does not tell is removed, but where COMMAND itself is out of reach.
            _ if self.ever_was(command) && self.table.commands.is_empty() => Found::RenamedAway,
            _ if self.ever_was(command) => Found::Removed,
            _ => Found::Absent,
        }
    }

    fn is_container(&self, wire: &[u8]) -> bool {
        match ours(wire) {
            Some(command) => !command.subcommands.is_empty(),
            // A command without subcommands takes any word there.
            None => !self.ctx.has_command(&[wire, b"\x01no such subcommand"]),
        }
    }

    fn has_subcommand(&self, wire: &[u8], sub: &[u8]) -> bool {
        match ours(wire) {
            Some(command) => command
                .subcommands
                .iter()
                .any(|ours| ours.name.to_bytes() == sub),
            None => self.ctx.has_command(&[wire, sub]),
        }
    }

    fn names(&self, container: Option<&[u8]>) -> Vec<String> {
        let shown = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
        match container {
            None => self.table.commands.keys().map(shown).collect(),
            Some(wire) => {
                let subs = self
                    .table
                    .behind(wire)
                    .map(|command| command.subcommands.keys().map(shown).collect());
                subs.unwrap_or_default()
            }
        }
    }

    fn may_come_on_link(&self, wire: &[u8]) -> bool {
        match self.table.behind(wire) {
            Some(command) => command.on_link,
            // The server has it, under a name that redis.conf gave and we could not read there: it could be anything.
            None => ours(wire).is_none() && self.ctx.has_command(&[wire]),
        }
    }

    fn category(&self, category: &[u8]) -> Option<Vec<Name>> {
        let commands = self.table.commands.iter();
        let members: Vec<Name> = commands
            .flat_map(|(name, command)| command.members(name, category))
            .collect();
        let known = !members.is_empty()
            || self
                .categories()
                .iter()
                .any(|known| known.as_bytes() == category);
        known.then_some(members)
    }

    fn categories(&self) -> Vec<String> {
        let commands = self.table.commands.values();
        let seen: HashSet<&Vec<u8>> = commands.flat_map(Command::all_categories).collect();
        let shown = |name: &&Vec<u8>| String::from_utf8_lossy(name).into_owned();
        seen.iter().map(shown).collect()
    }

    fn tells_who_calls(&self) -> bool {
        Module::get(self.ctx.lock())
            .capabilities
            .get()
            .caller_identity
    }
}

impl Command {
    /// What of it is in a category: all of it, or those of its subcommands that are. The category of a container
    /// itself says nothing: it is never run.
    fn members(&self, name: &[u8], category: &[u8]) -> Vec<Name> {
        let member = |sub: Option<&Vec<u8>>| Name {
            command: name.to_vec(),
            sub: sub.cloned(),
            at: At::default(),
        };
        if self.subcommands.is_empty() {
            let within = self.categories.contains(category);
            return within.then(|| member(None)).into_iter().collect();
        }
        let within = |categories: &HashSet<Vec<u8>>| categories.contains(category);
        if self.subcommands.values().all(within) {
            return vec![member(None)];
        }
        let subs = self.subcommands.iter();
        subs.filter(|(_, categories)| within(categories))
            .map(|(sub, _)| member(Some(sub)))
            .collect()
    }

    fn all_categories(&self) -> impl Iterator<Item = &Vec<u8>> {
        let subs = self.subcommands.values().flatten();
        self.categories.iter().chain(subs)
    }
}

fn text(reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Text(text) => Some(text),
        _ => None,
    }
}

/// A command of ours. A policy is read before the server is given them, so it does not know them yet.
fn ours(command: &[u8]) -> Option<&'static CommandSpec> {
    let mut commands = requests::COMMANDS.into_iter();
    commands.find(|ours| ours.name.to_bytes() == command)
}

/// One entry of COMMAND's reply: name, arity, flags, …, at index 6 the ACL categories, at index 9 the subcommands.
fn read_command(entry: &Reply) -> Option<(Vec<u8>, Command)> {
    let Reply::Array(fields) = entry else {
        return None;
    };
    let Some(Reply::Text(name)) = fields.first() else {
        return None;
    };
    let name = canonical_vec(name);
    let flagged = |wanted: &[u8]| matches!(fields.get(2), Some(Reply::Array(flags)) if flags.iter().any(|flag| matches!(flag, Reply::Text(flag) if flag == wanted)));
    // A module may replicate a command of its own though it is not flagged as one that writes. Ours never are.
    let whole = name.split(|byte| *byte == b'|').next().unwrap_or_default();
    let may_be_replicated = flagged(b"module") && !flagged(b"readonly") && ours(whole).is_none();
    let mut command = Command {
        on_link: flagged(b"write") || LINK_ITSELF.contains(&name.as_slice()) || may_be_replicated,
        categories: categories(fields.get(6)),
        subcommands: HashMap::new(),
    };
    if let Some(Reply::Array(subs)) = fields.get(9) {
        for (whole, sub) in subs.iter().filter_map(read_command) {
            command.on_link |= sub.on_link;
            let sub_name = whole.split(|byte| *byte == b'|').nth(1).unwrap_or(&whole);
            command
                .subcommands
                .insert(sub_name.to_vec(), sub.categories);
        }
    }
    Some((name, command))
}

/// `@admin` and its like, without the `@`.
fn categories(reply: Option<&Reply>) -> HashSet<Vec<u8>> {
    let Some(Reply::Array(items)) = reply else {
        return HashSet::new();
    };
    let name = |item: &Reply| match item {
        Reply::Text(text) => Some(text.strip_prefix(b"@").unwrap_or(text).to_ascii_lowercase()),
        _ => None,
    };
    items.iter().filter_map(name).collect()
}
