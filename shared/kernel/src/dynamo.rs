//! What every store needs of DynamoDB: attribute shorthands, actions of transactions, and batch reads that ask again for
//! what was left out.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, TransactWriteItem};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::retry::{CONFLICT_PAUSES, CONFLICT_RETRIES};

/// A row, attribute by attribute.
pub type Item = HashMap<String, AttributeValue>;

/// At most this many keys fit one BatchGetItem.
const BATCH_GET_KEYS: usize = 100;

/// A number attribute; DynamoDB takes numbers as text.
pub fn n(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An instant as seconds since 1970.
pub fn seconds(time: Timestamp) -> AttributeValue {
    n(time.as_second())
}

/// An instant as milliseconds since 1970.
pub fn milliseconds(time: Timestamp) -> AttributeValue {
    n(time.as_millisecond())
}

/// A string attribute; an empty one cannot be a key.
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
pub fn condition_held<T, E, R>(outcome: Result<T, SdkError<E, R>>, operation: &'static str) -> Result<bool>
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
    let update = builder.build().map_err(|_| Error::Internal("incomplete update"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// A put as one action of a transaction.
pub fn put(builder: PutBuilder) -> Result<TransactWriteItem> {
    let put = builder.build().map_err(|_| Error::Internal("incomplete put"))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// A delete as one action of a transaction.
pub fn delete(builder: DeleteBuilder) -> Result<TransactWriteItem> {
    let delete = builder.build().map_err(|_| Error::Internal("incomplete delete"))?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// A finished condition as one action of a transaction.
pub fn check(builder: ConditionCheckBuilder) -> Result<TransactWriteItem> {
    let check = builder.build().map_err(|_| Error::Internal("incomplete condition"))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// The keys that `request` finds, `size` of them after `offset`, and how many it finds in all. For indexes that hold little
/// more than keys, of which one request reads thousands.
pub async fn page_of_keys(request: QueryFluentBuilder, offset: u64, size: u64) -> Result<(Vec<Item>, u64)> {
    let mut found = request.into_paginator().items().send();
    let (mut keys, mut total) = (Vec::new(), 0);
    while let Some(key) = found.next().await {
        let key = key.map_err(Error::aws("dynamodb:Query"))?;
        if total >= offset && (keys.len() as u64) < size {
            keys.push(key);
        }
        total += 1;
    }
    Ok((keys, total))
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
        let wanted = wanted(chunk.to_vec(), projection, consistent)?;
        let found = batch_get_chunk(client, clock, HashMap::from([(table.to_owned(), wanted)])).await?;
        rows.extend(found.into_iter().map(|(_, row)| row));
    }
    Ok(rows)
}

/// Reads rows of several tables by key, consistently and each beside its table's name, in no particular order; absent rows
/// are simply not among the answers. Each row is of an instant of its own: what has to agree must be in one row, or be
/// checked by the write that follows.
pub async fn batch_get_of_tables(
    client: &Client,
    clock: &Clock,
    keys: Vec<(&str, Item)>,
) -> Result<Vec<(String, Item)>> {
    let mut rows = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(BATCH_GET_KEYS) {
        let mut of_tables: HashMap<String, Vec<Item>> = HashMap::new();
        for (table, key) in chunk {
            of_tables.entry((*table).to_owned()).or_default().push(key.clone());
        }
        let asked = of_tables.into_iter().map(|(table, keys)| Ok((table, wanted(keys, None, true)?)));
        rows.extend(batch_get_chunk(client, clock, asked.collect::<Result<_>>()?).await?);
    }
    Ok(rows)
}

fn wanted(keys: Vec<Item>, projection: Option<&str>, consistent: bool) -> Result<KeysAndAttributes> {
    KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .set_projection_expression(projection.map(str::to_owned))
        .consistent_read(consistent)
        .build()
        .map_err(|_| Error::Internal("incomplete batch read"))
}

/// Asks until nothing of what is wanted is left out.
async fn batch_get_chunk(
    client: &Client,
    clock: &Clock,
    wanted: HashMap<String, KeysAndAttributes>,
) -> Result<Vec<(String, Item)>> {
    let (mut rows, mut pending, mut attempt) = (Vec::new(), Some(wanted), 0);
    while let Some(wanted) = pending.take() {
        let answer = client
            .batch_get_item()
            .set_request_items(Some(wanted))
            .send()
            .await
            .map_err(Error::aws("dynamodb:BatchGetItem"))?;
        for (table, found) in answer.responses.unwrap_or_default() {
            rows.extend(found.into_iter().map(|row| (table.clone(), row)));
        }
        pending = answer.unprocessed_keys.filter(|left| !left.is_empty());
        if pending.is_some() {
            if attempt == CONFLICT_RETRIES {
                return Err(Error::Contention("table"));
            }
            clock.sleep(CONFLICT_PAUSES.jittered(attempt)).await;
            attempt += 1;
        }
    }
    Ok(rows)
}
