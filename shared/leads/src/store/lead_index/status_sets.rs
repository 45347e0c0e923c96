//! Which leads have which status, as sets of ids: `status#<block>#<status>` for CONTACTED and CONVERTED, in blocks of
//! 65,536 ids. NEW, which every lead is at first, is who is in neither, so that a sync never touches them.
//!
//! A set is a roaring bitmap: at most 8 KB a block, however its ids lie. `tally` holds how many there are of each, for
//! the list without a filter, which need not read the sets then.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use kernel::dynamo::{batch_get, decode, n};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use roaring::RoaringBitmap;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::lookup::{Bounds, Freshness};
use super::{Counter, LeadIndexStore, key, status_entry};
use crate::ids::LeadId;
use crate::store::bitmap::{bitmap, bitmap_id, blob};
use crate::store::lead::{Lead, LeadStatus};
use crate::store::{put, update};

const WHAT: &str = "lead index";

/// How many ids a block has: those that share the upper half of 32 bits, which a roaring bitmap keeps together too.
const BLOCK_IDS: u32 = 1 << 16;

/// The statuses that have sets.
const WORKED: [LeadStatus; 2] = [LeadStatus::Contacted, LeadStatus::Converted];

/// How many leads there are of each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts {
    pub new: u64,
    pub contacted: u64,
    pub converted: u64,
}

/// The leads of a range by their status.
#[derive(Debug, Default)]
pub(crate) struct StatusSets {
    contacted: RoaringBitmap,
    converted: RoaringBitmap,
}

/// One block as it is stored.
#[derive(Debug, Deserialize)]
struct Block {
    entry: String,
    ids: ByteBuf,
    /// Grows with every change, so that of two that read the same block one plans anew.
    version: u64,
}

/// The row that counts what is in the sets.
#[derive(Debug, Default, Deserialize)]
struct Tally {
    #[serde(default)]
    contacted: u64,
    #[serde(default)]
    converted: u64,
}

impl StatusCounts {
    fn of(all: u64, contacted: u64, converted: u64) -> Self {
        // The leads and the sets are read one after the other.
        Self { new: all.saturating_sub(contacted + converted), contacted, converted }
    }
}

impl StatusSets {
    /// The leads among `ids` that have this status.
    pub fn with_status(&self, ids: RoaringBitmap, status: LeadStatus) -> RoaringBitmap {
        match status {
            LeadStatus::New => ids - &self.contacted - &self.converted,
            LeadStatus::Contacted => ids & &self.contacted,
            LeadStatus::Converted => ids & &self.converted,
        }
    }

    /// How many of `ids` have which status.
    pub fn counts(&self, ids: &RoaringBitmap) -> StatusCounts {
        let (contacted, converted) = (ids.intersection_len(&self.contacted), ids.intersection_len(&self.converted));
        StatusCounts::of(ids.len(), contacted, converted)
    }

    fn take(&mut self, block: &Block) -> Result<()> {
        let set = match block.status()? {
            LeadStatus::Contacted => &mut self.contacted,
            LeadStatus::Converted => &mut self.converted,
            LeadStatus::New => return Err(Error::Corrupt(WHAT)),
        };
        *set |= block.bitmap()?;
        Ok(())
    }
}

impl Block {
    fn status(&self) -> Result<LeadStatus> {
        let status = self.entry.rsplit('#').next().unwrap_or_default();
        WORKED.into_iter().find(|worked| worked.as_str() == status).ok_or(Error::Corrupt(WHAT))
    }

    fn bitmap(&self) -> Result<RoaringBitmap> {
        bitmap(WHAT, &self.ids)
    }
}

impl LeadIndexStore {
    /// The tenant's counter, and how many of its leads have which status, both read consistently by one request.
    pub(crate) async fn totals(&self, user_id: UserId) -> Result<(Counter, StatusCounts)> {
        let keys = ["counter", "tally"].map(|entry| key(user_id, entry)).into();
        let (mut counter, mut tally) = (Counter::default(), Tally::default());
        for row in batch_get(&self.client, &self.clock, &self.table, keys, None, true).await? {
            match row.get("entry").and_then(|entry| entry.as_s().ok()).map(String::as_str) {
                Some("counter") => counter = decode(WHAT, row)?,
                _ => tally = decode(WHAT, row)?,
            }
        }
        let counts = StatusCounts::of(counter.lead_count, tally.contacted, tally.converted);
        Ok((counter, counts))
    }

