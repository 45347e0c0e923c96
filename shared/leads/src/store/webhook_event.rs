//! The platform's events we have acted on, kept a day in `t_idempotency` so that a repeated delivery changes nothing.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use kernel::crypto::sha256_hex;
use kernel::dynamo::{n, s, seconds};
use kernel::error::Result;
use kernel::instant::after;

use super::account::Account;
use super::put;

/// How long a repetition is recognised. Douyin repeats within seconds; the table's contract is 24 hours.
const LIFETIME: Duration = Duration::from_secs(86_400);

/// Access to the table.
#[derive(Debug, Clone)]
pub struct WebhookEventStore {
    pub(super) table: String,
}

impl WebhookEventStore {
    /// Notes the event, as one action of the transaction that acts on it; refused when it was noted before.
    /// Platform events belong to no tenant: they stand under user 0, which no caller can be.
    ///
    /// An id is one event of one account while it has this token set: whether ids are ever used again is not documented,
    /// and one that was must not hide a later event. It is hashed because its length is not documented either.
    pub(crate) fn note(
        &self,
        event: &str,
        account: &Account,
        message_id: &str,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let (row, version, id) = (account.id, account.token_version, sha256_hex(message_id.as_bytes()));
        put(Put::builder()
            .table_name(&self.table)
            .item("user_id", n(0))
            .item("idempotency_key", s(format!("douyin-webhook#{event}#{row}#{version}#{id}")))
            .item("create_time", seconds(now))
            .item("expires_at", seconds(after(now, LIFETIME)))
            .condition_expression("attribute_not_exists(idempotency_key)"))
    }
}
