//! What the caller's keys are given for, and what is known of one.

use kernel::idempotency::{KeyScope, KeyState, RequestKey};
use kernel::ids::{TaskId, UserId};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::store::Stores;

/// Making a task.
pub(super) const CREATION: KeyScope = KeyScope::new("moments");
/// Trying a task's accounts again.
pub(super) const RETRY: KeyScope = KeyScope::new("moments-retry");
/// Having a timed task begin now.
pub(super) const PUBLISH_NOW: KeyScope = KeyScope::new("moments-publish-now");

/// The key of a request about a task that there is; `request` is all that it says beside its task.
pub(super) fn key_about<'a>(
    user_id: UserId,
    task_id: TaskId,
    key: (KeyScope, &'a str),
    request: &Value,
) -> RequestKey<'a> {
    RequestKey::new(user_id, key, &json!([task_id.get(), request]))
}

/// The task of the request, if it was carried out under this key within a day.
///
/// # Errors
/// [`Error::IdempotencyKeyReused`] when another request was.
pub(super) async fn answered(stores: &Stores, key: &RequestKey<'_>) -> Result<Option<TaskId>> {
    match stores.idempotency.state(key, stores.clock.now()).await? {
        KeyState::Unused => Ok(None),
        KeyState::Answered(task) => Ok(Some(task)),
        KeyState::UsedForAnother => Err(Error::IdempotencyKeyReused),
    }
}
