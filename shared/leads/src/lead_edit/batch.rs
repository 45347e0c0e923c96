//! The same change to many leads: each by the rules of a single edit, and each told what came of it.

use std::collections::BTreeMap;

use kernel::IsContention;
use kernel::advice::Advice;
use kernel::audit::Row;
use kernel::caller::Caller;
use kernel::retry::{Attempt, on_conflict};
use serde_json::{Value, json};

use super::plan::{Plan, commit};
use super::{LeadChange, OwnerChange, TRIES, check};
use crate::audit;
use crate::error::{Error, Result};
use crate::ids::LeadId;
use crate::store::Stores;
use crate::store::lead_index::BLOCK_IDS;

/// Ids that one request may name.
pub const MAX_BATCH: usize = 100;

/// Leads of one transaction: three rows each at most (the lead, its history, the set of its owner), and what they share (three
/// sets, the tally, the row of the audit log) are 80 of its 100 actions.
const GROUP: usize = 25;

/// What came of one lead.
pub type BatchResult = (LeadId, Result<(), Advice>);

/// Makes the same change to the caller's leads; answers each id once, in the order in which they are named first.
///
/// Leads of one block of ids share its sets, so edits of one by one would refuse each other: they are changed in
/// transactions of 25, one after the other. Whoever dies in between has changed the first of them; the same request again
/// finds these as they should be, and changes the others. The version of a lead is not asked for.
///
/// # Errors
/// [`kernel::Error::InvalidRequest`] when nothing is to be changed, or for too many ids. A failure of AWS, after which
/// some may be changed: the request can be repeated. What one lead forbids, or that others are at it, is its own result.
pub async fn change_all(
    stores: &Stores,
    caller: &Caller,
    lead_ids: &[LeadId],
    change: &LeadChange,
) -> Result<Vec<BatchResult>> {
    check(change)?;
    if change.status.is_none() && change.owner == OwnerChange::Stays {
        return Err(kernel::Error::invalid("status", "请填写要修改的 status 或 ownerId").into());
    }
    if !(1..=MAX_BATCH).contains(&lead_ids.len()) {
        return Err(kernel::Error::invalid("leadIds", format!("须为 1 到 {MAX_BATCH} 个线索编号")).into());
    }
    let mut blocks: BTreeMap<u64, Vec<LeadId>> = BTreeMap::new();
    for id in lead_ids {
        let block = blocks.entry(id.get() / u64::from(BLOCK_IDS)).or_default();
        if !block.contains(id) {
            block.push(*id);
        }
    }
    let mut results = BTreeMap::new();
    for group in blocks.values().flat_map(|ids| ids.chunks(GROUP)) {
        let attempt = || change_group(stores, caller, group, change);
        match on_conflict(&stores.clock, "leads", TRIES, attempt).await {
            Ok(outcomes) => results.extend(outcomes),
            Err(error) if error.is_contention() => results.extend(group.iter().map(|id| (*id, Err(error.advice())))),
            Err(error) => return Err(error),
        }
    }
    Ok(lead_ids.iter().filter_map(|id| results.remove_entry(id)).collect())
}

async fn change_group(
    stores: &Stores,
    caller: &Caller,
    ids: &[LeadId],
    change: &LeadChange,
) -> Result<Attempt<Vec<BatchResult>>> {
    let mut leads = stores.leads.by_ids(caller.user_id, ids.iter().copied()).await?;
    let (mut plans, mut results) = (Vec::new(), Vec::new());
    let now = stores.clock.now();
    for id in ids {
        let lead = leads.iter().position(|lead| lead.lead_id == *id).map(|found| leads.swap_remove(found));
        let planned = match lead {
            Some(lead) => Plan::of(lead, change, now).map(|plan| plans.push(plan)),
            None => Err(Error::from(kernel::Error::NotFound("lead"))),
        };
        results.push((*id, planned.map_err(|error| error.advice())));
    }
    let changed: Vec<LeadId> = plans.iter().filter(|plan| plan.is_change()).map(|plan| plan.after().lead_id).collect();
    let row = Row {
        tenant: caller.user_id,
        actor: &caller.actor,
        action: audit::LEADS_CHANGED,
        object: "leads".to_owned(),
        before: Value::Null,
        after: json!({ "leadIds": changed, "status": change.status, "ownerId": change.owner.as_text() }),
    };
    let deed = stores.audit.row(&row, now)?;
    Ok(match commit(stores, caller, plans, Some(deed)).await? {
        Attempt::Done(_) => Attempt::Done(results),
        Attempt::Conflict => Attempt::Conflict,
    })
}
