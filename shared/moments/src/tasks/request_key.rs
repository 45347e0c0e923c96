//! The caller's key for a request about a task that there is: whoever is not answered asks again, and nothing is started a
//! second time.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use kernel::crypto::sha256_hex;
use kernel::ids::{TaskId, UserId};

use crate::error::{Error, Result};
use crate::store::Stores;
use crate::store::idempotency::KeyScope;

/// A key with the request that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct RequestKey<'a> {
    user_id: UserId,
    task_id: TaskId,
    scope: KeyScope,
    key: &'a str,
    fingerprint: String,
}

impl<'a> RequestKey<'a> {
    /// `request` is all that the request says beside its task.
    pub fn new(
        user_id: UserId,
        task_id: TaskId,
        (scope, key): (KeyScope, &'a str),
        request: &serde_json::Value,
    ) -> Self {
        let parts = serde_json::json!([task_id.get(), request]);
        Self { user_id, task_id, scope, key, fingerprint: sha256_hex(parts.to_string().as_bytes()) }
    }

    /// Whether the request was carried out under this key within a day.
    ///
    /// # Errors
    /// [`Error::IdempotencyKeyReused`] when another request was.
    pub async fn is_answered(&self, stores: &Stores) -> Result<bool> {
        let answered = stores.idempotency.get(self.user_id, (self.scope, self.key), stores.clock.now()).await?;
        match answered {
            None => Ok(false),
            Some(answered) if answered.request_hash == self.fingerprint => Ok(true),
            Some(_) => Err(Error::IdempotencyKeyReused),
        }
    }

    /// The key as an action of the transaction that completes the request; refused when it is taken.
    pub fn remember(&self, stores: &Stores, now: Timestamp) -> kernel::Result<TransactWriteItem> {
        stores.idempotency.remember(self.user_id, (self.scope, self.key), &self.fingerprint, self.task_id, now)
    }
}
