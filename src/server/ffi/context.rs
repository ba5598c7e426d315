//! The context of a call into the module: what the server lets us ask and do there.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_int};
use std::ptr;

use redis_module::raw;

use super::entries::on_call;
use super::strings::{Strings, with_c_string};
use super::{Lock, Locked, OK};
use crate::server::answer::Answer;
use crate::server::collect::ask::Reply;

/// A context for calls that have none; made at load, never freed.
pub(super) static DETACHED: Locked<Cell<*mut raw::RedisModuleCtx>> =
    Locked::new(Cell::new(ptr::null_mut()));
/// The registered filter, or NULL.
static FILTER: Locked<Cell<*mut raw::RedisModuleCommandFilter>> =
    Locked::new(Cell::new(ptr::null_mut()));

/// Whether the filter is registered.
pub fn filter_is_registered(lock: Lock<'_>) -> bool {
    !FILTER.get(lock).get().is_null()
}

/// The context of a command or event: what the server lets us do there.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    pub(super) ctx: *mut raw::RedisModuleCtx,
    lock: Lock<'a>,
}

impl<'a> Ctx<'a> {
    /// Only for entries from C: the server holds its lock there.
    pub(super) fn new(ctx: *mut raw::RedisModuleCtx) -> Self {
        Self {
            ctx,
            lock: Lock::held(),
        }
    }

    /// The lock that is held.
    pub fn lock(self) -> Lock<'a> {
        self.lock
    }

    /// Keeps a context for later, where there is none. Once, at load.
    pub fn keep_detached_context(self) {
        if let Some(detached) = api!(RedisModule_GetDetachedThreadSafeContext) {
            // SAFETY: a valid context.
            DETACHED.get(self.lock).set(unsafe { detached(self.ctx) });
        }
    }

    /// Registers the filter or takes it away. Never from inside a filter.
    pub fn set_filter(self, wanted: bool) {
        let slot = FILTER.get(self.lock);
        match (wanted, slot.get().is_null()) {
            (true, true) => {
                if let Some(register) = api!(RedisModule_RegisterCommandFilter) {
                    let no_self = raw::REDISMODULE_CMDFILTER_NOSELF.cast_signed();
                    // SAFETY: a valid context and a callback of the right type.
                    slot.set(unsafe { register(self.ctx, Some(on_call), no_self) });
                }
            }
            (false, false) => {
                if let Some(unregister) = api!(RedisModule_UnregisterCommandFilter) {
                    // SAFETY: the filter that was registered above and has not been taken away since.
                    unsafe { unregister(self.ctx, slot.replace(ptr::null_mut())) };
                }
            }
            _ => {}
        }
    }

    /// Runs a command as the server, past ACL and our filter. The error is the server's text.
    pub fn call(self, words: &[&[u8]]) -> Result<Reply, String> {
        let call = api!(RedisModule_Call).ok_or("this server cannot be called")?;
        let (name, rest) = words.split_first().ok_or("no command")?;
        let name = CString::new(*name).map_err(|_| "a command's name has no NUL")?;
        let strings = Strings::new(rest);
        // SAFETY: "v" takes an array and its length, "E" wants errors as replies; both outlive the call.
        let reply = unsafe {
            call(
                self.ctx,
                name.as_ptr(),
                c"vE".as_ptr(),
                strings.0.as_ptr(),
                strings.0.len(),
            )
        };
        if reply.is_null() {
            return Err("the server does not answer this call".to_owned());
        }
        let read = read_reply(reply, 0);
        if let Some(free) = api!(RedisModule_FreeCallReply) {
            // SAFETY: the reply of the call above; nothing read from it borrows from it.
            unsafe { free(reply) };
        }
        read
    }

    /// A field of a section of INFO, read without a command.
    pub fn info_field(self, section: &str, field: &str) -> Option<String> {
        let (get, free) = (
            api!(RedisModule_GetServerInfo)?,
            api!(RedisModule_FreeServerInfo)?,
        );
        let read = api!(RedisModule_ServerInfoGetFieldC)?;
        let (section, field) = (CString::new(section).ok()?, CString::new(field).ok()?);
        // SAFETY: a valid context and C strings; the field's text lives until the data is freed, after it was copied.
        unsafe {
            let data = get(self.ctx, section.as_ptr());
            let text = read(data, field.as_ptr());
            let text =
                (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned());
            free(self.ctx, data);
            text
        }
    }

    /// Whether the command table has this command (and subcommand) under the name clients send.
    pub fn has_command(self, words: &[&[u8]]) -> bool {
        let Some(keys) = api!(RedisModule_GetCommandKeys) else {
            return false;
        };
        let strings = Strings::new(words);
        let mut count: c_int = 0;
        // SAFETY: a valid context and live strings. Errno is ENOENT just where there is no such command; an array that
        // comes back is ours to free.
        unsafe {
            *libc::__errno_location() = 0;
            let found = keys(
                self.ctx,
                strings.0.as_ptr().cast_mut(),
                strings.count(),
                &raw mut count,
            );
            let errno = *libc::__errno_location();
            if let (false, Some(free)) = (found.is_null(), api!(RedisModule_Free)) {
                free(found.cast());
            }
            !found.is_null() || errno != libc::ENOENT
        }
    }

    /// Whether the ACL lets a user make exactly this call; `None` if the server cannot say, for want of such a user or
    /// command.
    pub fn acl_allows(self, user: &[u8], words: &[&[u8]]) -> Option<bool> {
        let from_name = api!(RedisModule_GetModuleUserFromUserName)?;
        let (check, free) = (
            api!(RedisModule_ACLCheckCommandPermissions)?,
            api!(RedisModule_FreeModuleUser)?,
        );
        let (name, strings) = (Strings::new(&[user]), Strings::new(words));
        // SAFETY: live strings; the user handle is ours to free and is used only in between.
        unsafe {
            let user = from_name(*name.0.first()?);
            if user.is_null() {
                return None;
            }
            *libc::__errno_location() = 0;
            let allowed = check(user, strings.0.as_ptr().cast_mut(), strings.count()) == OK;
            let errno = *libc::__errno_location();
            free(user);
            (allowed || errno == libc::EACCES).then_some(allowed)
        }
    }

    /// The id of the client whose command this is.
    pub fn client(self) -> u64 {
        // SAFETY: a valid context.
        api!(RedisModule_GetClientId).map_or(0, |id| unsafe { id(self.ctx) })
    }

    /// Answers the client with an error, its code first.
    pub(super) fn reply_with_error(self, error: &str) -> Option<c_int> {
        // SAFETY: a valid context of a command and a C string, which is copied.
        with_c_string(error, |error| unsafe {
            api!(RedisModule_ReplyWithError).map(|reply| reply(self.ctx, error))
        })
    }

    /// Answers the client.
    pub(super) fn reply(self, answer: &Answer) {
        if matches!(answer, Answer::Later) {
            return;
        }
        let length = |len: usize| i64::try_from(len).unwrap_or(0);
        // SAFETY: a valid context of a command; strings are C strings or passed with their length and copied.
        unsafe {
            match answer {
                Answer::Line(text) => with_c_string(text, |text| {
                    api!(RedisModule_ReplyWithSimpleString).map(|f| f(self.ctx, text))
                }),
                Answer::Error(text) => self.reply_with_error(text),
                Answer::Text(text) => api!(RedisModule_ReplyWithStringBuffer)
                    .map(|f| f(self.ctx, text.as_ptr().cast(), text.len())),
                Answer::Integer(number) => {
                    api!(RedisModule_ReplyWithLongLong).map(|f| f(self.ctx, *number))
                }
                Answer::Later => None,
                Answer::List(items) => {
                    let begun =
                        api!(RedisModule_ReplyWithArray).map(|f| f(self.ctx, length(items.len())));
                    items.iter().for_each(|item| self.reply(item));
                    begun
                }
            };
        }
    }
}

