//! Who is calling, and in what state the server is.

use std::ffi::CString;
use std::ptr;
use std::rc::Rc;

use redis_module::raw;

use super::context::DETACHED;
use super::strings::{Strings, bytes, free_string};
use super::{Lock, OK};
use crate::gate::{Caller, ServerState};
use crate::policy::condition::Source;

/// Who the client with this id is, its user's name made into a value by `keep`. Errno tells the cases apart (ENGINE.md
/// §1.4).
pub fn caller(client: u64, lock: Lock<'_>, keep: impl FnOnce(&[u8]) -> Rc<[u8]>) -> Caller {
    let Some(user_name) = api!(RedisModule_GetClientUserNameById) else {
        return Caller::Untold;
    };
    // SAFETY: errno is this thread's own; the detached context was made at load and is never freed; the string that
    // comes back is ours to free.
    let (name, errno) = unsafe {
        *libc::__errno_location() = 0;
        let name = user_name(DETACHED.get(lock).get(), client);
        (name, *libc::__errno_location())
    };
    match bytes(name) {
        Some(user) => {
            let user = keep(user);
            free_string(name);
            Caller::User(user)
        }
        None if errno == libc::ENOTSUP => Caller::Server,
        None => Caller::Unlinked,
    }
}

/// What the server knows of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Connection(raw::RedisModuleClientInfo);

impl Connection {
    /// `127.0.0.1:6379`, `[::1]:6379`, or `unix`.
    pub fn address(&self) -> String {
        if self.has(raw::REDISMODULE_CLIENTINFO_FLAG_UNIXSOCKET) {
            return "unix".to_owned();
        }
        let (bytes, length) = self.host();
        let host = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default());
        let port = self.0.port;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }

    /// The same without the port, for rules; `None` where it cannot be read.
    pub fn source(&self) -> Option<Source> {
        if self.has(raw::REDISMODULE_CLIENTINFO_FLAG_UNIXSOCKET) {
            return Some(Source::Unix);
        }
        let (bytes, length) = self.host();
        let host = std::str::from_utf8(bytes.get(..length)?).ok()?;
        host.parse().ok().map(Source::of)
    }

    /// A transaction is open: calls are queued.
    pub fn in_transaction(&self) -> bool {
        self.has(raw::REDISMODULE_CLIENTINFO_FLAG_MULTI)
    }

    /// It has subscriptions.
    pub fn subscribed(&self) -> bool {
        self.has(raw::REDISMODULE_CLIENTINFO_FLAG_PUBSUB)
    }

    /// It waits, so it runs nothing now.
    pub fn blocked(&self) -> bool {
        self.has(raw::REDISMODULE_CLIENTINFO_FLAG_BLOCKED)
    }

    /// It is encrypted.
    pub fn tls(&self) -> bool {
        self.has(raw::REDISMODULE_CLIENTINFO_FLAG_SSL)
    }

    fn has(&self, flag: u32) -> bool {
        self.0.flags & u64::from(flag) != 0
    }

    /// The address without its port, and how many bytes of it count.
    fn host(&self) -> ([u8; 46], usize) {
        let bytes = self.0.addr.map(|c| c.to_ne_bytes()[0]);
        let end = bytes.iter().position(|byte| *byte == 0);
        (bytes, end.unwrap_or(bytes.len()))
    }
}

/// What the server knows of the connection of a client; `None` if there is none.
pub fn connection(client: u64) -> Option<Connection> {
    let client_info = api!(RedisModule_GetClientInfoById)?;
    // SAFETY: a plain C struct for which zero is a value; the server reads `version` and fills in the rest.
    let (found, info) = unsafe {
        let mut info: raw::RedisModuleClientInfo = std::mem::zeroed();
        info.version = 1;
        let found = client_info(ptr::from_mut(&mut info).cast(), client);
        (found, info)
    };
    (found == OK).then_some(Connection(info))
}

/// Whether a client of this id is connected. Only under the lock.
pub fn is_connected(client: u64, _: Lock<'_>) -> bool {
    // SAFETY: without a place for what it knows the server only looks whether there is such a client.
    api!(RedisModule_GetClientInfoById)
        .is_some_and(|info| unsafe { info(ptr::null_mut(), client) } == OK)
}

