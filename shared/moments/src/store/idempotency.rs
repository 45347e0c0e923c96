//! `t_idempotency`: requests that were answered, kept a day, so that a repeated one gets the same answer.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use kernel::dynamo::{Item, n, s};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};

use super::{put, seconds};
use crate::time::after;

const LIFETIME: Duration = Duration::from_secs(86_400);

/// What a key was given for. The same key for something else is another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    Creation,
    /// Trying a task's accounts again.
    Retry,
    /// Having a timed task begin now.
    PublishNow,
}

impl KeyScope {
    fn entry(self, key: &str) -> String {
        match self {
            Self::Creation => format!("moments#{key}"),
            Self::Retry => format!("moments-retry#{key}"),
            Self::PublishNow => format!("moments-publish-now#{key}"),
        }
    }
}

/// A request answered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What was asked for.
    pub request_hash: String,
    /// The task that was made, or that the request was about.
    pub task_id: u64,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct IdempotencyStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl IdempotencyStore {
    /// The answer given to the tenant's key, if it is not older than a day.
    pub async fn get(
        &self,
        user_id: UserId,
        (scope, key): (KeyScope, &str),
        now: Timestamp,
    ) -> Result<Option<Answered>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("user_id", n(user_id))
            .key("idempotency_key", s(scope.entry(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        let Some(item) = answer.item else { return Ok(None) };
        let number = |name: &str| -> Option<i64> { item.get(name)?.as_n().ok()?.parse().ok() };
        if number("expires_at").is_some_and(|end| end <= now.as_second()) {
            return Ok(None);
        }
        let hash = item.get("request_hash").and_then(|hash| hash.as_s().ok()).cloned();
        let task = number("task_id").and_then(|id| u64::try_from(id).ok());
        match (hash, task) {
            (Some(request_hash), Some(task_id)) => Ok(Some(Answered { request_hash, task_id })),
            _ => Err(Error::Corrupt("idempotency record")),
        }
    }

    /// Remembers the answer as one action of the transaction that makes it true; refused when the key is taken.
    pub(crate) fn remember(
        &self,
        user_id: UserId,
        (scope, key): (KeyScope, &str),
        request_hash: &str,
        task: TaskId,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let item = Item::from([
            ("user_id".to_owned(), n(user_id)),
            ("idempotency_key".to_owned(), s(scope.entry(key))),
            ("request_hash".to_owned(), s(request_hash)),
            ("task_id".to_owned(), n(task)),
            ("create_time".to_owned(), seconds(now)),
            ("expires_at".to_owned(), seconds(after(now, LIFETIME))),
        ]);
        put(Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(idempotency_key) OR expires_at <= :now")
            .expression_attribute_values(":now", seconds(now)))
    }
}
