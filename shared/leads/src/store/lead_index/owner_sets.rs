//! Which leads somebody of the tenant works, as sets of ids: `owner#<owner>#<block>`. A lead without an owner is in none.

use kernel::error::Result;
use kernel::ids::UserId;
use roaring::RoaringBitmap;

use super::id_sets::{SetChanges, block_of};
use super::lookup::Bounds;
use super::{LeadIndexStore, owner_entry};
use crate::ids::{LeadId, OwnerId};

impl LeadIndexStore {
    /// The owner's leads of `bounds`, and their neighbours in the same blocks, read consistently: one request for each 6.5
    /// million leads of the tenant.
    pub(crate) async fn owned(&self, user_id: UserId, owner: &OwnerId, bounds: Bounds) -> Result<RoaringBitmap> {
        let blocks = block_of(LeadId::new(bounds.first))?..=block_of(LeadId::new(bounds.last))?;
        let mut ids = RoaringBitmap::new();
        for block in self.blocks(user_id, blocks.map(|block| owner_entry(owner, block))).await? {
            ids |= block.bitmap()?;
        }
        Ok(ids)
    }

    /// That a lead goes from one owner to another one, among `changes` of sets.
    pub(super) fn move_owner(
        changes: &mut SetChanges,
        lead_id: LeadId,
        from: Option<&OwnerId>,
        to: Option<&OwnerId>,
    ) -> Result<()> {
        let block = block_of(lead_id)?;
        if let Some(from) = from {
            changes.leave(owner_entry(from, block), lead_id)?;
        }
        if let Some(to) = to {
            changes.enter(owner_entry(to, block), lead_id)?;
        }
        Ok(())
    }
}
