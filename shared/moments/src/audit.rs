//! What of this domain is written down in the audit log. A row names accounts and tasks by their ids.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use kernel::audit::{Action, Row};
use kernel::caller::Caller;
use kernel::ids::TaskId;
use serde_json::Value;

use crate::store::Stores;

/// A task is made.
pub const TASK_CREATED: Action = Action::new("MOMENT_TASK_CREATED");
/// What of a task was not sent is called off: a row for each transaction of it.
pub const TASK_CANCELLED: Action = Action::new("MOMENT_TASK_CANCELLED");
/// A task is stopped: a row for each transaction of it.
pub const TASK_STOPPED: Action = Action::new("MOMENT_TASK_STOPPED");
/// Failed accounts of a task are tried again: a row for each transaction of it.
pub const TASK_RETRIED: Action = Action::new("MOMENT_TASK_RETRIED");
/// A timed task is moved to another time, or to now.
pub const TASK_RESCHEDULED: Action = Action::new("MOMENT_TASK_RESCHEDULED");
/// A WeChat account is connected, for the first time or again.
pub const ACCOUNT_CONNECTED: Action = Action::new("WECHAT_ACCOUNT_CONNECTED");
/// A WeChat account is disconnected.
pub const ACCOUNT_DISCONNECTED: Action = Action::new("WECHAT_ACCOUNT_DISCONNECTED");
/// A company's secret or proxy is replaced.
pub const CORP_CHANGED: Action = Action::new("WECHAT_CORP_CHANGED");

/// All of them.
pub const ACTIONS: &[Action] = &[
    TASK_CREATED,
    TASK_CANCELLED,
    TASK_STOPPED,
    TASK_RETRIED,
    TASK_RESCHEDULED,
    ACCOUNT_CONNECTED,
    ACCOUNT_DISCONNECTED,
    CORP_CHANGED,
];

impl Stores {
    /// The row of what the caller does to an object, as one action of the transaction that does it.
    pub(crate) fn deed(
        &self,
        caller: &Caller,
        action: Action,
        object: String,
        (before, after): (Value, Value),
        now: Timestamp,
    ) -> kernel::Result<TransactWriteItem> {
        let row = Row { tenant: caller.user_id, actor: &caller.actor, action, object, before, after };
        self.audit.row(&row, now)
    }
}

/// What the audit log calls a task.
pub(crate) fn task(id: TaskId) -> String {
    format!("moment-task/{id}")
}
