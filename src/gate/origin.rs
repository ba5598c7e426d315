//! Where a call comes from, from the little a server tells a filter. Some origins the gate must never stand in the way of.

use std::rc::Rc;

/// What the server says of the client behind a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// This server tells filters nothing (Redis 7.0).
    Untold,
    /// A connected client and its ACL user; `default` also before it has authenticated.
    User(Rc<[u8]>),
    /// A connected client that the server itself made and that no ACL binds: the link to the master, a slot
    /// migration, a cluster-internal connection. (ENGINE.md §0.2, §1.4)
    Server,
    /// No connected client: a script, a module, or AOF loading.
    Unlinked,
}

/// The state of the server at the time of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerState {
    /// A script is running.
    pub script: bool,
    /// A data set is being loaded and nobody is served meanwhile.
    pub loading: bool,
    /// This server is a replica.
    pub replica: bool,
}

/// Where a call comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A client, with its user where the server tells it.
    Client(Option<Rc<[u8]>>),
    /// A script that a client runs.
    Script,
    /// Another module.
    Module,
    /// Replication, AOF loading, the server's own connections: passes untouched.
    Exempt,
}

/// Where a call comes from. `on_link`: the command is one that a master may send. Both are asked only where they matter.
pub fn origin(
    caller: Caller,
    state: impl FnOnce() -> ServerState,
    on_link: impl FnOnce() -> bool,
) -> Origin {
    let caller = match caller {
        Caller::Server => return Origin::Exempt,
        Caller::User(user) => return Origin::Client(Some(user)),
        Caller::Unlinked | Caller::Untold => caller,
    };
    let state = state();
    let aof = state.script && state.loading;
    match caller {
        Caller::Unlinked if state.script && !aof => Origin::Script,
        Caller::Unlinked if state.loading => Origin::Exempt,
        Caller::Unlinked => Origin::Module,
        // Without knowing who calls: what a master may send is never refused on a replica. The server itself refuses
        // a client's writes there (replica-read-only).
        _ if aof || (state.replica && on_link()) => Origin::Exempt,
        _ if state.script => Origin::Script,
        _ => Origin::Client(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: ServerState = ServerState {
        script: false,
        loading: false,
        replica: false,
    };

    #[test]
    fn the_link_the_aof_and_modules_are_exempt_where_the_server_tells_who_calls() {
        let script = ServerState {
            script: true,
            ..QUIET
        };
        let aof = ServerState {
            loading: true,
            ..script
        };
        let user = || Caller::User(Rc::from(&b"u"[..]));
        let origin = |caller, state, on_link| origin(caller, || state, || on_link);
        assert_eq!(origin(Caller::Server, QUIET, false), Origin::Exempt);
        assert_eq!(origin(Caller::Unlinked, QUIET, false), Origin::Module);
        assert_eq!(origin(Caller::Unlinked, aof, false), Origin::Exempt);
        assert_eq!(origin(Caller::Unlinked, script, false), Origin::Script);
        // A client served while somebody's script is busy is that client, not the script.
        assert_eq!(
            origin(user(), script, true),
            Origin::Client(Some(Rc::from(&b"u"[..])))
        );
        let replica = ServerState {
            replica: true,
            ..QUIET
        };
        assert_eq!(
            origin(user(), replica, true),
            Origin::Client(Some(Rc::from(&b"u"[..])))
        );
    }

    #[test]
    fn where_the_server_tells_nothing_a_replica_passes_what_a_master_may_send() {
        let replica = ServerState {
            replica: true,
            ..QUIET
        };
        let script = ServerState {
            script: true,
            ..QUIET
        };
        let aof = ServerState {
            loading: true,
            ..script
        };
        let told = |state, on_link| origin(Caller::Untold, || state, || on_link);
        assert_eq!(told(replica, true), Origin::Exempt);
        assert_eq!(told(replica, false), Origin::Client(None));
        assert_eq!(told(QUIET, true), Origin::Client(None));
        assert_eq!(told(script, true), Origin::Script);
        assert_eq!(told(aof, false), Origin::Exempt);
    }
}
