//! What ids stand for that no lead was found by: read at one instant, because a merge or a split moves a lead between the
//! rows that tell of it, and one row after the other could show none of them.

use std::collections::HashMap;

use kernel::dynamo::decode;
use kernel::error::Result as KernelResult;
use kernel::ids::UserId;
use kernel::joint_read::read_at_once;

use super::Stores;
use super::bitmap::bitmap_id;
use super::lead::{self, Lead};
use super::lead_index::{self, GoneBlocks, survivor};
use crate::error::{Error, Result};
use crate::ids::LeadId;

/// What an id stands for.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// A lead.
    Present(Box<Lead>),
    /// The lead that this one was merged into.
    Merged(LeadId),
    /// Nobody: its person was erased, or deleted with an account's data or for its age.
    Gone,
    /// Nobody: it was never handed out.
    Never,
}

impl Standing {
    /// The lead.
    ///
    /// # Errors
    /// [`Error::LeadErased`], [`Error::LeadMerged`]; [`kernel::Error::NotFound`] for an id that never was a lead's.
    pub fn into_lead(self) -> Result<Lead> {
        match self {
            Self::Present(lead) => Ok(*lead),
            Self::Merged(into) => Err(Error::LeadMerged { into }),
            Self::Gone => Err(Error::LeadErased),
            Self::Never => Err(kernel::Error::NotFound("lead").into()),
        }
    }
}

impl Stores {
    /// What each of these ids of a tenant stands for, in their order and all at one instant, by one request. At most 33, for
    /// each is up to three rows.
    pub(crate) async fn standings(&self, user_id: UserId, ids: &[LeadId]) -> KernelResult<Vec<Standing>> {
        // No lead was ever given an id that no bitmap holds.
        let possible: Vec<LeadId> = ids.iter().copied().filter(|id| bitmap_id(*id).is_ok()).collect();
        let gone = GoneBlocks::of(&possible)?;
        let leads = possible.iter().map(|id| (self.leads.table.as_str(), lead::key(user_id, *id)));
        let beside = possible.iter().map(|id| lead_index::merge_key(user_id, *id)).chain(gone.keys(user_id));
        let keys = leads.chain(beside.map(|key| (self.index.table.as_str(), key))).collect();
        let mut rows = read_at_once(&self.client, &self.clock, keys).await?.into_iter();
        let leads: Vec<_> = rows.by_ref().take(possible.len()).collect();
        let merges: Vec<_> = rows.by_ref().take(possible.len()).collect();
        let gone = gone.ids(rows)?;
        let mut standings = HashMap::new();
        for ((id, lead), merge) in possible.into_iter().zip(leads).zip(merges) {
            let standing = match (lead, merge) {
                (Some(lead), _) => Standing::Present(Box::new(decode("lead", lead)?)),
                (None, Some(merge)) => Standing::Merged(survivor(&merge)?),
                (None, None) if gone.contains(bitmap_id(id)?) => Standing::Gone,
                (None, None) => Standing::Never,
            };
            standings.insert(id, standing);
        }
        Ok(ids.iter().map(|id| standings.get(id).cloned().unwrap_or(Standing::Never)).collect())
    }
}
