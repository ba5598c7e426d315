//! A call in the filter as the gate sees it: who makes it is found out only when a rule, or an event, asks.

use std::rc::Rc;

use once_cell::unsync::OnceCell;

use super::ffi::{self, FilterCall};
use super::identity::Owner;
use super::module::Module;
use crate::gate::{Call, Caller, Origin, origin};
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
        if self.client.is_none() || ffi::server_state().script {
            return;
        }
        let user = match &self.identity().origin {
            Origin::Client(Some(user)) => Some(Some(Rc::clone(user))),
            Origin::Exempt => Some(None),
            Origin::Client(None) | Origin::Script | Origin::Module => None,
        };
        let owner = self.client.zip(user);
        self.module
            .scripts
            .begin(owner.map(|(client, user)| Owner { client, user }));
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
        let (user, client) = match &origin {
            Origin::Client(user) => (user.clone(), self.client),
            Origin::Script if self.client.is_some() => match self.module.scripts.caller() {
                Some(owner) if owner.user.is_none() => {
                    origin = Origin::Exempt;
                    (None, None)
                }
                Some(owner) => (owner.user, Some(owner.client)),
                None => (None, None),
            },
            _ => (None, None),
        };
        Identity {
            origin,
            user,
            client,
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

    fn via(&self) -> Via {
        match self.identity().origin {
            Origin::Script => Via::Script,
            Origin::Module => Via::Module,
            Origin::Client(_) | Origin::Exempt => Via::Client,
        }
    }
}
