//! Working a lead: its state, its notes, and who changed what.

use kernel::caller::Caller;
use kernel::ids::UserId;
use kernel::instant::whole_second;
use kernel::retry::{Attempt, on_conflict};
use kernel::transaction::Transaction;

use crate::error::{Error, Result};
use crate::ids::LeadId;
use crate::store::Stores;
use crate::store::lead::{Edit, Lead, LeadStatus};
use crate::store::lead_index::{EditRecord, IdSet, Move};

/// Characters of a lead's notes: they are for a few sentences, and a thousand keep a lead below one write unit more.
pub const MAX_NOTES: usize = 1_000;

/// How often a change is made anew. Leads of 4,096 ids share a set of statuses, so people at different leads meet there.
pub(crate) const TRIES: u32 = 20;

/// A change asked for; absent parts stay.
#[derive(Debug, Clone, Default)]
pub struct LeadChange {
    pub status: Option<LeadStatus>,
    /// The new notes; empty clears them.
    pub notes: Option<String>,
    /// The version the caller saw: if the lead has another, nothing changes.
    pub version: Option<u64>,
    /// Says that going back to NEW is meant.
    pub reopen: bool,
}

/// The caller's lead with its history, newest first.
///
/// # Errors
/// [`Error::LeadErased`]; [`kernel::Error::NotFound`] for an id that never was a lead's.
pub async fn read(stores: &Stores, user_id: UserId, lead_id: LeadId) -> Result<(Lead, Vec<EditRecord>)> {
    let lead = lead_of(stores, user_id, lead_id).await?;
    let history = stores.index.edits(user_id, lead_id).await?;
    Ok((lead, history))
}

/// Changes the caller's lead, its index entries and its history in one transaction.
///
/// # Errors
/// [`Error::IllegalTransition`], [`Error::StaleVersion`]; as [`read`].
pub async fn change(stores: &Stores, caller: &Caller, lead_id: LeadId, change: &LeadChange) -> Result<Lead> {
    check(change)?;
    on_conflict(&stores.clock, "lead", TRIES, || try_change(stores, caller, lead_id, change)).await
}

async fn try_change(stores: &Stores, caller: &Caller, lead_id: LeadId, change: &LeadChange) -> Result<Attempt<Lead>> {
    let mut lead = lead_of(stores, caller.user_id, lead_id).await?;
    if change.version.is_some_and(|version| version != lead.version) {
        return Err(Error::StaleVersion { current: lead.version });
    }
    let status = change.status.unwrap_or(lead.status);
    check_transition(lead.status, status, change.reopen)?;
    let notes = change.notes.clone().unwrap_or_else(|| lead.notes.clone());
    let notes_changed = notes != lead.notes;
    if status == lead.status && !notes_changed {
        return Ok(Attempt::Done(lead));
    }
    let now = whole_second(stores.clock.now());
    let mut transaction = Transaction::new();
    transaction.add(stores.leads.edit(&lead, &Edit { status, notes: &notes }, now)?);
    transaction.add(stores.index.record_edit(&lead, &caller.actor, status, notes_changed, now)?);
    if status != lead.status {
        let moved = Move { lead_id, from: IdSet::of(lead.status), to: IdSet::of(status) };
        transaction.add_all(stores.index.move_ids(caller.user_id, &[moved]).await?);
    }
    if notes_changed {
        transaction.add(stores.index.note(&lead, &notes)?);
    }
    if !stores.commit(&transaction).await?.is_committed() {
        return Ok(Attempt::Conflict);
    }
    lead.status = status;
    lead.notes = notes;
    lead.version += 1;
    lead.update_time = now;
    Ok(Attempt::Done(lead))
}

/// The tenant's lead of this id.
///
/// # Errors
/// [`Error::LeadErased`]; [`kernel::Error::NotFound`] for an id that never was a lead's.
pub(crate) async fn lead_of(stores: &Stores, user_id: UserId, lead_id: LeadId) -> Result<Lead> {
    match stores.leads.by_ids(user_id, [lead_id]).await?.pop() {
        Some(lead) => Ok(lead),
        None if stores.index.is_gone(user_id, lead_id).await? => Err(Error::LeadErased),
        None => Err(kernel::Error::NotFound("lead").into()),
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
        Some(notes) if notes.chars().count() > MAX_NOTES => {
            Err(kernel::Error::invalid("notes", format!("备注最多 {MAX_NOTES} 个字符，请精简后保存")).into())
        }
        _ => Ok(()),
    }
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
