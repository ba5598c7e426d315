//! A call that a rule matched, and all that is known of it: what is recorded of it, and how it is refused.

use std::cell::RefCell;
use std::rc::Rc;

use once_cell::unsync::OnceCell;

use super::ffi::{self, FilterCall};
use super::filtered::{Filtered, Identity};
use super::identity::Standing;
use super::module::{Module, Pending};
use crate::events::{Happened, Seen, Via};
use crate::gate::refusal::{self, Circumstances, Refusal, Words};
use crate::gate::{Decided, Decision, Looked, Origin, Verdict};
use crate::policy::table::Compiled;

/// What is to be done with a call that does not pass as it came.
pub enum Act {
    /// It came under a new name and runs under its real one.
    Rename {
        /// The command's.
        command: Box<[u8]>,
        /// The subcommand's, if that came under a new one.
        sub: Option<Box<[u8]>>,
    },
    /// The server refuses it, as a command that does not exist.
    RefuseAsUnknown {
        /// The name that does not exist.
        name: Rc<str>,
        /// What becomes of its arguments, which the server would show.
        arguments: Arguments,
    },
    /// A hidden command of ours answers.
    RefuseWithAnswer {
        /// Its name.
        command: &'static str,
    },
}

/// What becomes of the arguments of a call that the server refuses as a command that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arguments {
    /// It does not show them: the error of a script does not name them, and its words are the script's.
    Kept,
    /// They stay as many, without what they said: it may be a script's call, or a client's.
    Emptied,
    /// They go.
    Dropped,
}

/// A call that matched, and all that is known of it.
pub struct Scene<'s> {
    call: &'s FilterCall<'s>,
    module: &'s Module,
    compiled: &'s Compiled,
    identity: &'s Identity,
    connection: OnceCell<Option<Rc<Standing>>>,
}

impl<'s> Scene<'s> {
    /// Looks at a call.
    pub fn new(filtered: &'s Filtered<'s, 's>) -> Self {
        let (call, module, compiled) = filtered.parts();
        if compiled.unseen().unsettles {
            module.unsettle();
        }
        Self {
            call,
            module,
            compiled,
            identity: filtered.identity(),
            connection: OnceCell::new(),
        }
    }

    /// Where the call comes from.
    pub fn origin(&self) -> &Origin {
        &self.identity.origin
    }

    /// What becomes of a client's call: one that is not refused runs under its real name.
    #[cold]
    pub fn act_and_rename(&self, decision: &Decision<'_>, looked: Looked<'_, '_>) -> Option<Act> {
        for real in [decision.command, decision.sub].into_iter().flatten() {
            self.module.count_hit(real.statement);
        }
        if let Some(refused) = self.act(&decision.verdict) {
            return Some(refused);
        }
        match (decision.command, decision.sub) {
            (None, None) => None,
            (command, sub) => Some(Act::Rename {
                command: match command {
                    Some(real) => real.name.into(),
                    None => looked.called().into(),
                },
                sub: sub.map(|real| real.name.into()),
            }),
        }
    }

    /// Counts and records a verdict; how to refuse, if it is a refusal.
    #[cold]
    pub fn act(&self, verdict: &Verdict<'_>) -> Option<Act> {
        match verdict {
            Verdict::Deny(decided) => {
                let words = self.words(decided);
                self.record(Happened::Denied, decided, &words);
                return Some(self.refuse(decided, &words));
            }
            Verdict::Observe(decided) => {
                self.record(Happened::Observed, decided, &self.words(decided));
            }
            Verdict::Pass(Some(decided)) => {
                self.module.count_hit(decided.statement);
                self.module.count(|totals| totals.allowed += 1);
            }
            Verdict::Pass(None) => {}
        }
        None
    }

    fn words(&self, decided: &Decided<'_>) -> Words {
        let id = self.compiled.id(decided.statement);
        let policy = self.module.version.get();
        self.module.last_words.of(policy, decided, id)
    }

    /// The connection behind the call: of a script, that of its caller.
    fn connection(&self) -> Option<&Standing> {
        let connection = self.connection.get_or_init(|| {
            let client = self.identity.client?;
            self.module.connections.of(client)
        });
        connection.as_deref()
    }

