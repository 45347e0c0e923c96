//! Working a lead: its state, its notes, whose it is, and who changed what.

mod batch;
mod notes;
mod plan;

pub use batch::{BatchResult, MAX_BATCH, change_all};
pub use notes::{NewNote, add_note, notes};

use kernel::caller::Caller;
use kernel::ids::UserId;
use kernel::retry::{Attempt, on_conflict};

use crate::error::{Error, Result};
use crate::ids::{LeadId, OwnerId};
use crate::lead_merge::resolve;
use crate::store::Stores;
use crate::store::lead::{Lead, LeadStatus};
use crate::store::lead_index::EditRecord;
use crate::store::standing::Standing;
use plan::{Plan, commit};

/// Characters of a lead's notes: they are for a few sentences, and a thousand keep a lead below one write unit more.
pub const MAX_NOTES: usize = 1_000;

/// How often a change is made anew. Leads of 4,096 ids share a set of statuses, so people at different leads meet there.
pub(crate) const TRIES: u32 = 20;

/// A change asked for; absent parts stay.
#[derive(Debug, Clone, Default)]
pub struct LeadChange {
    pub status: Option<LeadStatus>,
    /// A new note; an empty text clears what is shown, and leaves the notes that were written.
    pub notes: Option<String>,
    pub owner: OwnerChange,
    /// The version the caller saw: if the lead has another, nothing changes.
    pub version: Option<u64>,
    /// Says that going back to NEW is meant.
    pub reopen: bool,
}

/// Who is to work a lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OwnerChange {
    /// Whoever does.
    #[default]
    Stays,
    /// Nobody.
    Nobody,
    /// This user of the frontend.
    To(OwnerId),
}

impl OwnerChange {
    /// The text by which a caller asks for it.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Stays => None,
            Self::Nobody => Some(""),
            Self::To(owner) => Some(owner.as_str()),
        }
    }

    /// The change that a caller asks for: an empty text takes the lead from its owner, none at all leaves it.
    ///
    /// # Errors
    /// [`kernel::Error::InvalidRequest`] for an id that is none.
    pub fn of(text: Option<&str>) -> kernel::Result<Self> {
        match text {
            None => Ok(Self::Stays),
            Some("") => Ok(Self::Nobody),
            Some(text) => text.parse().map(Self::To).map_err(|_| kernel::Error::invalid("ownerId", OWNER_PROBLEM)),
        }
    }
}

/// What is said of an owner's id that is none.
pub(crate) const OWNER_PROBLEM: &str = "负责人编号须为 1 到 64 个字符，且不含换行等控制字符";

/// The caller's lead with its history, newest first. Of a lead that was merged it is the one that stands for both.
///
/// # Errors
/// [`Error::LeadErased`]; [`kernel::Error::NotFound`] for an id that never was a lead's.
pub async fn read(stores: &Stores, user_id: UserId, lead_id: LeadId) -> Result<(Lead, Vec<EditRecord>)> {
    let lead = resolve(stores, user_id, lead_id).await?;
    let history = stores.index.edits(user_id, lead.lead_id).await?;
    Ok((lead, history))
}

/// Changes the caller's lead, its index entries, its notes and its history in one transaction.
///
/// # Errors
/// [`Error::IllegalTransition`], [`Error::StaleVersion`]; as [`read`].
pub async fn change(stores: &Stores, caller: &Caller, lead_id: LeadId, change: &LeadChange) -> Result<Lead> {
    check(change)?;
    on_conflict(&stores.clock, "lead", TRIES, || async {
        let plan = Plan::of(lead_of(stores, caller.user_id, lead_id).await?, change, stores.clock.now())?;
        Ok(match commit(stores, caller, vec![plan], None).await? {
            Attempt::Done(mut leads) => leads.pop().map_or(Attempt::Conflict, Attempt::Done),
            Attempt::Conflict => Attempt::Conflict,
        })
    })
    .await
}

/// The tenant's lead of this id.
///
/// # Errors
/// [`Error::LeadErased`], [`Error::LeadMerged`]; [`kernel::Error::NotFound`] for an id that never was a lead's.
pub(crate) async fn lead_of(stores: &Stores, user_id: UserId, lead_id: LeadId) -> Result<Lead> {
    match stores.leads.by_ids(user_id, [lead_id]).await?.pop() {
        Some(lead) => Ok(lead),
        // Usually it is not there; it may also have been split off since.
        None => stores.standings(user_id, &[lead_id]).await?.pop().unwrap_or(Standing::Never).into_lead(),
    }
}

/// What no lead could be changed by.
fn check(change: &LeadChange) -> Result<()> {
    // Alone it would do nothing and answer that all is well.
    if change.reopen && change.status.is_none() {
        let problem = "重新打开线索时，请同时填写 status 为 NEW";
        return Err(kernel::Error::invalid("reopen", problem).into());
    }
    match &change.notes {
        Some(notes) => check_length("notes", notes),
        None => Ok(()),
    }
}

fn check_length(field: &str, text: &str) -> Result<()> {
    if text.chars().count() > MAX_NOTES {
        return Err(kernel::Error::invalid(field, format!("备注最多 {MAX_NOTES} 个字符，请精简后保存")).into());
    }
    Ok(())
}

/// NEW → CONTACTED → CONVERTED, and back to NEW only when that is said to be meant.
fn check_transition(from: LeadStatus, to: LeadStatus, reopen: bool) -> Result<()> {
    use LeadStatus::{Contacted, Converted, New};
    match (from, to) {
        (New, Contacted) | (Contacted, Converted) => Ok(()),
        (Contacted | Converted, New) if reopen => Ok(()),
        _ if from == to => Ok(()),
        _ => Err(Error::IllegalTransition { from: from.as_str(), to: to.as_str() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lead_status_moves_forward_step_by_step_and_back_only_on_purpose() {
        use LeadStatus::{Contacted, Converted, New};
        for (from, to, reopen, legal) in [
            (New, Contacted, false, true),
            (Contacted, Converted, false, true),
            (New, Converted, false, false),
            (Converted, Contacted, false, false),
            (Converted, Contacted, true, false),
            (Contacted, New, false, false),
            (Contacted, New, true, true),
            (Converted, New, true, true),
            (New, New, false, true),
        ] {
            assert_eq!(check_transition(from, to, reopen).is_ok(), legal, "{from:?} {to:?} {reopen}");
        }
    }
}
