//! `t_lead_deletion`: the deletion of what a tenant's account has brought. One row for a tenant and an account: under way, or
//! as the last one ended.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::caller::Actor;
use kernel::due::{self, DueIndex};
use kernel::dynamo::{Item, decode, milliseconds, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::instant::whole_second;
use serde::{Deserialize, Serialize};

use super::{delete, update};
use crate::ids::OpenId;

const WHAT: &str = "lead deletion";

/// The index of those that are under way, by when they are looked at.
const DUE_INDEX: &str = "by_next_action";

/// How far a deletion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum DeletionStatus {
    /// Leads are being deleted.
    Running,
    /// All are.
    Completed,
}

/// A deletion as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub struct Deletion {
    pub user_id: UserId,
    /// The account whose data it is.
    #[serde(rename = "douyin_user_id")]
    pub account_open_id: OpenId,
    pub status: DeletionStatus,
    /// Leads that are gone, because no other account brought them.
    #[serde(default)]
    pub deleted: u64,
    /// Leads that stay, because another account brought them too.
    #[serde(default)]
    pub kept: u64,
    /// Who asked for it, by the token's `sub`.
    pub actor_id: String,
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub create_time: Timestamp,
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub finished_at: Option<Timestamp>,
}

impl Deletion {
    /// One that begins now.
    pub(crate) fn new(user_id: UserId, account: &OpenId, by: &Actor, now: Timestamp) -> Self {
        Self {
            user_id,
            account_open_id: account.clone(),
            status: DeletionStatus::Running,
            deleted: 0,
            kept: 0,
            actor_id: by.id.clone(),
            create_time: whole_second(now),
            finished_at: None,
        }
    }
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct DeletionStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl DeletionStore {
    /// The deletion of this account's data, read consistently.
    pub async fn get(&self, user_id: UserId, account: &OpenId) -> Result<Option<Deletion>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(user_id, account)))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// Those that are under way, at most `limit` of each shard: tenant and account.
    pub(crate) async fn under_way(&self, now: Timestamp, limit: i32) -> Result<Vec<(UserId, OpenId)>> {
        #[derive(Deserialize)]
        struct Key {
            user_id: UserId,
            douyin_user_id: OpenId,
        }
        let index = DueIndex {
            table: self.table.clone(),
            index: DUE_INDEX,
            shard_attribute: "due_shard",
            time_attribute: "next_action_at",
            time_value: milliseconds,
        };
        let due = index.due(&self.client, now, limit).await?;
        due.into_iter()
            .map(|key| {
                let Key { user_id, douyin_user_id } = decode(WHAT, key)?;
                Ok((user_id, douyin_user_id))
            })
            .collect()
    }

    /// Begins one, as an action of a transaction; refused while one is under way.
    pub(crate) fn begin(&self, deletion: &Deletion) -> Result<TransactWriteItem> {
        update(
            self.change(deletion)
                .condition_expression("attribute_not_exists(next_action_at)")
                .update_expression(
                    "SET #status = :running, deleted = :zero, kept = :zero, actor_id = :actor, create_time = :now, \
                     due_shard = :shard, next_action_at = :due REMOVE finished_at, expires_at",
                )
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":running", s("RUNNING"))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":actor", s(&deletion.actor_id))
                .expression_attribute_values(":now", seconds(deletion.create_time))
                .expression_attribute_values(":shard", s(due::shard_of_text(deletion.account_open_id.as_str())))
                .expression_attribute_values(":due", milliseconds(deletion.create_time)),
        )
    }

    /// Counts leads, as an action of the transaction that deletes them; refused when this deletion is over.
    pub(crate) fn count(&self, deletion: &Deletion, deleted: u64, kept: u64) -> Result<TransactWriteItem> {
        update(
            self.change(deletion)
                .condition_expression("attribute_exists(next_action_at)")
                .update_expression("ADD deleted :deleted, kept :kept")
                .expression_attribute_values(":deleted", n(deleted))
                .expression_attribute_values(":kept", n(kept)),
        )
    }

    /// Ends one, as an action of a transaction. TTL takes the row away at `expires`.
    pub(crate) fn finish(&self, deletion: &Deletion, now: Timestamp, expires: Timestamp) -> Result<TransactWriteItem> {
        update(
            self.change(deletion)
                .condition_expression("attribute_exists(next_action_at)")
                .update_expression(
                    "SET #status = :completed, finished_at = :now, expires_at = :expires REMOVE due_shard, next_action_at",
                )
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":completed", s("COMPLETED"))
                .expression_attribute_values(":now", seconds(now))
                .expression_attribute_values(":expires", seconds(expires)),
        )
    }

    /// Forgets how the last one ended, as an action of the transaction that gives the account to the tenant; refused while one
    /// is under way.
    pub(crate) fn forget(&self, user_id: UserId, account: &OpenId) -> Result<TransactWriteItem> {
        delete(
            Delete::builder()
                .table_name(&self.table)
                .set_key(Some(key(user_id, account)))
                .condition_expression("attribute_not_exists(next_action_at)"),
        )
    }

    fn change(&self, deletion: &Deletion) -> UpdateBuilder {
        Update::builder().table_name(&self.table).set_key(Some(key(deletion.user_id, &deletion.account_open_id)))
    }
}

fn key(user_id: UserId, account: &OpenId) -> Item {
    Item::from([("user_id".to_owned(), n(user_id)), ("douyin_user_id".to_owned(), s(account.as_str()))])
}