    fn record(&self, happened: Happened, decided: &Decided<'_>, words: &Words) {
        self.module.count_hit(decided.statement);
        self.module.count(|totals| match happened {
            Happened::Denied => totals.denied += 1,
            Happened::Observed => totals.observed += 1,
        });
        let connection = self.connection();
        let queued = connection.is_some_and(|connection| connection.in_transaction);
        let via = match self.identity.origin {
            Origin::Client(_) if queued => Via::Multi,
            Origin::Client(_) => Via::Client,
            Origin::Script => Via::Script,
            Origin::Module | Origin::Exempt => Via::Module,
        };
        let seen = Seen {
            time: ffi::about_now(),
            happened,
            rule: self.compiled.id(decided.statement),
            command: &words.subject,
            user: self.identity.user.as_deref(),
            address: connection.map(|connection| connection.address.as_str()),
            client: connection.and(self.identity.client),
            via,
        };
        let lock = self.call.lock();
        let name = |client| ffi::client_name(client, lock);
        self.module.log_file.hand_over(&seen, name);
        let new = self.module.ring.borrow_mut().record(&seen, name);
        // The server's log of refusals costs more than a refusal: a repeat that the ring merges is not told again.
        if let (true, Happened::Denied, Some(user)) = (new, happened, seen.user) {
            ffi::acl_log(user, &words.subject, lock);
        }
    }

    /// Looked up only where it decides: for clients that run as the default user.
    fn default_needs_no_password(&self) -> bool {
        match &self.identity.origin {
            Origin::Client(Some(user)) if **user == *refusal::DEFAULT => {}
            _ => return false,
        }
        if let Some(seen) = self.module.default_open.get() {
            return seen;
        }
        let rules = ffi::acl_rules(refusal::DEFAULT, self.call.lock()).unwrap_or_default();
        let has = |word: &[u8]| rules.split(|byte| *byte == b' ').any(|rule| rule == word);
        // `ACL SETUSER default off` leaves `nopass`, but nobody comes in as a user that is off.
        let open = has(b"on") && has(b"nopass");
        self.module.default_open.set(Some(open));
        open
    }

    fn refuse(&self, decided: &Decided<'_>, words: &Words) -> Act {
        let origin = &self.identity.origin;
        if let (Origin::Client(Some(_)), Some(client)) = (origin, self.identity.client) {
            let call = self.module.calls.get();
            self.module.users.is_refused(client, call);
        }
        // A script's own calls are never queued, whatever its caller's connection says.
        let connection = match origin {
            Origin::Client(_) => self.connection(),
            _ => None,
        };
        let circumstances = Circumstances {
            origin,
            default_needs_no_password: self.default_needs_no_password(),
            by_name_only: connection
                .map(|connection| connection.in_transaction || connection.subscribed),
            typed: self.call.name().unwrap_or_default(),
            typed_sub: self.call.word(1),
            reply: decided
                .reply
                .unwrap_or(self.module.settings.deny_reply.get()),
            lists_arguments: self.module.capabilities.get().unknown_lists_arguments,
        };
        match refusal::refusal(decided, words, circumstances) {
            Refusal::UnknownName(name) => Act::RefuseAsUnknown {
                name,
                arguments: match (origin, self.call.client()) {
                    (Origin::Script, Some(_)) => Arguments::Kept,
                    (Origin::Script, None) => Arguments::Emptied,
                    _ => Arguments::Dropped,
                },
            },
            Refusal::Answer { command, error } => {
                let client = self.call.client();
                self.module.pending.replace(Some(Pending {
                    client,
                    command,
                    error,
                }));
                Act::RefuseWithAnswer { command }
            }
        }
    }
}

/// How the last decision was put into words, for the next: in a flood all are alike.
#[derive(Debug, Default)]
pub struct LastWords(RefCell<Option<Said>>);

#[derive(Debug)]
struct Said {
    policy: u64,
    statement: usize,
    command: Box<[u8]>,
    sub: Option<Box<[u8]>>,
    words: Words,
}

impl LastWords {
    /// The words for a decision of the policy with this number, by the statement with this id.
    fn of(&self, policy: u64, decided: &Decided<'_>, id: &str) -> Words {
        let mut last = self.0.borrow_mut();
        if let Some(said) = &*last
            && said.policy == policy
            && said.statement == decided.statement
            && *said.command == *decided.command
            && said.sub.as_deref() == decided.sub
        {
            return said.words.clone();
        }
        let words = Words::of(decided, id);
        *last = Some(Said {
            policy,
            statement: decided.statement,
            command: decided.command.as_ref().into(),
            sub: decided.sub.map(Into::into),
            words: words.clone(),
        });
        words
    }
}
