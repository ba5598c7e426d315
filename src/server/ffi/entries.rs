//! Every entry from the server, each behind the fence: load, unload, filter, commands, errands, settings, events, INFO.

use std::ffi::{CString, c_char, c_int, c_longlong, c_void};
use std::ptr;

use redis_module::raw;

use super::errand;
use super::filter_call::FilterCall;
use super::strings::{Level, arguments, bytes, log, new_string, with_c_string};
use super::thread::is_beside_the_server;
use super::{Ctx, ERR, Lock, OK, fence};
use crate::server::answer::{Answer, FAILED_INSIDE};
use crate::server::{
    configs, filter, info, log_file, password_list, requests, server_events, startup,
};

/// The first thing the server calls.
#[allow(non_snake_case, reason = "the name the server looks for")]
#[unsafe(no_mangle)]
extern "C" fn RedisModule_OnLoad(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // SAFETY: the server passes its own context; the name is a C string. This fills in the API's function pointers.
    let ready = unsafe { raw::Export_RedisModule_Init(ctx, c"secaudit".as_ptr(), version(), 1) };
    if ready != OK {
        return ERR;
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| {
            format!("{}:{}", place.file(), place.line())
        });
        let what = if is_beside_the_server() {
            "a thread of its own, the server goes on"
        } else {
            "the call was fenced"
        };
        log(
            Level::Warning,
            &format!("secaudit failed inside ({place}); {what}, please report this"),
        );
    }));
    let loaded = fence(Err("it failed while loading".to_owned()), || {
        let ctx = Ctx::new(ctx);
        let arguments = arguments(argv, argc);
        startup::load(ctx, &arguments)
    });
    match loaded {
        Ok(()) => OK,
        Err(reason) => {
            log(Level::Warning, &format!("secaudit is not loaded: {reason}"));
            ERR
        }
    }
}

/// The server asks before it unloads the module. It must not once calls of ours may be on their way.
#[allow(non_snake_case, reason = "the name the server looks for")]
#[unsafe(no_mangle)]
extern "C" fn RedisModule_OnUnload(ctx: *mut raw::RedisModuleCtx) -> c_int {
    match fence(false, || startup::may_unload(Ctx::new(ctx))) {
        true => OK,
        false => ERR,
    }
}

/// The package's version as one number: 1.2.3 is 10203.
const fn version() -> c_int {
    let bytes = env!("CARGO_PKG_VERSION").as_bytes();
    let (mut total, mut part, mut index) = (0, 0, 0);
    while let Some(byte) = at(bytes, index) {
        if byte == b'.' {
            total = (total + part) * 100;
            part = 0;
        } else {
            part = part * 10 + (byte - b'0') as c_int;
        }
        index += 1;
    }
    total + part
}

#[allow(
    clippy::indexing_slicing,
    reason = "the bound is checked, and slices have no const get"
)]
const fn at(bytes: &[u8], index: usize) -> Option<u8> {
    if index < bytes.len() {
        Some(bytes[index])
    } else {
        None
    }
}

/// A command call is on its way. This is what every call of every client pays while a rule is active: all that is not
/// needed to see that a name means nothing stands in `look_closer`.
pub(super) extern "C" fn on_call(ctx: *mut raw::RedisModuleCommandFilterCtx) {
    let call = FilterCall::new(ctx);
    if fence(true, || filter::might_match(&call)) {
        look_closer(call);
    }
}

#[cold]
#[inline(never)]
fn look_closer(mut call: FilterCall<'_>) {
    let looked = fence(false, || {
        filter::on_call(&mut call);
        true
    });
    if !looked && call.matched.get() {
        fence((), || filter::on_failure(&mut call));
    }
}

/// A client calls one of our commands.
pub(super) extern "C" fn on_command(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let ctx = Ctx::new(ctx);
    let answer = fence(Answer::failed_inside(), || {
        requests::answer(ctx, &arguments(argv, argc))
    });
    fence((), || ctx.reply(&answer));
    OK
}

/// A call that the filter refused comes as one of our hidden commands.
pub(super) extern "C" fn on_refused(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let ctx = Ctx::new(ctx);
    let error = fence(None, || {
        let words = arguments(argv, argc.min(1));
        let command = words.first().copied().unwrap_or_default();
        Some(requests::refused(ctx, command))
    });
    let error = error.as_deref().unwrap_or(FAILED_INSIDE);
    fence((), || {
        ctx.reply_with_error(error);
    });
    OK
}

/// A client that waited gets its answer.
pub(super) extern "C" fn on_unblocked(
    ctx: *mut raw::RedisModuleCtx,
    _: *mut *mut raw::RedisModuleString,
    _: c_int,
) -> c_int {
    fence((), || {
        let Some(data) = api!(RedisModule_GetBlockedClientPrivateData) else {
            return;
        };
        // SAFETY: the context of an unblocked client; its data is what `WaitingClient` gave, freed after this.
        if let Some(answer) = unsafe { data(ctx).cast::<Answer>().as_ref() } {
            Ctx::new(ctx).reply(answer);
        }
    });
    OK
}

/// A client that waited was answered, or has gone.
pub(super) extern "C" fn answer_is_no_longer_needed(
    _: *mut raw::RedisModuleCtx,
    data: *mut c_void,
) {
    if !data.is_null() {
        // SAFETY: the box that `WaitingClient` gave away; the server calls once.
        fence((), || drop(unsafe { Box::from_raw(data.cast::<Answer>()) }));
    }
}

