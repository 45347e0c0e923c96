//! Sets of leads: a roaring bitmap for each set and each block of 65,536 ids, at most 8 KB however the ids lie. An edit
//! rewrites the blocks that its leads leave or enter, in the transaction that changes the leads.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use kernel::dynamo::{batch_get, decode, n};
use kernel::error::Result;
use kernel::ids::UserId;
use roaring::RoaringBitmap;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::{LeadIndexStore, key};
use crate::ids::LeadId;
use crate::store::bitmap::{bitmap, bitmap_id, blob};
use crate::store::put;

const WHAT: &str = "lead index";

/// How many ids a block has: those that share the upper half of 32 bits, which a roaring bitmap keeps together too.
pub(crate) const BLOCK_IDS: u32 = 1 << 16;

/// One block as it is stored.
#[derive(Debug, Deserialize)]
pub(super) struct Block {
    pub entry: String,
    ids: ByteBuf,
    /// Grows with every change, so that of two that read the same block one plans anew. An empty block stays, for one that
    /// is made anew would begin with a version that somebody may have read before.
    version: u64,
}

impl Block {
    pub fn bitmap(&self) -> Result<RoaringBitmap> {
        bitmap(WHAT, &self.ids)
    }
}

/// What becomes of blocks: by entry, the leads that enter or leave.
#[derive(Debug, Default)]
pub(super) struct SetChanges(BTreeMap<String, Vec<(u32, bool)>>);

impl SetChanges {
    /// The lead leaves the set of this entry.
    pub fn leave(&mut self, entry: String, lead_id: LeadId) -> Result<()> {
        self.0.entry(entry).or_default().push((bitmap_id(lead_id)?, false));
        Ok(())
    }

    /// The lead enters the set of this entry.
    pub fn enter(&mut self, entry: String, lead_id: LeadId) -> Result<()> {
        self.0.entry(entry).or_default().push((bitmap_id(lead_id)?, true));
        Ok(())
    }
}

impl LeadIndexStore {
    /// The blocks of these entries that there are, read consistently by one request for each hundred.
    pub(super) async fn blocks(
        &self,
        user_id: UserId,
        entries: impl IntoIterator<Item = String>,
    ) -> Result<Vec<Block>> {
        let keys: Vec<_> = entries.into_iter().map(|entry| key(user_id, entry)).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        rows.into_iter().map(|row| decode(WHAT, row)).collect()
    }

    /// The blocks after the changes, one action for each. They are refused when one was rewritten since it was read here.
    pub(super) async fn rewrite(&self, user_id: UserId, changes: SetChanges) -> Result<Vec<TransactWriteItem>> {
        let blocks = self.blocks(user_id, changes.0.keys().cloned()).await?;
        let rewritten = changes.0.into_iter().map(|(entry, leads)| {
            let read = blocks.iter().find(|block| block.entry == entry);
            let mut ids = read.map(Block::bitmap).transpose()?.unwrap_or_default();
            for (id, enters) in leads {
                if enters {
                    ids.insert(id);
                } else {
                    ids.remove(id);
                }
            }
            self.put_block(user_id, &entry, &ids, read.map(|block| block.version))
        });
        rewritten.collect()
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
}

/// The block a lead is in.
pub(super) fn block_of(lead_id: LeadId) -> Result<u32> {
    Ok(bitmap_id(lead_id)? / BLOCK_IDS)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    #[test]
    fn set_block_is_never_larger_than_eight_kilobytes() {
        let first = 3 * BLOCK_IDS;
        for step in [1, 2, 3, 15, 16, 17, 1_000] {
            let block = (first..first + BLOCK_IDS).step_by(step).collect::<RoaringBitmap>();
            let AttributeValue::B(bytes) = blob(&block).unwrap() else { panic!("no bytes") };
            assert!(bytes.as_ref().len() <= 8 * 1_024 + 32, "every {step}th: {} bytes", bytes.as_ref().len());
            assert_eq!(RoaringBitmap::deserialize_from(bytes.as_ref()).unwrap(), block);
        }
    }

    #[test]
    fn set_block_of_a_lead_goes_by_the_upper_half_of_its_id() {
        for (id, block) in [(1, 0), (65_535, 0), (65_536, 1), (1_000_000, 15)] {
            assert_eq!(block_of(LeadId::new(id)).unwrap(), block);
        }
        assert!(block_of(LeadId::new(1 << 32)).is_err());
    }
}
