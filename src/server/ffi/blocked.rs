//! A client that waits for its answer while the server goes on with others.

use std::ptr;

use redis_module::raw;

use super::Ctx;
use super::entries::{answer_is_no_longer_needed, on_unblocked};
use crate::server::answer::Answer;
use crate::server::collect::ask::Reply;

/// A client that waits. It gets an answer in any case: where none is given, an error.
pub struct WaitingClient(*mut raw::RedisModuleBlockedClient);

// SAFETY: the handle is given to nothing but RM_UnblockClient, which any thread may call, with the lock or without.
unsafe impl Send for WaitingClient {}

impl Ctx<'_> {
    /// Whether the client of a command may be made to wait: not in a transaction, not in a script, not where another
    /// module calls, not while the server loads, when it unblocks nobody, and not while its cluster is down, when it
    /// answers whoever waits with CLUSTERDOWN.
    pub fn may_wait(self) -> bool {
        let forbid = raw::REDISMODULE_CTX_FLAGS_MULTI
            | raw::REDISMODULE_CTX_FLAGS_LUA
            | raw::REDISMODULE_CTX_FLAGS_DENY_BLOCKING
            | raw::REDISMODULE_CTX_FLAGS_LOADING
            | raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING;
        let flags = api!(RedisModule_GetContextFlags);
        // SAFETY: a valid context of a command.
        let flags = flags.map_or(forbid.cast_signed(), |flags| unsafe { flags(self.ctx) });
        let node = flags & raw::REDISMODULE_CTX_FLAGS_CLUSTER.cast_signed() != 0;
        flags & forbid.cast_signed() == 0 && (!node || self.cluster_is_up())
    }

    /// Where CLUSTER has another name, that is not known, and nobody may wait.
    fn cluster_is_up(self) -> bool {
        let up = b"cluster_state:ok";
        match self.call(&[b"cluster", b"info"]) {
            Ok(Reply::Text(info)) => info.windows(up.len()).any(|part| part == up),
            _ => false,
        }
    }

    /// Makes the client of a command wait. Only where it may, and as the last thing that can fail: from here on the
    /// command itself must not answer. `None` where the server refuses (Valkey 9: a client with subscriptions).
    pub fn make_client_wait(self) -> Option<WaitingClient> {
        let block = api!(RedisModule_BlockClient)?;
        // Without a function for timeouts CLIENT UNBLOCK leaves the client alone, and no time is set.
        // SAFETY: a valid context of a command, and functions of the right types.
        let client = unsafe {
            block(
                self.ctx,
                Some(on_unblocked),
                None,
                Some(answer_is_no_longer_needed),
                0,
            )
        };
        (!client.is_null()).then_some(WaitingClient(client))
    }
}

impl WaitingClient {
    /// Answers. A client that has gone meanwhile misses it.
    pub fn answer(mut self, answer: Answer) {
        self.unblock(answer);
    }

    fn unblock(&mut self, answer: Answer) {
        let client = std::mem::replace(&mut self.0, ptr::null_mut());
        if client.is_null() {
            return;
        }
        if let Some(unblock) = api!(RedisModule_UnblockClient) {
            let answer = Box::into_raw(Box::new(answer));
            // SAFETY: a handle that was not used before and is not used again. The answer is shown to `on_unblocked`,
            // unless the client has gone, and in any case freed by `answer_is_no_longer_needed`.
            unsafe { unblock(client, answer.cast()) };
        }
    }
}

impl Drop for WaitingClient {
    fn drop(&mut self) {
        self.unblock(Answer::failed_inside());
    }
}
