//! Two leads that are one person: the one stands for both from then on, and the other one's id is a hole that leads to it. A
//! log of what was done lets `split` undo it.
//!
//! Each is one transaction, on the condition that nobody has edited the leads and no sync has changed any since they were
//! read. So a process that dies has merged them or has not.

mod rules;

use kernel::caller::Actor;
use kernel::ids::UserId;
use kernel::instant::whole_second;
use kernel::retry::{Attempt, on_conflict};
use kernel::transaction::Transaction;

use crate::error::{Error, Result};
use crate::events;
use crate::ids::{LeadId, OpenId};
use crate::lead_edit::{TRIES, lead_of};
use crate::store::Stores;
use crate::store::lead::Lead;
use crate::store::lead_index::{LeadEdit, MergeLog, MergedFields};
use rules::Parted;

/// Merges the tenant's lead `other` into `survivor`, which is answered as it is then.
///
/// # Errors
/// [`Error::MergeTooLarge`]; [`kernel::Error::InvalidRequest`] for one and the same lead; [`Error::LeadMerged`],
/// [`Error::LeadErased`] and [`kernel::Error::NotFound`] for an id that no lead has.
pub async fn merge(
    stores: &Stores,
    (user_id, actor): (UserId, &Actor),
    survivor: LeadId,
    other: LeadId,
) -> Result<Lead> {
    if survivor == other {
        return Err(kernel::Error::invalid("leadId", "请选择两条不同的线索").into());
    }
    let attempt = || Box::pin(try_merge(stores, (user_id, actor), survivor, other));
    on_conflict(&stores.clock, "lead", TRIES, attempt).await
}

/// Undoes the merge of `lead_id` into another lead, which is answered as it is then.
///
/// # Errors
/// [`kernel::Error::NotFound`] for a lead that was not merged; [`Error::LeadMerged`] when the other lead was itself merged
/// since: that has to be undone first.
pub async fn split(stores: &Stores, (user_id, actor): (UserId, &Actor), lead_id: LeadId) -> Result<Lead> {
    on_conflict(&stores.clock, "lead", TRIES, || Box::pin(try_split(stores, (user_id, actor), lead_id))).await
}

async fn try_merge(
    stores: &Stores,
    (user_id, actor): (UserId, &Actor),
    survivor: LeadId,
    other: LeadId,
) -> Result<Attempt<Lead>> {
    let Stores { index, leads, identities, .. } = stores;
    // A sync that changes a lead moves the counter, so what is read after it is still true if it has not moved.
    let counter = index.counter(user_id).await?;
    let before = lead_of(stores, user_id, survivor).await?;
    let other = lead_of(stores, user_id, other).await?;
    let Some(row) = leads.row(&other).await? else { return Ok(Attempt::Conflict) };
    let now = whole_second(stores.clock.now());
    let note = match index.noted_at(user_id, other.lead_id).await? {
        Some(time) => rules::note_of(&other, time),
        None => String::new(),
    };
    let after = rules::joined(&before, &other, &note, now)?;
    let log = MergeLog { into: survivor, made_version: after.version, row, before: MergedFields::of(&before), note };
    let mut next = counter.clone();
    next.holes.add(other.lead_id)?;
    next.merged_leads += 1;
    let names = [(survivor, Some(next.name_of(&after).encode())), (other.lead_id, None)];
    let edit = LeadEdit { before: &before, after: &after };

    let mut transaction = Transaction::new();
    transaction.add(leads.rewrite(&before, &after)?);
    transaction.add(leads.remove(&other)?);
    index.advance(&mut transaction, user_id, &counter, &next)?;
    transaction.add_all(index.record(edit, actor, before.notes != after.notes)?);
    transaction.add_all(index.move_leads_and(user_id, &[edit], &[&other], None).await?);
    transaction.add_all(index.rename(user_id, &names)?);
    transaction.add(index.forget_note(user_id, other.lead_id)?);
    transaction.add(index.log_merge(&other, &log, actor, now)?);
    for fan in fans(&other) {
        transaction.add(identities.hand_over(user_id, fan, other.lead_id, survivor)?);
    }
    stores.tell(&mut transaction, user_id, &[events::merged(&after, &other, counter.version + 1)?])?;
    finish(stores, &transaction, after).await
}

