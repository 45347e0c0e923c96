//! How far a tenant's leads were looked at for those that are kept for nothing: `retention`, one row for each tenant that has
//! leads, by which the sweeper finds them. The first page of leads writes it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use kernel::due::{self, DueIndex};
use kernel::dynamo::{decode, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::instant::{after, whole_second};
use serde::Deserialize;

use super::{LeadIndexStore, key};
use crate::store::put;

const WHAT: &str = "lead retention";
const ENTRY: &str = "retention";
const INDEX: &str = "by_retention_due";

/// How long after a pass the next one begins.
pub(crate) const BETWEEN_PASSES: Duration = Duration::from_secs(86_400);

/// The row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Retention {
    /// All ids up to this one were looked at since the round began.
    pub looked_to: u64,
    /// When leads were last looked at from the first id on.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub round_time: Timestamp,
    /// When the next pass begins.
    #[serde(rename = "retention_due", with = "jiff::fmt::serde::timestamp::second::required")]
    pub due: Timestamp,
    /// How many leads are gone for their age.
    pub deleted: u64,
    /// Grows with every change, so that of two passes at once one stops.
    pub version: u64,
}

impl LeadIndexStore {
    /// The tenants whose time has come, at most `limit` of each shard.
    pub(crate) async fn due_for_retention(&self, now: Timestamp, limit: i32) -> Result<Vec<UserId>> {
        #[derive(Deserialize)]
        struct Key {
            user_id: UserId,
        }
        let index = DueIndex {
            table: self.table.clone(),
            index: INDEX,
            shard_attribute: "retention_shard",
            time_attribute: "retention_due",
            time_value: seconds,
        };
        let keys = index.due(&self.client, now, limit).await?;
        keys.into_iter().map(|row| decode::<Key>(WHAT, row).map(|row| row.user_id)).collect()
    }

    /// The tenant's row, read consistently.
    pub(crate) async fn retention(&self, user_id: UserId) -> Result<Option<Retention>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(user_id, ENTRY)))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// Has the tenant's leads looked at from now on, as one action of the transaction that makes the first of them.
    pub(crate) fn begin_retention(&self, user_id: UserId, now: Timestamp) -> Result<TransactWriteItem> {
        let first = Retention {
            looked_to: 0,
            round_time: whole_second(now),
            due: after(now, BETWEEN_PASSES),
            deleted: 0,
            version: 1,
        };
        put(self.retention_row(user_id, &first))
    }

    /// Notes how far a pass is, as one action of a transaction; refused when another pass has done so since `read` was read,
    /// and when the tenant was deleted.
    pub(crate) fn advance_retention(
        &self,
        user_id: UserId,
        read: &Retention,
        next: &Retention,
    ) -> Result<TransactWriteItem> {
        let next = Retention { version: read.version + 1, ..next.clone() };
        let row = self.retention_row(user_id, &next).condition_expression("version = :read");
        put(row.expression_attribute_values(":read", n(read.version)))
    }

    fn retention_row(&self, user_id: UserId, row: &Retention) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(user_id, ENTRY)))
            .item("looked_to", n(row.looked_to))
            .item("round_time", seconds(row.round_time))
            .item("retention_shard", s(due::shard(user_id.get())))
            .item("retention_due", seconds(row.due))
            .item("deleted", n(row.deleted))
            .item("version", n(row.version))
    }
}
