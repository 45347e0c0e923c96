//! Which leads somebody of the tenant works, as sets of ids: `owner#<owner>#<block>`. A lead without an owner is in none.

use kernel::dynamo::decode;
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use roaring::RoaringBitmap;

use super::id_sets::{Block, SetChanges, block_of};
use super::lookup::{Bounds, Freshness};
use super::{LeadIndexStore, owner_entry};
use crate::ids::{LeadId, OwnerId};

const WHAT: &str = "lead index";

impl LeadIndexStore {
    /// The owner's leads of `bounds`, and their neighbours in the same blocks, read consistently: one query up to seven
    /// million leads.
    pub(crate) async fn owned(&self, user_id: UserId, owner: &OwnerId, bounds: Bounds) -> Result<RoaringBitmap> {
        let entry = |id| Ok::<_, Error>(owner_entry(owner, block_of(LeadId::new(id))?));
        let (from, to) = (entry(bounds.first)?, entry(bounds.last)?);
        let set = format!("owner#{owner}#");
        let mut ids = RoaringBitmap::new();
        self.each(user_id, (from, to), Freshness::Consistent, |row| {
            let block: Block = decode(WHAT, row)?;
            // Between them can be the sets of an owner whose id begins with this one's and a number.
            if let Some(Ok(number)) = block.entry.strip_prefix(&set).map(str::parse) {
                ids |= block.ids(number)?;
            }
            Ok(())
        })
        .await?;
        Ok(ids)
    }

    /// That a lead goes from one owner to another one, among `changes` of sets.
    pub(super) fn move_owner(
        changes: &mut SetChanges,
        lead_id: LeadId,
        from: Option<&OwnerId>,
        to: Option<&OwnerId>,
    ) -> Result<()> {
        if let Some(from) = from {
            changes.leave(|block| owner_entry(from, block), lead_id)?;
        }
        if let Some(to) = to {
            changes.enter(|block| owner_entry(to, block), lead_id)?;
        }
        Ok(())
    }
}
