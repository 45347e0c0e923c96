//! What is due: a sparse index over rows that still want something done, ordered by when.
//!
//! A row that needs nothing carries neither attribute and costs the index nothing. The shard spreads writers over
//! several index partitions (one takes 1,000 write units a second).

use aws_sdk_dynamodb::Client;
use futures::future::try_join_all;

use crate::dynamo::{Item, n, s};
use crate::error::{Error, Result};

/// Into how many partitions each index is spread.
pub const SHARDS: u64 = 8;

/// The shard of a row with a numeric id.
pub fn shard(id: u64) -> String {
    (id % SHARDS).to_string()
}

/// The shard of a row with a text id.
pub fn shard_of_text(id: &str) -> String {
    // FNV-1a: stable over builds, which `std`'s hashers do not promise, and the value is stored.
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    shard(hash)
}

/// A sparse due index of a table.
#[derive(Debug, Clone)]
pub struct DueIndex {
    /// The table that the index belongs to.
    pub table: String,
    /// The index on it.
    pub index: &'static str,
    /// Its partition attribute, the number of a shard.
    pub shard_attribute: &'static str,
    /// Its sort attribute, a number.
    pub time_attribute: &'static str,
}

impl DueIndex {
    /// The keys of rows due at or before `instant` (in the index's own unit), the longest overdue first within each
    /// shard, at most `limit` per shard: what is left comes with the next sweep.
    pub async fn due(&self, client: &Client, instant: i64, limit: i32) -> Result<Vec<Item>> {
        let shards = try_join_all((0..SHARDS).map(|shard| async move {
            client
                .query()
                .table_name(&self.table)
                .index_name(self.index)
                .key_condition_expression("#shard = :shard AND #time <= :instant")
                .expression_attribute_names("#shard", self.shard_attribute)
                .expression_attribute_names("#time", self.time_attribute)
                .expression_attribute_values(":shard", s(shard.to_string()))
                .expression_attribute_values(":instant", n(instant))
                .limit(limit)
                .send()
                .await
                .map_err(Error::aws("dynamodb:Query"))
        }))
        .await?;
        Ok(shards.into_iter().flat_map(|answer| answer.items.unwrap_or_default()).collect())
    }
}
