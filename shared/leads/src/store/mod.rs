//! The tables of this domain: one aggregate per file, rows in, domain types out.
//!
//! Times are seconds since 1970 (`*_time`, `expires_at`, `refresh_due`) except due times and leases, which are
//! milliseconds (`next_action_at`, `*_until`).

pub mod auth;
pub mod lead;
pub mod lead_index;
pub mod oauth_state;
pub mod page_commit;
pub mod sync_task;
pub mod webhook_event;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use kernel::{Error, Result};

/// A finished update as one action of a transaction.
pub(crate) fn update(builder: UpdateBuilder) -> Result<TransactWriteItem> {
    let update: Update = builder.build().map_err(|_| Error::Corrupt("update"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// A put as one action of a transaction.
pub(crate) fn put(builder: aws_sdk_dynamodb::types::builders::PutBuilder) -> Result<TransactWriteItem> {
    let put: Put = builder.build().map_err(|_| Error::Corrupt("put"))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
