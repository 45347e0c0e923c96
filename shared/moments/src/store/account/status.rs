//! What is proven about accounts: whether they can publish, and when that is looked at next.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::due;
use kernel::dynamo::{n, s};
use kernel::error::Result;

use super::{Account, AccountStatus, AccountStore};
use crate::store::{condition_held, milliseconds, seconds, update};

impl Account {
    /// The version that a change of its status makes at `now`. Versions go by the time, so an account that is forgotten and
    /// connected anew goes on where it was.
    pub(crate) fn next_version(&self, now: Timestamp) -> u64 {
        first_version(now).max(self.status_version + 1)
    }

    /// Whether nothing was proven of it since `other` was read.
    pub(crate) fn stands_as(&self, other: &Self) -> bool {
        let standing = |account: &Self| (account.user_id, account.status, account.status_version);
        standing(self) == standing(other)
    }
}

/// The version that an account has which is connected at `now`.
pub(super) fn first_version(now: Timestamp) -> u64 {
    now.as_millisecond().unsigned_abs()
}

/// The condition that nothing was proven of the account since it was read, and its values.
pub(super) fn standing(account: &Account) -> (&'static str, Vec<(String, AttributeValue)>) {
    let mut values =
        vec![(":before".to_owned(), n(account.user_id)), (":stood".to_owned(), s(account.status.as_str()))];
    // A row of the release before has no version.
    if account.status_version == 0 {
        return ("user_id = :before AND #status = :stood AND attribute_not_exists(status_version)", values);
    }
    values.push((":seen".to_owned(), n(account.status_version)));
    ("user_id = :before AND #status = :stood AND status_version = :seen", values)
}

impl AccountStore {
    /// Sets another status of the account, as one action of a transaction, and when its health is looked at next; refused when it
    /// does not stand as it was read.
    pub(crate) fn change_status(
        &self,
        account: &Account,
        status: AccountStatus,
        offline_checks: u32,
        health_due: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let due = if health_due.is_some() { ", due_shard = :shard, next_action_at = :due" } else { "" };
        let (condition, values) = standing(account);
        let mut row = Update::builder()
            .table_name(&self.table)
            .key("account_id", s(&account.account_id))
            .condition_expression(condition)
            .update_expression(format!(
                "SET #status = :status, status_version = :version, offline_checks = :checks, update_time = :now{due}"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", s(status.as_str()))
            .expression_attribute_values(":version", n(account.next_version(now)))
            .expression_attribute_values(":checks", n(offline_checks))
            .expression_attribute_values(":now", seconds(now));
        for (name, value) in values.into_iter().chain(due_values(account, health_due)) {
            row = row.expression_attribute_values(name, value);
        }
        update(row)
    }

    /// Notes a check of an account that stays what it is, and when it is looked at next. `false`: it does not stand as it was
    /// read.
    pub async fn note_check(&self, account: &Account, offline_checks: u32, health_due: Timestamp) -> Result<bool> {
        let (condition, values) = standing(account);
        let values = values.into_iter().chain(due_values(account, Some(health_due)));
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("account_id", s(&account.account_id))
            .condition_expression(condition)
            .update_expression(
                "SET offline_checks = :checks, update_time = :now, due_shard = :shard, next_action_at = :due",
            )
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(values.collect()))
            .expression_attribute_values(":checks", n(offline_checks))
            .expression_attribute_values(":now", seconds(self.clock.now()));
        condition_held(request.send().await, "dynamodb:UpdateItem")
    }

    /// Has the account's health looked at by then. `false`: it is gone, or looked at earlier anyway.
    pub async fn check_by(&self, account: &Account, due: Timestamp) -> Result<bool> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("account_id", s(&account.account_id))
            .condition_expression("user_id = :user AND next_action_at > :due")
            .update_expression("SET due_shard = :shard, next_action_at = :due")
            .set_expression_attribute_values(Some(due_values(account, Some(due)).collect()))
            .expression_attribute_values(":user", n(account.user_id));
        condition_held(request.send().await, "dynamodb:UpdateItem")
    }
}

/// The values of an account's place in the index of checks.
fn due_values(account: &Account, due: Option<Timestamp>) -> impl Iterator<Item = (String, AttributeValue)> + use<> {
    let shard = s(due::shard_of_text(account.account_id.as_str()));
    due.into_iter().flat_map(move |due| [(":shard".to_owned(), shard.clone()), (":due".to_owned(), milliseconds(due))])
}

/// Adds to a connection the condition that its account stands as it was read, or is not there.
pub(super) fn unless_it_changed(row: UpdateBuilder, before: Option<&Account>) -> UpdateBuilder {
    let Some(before) = before else { return row.condition_expression("attribute_not_exists(user_id)") };
    let (condition, values) = standing(before);
    values
        .into_iter()
        .fold(row.condition_expression(condition), |row, (name, value)| row.expression_attribute_values(name, value))
}