/// Reads a reply of the server's whole. Errors inside an array are shown as text.
fn read_reply(reply: *mut raw::RedisModuleCallReply, depth: usize) -> Result<Reply, String> {
    let Some(kind) = api!(RedisModule_CallReplyType) else {
        return Ok(Reply::Nil);
    };
    if reply.is_null() || depth > 16 {
        return Ok(Reply::Nil);
    }
    // SAFETY: a live reply; its parts live as long as it does and are copied.
    let (kind, text, integer, length) = unsafe {
        let mut size = 0;
        let text = api!(RedisModule_CallReplyStringPtr)
            .map_or(ptr::null(), |get| get(reply, &raw mut size));
        let text = if text.is_null() {
            Vec::new()
        } else {
            std::slice::from_raw_parts(text.cast::<u8>(), size).to_vec()
        };
        let integer = api!(RedisModule_CallReplyInteger).map_or(0, |get| get(reply));
        (
            kind(reply),
            text,
            integer,
            api!(RedisModule_CallReplyLength).map_or(0, |get| get(reply)),
        )
    };
    let kind = isize::try_from(kind).unwrap_or(raw::REDISMODULE_REPLY_UNKNOWN);
    match kind {
        raw::REDISMODULE_REPLY_ERROR if depth == 0 => {
            Err(String::from_utf8_lossy(&text).into_owned())
        }
        raw::REDISMODULE_REPLY_ERROR | raw::REDISMODULE_REPLY_STRING => Ok(Reply::Text(text)),
        raw::REDISMODULE_REPLY_INTEGER => Ok(Reply::Integer(integer)),
        raw::REDISMODULE_REPLY_ARRAY => {
            let Some(element) = api!(RedisModule_CallReplyArrayElement) else {
                return Ok(Reply::Nil);
            };
            // SAFETY: a live array; the index is in range.
            let items =
                (0..length).map(|index| read_reply(unsafe { element(reply, index) }, depth + 1));
            Ok(Reply::Array(items.collect::<Result<_, _>>()?))
        }
        _ => Ok(Reply::Nil),
    }
}
