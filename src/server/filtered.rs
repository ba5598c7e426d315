//! A call in the filter as the gate sees it: who makes it is found out only when a rule, or an event, asks.

use std::rc::Rc;

use once_cell::unsync::OnceCell;

use super::ffi::{self, FilterCall};
use super::module::Module;
use super::scripts::Behind;
use crate::gate::{Call, Caller, Candidate, Origin, origin};
use crate::policy::condition::{Source, Via};
use crate::policy::name;
use crate::policy::table::Compiled;

/// A call in the filter.
pub struct Filtered<'f, 'a> {
    call: &'f FilterCall<'a>,
    module: &'f Module,
    compiled: &'f Compiled,
    client: Option<u64>,
    identity: OnceCell<Identity>,
}

/// Where a call comes from and who is behind it.
#[derive(Debug)]
pub struct Identity {
    /// Where it comes from.
    pub origin: Origin,
    /// The ACL user: the client's, or that of the client whose script this is.
    pub user: Option<Rc<[u8]>>,
    /// The id of that client.
    pub client: Option<u64>,
    /// Whose script it may be, where there are several.
    pub candidates: Vec<Candidate>,
}

impl<'f, 'a> Filtered<'f, 'a> {
    /// Looks at a call.
    #[inline]
    pub fn new(call: &'f FilterCall<'a>, module: &'f Module, compiled: &'f Compiled) -> Self {
        Self {
            call,
            module,
            compiled,
            client: call.client(),
            identity: OnceCell::new(),
        }
    }

    /// What it was made of.
    pub fn parts(&self) -> (&'f FilterCall<'a>, &'f Module, &'f Compiled) {
        (self.call, self.module, self.compiled)
    }

    /// Who is behind the call; asked once.
    pub fn identity(&self) -> &Identity {
        self.identity.get_or_init(|| self.identify())
    }

    /// A call that makes scripts run: from here on they are its caller's.
    pub fn begins_scripts(&self) {
        if let Some(client) = self.client
            && !ffi::server_state().script
        {
            self.module.scripts.begin(client);
        }
    }

    fn identify(&self) -> Identity {
        let lock = self.call.lock();
        let caller = self.client.map_or(Caller::Untold, |client| {
            let call = self.module.calls.get();
            self.module.users.caller(client, call, lock)
        });
        let on_link = || {
            let typed = self.call.name().unwrap_or_default();
            self.compiled.may_come_on_link(&name::canonical_vec(typed))
        };
        let mut origin = origin(caller, ffi::server_state, on_link);
        let mut candidates = Vec::new();
        let (user, client) = match &origin {
            Origin::Client(user) => (user.clone(), self.client),
            Origin::Script if self.client.is_some() => match self.behind() {
                // Asked now: a transaction can sign its client in as another before it runs its scripts.
                Behind::One(client) => match self.module.users.now(client, lock) {
                    Caller::User(user) => (Some(user), Some(client)),
                    Caller::Server => {
                        origin = Origin::Exempt;
                        (None, None)
                    }
                    Caller::Unlinked | Caller::Untold => (None, None),
                },
                Behind::OneOf(clients) => {
                    candidates = clients.iter().map(|one| self.candidate(*one)).collect();
                    (None, None)
                }
                Behind::Unknown => (None, None),
            },
            _ => (None, None),
        };
        Identity {
            origin,
            user,
            client,
            candidates,
        }
    }

    /// Who is behind the script that is running.
    fn behind(&self) -> Behind {
        match self.compiled.unseen().scripts {
            true => Behind::Unknown,
            false => self.module.scripts.behind(),
        }
    }

    fn candidate(&self, client: u64) -> Candidate {
        Candidate {
            user: match self.module.users.now(client, self.call.lock()) {
                Caller::User(user) => Some(user),
                _ => None,
            },
            source: self.module.sources.of(client),
        }
    }
}

impl Call for Filtered<'_, '_> {
    fn word(&self, index: usize) -> Option<&[u8]> {
        match index {
            0 => self.call.name(),
            index => self.call.word(i32::try_from(index).ok()?),
        }
    }

    fn rewritten(&self) -> bool {
        let kept = self.module.kept.borrow();
        if kept.is_empty() {
            return false;
        }
        let lower = name::canonical_vec(self.call.name().unwrap_or_default());
        let kept = kept.get(lower.as_slice());
        kept.is_some_and(|kept| self.call.is(0, kept))
    }

    fn user(&self) -> Option<&[u8]> {
        self.identity().user.as_deref()
    }

    #[inline]
    fn source(&self) -> Option<Source> {
        // Only clients that are connected are kept there, under ids that no script and no module has.
        let kept = self
            .client
            .and_then(|client| self.module.sources.kept(client));
        kept.or_else(|| self.module.sources.of(self.identity().client?))
    }

    fn candidates(&self) -> &[Candidate] {
        &self.identity().candidates
    }

    fn via(&self) -> Via {
        match self.identity().origin {
            Origin::Script => Via::Script,
            Origin::Module => Via::Module,
            Origin::Client(_) | Origin::Exempt => Via::Client,
        }
    }

    fn or_via(&self) -> Option<Via> {
        // Redis 7.0 serves some calls of clients while a script is busy, and does not tell them from the script's.
        if self.client.is_some() || self.identity().origin != Origin::Script {
            return None;
        }
        let name = name::canonical_vec(self.call.name().unwrap_or_default());
        let (_, named) = self.compiled.found(&name)?;
        named.brings.while_busy.then_some(Via::Client)
    }
}
