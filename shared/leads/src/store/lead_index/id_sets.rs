//! Sets of lead ids, in blocks of 4,096 ids: `set#<block>#<set>` for who is CONTACTED, who is CONVERTED, and which ids are
//! GONE, that is, stand for nobody in the list any more. NEW, which every lead is at first, is who is in none of them, so
//! that a sync never touches them.
//!
//! A block is a string of bits, at most 512 bytes of them: with its key it stays below a kilobyte, so rewriting one costs
//! two write units, however its ids lie. `tally` holds how many leads are CONTACTED and CONVERTED, for the list without a
//! filter, which need not read the sets then.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use kernel::dynamo::{Item, batch_get, decode, n};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use roaring::RoaringBitmap;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::lookup::{Bounds, Freshness};
use super::{Counter, LeadIndexStore, key, set_entry};
use crate::ids::LeadId;
use crate::store::bitmap::{BLOCK_IDS, bitmap_id, block_blob, block_ids};
use crate::store::lead::LeadStatus;
use crate::store::{put, update};

const WHAT: &str = "lead index";

/// A set that a lead id can be in. No id is in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum IdSet {
    /// The leads with this status.
    Contacted,
    /// The leads with this status.
    Converted,
    /// The ids that stand for nobody in the list any more.
    Gone,
}

/// An id that leaves a set, or enters one, or both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub lead_id: LeadId,
    /// Where it is now; `None`: a lead that is NEW.
    pub from: Option<IdSet>,
    /// Where it is to be.
    pub to: Option<IdSet>,
}

/// How many leads there are of each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts {
    pub new: u64,
    pub contacted: u64,
    pub converted: u64,
}

/// The ids of a range by the set they are in.
#[derive(Debug, Default)]
pub(crate) struct IdSets {
    contacted: RoaringBitmap,
    converted: RoaringBitmap,
    gone: RoaringBitmap,
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

impl IdSet {
    const ALL: [Self; 3] = [Self::Contacted, Self::Converted, Self::Gone];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Contacted => LeadStatus::Contacted.as_str(),
            Self::Converted => LeadStatus::Converted.as_str(),
            Self::Gone => "GONE",
        }
    }

    /// The set of the leads with this status; NEW has none.
    pub const fn of(status: LeadStatus) -> Option<Self> {
        match status {
            LeadStatus::New => None,
            LeadStatus::Contacted => Some(Self::Contacted),
            LeadStatus::Converted => Some(Self::Converted),
        }
    }
}

impl StatusCounts {
    fn of(all: u64, contacted: u64, converted: u64) -> Self {
        // The leads and the sets are read one after the other.
        Self { new: all.saturating_sub(contacted + converted), contacted, converted }
    }
}

impl IdSets {
    /// Those of `ids` that stand for a lead.
    pub fn present(&self, ids: RoaringBitmap) -> RoaringBitmap {
        ids - &self.gone
    }

    /// The leads among `ids`, which are all present, that have this status.
    pub fn with_status(&self, ids: RoaringBitmap, status: LeadStatus) -> RoaringBitmap {
        match status {
            LeadStatus::New => ids - &self.contacted - &self.converted,
            LeadStatus::Contacted => ids & &self.contacted,
            LeadStatus::Converted => ids & &self.converted,
        }
    }

    /// How many of `ids`, which are all present, have which status.
    pub fn counts(&self, ids: &RoaringBitmap) -> StatusCounts {
        let (contacted, converted) = (ids.intersection_len(&self.contacted), ids.intersection_len(&self.converted));
        StatusCounts::of(ids.len(), contacted, converted)
    }

    fn take(&mut self, block: &Block) -> Result<()> {
        let (number, set) = block.place()?;
        let ids = block_ids(number, &block.ids)?;
        match set {
            IdSet::Contacted => self.contacted |= ids,
            IdSet::Converted => self.converted |= ids,
            IdSet::Gone => self.gone |= ids,
        }
        Ok(())
    }
}

impl Block {
    fn place(&self) -> Result<(u32, IdSet)> {
        let mut parts = self.entry.split('#').skip(1);
        let number = parts.next().and_then(|number| number.parse().ok()).ok_or(Error::Corrupt(WHAT))?;
        let name = parts.next().unwrap_or_default();
        let set = IdSet::ALL.into_iter().find(|set| set.as_str() == name).ok_or(Error::Corrupt(WHAT))?;
        Ok((number, set))
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
        let counts = StatusCounts::of(counter.present(), tally.contacted, tally.converted);
        Ok((counter, counts))
    }

    /// The sets of the ids of `bounds`, and of their neighbours in the same blocks, read consistently: one query up to
    /// some two million leads, of which a million have 440 KB at most.
    pub(crate) async fn id_sets(&self, user_id: UserId, bounds: Bounds) -> Result<IdSets> {
        let block = |id| block_of(LeadId::new(id));
        let range = (set_entry(block(bounds.first)?, ""), set_entry(block(bounds.last)?, "~"));
        let mut sets = IdSets::default();
        self.each(user_id, range, Freshness::Consistent, |row| sets.take(&decode(WHAT, row)?)).await?;
        Ok(sets)
    }

