//! Sets of lead ids, in blocks of 4,096: a bit for each id, at most 512 bytes. With its key a block stays below a kilobyte,
//! so rewriting one costs two write units, however its ids lie. An edit rewrites the blocks that its leads leave or enter,
//! in the transaction that changes the leads.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use kernel::dynamo::{Item, batch_get, decode, n};
use kernel::error::Result;
use kernel::ids::UserId;
use roaring::RoaringBitmap;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::{LeadIndexStore, key};
use crate::ids::LeadId;
use crate::store::bitmap::{BLOCK_IDS, bitmap_id, block_blob, block_ids};
use crate::store::put;

const WHAT: &str = "lead index";

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
    /// Its ids, of which `number` is the block's.
    pub fn ids(&self, number: u32) -> Result<RoaringBitmap> {
        block_ids(number, &self.ids)
    }
}

/// What becomes of blocks: by number and entry, the leads that enter or leave.
#[derive(Debug, Default)]
pub(super) struct SetChanges(BTreeMap<(u32, String), Vec<(u32, bool)>>);

impl SetChanges {
    /// The lead leaves the set whose blocks are called so.
    pub fn leave(&mut self, entry: impl Fn(u32) -> String, lead_id: LeadId) -> Result<()> {
        self.change(entry, lead_id, false)
    }

    /// The lead enters the set whose blocks are called so.
    pub fn enter(&mut self, entry: impl Fn(u32) -> String, lead_id: LeadId) -> Result<()> {
        self.change(entry, lead_id, true)
    }

    fn change(&mut self, entry: impl Fn(u32) -> String, lead_id: LeadId, enters: bool) -> Result<()> {
        let number = block_of(lead_id)?;
        self.0.entry((number, entry(number))).or_default().push((bitmap_id(lead_id)?, enters));
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
        let blocks = self.blocks(user_id, changes.0.keys().map(|(_, entry)| entry.clone())).await?;
        let rewritten = changes.0.into_iter().map(|((number, entry), leads)| {
            let read = blocks.iter().find(|block| block.entry == entry);
            let mut ids = read.map(|block| block.ids(number)).transpose()?.unwrap_or_default();
            for (id, enters) in leads {
                if enters {
                    ids.insert(id);
                } else {
                    ids.remove(id);
                }
            }
            self.put_block(key(user_id, entry), block_blob(number, &ids), read.map(|block| block.version))
        });
        rewritten.collect()
    }

    fn put_block(&self, key: Item, ids: AttributeValue, read: Option<u64>) -> Result<TransactWriteItem> {
        let builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key))
            .item("ids", ids)
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
pub(crate) fn block_of(lead_id: LeadId) -> Result<u32> {
    Ok(bitmap_id(lead_id)? / BLOCK_IDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_block_of_a_lead_goes_by_its_id() {
        for (id, block) in [(1, 0), (4_095, 0), (4_096, 1), (1_000_000, 244)] {
            assert_eq!(block_of(LeadId::new(id)).unwrap(), block);
        }
        assert!(block_of(LeadId::new(1 << 32)).is_err());
    }
}