async fn try_split(stores: &Stores, (user_id, actor): (UserId, &Actor), lead_id: LeadId) -> Result<Attempt<Lead>> {
    let Stores { index, leads, identities, .. } = stores;
    let counter = index.counter(user_id).await?;
    let found = index.merge_logs(user_id, [lead_id]).await?.pop();
    let log = found.ok_or(kernel::Error::NotFound("merge"))?;
    let before = lead_of(stores, user_id, log.into).await?;
    let other = log.lead()?;
    // What else was merged into the same lead since was made from what this merge made of it.
    let others = index.merge_logs(user_id, before.merged.iter().copied().filter(|id| *id != lead_id)).await?;
    let later = others.into_iter().filter(|other| other.into == log.into && other.made_version > log.made_version);
    let Parted { lead: after, rebased } =
        rules::parted(&before, &log, later.collect(), whole_second(stores.clock.now()))?;
    let mut next = counter.clone();
    next.holes.remove(lead_id)?;
    next.merged_leads = next.merged_leads.saturating_sub(1);
    let names = [(log.into, Some(next.name_of(&after).encode())), (lead_id, Some(next.name_of(&other).encode()))];
    let edit = LeadEdit { before: &before, after: &after };

    let mut transaction = Transaction::new();
    transaction.add(leads.rewrite(&before, &after)?);
    transaction.add(leads.restore(log.row)?);
    index.advance(&mut transaction, user_id, &counter, &next)?;
    transaction.add_all(index.record(edit, actor, before.notes != after.notes)?);
    transaction.add_all(index.move_leads_and(user_id, &[edit], &[], Some(&other)).await?);
    transaction.add_all(index.rename(user_id, &names)?);
    transaction.add(index.note(&other)?);
    transaction.add(index.forget_merge(user_id, lead_id)?);
    for (merged, log) in &rebased {
        transaction.add(index.rebase_merge(user_id, *merged, log)?);
    }
    for fan in fans(&other) {
        transaction.add(identities.hand_over(user_id, fan, log.into, lead_id)?);
    }
    stores.tell(&mut transaction, user_id, &events::split(&before, &after, &other, counter.version + 1)?)?;
    finish(stores, &transaction, after).await
}

/// All fans that a lead stands for.
pub(crate) fn fans(lead: &Lead) -> impl Iterator<Item = &OpenId> {
    lead.other_fans.iter().chain([&lead.fan_open_id])
}

async fn finish(stores: &Stores, transaction: &Transaction, lead: Lead) -> Result<Attempt<Lead>> {
    Ok(match stores.commit(transaction).await?.is_committed() {
        true => Attempt::Done(lead),
        false => Attempt::Conflict,
    })
}

/// The lead that stands for the person of an id: itself, or the one it was merged into.
///
/// # Errors
/// [`Error::LeadErased`]; [`kernel::Error::NotFound`] for an id that never was a lead's.
pub(crate) async fn resolve(stores: &Stores, user_id: UserId, lead_id: LeadId) -> Result<Lead> {
    let mut asked = lead_id;
    loop {
        match lead_of(stores, user_id, asked).await {
            // Leads are merged one into the other in no circle: each merge takes an id off the list.
            Err(Error::LeadMerged { into }) => asked = into,
            // It was split off, or merged elsewhere, since it was seen to lead here: what it stands for now is asked anew.
            Err(Error::LeadErased) if asked != lead_id => asked = lead_id,
            Ok(lead) if asked != lead_id && !lead.merged.contains(&lead_id) => asked = lead_id,
            found => return found,
        }
    }
}
