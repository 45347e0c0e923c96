//! Who may work with an account: the claim of a sync, and the ends of it.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::dynamo::{n, s, seconds};
use kernel::error::Result;
use kernel::ids::{TaskId, UserId};

use super::expiry::EXPIRY;
use super::{Account, AccountStore};
use crate::ids::OpenId;
use crate::store::{check, delete, update};

impl AccountStore {
    /// Claims the account for `task` as one action of a transaction: refused unless it is the tenant's, ACTIVE, and
    /// unclaimed or claimed by `stale`, a task known to have ended; with `due`, also unless the next sync by itself is
    /// still due then. None is while this one runs: its end sets the next.
    pub(crate) fn claim(
        &self,
        user_id: UserId,
        account_open_id: &OpenId,
        task: TaskId,
        stale: Option<TaskId>,
        due: Option<Timestamp>,
    ) -> Result<TransactWriteItem> {
        const FREE: &str = "user_id = :user AND #status = :active AND \
                            (attribute_not_exists(active_sync_task_id) OR active_sync_task_id = :stale)";
        let builder = match due {
            None => Update::builder().condition_expression(FREE),
            Some(due) => Update::builder()
                .condition_expression(format!("{FREE} AND sync_due = :due"))
                .expression_attribute_values(":due", seconds(due)),
        };
        update(
            builder
                .table_name(&self.table)
                .key("douyin_user_id", s(account_open_id.as_str()))
                .update_expression("SET active_sync_task_id = :task REMOVE sync_shard, sync_due")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":user", n(user_id))
                .expression_attribute_values(":active", s("ACTIVE"))
                .expression_attribute_values(":stale", n(stale.map_or(0, TaskId::get)))
                .expression_attribute_values(":task", n(task)),
        )
    }

    /// Removes the tenant's account as one action of a transaction; refused when its claim has changed since it was read.
    pub(crate) fn delete(&self, account: &Account) -> Result<TransactWriteItem> {
        let (claim, value) = claimed_by(account);
        delete(
            Delete::builder()
                .table_name(&self.table)
                .key("douyin_user_id", s(account.account_open_id.as_str()))
                .condition_expression(format!("user_id = :user AND {claim}"))
                .set_expression_attribute_values(Some(
                    value.into_iter().chain([(":user".to_owned(), n(account.user_id))]).collect(),
                )),
        )
    }

    /// That the account is not this tenant's, as one action of a transaction.
    pub(crate) fn is_not_of(&self, user_id: UserId, account_open_id: &OpenId) -> Result<TransactWriteItem> {
        check(
            ConditionCheck::builder()
                .table_name(&self.table)
                .key("douyin_user_id", s(account_open_id.as_str()))
                .condition_expression("attribute_not_exists(douyin_user_id) OR user_id <> :user")
                .expression_attribute_values(":user", n(user_id)),
        )
    }

    /// Marks the account REVOKED and drops its tokens and claim, as one action of a transaction; refused when the
    /// tokens or the claim changed since `account` was read.
    pub(crate) fn revoke(&self, account: &Account, now: Timestamp) -> Result<TransactWriteItem> {
        let (claim, value) = claimed_by(account);
        let mut builder = Update::builder()
            .table_name(&self.table)
            .key("douyin_user_id", s(account.account_open_id.as_str()))
            .condition_expression(format!("token_version = :version AND {claim}"))
            .update_expression(format!(
                "SET #status = :revoked, update_time = :now REMOVE access_token, refresh_token, refresh_shard, \
                 refresh_due, refresh_lease_owner, refresh_lease_until, active_sync_task_id, {EXPIRY} \
                 ADD token_version :one"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":version", n(account.token_version))
            .expression_attribute_values(":revoked", s("REVOKED"))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":one", n(1));
        if let Some((name, value)) = value {
            builder = builder.expression_attribute_values(name, value);
        }
        update(builder)
    }
}

/// The condition that the account's claim is as it was read.
pub(super) fn claimed_by(account: &Account) -> (&'static str, Option<(String, AttributeValue)>) {
    match account.active_sync_task_id {
        None => ("attribute_not_exists(active_sync_task_id)", None),
        Some(task) => ("active_sync_task_id = :claim", Some((":claim".to_owned(), n(task)))),
    }
}
