//! Reading rows as they all are at one instant.
//!
//! A batch reads each of its rows at an instant of its own. What a transaction moves from one row to another one can then be
//! seen in both or in neither, so a conclusion from the absence of several rows needs this read. It costs twice the units.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::types::{Get, TransactGetItem};

use crate::clock::Clock;
use crate::dynamo::Item;
use crate::error::{Error, Result};
use crate::retry::{CONFLICT_PAUSES, CONFLICT_RETRIES};
use crate::transaction::is_passing;

/// The rows at these keys of tables, in their order; `None` where there is none. At most
/// [`MAX_ACTIONS`](crate::transaction::MAX_ACTIONS) of them.
///
/// Whoever is writing one of them is waited for with growing pauses, because the SDK does not do it.
///
/// # Errors
/// [`Error::Contention`] when the rows stay busy; [`Error::Aws`] when DynamoDB fails.
pub async fn read_at_once(client: &Client, clock: &Clock, keys: Vec<(&str, Item)>) -> Result<Vec<Option<Item>>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let gets = keys.into_iter().map(|(table, key)| {
        let get = Get::builder().table_name(table).set_key(Some(key)).build();
        let get = get.map_err(|_| Error::Internal("incomplete read"))?;
        Ok(TransactGetItem::builder().get(get).build())
    });
    let gets = gets.collect::<Result<Vec<_>>>()?;
    let mut attempt = 0;
    loop {
        let error = match client.transact_get_items().set_transact_items(Some(gets.clone())).send().await {
            Ok(answer) => return Ok(answer.responses.unwrap_or_default().into_iter().map(|row| row.item).collect()),
            Err(error) => error,
        };
        let Some(TransactGetItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(Error::aws("dynamodb:TransactGetItems")(error));
        };
        let codes: Vec<&str> =
            cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
        if !is_passing(&codes) || attempt == CONFLICT_RETRIES {
            return Err(match is_passing(&codes) && codes.contains(&"TransactionConflict") {
                true => Error::Contention("dynamodb:TransactGetItems"),
                false => Error::aws("dynamodb:TransactGetItems")(error),
            });
        }
        clock.sleep(CONFLICT_PAUSES.jittered(attempt)).await;
        attempt += 1;
    }
}