    /// Moves ids between sets, as actions of the transaction that changes their leads: one for each block that changes, and
    /// the tally. They are refused when another id of a block was moved since.
    pub(crate) async fn move_ids(&self, user_id: UserId, moves: &[Move]) -> Result<Vec<TransactWriteItem>> {
        let mut changed: BTreeMap<(u32, IdSet), Vec<(u32, bool)>> = BTreeMap::new();
        let mut counted = [0_i64; 2];
        for Move { lead_id, from, to } in moves.iter().filter(|one| one.from != one.to) {
            let (block, id) = (block_of(*lead_id)?, bitmap_id(*lead_id)?);
            for (set, enters) in [(from, false), (to, true)] {
                let Some(set) = *set else { continue };
                changed.entry((block, set)).or_default().push((id, enters));
                let number = if enters { 1 } else { -1 };
                match set {
                    IdSet::Contacted => counted[0] += number,
                    IdSet::Converted => counted[1] += number,
                    IdSet::Gone => {}
                }
            }
        }
        let blocks = self.blocks(user_id, changed.keys().copied()).await?;
        let mut actions = Vec::new();
        for ((number, set), ids) in changed {
            let entry = set_entry(number, set.as_str());
            let read = blocks.iter().find(|block| block.entry == entry);
            let mut bits = read.map_or_else(|| Ok(RoaringBitmap::new()), |block| block_ids(number, &block.ids))?;
            for (id, enters) in ids {
                if enters {
                    bits.insert(id)
                } else {
                    bits.remove(id)
                };
            }
            actions.push(self.put_block(key(user_id, entry), number, &bits, read.map(|block| block.version))?);
        }
        if counted != [0, 0] {
            actions.push(self.count(user_id, counted)?);
        }
        Ok(actions)
    }

    /// Whether an id stands for nobody in the list any more.
    pub(crate) async fn is_gone(&self, user_id: UserId, lead_id: LeadId) -> Result<bool> {
        // No lead was ever given an id that no bitmap holds.
        let (Ok(id), Ok(number)) = (bitmap_id(lead_id), block_of(lead_id)) else { return Ok(false) };
        let block = self.blocks(user_id, [(number, IdSet::Gone)]).await?.pop();
        Ok(match block {
            Some(block) => block_ids(number, &block.ids)?.contains(id),
            None => false,
        })
    }

    async fn blocks(&self, user_id: UserId, of: impl IntoIterator<Item = (u32, IdSet)>) -> Result<Vec<Block>> {
        let keys = of.into_iter().map(|(number, set)| key(user_id, set_entry(number, set.as_str()))).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        rows.into_iter().map(|row| decode(WHAT, row)).collect()
    }

    fn put_block(&self, key: Item, number: u32, ids: &RoaringBitmap, read: Option<u64>) -> Result<TransactWriteItem> {
        let builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key))
            .item("ids", block_blob(number, ids))
            .item("version", n(read.unwrap_or_default() + 1));
        put(match read {
            None => builder.condition_expression("attribute_not_exists(version)"),
            Some(version) => {
                builder.condition_expression("version = :read").expression_attribute_values(":read", n(version))
            }
        })
    }

    fn count(&self, user_id: UserId, [contacted, converted]: [i64; 2]) -> Result<TransactWriteItem> {
        update(
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(key(user_id, "tally")))
                .update_expression("ADD contacted :contacted, converted :converted")
                .expression_attribute_values(":contacted", n(contacted))
                .expression_attribute_values(":converted", n(converted)),
        )
    }
}

/// The block that an id belongs to.
pub(super) fn block_of(lead_id: LeadId) -> Result<u32> {
    Ok(bitmap_id(lead_id)? / BLOCK_IDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(of: impl IntoIterator<Item = u32>) -> RoaringBitmap {
        of.into_iter().collect()
    }

    #[test]
    fn id_sets_split_any_ids_into_three_statuses_and_those_that_are_gone() {
        let sets = IdSets { contacted: ids([2, 70_000]), converted: ids([3, 4]), gone: ids([6, 70_002]) };
        let some = sets.present(ids([1, 2, 3, 5, 6, 70_000, 70_001, 70_002]));
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
    fn id_set_block_is_read_by_the_number_and_the_set_in_its_entry() {
        let block = |entry: &str| Block { entry: entry.to_owned(), ids: ByteBuf::from(vec![0b101]), version: 1 };
        let mut sets = IdSets::default();
        for set in IdSet::ALL {
            let entry = set_entry(2 + set as u32, set.as_str());
            assert_eq!(block(&entry).place().unwrap(), (2 + set as u32, set));
            sets.take(&block(&entry)).unwrap();
        }
        assert_eq!(sets.contacted, ids([8_192, 8_194]));
        assert_eq!(sets.converted, ids([12_288, 12_290]));
        assert_eq!(sets.gone, ids([16_384, 16_386]));
        for entry in ["set#x#GONE", "set#1#NEW", "set#1", "set"] {
            assert!(block(entry).place().is_err(), "{entry}");
        }
    }

    #[test]
    fn id_set_block_of_a_lead_goes_by_its_id() {
        for (id, block) in [(1, 0), (4_095, 0), (4_096, 1), (1_000_000, 244)] {
            assert_eq!(block_of(LeadId::new(id)).unwrap(), block);
        }
        assert!(block_of(LeadId::new(1 << 32)).is_err());
    }
}