/// Whether the server holds up clients (CLIENT PAUSE, a failover, a moving slot): then a call that passes the filter may
/// have to wait before it runs. If that cannot be told, it may.
pub fn pauses_clients() -> bool {
    // SAFETY: takes nothing; it is called in the filter, under the server's lock.
    api!(RedisModule_AvoidReplicaTraffic).is_none_or(|avoid| unsafe { avoid() } != 0)
}

/// The state of the server now.
pub fn server_state() -> ServerState {
    // SAFETY: a NULL context is allowed and leaves out what only a client's context knows.
    let flags =
        api!(RedisModule_GetContextFlags).map_or(0, |flags| unsafe { flags(ptr::null_mut()) });
    let has = |flag: u32| flags & flag.cast_signed() != 0;
    ServerState {
        script: has(raw::REDISMODULE_CTX_FLAGS_LUA),
        loading: has(raw::REDISMODULE_CTX_FLAGS_LOADING)
            && !has(raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING),
        replica: has(raw::REDISMODULE_CTX_FLAGS_SLAVE),
    }
}

/// The ACL rules of a user as ACL LIST shows them, `None` if there is no such user. Only under the lock.
pub fn acl_rules(user: &[u8], _: Lock<'_>) -> Option<Vec<u8>> {
    let from_name = api!(RedisModule_GetModuleUserFromUserName)?;
    let rules = api!(RedisModule_GetModuleUserACLString)?;
    let free = api!(RedisModule_FreeModuleUser)?;
    let name = Strings::new(&[user]);
    // SAFETY: a live string; the user handle is ours to free and is used only in between; so is the text.
    unsafe {
        let user = from_name(*name.0.first()?);
        if user.is_null() {
            return None;
        }
        let text = rules(user);
        free(user);
        let copy = bytes(text).map(<[u8]>::to_vec);
        free_string(text);
        copy
    }
}

/// What these ACL rules make of a new user, as ACL LIST would show them; `None` if the server does not take them. The
/// user is nobody's: it has no name and is gone at once. Only under the lock.
pub fn acl_rules_from(rules: &[u8], _: Lock<'_>) -> Option<Vec<u8>> {
    let create = api!(RedisModule_CreateModuleUser)?;
    let set = api!(RedisModule_SetModuleUserACLString)?;
    let get = api!(RedisModule_GetModuleUserACLString)?;
    let free = api!(RedisModule_FreeModuleUser)?;
    let rules = CString::new(rules).ok()?;
    // SAFETY: the name is not looked at; the user is ours to free and is used only in between; so is the text. No context
    // and no place for the error are allowed.
    unsafe {
        let user = create(c"".as_ptr());
        if user.is_null() {
            return None;
        }
        let taken = set(ptr::null_mut(), user, rules.as_ptr(), ptr::null_mut()) == OK;
        let text = if taken { get(user) } else { ptr::null_mut() };
        free(user);
        let copy = bytes(text).map(<[u8]>::to_vec);
        free_string(text);
        copy
    }
}

/// The name a client has given itself, if it has one.
pub fn client_name(client: u64, lock: Lock<'_>) -> Option<Vec<u8>> {
    let get = api!(RedisModule_GetClientNameById)?;
    // SAFETY: the detached context was made at load and is never freed; the string that comes back is ours to free.
    let name = unsafe { get(DETACHED.get(lock).get(), client) };
    let copy = bytes(name).map(<[u8]>::to_vec);
    free_string(name);
    copy.filter(|name| !name.is_empty())
}

/// Puts a refusal into ACL LOG, under the user's name; the server adds who is calling right now. (Redis 7.2, Valkey 7.2)
pub fn acl_log(user: &[u8], command: &str, lock: Lock<'_>) {
    if let Some(add) = api!(RedisModule_ACLAddLogEntryByUserName) {
        let strings = Strings::new(&[user, command.as_bytes()]);
        if let [user, command] = strings.0.as_slice() {
            let reason = raw::RedisModuleACLLogEntryReason_REDISMODULE_ACL_LOG_CMD;
            // SAFETY: the detached context and two live strings; the server keeps copies of its own.
            unsafe { add(DETACHED.get(lock).get(), *user, *command, reason) };
        }
    }
}
