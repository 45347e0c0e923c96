//! Which leads have which status, as sets of ids: `set#<block>#<status>` for CONTACTED and CONVERTED. NEW, which every lead
//! is at first, is who is in neither, so that a sync never touches them. Beside them is `set#<block>#GONE`, the ids that
//! stand for nobody in the list any more, so that one query reads what all lists need of a range.
//!
//! `tally` holds how many there are of each, for the list without a filter, which need not read the sets then.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use kernel::dynamo::{Item, batch_get, decode, n};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use roaring::RoaringBitmap;
use serde::Deserialize;

use super::id_sets::{Block, SetChanges, block_of};
use super::lookup::{Bounds, Freshness};
use super::{Counter, LeadIndexStore, key, set_entry};
use crate::ids::LeadId;
use crate::store::bitmap::bitmap_id;
use crate::store::lead::LeadStatus;
use crate::store::update;

const WHAT: &str = "lead index";

/// The statuses that have sets.
const WORKED: [LeadStatus; 2] = [LeadStatus::Contacted, LeadStatus::Converted];
/// The name of the set of ids that stand for nobody any more.
const GONE: &str = "GONE";

/// How many leads there are of each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts {
    pub new: u64,
    pub contacted: u64,
    pub converted: u64,
}

/// The ids of a range by the set they are in.
#[derive(Debug, Default)]
pub(crate) struct StatusSets {
    contacted: RoaringBitmap,
    converted: RoaringBitmap,
    gone: RoaringBitmap,
}

/// The blocks that say of some ids whether they are gone.
#[derive(Debug)]
pub(crate) struct GoneBlocks(BTreeSet<u32>);

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

    /// Those of `bounds` that stand for a lead that is no customer.
    pub fn prospects(&self, bounds: Bounds) -> Result<RoaringBitmap> {
        let mut ids = RoaringBitmap::new();
        ids.insert_range(bitmap_id(LeadId::new(bounds.first))?..=bitmap_id(LeadId::new(bounds.last))?);
        Ok(self.present(ids) - &self.converted)
    }

    /// How many of `ids`, which are all present, have which status.
    pub fn counts(&self, ids: &RoaringBitmap) -> StatusCounts {
        let (contacted, converted) = (ids.intersection_len(&self.contacted), ids.intersection_len(&self.converted));
        StatusCounts::of(ids.len(), contacted, converted)
    }

    fn take(&mut self, block: &Block) -> Result<()> {
        let mut parts = block.entry.split('#').skip(1);
        let number = parts.next().and_then(|number| number.parse().ok()).ok_or(Error::Corrupt(WHAT))?;
        let set = match parts.next() {
            Some(name) if name == LeadStatus::Contacted.as_str() => &mut self.contacted,
            Some(name) if name == LeadStatus::Converted.as_str() => &mut self.converted,
            Some(GONE) => &mut self.gone,
            _ => return Err(Error::Corrupt(WHAT)),
        };
        *set |= block.ids(number)?;
        Ok(())
    }
}

impl GoneBlocks {
    /// Those of these ids.
    pub fn of(ids: &[LeadId]) -> Result<Self> {
        Ok(Self(ids.iter().map(|id| block_of(*id)).collect::<Result<_>>()?))
    }

    /// Their keys.
    pub fn keys(&self, user_id: UserId) -> impl Iterator<Item = Item> {
        self.0.iter().map(move |block| key(user_id, set_entry(*block, GONE)))
    }

    /// The ids that are gone, by the rows at those keys.
    pub fn ids(&self, rows: impl IntoIterator<Item = Option<Item>>) -> Result<RoaringBitmap> {
        let mut gone = RoaringBitmap::new();
        for (number, row) in self.0.iter().zip(rows) {
            if let Some(row) = row {
                gone |= decode::<Block>(WHAT, row)?.ids(*number)?;
            }
        }
        Ok(gone)
    }
}

impl LeadIndexStore {
    /// The tenant's counter without the accounts met, and how many of its leads have which status, both read consistently by
    /// one request.
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
    pub(crate) async fn status_sets(&self, user_id: UserId, bounds: Bounds) -> Result<StatusSets> {
        let block = |id| block_of(LeadId::new(id));
        let range = (set_entry(block(bounds.first)?, ""), set_entry(block(bounds.last)?, "~"));
        let mut sets = StatusSets::default();
        self.each(user_id, range, Freshness::Consistent, |row| sets.take(&decode(WHAT, row)?)).await?;
        Ok(sets)
    }

    /// That an id stands for nobody any more, among `changes` of sets.
    pub(super) fn go(changes: &mut SetChanges, lead_id: LeadId) -> Result<()> {
        changes.enter(|block| set_entry(block, GONE), lead_id)
    }

    /// That an id stands for a lead again, among `changes` of sets.
    pub(super) fn come_back(changes: &mut SetChanges, lead_id: LeadId) -> Result<()> {
        changes.leave(|block| set_entry(block, GONE), lead_id)
    }

    /// That a lead goes from one status to another one, among `changes` of sets.
    pub(super) fn move_status(
        changes: &mut SetChanges,
        lead_id: LeadId,
        from: LeadStatus,
        to: LeadStatus,
    ) -> Result<()> {
        if WORKED.contains(&from) {
            changes.leave(|block| set_entry(block, from.as_str()), lead_id)?;
        }
        if WORKED.contains(&to) {
            changes.enter(|block| set_entry(block, to.as_str()), lead_id)?;
        }
        Ok(())
    }

    /// The tally after leads went from one status to another one each.
    pub(super) fn count(&self, user_id: UserId, moves: &[(LeadStatus, LeadStatus)]) -> Result<TransactWriteItem> {
        let of =
            |status| moves.iter().map(|(from, to)| i64::from(*to == status) - i64::from(*from == status)).sum::<i64>();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(of: impl IntoIterator<Item = u32>) -> RoaringBitmap {
        of.into_iter().collect()
    }

    #[test]
    fn status_sets_split_any_ids_into_three_parts_without_those_that_are_gone() {
        let sets = StatusSets { contacted: ids([2, 70_000]), converted: ids([3, 4]), gone: ids([6, 70_002]) };
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
}
