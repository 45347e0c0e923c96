//! `t_idempotency`, under keys of their own: which accounts a tenant has had the same content posted with lately.
//!
//! One row for each content, so that it is written by one action of the transaction that makes the task, however many
//! accounts that has: of two requests at once, a double click, the second one finds what the first one wrote. It holds an
//! entry for each account, at most as many as the tenant has, and none that is older than 30 days.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::Timestamp;
use kernel::dynamo::{decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use serde::Deserialize;

use super::{put, seconds};
use crate::ids::AccountId;
use crate::time::{after, before, whole_second};

const WHAT: &str = "posted content";

/// How long the same content is a duplicate.
pub const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

/// With which accounts some content was posted, or is about to be.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Posted {
    /// Grows with every change, so that nobody overlooks what another request writes.
    #[serde(default)]
    version: u64,
    #[serde(default)]
    accounts: BTreeMap<AccountId, Entry>,
}

/// The last task that posted it with an account.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Entry {
    pub task_id: TaskId,
    /// When that was made.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub at: Timestamp,
}

impl Posted {
    /// The task that has posted it with the account within the last 30 days, if one has.
    pub fn lately(&self, account_id: &AccountId, now: Timestamp) -> Option<Entry> {
        let since = whole_second(before(now, REMEMBERED));
        self.accounts.get(account_id).copied().filter(|entry| entry.at > since)
    }
}

/// Access to the rows.
#[derive(Debug, Clone)]
pub struct PostedStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl PostedStore {
    /// What is known of the content, read consistently.
    pub async fn get(&self, user_id: UserId, content_hash: &str) -> Result<Posted> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("user_id", n(user_id))
            .key("idempotency_key", s(entry(content_hash)))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map_or_else(|| Ok(Posted::default()), |item| decode(WHAT, item))
    }

    /// Notes that a task posts the content with these accounts, as one action of the transaction that makes the task:
    /// refused when another request has noted something since `seen` was read.
    pub(crate) fn note(
        &self,
        user_id: UserId,
        content_hash: &str,
        seen: &Posted,
        (task, accounts): (TaskId, &[&AccountId]),
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let kept = seen.accounts.keys().filter_map(|account| Some((account, seen.lately(account, now)?)));
        let noted = accounts.iter().map(|account| (*account, Entry { task_id: task, at: now }));
        let entries = kept.chain(noted).map(|(account, Entry { task_id, at })| {
            let entry = [("task_id".to_owned(), n(task_id)), ("at".to_owned(), seconds(at))];
            (account.to_string(), AttributeValue::M(entry.into()))
        });
        put(Put::builder()
            .table_name(&self.table)
            .item("user_id", n(user_id))
            .item("idempotency_key", s(entry(content_hash)))
            .item("version", n(seen.version + 1))
            .item("accounts", AttributeValue::M(entries.collect()))
            .item("expires_at", seconds(after(now, REMEMBERED)))
            .condition_expression("attribute_not_exists(version) OR version = :seen")
            .expression_attribute_values(":seen", n(seen.version)))
    }
}

fn entry(content_hash: &str) -> String {
    format!("content#{content_hash}")
}
