//! The same change to many leads: each by the rules of a single edit, and each told what came of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kernel::IsContention;
use kernel::advice::Advice;
use kernel::audit::Row;
use kernel::caller::Caller;
use kernel::ids::MAX_SAFE_INTEGER;
use kernel::retry::{Attempt, on_conflict};
use serde_json::{Value, json};

use super::plan::{Plan, commit};
use super::{LeadChange, OwnerChange, TRIES, check};
use crate::audit;
use crate::error::Result;
use crate::ids::LeadId;
use crate::store::Stores;
use crate::store::bitmap::BLOCK_IDS;
use crate::store::lead::Lead;
use crate::store::standing::Standing;

/// Ids that one request may name.
pub const MAX_BATCH: usize = 100;

/// Leads of one transaction, and leads and blocks of ids together. A lead is three rows at most (itself, its history, the set
/// of its owner), a block three more (the sets of two statuses and of the new owner), and there are the tally, the row of
/// the audit log and the events: 99 of its 100 actions.
const GROUP: usize = 25;
const GROUP_AND_BLOCKS: usize = 32;

/// What came of one lead.
pub type BatchResult = (LeadId, Result<(), Advice>);

/// Makes the same change to the caller's leads; answers each id once, in the order in which they are named first.
///
/// Leads of one block of ids share its sets, so edits of one by one would refuse each other: they are changed in
/// transactions of up to 25, one after the other. Whoever dies in between has changed the first of them; the same request again
/// finds these as they should be, and changes the others. The version of a lead is not asked for.
///
/// # Errors
/// [`kernel::Error::InvalidRequest`] when nothing is to be changed, or for too many ids or one that is none. A failure of AWS, after which
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
    if let Some(index) = lead_ids.iter().position(|id| !id.is_readable()) {
        let problem = format!("取值超出范围，应为不超过 {MAX_SAFE_INTEGER} 的非负整数");
        return Err(kernel::Error::invalid(format!("leadIds[{index}]"), problem).into());
    }
    let mut results = BTreeMap::new();
    for group in &groups(lead_ids) {
        let attempt = || change_group(stores, caller, group, change);
        match on_conflict(&stores.clock, "leads", TRIES, attempt).await {
            Ok(outcomes) => results.extend(outcomes),
            Err(error) if error.is_contention() => results.extend(group.iter().map(|id| (*id, Err(error.advice())))),
            Err(error) => return Err(error),
        }
    }
    Ok(lead_ids.iter().filter_map(|id| results.remove_entry(id)).collect())
}

/// The ids once each, in groups of neighbours that fit a transaction.
fn groups(lead_ids: &[LeadId]) -> Vec<Vec<LeadId>> {
    let mut groups: Vec<Vec<LeadId>> = Vec::new();
    let mut blocks = BTreeSet::new();
    for id in lead_ids.iter().copied().collect::<BTreeSet<_>>() {
        let block = id.get() / u64::from(BLOCK_IDS);
        match groups.last_mut() {
            Some(group)
                if group.len() < GROUP
                    && group.len() + 1 + blocks.len() + usize::from(!blocks.contains(&block)) <= GROUP_AND_BLOCKS =>
            {
                group.push(id);
            }
            _ => {
                blocks.clear();
                groups.push(vec![id]);
            }
        }
        blocks.insert(block);
    }
    groups
}

async fn change_group(
    stores: &Stores,
    caller: &Caller,
    ids: &[LeadId],
    change: &LeadChange,
) -> Result<Attempt<Vec<BatchResult>>> {
    let leads = stores.leads.by_ids(caller.user_id, ids.iter().copied()).await?;
    let mut found: HashMap<LeadId, Result<Lead>> = leads.into_iter().map(|lead| (lead.lead_id, Ok(lead))).collect();
    let missing: Vec<LeadId> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
    let standings = stores.standings(caller.user_id, &missing).await?;
    found.extend(missing.into_iter().zip(standings.into_iter().map(Standing::into_lead)));
    let (mut plans, mut results) = (Vec::new(), Vec::new());
    let now = stores.clock.now();
    for id in ids {
        let Some(lead) = found.remove(id) else { continue };
        let planned = lead.and_then(|lead| Plan::of(lead, change, now)).map(|plan| plans.push(plan));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_is_cut_into_groups_that_fit_a_transaction_wherever_its_leads_lie() {
        let sizes = |ids: Vec<u64>| -> Vec<usize> {
            groups(&ids.into_iter().map(LeadId::new).collect::<Vec<_>>()).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes((1..=100).rev().collect()), [25, 25, 25, 25]);
        assert_eq!(sizes((1..=100).map(|number| number * 4_096).collect()), [16, 16, 16, 16, 16, 16, 4]);
        assert_eq!(sizes(vec![7, 7, 9, 7]), [2]);
        assert_eq!(sizes(vec![]), [0; 0]);
    }
}
