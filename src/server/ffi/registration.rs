//! What the server is told of us at load: commands, settings, events, INFO; and which functions it has for that.

use std::ffi::{CStr, CString, c_int, c_longlong};
use std::ptr;

use redis_module::raw;

use super::entries::{
    get_deny_reply, get_log_file, get_log_max_len, get_password_list, get_policy_file, on_command,
    on_event, on_info, on_refused, set_deny_reply, set_log_file, set_log_max_len,
    set_password_list, set_policy_file,
};
use super::{Ctx, OK};
use crate::events::{DEFAULT_LENGTH, MAX_LENGTH};

/// VALKEYMODULE_OPTIONS_HANDLE_ATOMIC_SLOT_MIGRATION (Valkey 9.0, valkeymodule.h): CLUSTER MIGRATESLOTS is refused while
/// a module is loaded that does not declare it.
const HANDLES_ATOMIC_SLOT_MIGRATION: c_int = 1 << 5;

/// How a command is made known to the server.
#[derive(Debug, Clone, Copy)]
pub struct CommandSpec {
    /// Its name, lower case.
    pub name: &'static CStr,
    /// The server's command flags, in words.
    pub flags: &'static CStr,
    /// Fewest words (name included) if negative, else exactly so many.
    pub arity: c_int,
    /// One line for COMMAND DOCS.
    pub summary: &'static CStr,
    /// Tips for clients, in words (`request_policy:all_nodes`).
    pub tips: &'static CStr,
    /// ACL categories, in words; empty for the hidden commands.
    pub categories: &'static CStr,
    /// It is one of those that answer for refused calls.
    pub refuses: bool,
    /// Subcommands, where it is a container.
    pub subcommands: &'static [CommandSpec],
}

impl Ctx<'_> {
    /// Makes a command and its subcommands known. Optional properties are left out where the server lacks the function.
    pub fn create_command(self, spec: &CommandSpec) -> Result<(), String> {
        let failed = || {
            format!(
                "the server refuses the command {}",
                spec.name.to_string_lossy()
            )
        };
        let create = api!(RedisModule_CreateCommand).ok_or_else(failed)?;
        let func: raw::RedisModuleCmdFunc = match spec.subcommands {
            [] if spec.refuses => Some(on_refused),
            [] => Some(on_command),
            _ => None,
        };
        // SAFETY: C strings that live forever and a callback of the right type.
        if unsafe {
            create(
                self.ctx,
                spec.name.as_ptr(),
                func,
                spec.flags.as_ptr(),
                0,
                0,
                0,
            )
        } != OK
        {
            return Err(failed());
        }
        let get = api!(RedisModule_GetCommand).ok_or_else(failed)?;
        // SAFETY: a valid context and a C string; the command was just made.
        let command = unsafe { get(self.ctx, spec.name.as_ptr()) };
        describe(command, spec);
        for sub in spec.subcommands {
            let create = api!(RedisModule_CreateSubcommand).ok_or_else(failed)?;
            // SAFETY: as above; `command` is a container because it has no function.
            let made = unsafe {
                create(
                    command,
                    sub.name.as_ptr(),
                    Some(on_command),
                    sub.flags.as_ptr(),
                    0,
                    0,
                    0,
                )
            };
            if made != OK {
                return Err(failed());
            }
            let whole = [spec.name.to_bytes(), sub.name.to_bytes()].join(&b'|');
            let whole = CString::new(whole).map_err(|_| failed())?;
            // SAFETY: as above.
            describe(unsafe { get(self.ctx, whole.as_ptr()) }, sub);
        }
        Ok(())
    }

    /// Declares what a module without data can say of itself, without which the server stops doing it: diskless loading
    /// into a second data set, and on Valkey 9 moving slots in one step.
    pub fn declare_harmless(self) {
        let valkey = self.info_field("server", "valkey_version").is_some();
        let slots = if valkey {
            HANDLES_ATOMIC_SLOT_MIGRATION
        } else {
            0
        };
        let loading = raw::REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD.cast_signed();
        if let Some(set) = api!(RedisModule_SetModuleOptions) {
            // SAFETY: a valid context; unknown bits mean nothing to a server.
            unsafe { set(self.ctx, loading | slots) };
        }
    }

    /// Registers our settings and reads what redis.conf says of them.
    pub fn register_settings(self) -> Result<(), String> {
        let failed = || "the server refuses its settings".to_owned();
        let string = api!(RedisModule_RegisterStringConfig).ok_or_else(failed)?;
        let choice = api!(RedisModule_RegisterEnumConfig).ok_or_else(failed)?;
        let number = api!(RedisModule_RegisterNumericConfig).ok_or_else(failed)?;
        let load = api!(RedisModule_LoadConfigs).ok_or_else(failed)?;
        let mut words = [c"explain".as_ptr(), c"unknown".as_ptr()];
        let values = [0, 1];
        // SAFETY: C strings that live forever; callbacks of the right types; the server copies the two lists.
        let registered = unsafe {
            string(
                self.ctx,
                c"policy-file".as_ptr(),
                c"".as_ptr(),
                raw::REDISMODULE_CONFIG_IMMUTABLE,
                Some(get_policy_file),
                Some(set_policy_file),
                None,
                ptr::null_mut(),
            ) == OK
                && string(
                    self.ctx,
                    c"log-file".as_ptr(),
                    c"".as_ptr(),
                    raw::REDISMODULE_CONFIG_PROTECTED,
                    Some(get_log_file),
                    Some(set_log_file),
                    None,
                    ptr::null_mut(),
                ) == OK
                && string(
                    self.ctx,
                    c"password-list".as_ptr(),
                    c"".as_ptr(),
                    raw::REDISMODULE_CONFIG_PROTECTED,
                    Some(get_password_list),
                    Some(set_password_list),
                    None,
                    ptr::null_mut(),
                ) == OK
                && choice(
                    self.ctx,
                    c"deny-reply".as_ptr(),
                    0,
                    raw::REDISMODULE_CONFIG_DEFAULT,
                    words.as_mut_ptr(),
                    values.as_ptr(),
                    2,
                    Some(get_deny_reply),
                    Some(set_deny_reply),
                    None,
                    ptr::null_mut(),
                ) == OK
                && number(
                    self.ctx,
                    c"log-max-len".as_ptr(),
                    c_longlong::try_from(DEFAULT_LENGTH).unwrap_or(0),
                    raw::REDISMODULE_CONFIG_DEFAULT,
                    0,
                    c_longlong::try_from(MAX_LENGTH).unwrap_or(0),
                    Some(get_log_max_len),
                    Some(set_log_max_len),
                    None,
                    ptr::null_mut(),
                ) == OK
        };
        // SAFETY: a valid context. The server logs what is wrong with a value.
        if registered && unsafe { load(self.ctx) } == OK {
            return Ok(());
        }
        Err("redis.conf has a setting of ours that is wrong: see the line above".to_owned())
    }

    /// Asks to be told of loaded modules, of time passing, of the event loop's rounds and of the end, and to be asked for
    /// INFO.
    pub fn subscribe(self) {
        if let Some(subscribe) = api!(RedisModule_SubscribeToServerEvent) {
            for id in [
                raw::REDISMODULE_EVENT_MODULE_CHANGE,
                raw::REDISMODULE_EVENT_CRON_LOOP,
                raw::REDISMODULE_EVENT_EVENTLOOP,
                raw::REDISMODULE_EVENT_SHUTDOWN,
            ] {
                // SAFETY: a valid context, an event every server from 7.0 on knows, a callback of the right type.
                unsafe {
                    subscribe(
                        self.ctx,
                        raw::RedisModuleEvent { id, dataver: 1 },
                        Some(on_event),
                    )
                };
            }
        }
        if let Some(register) = api!(RedisModule_RegisterInfoFunc) {
            // SAFETY: as above.
            unsafe { register(self.ctx, Some(on_info)) };
        }
    }
}