    /// The sets of the leads of `bounds`, and of their neighbours in the same blocks, read consistently: one query, for a
    /// million leads have 256 KB of them at most.
    pub(crate) async fn status_sets(&self, user_id: UserId, bounds: Bounds) -> Result<StatusSets> {
        let block = |id| block_of(LeadId::new(id));
        let range = (status_entry(block(bounds.first)?, ""), status_entry(block(bounds.last)?, "~"));
        let mut sets = StatusSets::default();
        self.each(user_id, range, Freshness::Consistent, |row| sets.take(&decode(WHAT, row)?)).await?;
        Ok(sets)
    }

    /// Moves a lead from the set of its status into that of another one: at most two blocks and the tally, as actions of
    /// the transaction that changes the lead. They are refused when another lead of a block was moved since.
    pub(crate) async fn move_status(&self, lead: &Lead, to: LeadStatus) -> Result<Vec<TransactWriteItem>> {
        let (user_id, id) = (lead.user_id, bitmap_id(lead.lead_id)?);
        let entry = |status: LeadStatus| Ok::<_, Error>(status_entry(block_of(lead.lead_id)?, status.as_str()));
        let moved: Vec<LeadStatus> = WORKED.into_iter().filter(|one| [lead.status, to].contains(one)).collect();
        let keys = moved.iter().map(|status| Ok(key(user_id, entry(*status)?))).collect::<Result<_>>()?;
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        let blocks = rows.into_iter().map(|row| decode(WHAT, row)).collect::<Result<Vec<Block>>>()?;
        let mut actions = vec![self.count(user_id, lead.status, to)?];
        for status in moved {
            let entry = entry(status)?;
            let read = blocks.iter().find(|block| block.entry == entry);
            let mut ids = read.map(Block::bitmap).transpose()?.unwrap_or_default();
            if status == to {
                ids.insert(id)
            } else {
                ids.remove(id)
            };
            actions.push(self.put_block(user_id, &entry, &ids, read.map(|block| block.version))?);
        }
        Ok(actions)
    }

    fn put_block(
        &self,
        user_id: UserId,
        entry: &str,
        ids: &RoaringBitmap,
        read: Option<u64>,
    ) -> Result<TransactWriteItem> {
        let builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(user_id, entry)))
            .item("ids", blob(ids)?)
            .item("version", n(read.unwrap_or_default() + 1));
        put(match read {
            None => builder.condition_expression("attribute_not_exists(version)"),
            Some(version) => {
                builder.condition_expression("version = :read").expression_attribute_values(":read", n(version))
            }
        })
    }

    fn count(&self, user_id: UserId, from: LeadStatus, to: LeadStatus) -> Result<TransactWriteItem> {
        let of = |status| i8::from(to == status) - i8::from(from == status);
        update(
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(key(user_id, "tally")))
                .update_expression("ADD contacted :contacted, converted :converted")
                .expression_attribute_values(":contacted", n(of(LeadStatus::Contacted)))
                .expression_attribute_values(":converted", n(of(LeadStatus::Converted))),
        )
    }
}

fn block_of(lead_id: LeadId) -> Result<u32> {
    Ok(bitmap_id(lead_id)? / BLOCK_IDS)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    fn ids(of: impl IntoIterator<Item = u32>) -> RoaringBitmap {
        of.into_iter().collect()
    }

    #[test]
    fn status_sets_split_any_ids_into_three_parts() {
        let sets = StatusSets { contacted: ids([2, 70_000]), converted: ids([3, 4]) };
        let some = ids([1, 2, 3, 5, 70_000, 70_001]);
        for (status, expected) in [
            (LeadStatus::New, vec![1, 5, 70_001]),
            (LeadStatus::Contacted, vec![2, 70_000]),
            (LeadStatus::Converted, vec![3]),
        ] {
            assert_eq!(sets.with_status(some.clone(), status), ids(expected), "{status:?}");
        }
        assert_eq!(sets.counts(&some), StatusCounts { new: 3, contacted: 2, converted: 1 });
    }

    #[test]
    fn status_block_is_never_larger_than_eight_kilobytes() {
        let first = 3 * BLOCK_IDS;
        for step in [1, 2, 3, 15, 16, 17, 1_000] {
            let block = ids((first..first + BLOCK_IDS).step_by(step));
            let AttributeValue::B(bytes) = blob(&block).unwrap() else { panic!("no bytes") };
            assert!(bytes.as_ref().len() <= 8 * 1_024 + 32, "every {step}th: {} bytes", bytes.as_ref().len());
            assert_eq!(RoaringBitmap::deserialize_from(bytes.as_ref()).unwrap(), block);
        }
    }

    #[test]
    fn status_block_of_a_lead_goes_by_the_upper_half_of_its_id() {
        for (id, block) in [(1, 0), (65_535, 0), (65_536, 1), (1_000_000, 15)] {
            assert_eq!(block_of(LeadId::new(id)).unwrap(), block);
        }
        assert!(block_of(LeadId::new(1 << 32)).is_err());
    }
}