/// The server gets round to an errand of a thread of ours.
pub(super) extern "C" fn on_errand(data: *mut c_void) {
    fence((), || errand::run(data));
}

/// CONFIG, or redis.conf, names the policy file.
pub(super) extern "C" fn set_policy_file(
    _: *const c_char,
    value: *mut raw::RedisModuleString,
    _: *mut c_void,
    _: *mut *mut raw::RedisModuleString,
) -> c_int {
    fence(ERR, || {
        configs::set_policy_file(Lock::held(), bytes(value).unwrap_or_default());
        OK
    })
}

pub(super) extern "C" fn get_policy_file(
    _: *const c_char,
    _: *mut c_void,
) -> *mut raw::RedisModuleString {
    // The server borrows the string, so it is one that stays.
    fence(ptr::null_mut(), || {
        configs::policy_file_shown(Lock::held(), |kept| kept.0)
    })
}

/// CONFIG, or redis.conf, names the log file.
pub(super) extern "C" fn set_log_file(
    _: *const c_char,
    value: *mut raw::RedisModuleString,
    _: *mut c_void,
    error: *mut *mut raw::RedisModuleString,
) -> c_int {
    change_setting(error, |lock| {
        log_file::set(lock, bytes(value).unwrap_or_default())
    })
}

pub(super) extern "C" fn get_log_file(
    _: *const c_char,
    _: *mut c_void,
) -> *mut raw::RedisModuleString {
    // Borrowed, as above.
    fence(ptr::null_mut(), || {
        log_file::shown(Lock::held(), |kept| kept.0)
    })
}

/// CONFIG, or redis.conf, names the operator's list of passwords.
pub(super) extern "C" fn set_password_list(
    _: *const c_char,
    value: *mut raw::RedisModuleString,
    _: *mut c_void,
    error: *mut *mut raw::RedisModuleString,
) -> c_int {
    change_setting(error, |lock| {
        password_list::set(lock, bytes(value).unwrap_or_default())
    })
}

pub(super) extern "C" fn get_password_list(
    _: *const c_char,
    _: *mut c_void,
) -> *mut raw::RedisModuleString {
    // Borrowed, as above.
    fence(ptr::null_mut(), || {
        password_list::shown(Lock::held(), |kept| kept.0)
    })
}

pub(super) extern "C" fn set_deny_reply(
    _: *const c_char,
    value: c_int,
    _: *mut c_void,
    error: *mut *mut raw::RedisModuleString,
) -> c_int {
    change_setting(error, |lock| configs::set_deny_reply(lock, value == 1))
}

pub(super) extern "C" fn get_deny_reply(_: *const c_char, _: *mut c_void) -> c_int {
    fence(0, || {
        c_int::from(configs::deny_reply_is_unknown(Lock::held()))
    })
}

/// CONFIG, or redis.conf, chooses how many events are kept.
pub(super) extern "C" fn set_log_max_len(
    _: *const c_char,
    value: c_longlong,
    _: *mut c_void,
    error: *mut *mut raw::RedisModuleString,
) -> c_int {
    change_setting(error, |lock| configs::set_log_max_len(lock, value))
}

/// Changes a setting, unless the gate is sealed: then CONFIG SET is told why not.
fn change_setting(
    error: *mut *mut raw::RedisModuleString,
    change: impl FnOnce(Lock<'static>) -> Result<(), String>,
) -> c_int {
    match fence(Err(String::new()), || change(Lock::held())) {
        Ok(()) => OK,
        Err(reason) => {
            if !error.is_null() && !reason.is_empty() {
                // SAFETY: the server passes a place for one string and takes over the reference put there.
                unsafe { *error = new_string(reason.as_bytes()) };
            }
            ERR
        }
    }
}

/// CONFIG asks how many events are kept.
pub(super) extern "C" fn get_log_max_len(_: *const c_char, _: *mut c_void) -> c_longlong {
    fence(0, || configs::log_max_len(Lock::held()))
}

pub(super) extern "C" fn on_event(
    ctx: *mut raw::RedisModuleCtx,
    event: raw::RedisModuleEvent,
    kind: u64,
    _: *mut c_void,
) {
    fence((), || {
        let ctx = Ctx::new(ctx);
        match event.id {
            raw::REDISMODULE_EVENT_MODULE_CHANGE => server_events::modules_changed(ctx),
            raw::REDISMODULE_EVENT_EVENTLOOP => {
                if kind == raw::REDISMODULE_SUBEVENT_EVENTLOOP_AFTER_SLEEP {
                    server_events::round_begins(ctx);
                }
            }
            raw::REDISMODULE_EVENT_SHUTDOWN => server_events::shutting_down(ctx),
            _ => server_events::time_passed(ctx),
        }
    });
}

pub(super) extern "C" fn on_info(ctx: *mut raw::RedisModuleInfoCtx, for_crash_report: c_int) {
    // In a crash report nothing of ours is worth the risk.
    if for_crash_report != 0 {
        return;
    }
    fence((), || {
        let (Some(section), Some(text)) = (
            api!(RedisModule_InfoAddSection),
            api!(RedisModule_InfoAddFieldCString),
        ) else {
            return;
        };
        // SAFETY: the context the server passed; an empty name stands for the module's; values are copied.
        unsafe { section(ctx, c"".as_ptr()) };
        for (name, value) in info::fields(Lock::held()) {
            let Ok(name) = CString::new(name) else {
                continue;
            };
            // SAFETY: as above.
            with_c_string(&value, |value| unsafe { text(ctx, name.as_ptr(), value) });
        }
    });
}