/// Gives a command its arity, documentation and ACL categories, as far as this server has them.
fn describe(command: *mut raw::RedisModuleCommand, spec: &CommandSpec) {
    if command.is_null() {
        return;
    }
    let versions = raw::RedisModuleCommandInfoVersion {
        version: 1,
        sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
        sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
        sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
    };
    let info = raw::RedisModuleCommandInfo {
        version: &raw const versions,
        summary: spec.summary.as_ptr(),
        complexity: ptr::null(),
        since: c"0.1.0".as_ptr(),
        history: ptr::null_mut(),
        tips: spec.tips.as_ptr(),
        arity: spec.arity,
        key_specs: ptr::null_mut(),
        args: ptr::null_mut(),
    };
    // SAFETY: a command of ours that was just made; the server copies what it is given.
    unsafe {
        if let Some(set) = api!(RedisModule_SetCommandInfo) {
            set(command, &raw const info);
        }
        if let (Some(set), false) = (
            api!(RedisModule_SetCommandACLCategories),
            spec.categories.is_empty(),
        ) {
            set(command, spec.categories.as_ptr());
        }
    }
}

/// Whether the server tells a filter who is calling.
pub fn tells_filters_who_calls() -> bool {
    api!(RedisModule_CommandFilterGetClientId).is_some()
        && api!(RedisModule_GetClientUserNameById).is_some()
}

/// The version the server states to modules, as (major, minor, patch).
pub fn stated_version() -> (c_int, c_int, c_int) {
    // SAFETY: takes nothing, returns a number.
    let number = api!(RedisModule_GetServerVersion).map_or(0, |get| unsafe { get() });
    (number >> 16, (number >> 8) & 0xff, number & 0xff)
}

/// The functions without which the module cannot work, all there from Redis 7.0 on.
pub fn has_what_it_needs() -> bool {
    api!(RedisModule_CreateSubcommand).is_some()
        && api!(RedisModule_RegisterEnumConfig).is_some()
        && api!(RedisModule_LoadConfigs).is_some()
        && api!(RedisModule_SetCommandInfo).is_some()
}

/// Whether modules can put their commands into ACL categories (Redis 7.2, Valkey 7.2).
pub fn sorts_commands_into_acl_categories() -> bool {
    api!(RedisModule_SetCommandACLCategories).is_some()
}
