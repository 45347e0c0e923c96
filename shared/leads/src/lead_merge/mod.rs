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
use crate::ids::{LeadId, OpenId};
use crate::lead_edit::{TRIES, lead_of};
use crate::store::Stores;
use crate::store::lead::Lead;
use crate::store::lead_index::segment::{NameEntry, normalize};
use crate::store::lead_index::{Counter, FollowUp, LeadEdit, MergeLog, Work};

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
    let after = rules::joined(&before, &other, now)?;
    let log = MergeLog {
        into: survivor,
        row,
        before: Work::of(&before),
        after: Work::of(&after),
        sources: before.sources.clone(),
        unfollowed: before.unfollowed.clone(),
    };
    let mut next = counter.clone();
    next.holes.add(other.lead_id)?;
    next.merged_leads += 1;
    let names = [(survivor, Some(name(&mut next, &after))), (other.lead_id, None)];
    let edit = LeadEdit { before: &before, after: &after };

    let mut transaction = Transaction::new();
    transaction.add(leads.rewrite(&before, &after)?);
    transaction.add(leads.remove(&other)?);
    transaction.add(index.advance(user_id, &counter, &next)?);
    transaction.add_all(work(stores, edit, actor)?);
    transaction.add_all(index.move_leads_and(user_id, &[edit], Some(&other), None).await?);
    transaction.add_all(index.rename(user_id, &names)?);
    transaction.add(index.forget_note(user_id, other.lead_id)?);
    transaction.add(index.log_merge(&other, &log, actor, now)?);
    for fan in fans(&other) {
        transaction.add(identities.hand_over(user_id, fan, other.lead_id, survivor)?);
    }
    finish(stores, &transaction, after).await
}

async fn try_split(stores: &Stores, (user_id, actor): (UserId, &Actor), lead_id: LeadId) -> Result<Attempt<Lead>> {
    let Stores { index, leads, identities, .. } = stores;
    let counter = index.counter(user_id).await?;
    let log = index.merge_log(user_id, lead_id).await?.ok_or(kernel::Error::NotFound("merge"))?;
    let before = lead_of(stores, user_id, log.into).await?;
    let other = log.lead()?;
    let after = rules::parted(&before, &log, &other, whole_second(stores.clock.now()));
    let mut next = counter.clone();
    next.holes.remove(lead_id)?;
    next.merged_leads = next.merged_leads.saturating_sub(1);
    let names = [(log.into, Some(name(&mut next, &after))), (lead_id, Some(name(&mut next, &other)))];
    let edit = LeadEdit { before: &before, after: &after };

    let mut transaction = Transaction::new();
    transaction.add(leads.rewrite(&before, &after)?);
    transaction.add(leads.restore(log.row)?);
    transaction.add(index.advance(user_id, &counter, &next)?);
    transaction.add_all(work(stores, edit, actor)?);
    transaction.add_all(index.move_leads_and(user_id, &[edit], None, Some(&other)).await?);
    transaction.add_all(index.rename(user_id, &names)?);
    transaction.add(index.note(&other)?);
    transaction.add(index.forget_merge(user_id, lead_id)?);
    for fan in fans(&other) {
        transaction.add(identities.hand_over(user_id, fan, log.into, lead_id)?);
    }
    finish(stores, &transaction, after).await
}

/// The history of the surviving lead, and its notes if they are others now.
fn work(
    stores: &Stores,
    edit: LeadEdit<'_>,
    actor: &Actor,
) -> kernel::Result<Vec<aws_sdk_dynamodb::types::TransactWriteItem>> {
    let LeadEdit { before, after } = edit;
    let is_noted = before.notes != after.notes;
    let mut actions = vec![stores.index.record_edit(edit, actor, is_noted)?];
    if is_noted {
        actions.push(stores.index.note(after)?);
    }
    if is_noted && !normalize(&after.notes).is_empty() {
        actions.push(stores.index.add_follow_up(after.lead_id, &FollowUp::newest(after, actor))?);
    }
    Ok(actions)
}

/// What a search sees of a lead.
fn name(counter: &mut Counter, lead: &Lead) -> String {
    let mut accounts: Vec<(usize, bool)> =
        lead.sources.iter().map(|source| (counter.ordinal(source), !lead.unfollowed.contains(source))).collect();
    accounts.sort_unstable();
    NameEntry::new(accounts, &lead.nickname).encode()
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
            found => return found,
        }
    }
}
