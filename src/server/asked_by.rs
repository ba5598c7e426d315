//! Who asked for a change: kept for permissions, for the log, and for whether anybody is left to be told.

use super::ffi::{self, Ctx, Lock};
use super::identity;
use crate::gate::Caller;
use crate::policy::condition::Source;
use crate::render::escape::printable;

/// Who asked, as it was when the call came.
#[derive(Debug, Clone)]
pub struct AskedBy {
    /// The client's id.
    pub client: u64,
    /// Its ACL user; `None` where no ACL binds the caller (another module, or the server itself).
    pub user: Option<Vec<u8>>,
    /// Where it connects from.
    pub source: Option<Source>,
    /// Its connection is encrypted.
    pub tls: bool,
    /// `127.0.0.1:6379`; `None` where there is no connection.
    address: Option<String>,
}

impl AskedBy {
    /// The client whose command this is.
    pub fn client_of(ctx: Ctx<'_>) -> Self {
        let client = ctx.client();
        let user = match identity::caller(client, ctx.lock()) {
            Caller::User(user) => Some(user.to_vec()),
            Caller::Server | Caller::Unlinked | Caller::Untold => None,
        };
        let connection = ffi::connection(client);
        Self {
            client,
            user,
            source: connection.and_then(|connection| connection.source()),
            tls: connection.is_some_and(|connection| connection.tls()),
            address: connection.map(|connection| connection.address()),
        }
    }

    /// Whether the connection it came by is there no more.
    pub fn has_gone(&self, lock: Lock<'_>) -> bool {
        self.address.is_some() && !ffi::is_connected(self.client, lock)
    }

    /// The same asker, to whom it does not matter any more whether the connection is still there.
    pub fn without_connection(&self) -> Self {
        Self {
            address: None,
            ..self.clone()
        }
    }

    /// `user ops from 127.0.0.1:6379`, printable.
    pub fn shown(&self) -> String {
        let user = match &self.user {
            Some(user) => printable(user),
            None => "?".to_owned(),
        };
        let address = self.address.as_deref().unwrap_or("?");
        format!("user {user} from {address}")
    }
}
