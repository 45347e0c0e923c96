//! `t_idempotency`: requests that were answered, kept a day. Whoever is not answered sends the same request again under
//! the same `Idempotency-Key`, and nothing is started a second time.

use std::fmt::Display;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::crypto::sha256_hex;
use crate::dynamo::{decode, n, put, s, seconds};
use crate::error::{Error, Result};
use crate::ids::{TaskId, UserId};
use crate::instant::after;

const WHAT: &str = "idempotency record";
const LIFETIME: Duration = Duration::from_secs(86_400);

/// What keys are given for, as the rows of such requests begin. The same key for something else is another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyScope(&'static str);

impl KeyScope {
    /// The scope of this name, which no other scope has.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    fn entry(self, key: &str) -> String {
        format!("{}#{key}", self.0)
    }
}

/// What is known of a key. `T` is the number of what its requests make or are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState<T = TaskId> {
    /// No request was carried out under it within a day.
    Unused,
    /// This request was, and made this, or was about it.
    Answered(T),
    /// Another request was.
    UsedForAnother,
}

/// A tenant's key with the request that it belongs to.
#[derive(Debug, Clone)]
pub struct RequestKey<'a> {
    user_id: UserId,
    scope: KeyScope,
    key: &'a str,
    fingerprint: String,
}

impl<'a> RequestKey<'a> {
    /// `request` is all that the request says: one that says something else is another.
    #[must_use]
    pub fn new(user_id: UserId, (scope, key): (KeyScope, &'a str), request: &serde_json::Value) -> Self {
        Self { user_id, scope, key, fingerprint: sha256_hex(request.to_string().as_bytes()) }
    }
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct IdempotencyStore {
    client: Client,
    table: String,
}

impl IdempotencyStore {
    /// Access with this client to the table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// What is known of the key.
    pub async fn state<T: DeserializeOwned>(&self, key: &RequestKey<'_>, now: Timestamp) -> Result<KeyState<T>> {
        #[derive(Deserialize)]
        struct Record<T> {
            request_hash: String,
            /// Named after the first that had keys.
            #[serde(rename = "task_id")]
            answer: T,
            #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
            expires_at: Timestamp,
        }
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("user_id", n(key.user_id))
            .key("idempotency_key", s(key.scope.entry(key.key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        let record = answer.item.map(|item| decode::<Record<T>>(WHAT, item)).transpose()?;
        // The table's TTL deletes late, so the time is checked here.
        Ok(match record.filter(|record| record.expires_at > now) {
            None => KeyState::Unused,
            Some(record) if record.request_hash == key.fingerprint => KeyState::Answered(record.answer),
            Some(_) => KeyState::UsedForAnother,
        })
    }

    /// Remembers that the request was carried out, as one action of the transaction that makes it true; refused when the
    /// key is taken. `answer` is a number.
    pub fn remember(&self, key: &RequestKey<'_>, answer: impl Display, now: Timestamp) -> Result<TransactWriteItem> {
        put(Put::builder()
            .table_name(&self.table)
            .item("user_id", n(key.user_id))
            .item("idempotency_key", s(key.scope.entry(key.key)))
            .item("request_hash", s(&key.fingerprint))
            .item("task_id", n(answer))
            .item("create_time", seconds(now))
            .item("expires_at", seconds(after(now, LIFETIME)))
            .condition_expression("attribute_not_exists(idempotency_key) OR expires_at <= :now")
            .expression_attribute_values(":now", seconds(now)))
    }
}
