//! What every store needs of DynamoDB: attribute shorthands, transactions whose refusals are data, and batch reads
//! that ask again for what was left out.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::{PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, TransactWriteItem};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// A row.
pub type Item = HashMap<String, AttributeValue>;

/// At most this many keys fit one BatchGetItem.
const BATCH_GET_KEYS: usize = 100;

/// How often a transaction that met another one, or a throttle, is tried again before giving up.
const CONFLICT_RETRIES: u32 = 8;

/// A number attribute.
pub fn n(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A string attribute.
pub fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A row read as `T`.
///
/// # Errors
/// [`Error::Corrupt`] with `what` when it does not fit; the row itself is never in the error.
pub fn decode<T: DeserializeOwned>(what: &'static str, item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(|_| Error::Corrupt(what))
}

/// Whether a single-row write was refused by its condition.
pub fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

/// `Ok(false)` when a single-row write was refused by its condition.
pub fn unless_refused<T, E, R>(outcome: Result<T, SdkError<E, R>>, operation: &'static str) -> Result<bool>
where
    E: ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    match outcome {
        Ok(_) => Ok(true),
        Err(error) if condition_failed(&error) => Ok(false),
        Err(error) => Err(Error::aws(operation)(error)),
    }
}

/// A finished update as one action of a transaction.
pub fn update(builder: UpdateBuilder) -> Result<TransactWriteItem> {
    let update = builder.build().map_err(|_| Error::Corrupt("update"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// A put as one action of a transaction.
pub fn put(builder: PutBuilder) -> Result<TransactWriteItem> {
    let put = builder.build().map_err(|_| Error::Corrupt("put"))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// What became of a transaction.
#[derive(Debug)]
pub enum Outcome {
    /// All of it was written.
    Committed,
    /// Nothing was written: for each action, whether its own condition refused, with the row that was there.
    Refused(Vec<Refusal>),
}

/// One action's part in a refused transaction.
#[derive(Debug)]
pub enum Refusal {
    /// This action would have been fine.
    No,
    /// Its condition did not hold; the row as it is, when the action asked for it.
    Yes(Option<Item>),
}

impl Refusal {
    /// Whether this action's condition refused.
    pub fn refused(&self) -> bool {
        matches!(self, Self::Yes(_))
    }
}

/// Writes `actions` (at most 100, no two on one row) all or nothing.
///
/// One request token covers all attempts, so an attempt whose answer was lost counts once. Conflicts with other
/// transactions and throttling are retried here with growing pauses; the SDK does not do it for transactions.
pub async fn transact(client: &Client, clock: &Clock, actions: Vec<TransactWriteItem>) -> Result<Outcome> {
    let token = hex::encode(crate::mac::random::<16>());
    let mut attempt = 0;
    loop {
        let sent = client
            .transact_write_items()
            .set_transact_items(Some(actions.clone()))
            .client_request_token(&token)
            .send()
            .await;
        let error = match sent {
            Ok(_) => return Ok(Outcome::Committed),
            Err(error) => error,
        };
        let Some(cancelled) = error.as_service_error().and_then(|e| {
            match e {
            aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
                cancelled,
            ) => Some(cancelled),
            _ => None,
        }
        }) else {
            return Err(Error::aws("dynamodb:TransactWriteItems")(error));
        };
        let reasons = cancelled.cancellation_reasons();
        let codes = || reasons.iter().map(|reason| reason.code().unwrap_or("None"));
        if codes().any(|code| code == "ConditionalCheckFailed") {
            return Ok(Outcome::Refused(
                reasons
                    .iter()
                    .map(|reason| match reason.code() {
                        Some("ConditionalCheckFailed") => Refusal::Yes(reason.item().cloned()),
                        _ => Refusal::No,
                    })
                    .collect(),
            ));
        }
        let passing = codes().all(|code| {
            matches!(code, "None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
        });
        if !passing || attempt == CONFLICT_RETRIES {
            return Err(Error::aws("dynamodb:TransactWriteItems")(error));
        }
        clock.sleep(backoff(attempt)).await;
        attempt += 1;
    }
}

/// 20 ms doubling to 1.28 s, half of it random so that two that met do not meet again.
pub fn backoff(attempt: u32) -> Duration {
    let full = 20_u64 << attempt.min(6);
    let random = u64::from(u16::from_le_bytes(crate::mac::random::<2>()));
    Duration::from_millis(full / 2 + random % (full / 2 + 1))
}

/// Reads rows by key, in no particular order; absent rows are simply not among the answers.
pub async fn batch_get(
    client: &Client,
    clock: &Clock,
    table: &str,
    keys: Vec<Item>,
    projection: Option<&str>,
    consistent: bool,
) -> Result<Vec<Item>> {
    let mut rows = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(BATCH_GET_KEYS) {
        let mut pending = Some(
            KeysAndAttributes::builder()
                .set_keys(Some(chunk.to_vec()))
                .set_projection_expression(projection.map(str::to_owned))
                .consistent_read(consistent)
                .build()
                .map_err(|_| Error::Corrupt("batch read"))?,
        );
        let mut attempt = 0;
        while let Some(keys) = pending.take() {
            let answer = client
                .batch_get_item()
                .request_items(table, keys)
                .send()
                .await
                .map_err(Error::aws("dynamodb:BatchGetItem"))?;
            rows.extend(answer.responses.and_then(|mut tables| tables.remove(table)).unwrap_or_default());
            pending = answer.unprocessed_keys.and_then(|mut tables| tables.remove(table));
            if pending.is_some() {
                if attempt == CONFLICT_RETRIES {
                    return Err(Error::Busy("table"));
                }
                clock.sleep(backoff(attempt)).await;
                attempt += 1;
            }
        }
    }
    Ok(rows)
}
