//! What is due: a sparse index over rows that still want something done, ordered by when.
//!
//! A row that needs nothing carries neither attribute and costs the index nothing. The shard spreads writers over
//! several index partitions (one takes 1,000 write units a second).

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use crate::dynamo::{Item, milliseconds, s};
use crate::error::{Error, Result};

/// Into how many partitions each index is spread.
pub const SHARDS: u64 = 8;

/// The shard of a row with a numeric id.
pub fn shard(id: u64) -> String {
    (id % SHARDS).to_string()
}

/// The shard of a row with a text id.
pub fn shard_of_text(id: &str) -> String {
    shard(stable_hash(id))
}

/// A number for `id` that is always the same one: FNV-1a, which is stable over builds. `std`'s hashers do not promise that.
pub fn stable_hash(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Until when the sweeper sends no other message for a row, in milliseconds. It is part of the index, so that rows whose
/// message may still be waiting in a long queue do not keep the sweeper from finding the others.
pub const RESEND_AFTER: &str = "resend_after";
/// How many messages the sweeper has sent for a row since the row last moved.
pub const RESENDS: &str = "resends";

/// How many requests one shard takes in a sweep: each reads up to 1 MB, which is thousands of keys.
const MAX_REQUESTS: usize = 20;

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
    /// An instant as that number: seconds or milliseconds.
    pub time_value: fn(Timestamp) -> AttributeValue,
}

impl DueIndex {
    /// The keys of rows due at or before `instant`, the longest overdue first within each shard, at most `limit` per shard:
    /// what is left comes with the next sweep.
    pub async fn due(&self, client: &Client, instant: Timestamp, limit: i32) -> Result<Vec<Item>> {
        let shards = try_join_all((0..SHARDS).map(|shard| async move {
            client
                .query()
                .table_name(&self.table)
                .index_name(self.index)
                .key_condition_expression("#shard = :shard AND #time <= :instant")
                .expression_attribute_names("#shard", self.shard_attribute)
                .expression_attribute_names("#time", self.time_attribute)
                .expression_attribute_values(":shard", s(shard.to_string()))
                .expression_attribute_values(":instant", (self.time_value)(instant))
                .limit(limit)
                .send()
                .await
                .map_err(Error::aws("dynamodb:Query"))
        }))
        .await?;
        Ok(shards.into_iter().flat_map(|answer| answer.items.unwrap_or_default()).collect())
    }

    /// Since when the row has been due that has been due longest at `now`; none when none is.
    pub async fn oldest(&self, client: &Client, now: Timestamp) -> Result<Option<Timestamp>> {
        let rows = self.due(client, now, 1).await?;
        // How many of the index's units a second has: it is written in seconds or in milliseconds.
        let unit = number(Some(&(self.time_value)(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1))));
        let instants = rows.iter().filter_map(|row| number(row.get(self.time_attribute)));
        let oldest = instants.min().zip(unit).and_then(|(oldest, unit)| oldest.checked_mul(1_000)?.checked_div(unit));
        Ok(oldest.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok()))
    }

    /// How many rows the index has, due or not.
    pub async fn count(&self, client: &Client) -> Result<u64> {
        let shards = try_join_all((0..SHARDS).map(|shard| async move {
            let mut pages = client
                .query()
                .table_name(&self.table)
                .index_name(self.index)
                .key_condition_expression("#shard = :shard")
                .expression_attribute_names("#shard", self.shard_attribute)
                .expression_attribute_values(":shard", s(shard.to_string()))
                .select(Select::Count)
                .into_paginator()
                .send();
            let mut rows = 0;
            while let Some(page) = pages.next().await {
                rows += u64::try_from(page.map_err(Error::aws("dynamodb:Query"))?.count).unwrap_or_default();
            }
            Ok::<_, Error>(rows)
        }))
        .await?;
        Ok(shards.into_iter().sum())
    }

    /// As [`Self::due`], without the rows for which a message was sent that may still be on its way at `now`. The shards
    /// take turns in the answer, so that whoever runs out of time has served each of them.
    pub async fn unattended(
        &self,
        client: &Client,
        instant: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Item>> {
        let shards = (0..SHARDS).map(|shard| self.unattended_of(client, shard, instant, now, limit));
        Ok(interleaved(try_join_all(shards).await?))
    }

    async fn unattended_of(
        &self,
        client: &Client,
        shard: u64,
        instant: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Item>> {
        let (mut found, mut from) = (Vec::new(), None);
        for _ in 0..MAX_REQUESTS {
            let answer = client
                .query()
                .table_name(&self.table)
                .index_name(self.index)
                .key_condition_expression("#shard = :shard AND #time <= :instant")
                .filter_expression("attribute_not_exists(#resend_after) OR #resend_after <= :now")
                .expression_attribute_names("#shard", self.shard_attribute)
                .expression_attribute_names("#time", self.time_attribute)
                .expression_attribute_names("#resend_after", RESEND_AFTER)
                .expression_attribute_values(":shard", s(shard.to_string()))
                .expression_attribute_values(":instant", (self.time_value)(instant))
                .expression_attribute_values(":now", milliseconds(now))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(Error::aws("dynamodb:Query"))?;
            found.extend(answer.items.unwrap_or_default());
            from = answer.last_evaluated_key;
            if from.is_none() || found.len() >= limit {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}

fn number(value: Option<&AttributeValue>) -> Option<i64> {
    value?.as_n().ok()?.parse().ok()
}

/// The first of each, then the second of each, and so on.
fn interleaved<T>(lists: Vec<Vec<T>>) -> Vec<T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(lists.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_shards_take_turns() {
        assert_eq!(interleaved(vec![vec![1, 2, 3], vec![], vec![10], vec![20, 21]]), [1, 10, 20, 2, 21, 3]);
        assert!(interleaved::<u8>(vec![vec![], vec![]]).is_empty());
    }
}
