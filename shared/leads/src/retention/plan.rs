//! Which leads one transaction deletes. Pure.

use std::collections::{HashMap, HashSet};

use kernel::error::Result;
use kernel::transaction::MAX_ACTIONS;

use crate::ids::LeadId;
use crate::store::lead::Lead;
use crate::store::lead_index::{block_of, segment_of};

/// What such a transaction has beside the leads: the counter, the row of the pass, the one of the audit log, and the events.
pub(super) const ALWAYS: usize = 4;

/// What is written of a lead: its row, who it was, and the hash that may stay of them.
const OF_EACH: usize = 3;

/// The change of a transaction.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    /// Those that go. One that was ever worked goes alone, because any number of notes and changes goes with it.
    pub going: Vec<&'a Lead>,
    /// How many of the ids are done with, once those are gone.
    pub looked_at: usize,
}

impl<'a> Plan<'a> {
    /// What becomes of the first of `ids`, where `over` are the leads among them that are to go.
    pub fn of(ids: &[LeadId], over: &'a HashMap<LeadId, Lead>) -> Result<Self> {
        let mut plan = Self::default();
        let (mut actions, mut segments, mut blocks) = (ALWAYS, HashSet::new(), HashSet::new());
        for id in ids {
            if let Some(lead) = over.get(id) {
                let stands_alone = lead.version > 0;
                let (segment, block) = (segment_of(*id), block_of(*id)?);
                let shared = usize::from(!segments.contains(&segment)) + usize::from(!blocks.contains(&block));
                if actions + OF_EACH + shared > MAX_ACTIONS || stands_alone && !plan.going.is_empty() {
                    break;
                }
                actions += OF_EACH + shared;
                segments.insert(segment);
                blocks.insert(block);
                plan.going.push(lead);
                if stands_alone {
                    plan.looked_at += 1;
                    break;
                }
            }
            plan.looked_at += 1;
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use kernel::ids::UserId;

    use super::super::is_over;
    use super::*;
    use crate::store::lead::LeadStatus;

    const CUTOFF: Timestamp = Timestamp::constant(1_795_000_000, 0);
    const LATER: Timestamp = Timestamp::constant(1_795_000_001, 0);

    fn lead(id: u64, version: u64) -> Lead {
        Lead {
            user_id: UserId::new(1).unwrap(),
            fan_open_id: format!("fan-{id}").parse().unwrap(),
            lead_id: LeadId::new(id),
            nickname: String::new(),
            avatar_url: String::new(),
            acquire_time: CUTOFF,
            status: LeadStatus::New,
            notes: String::new(),
            owner: None,
            unified_lead_id: None,
            sources: BTreeSet::new(),
            unfollowed: BTreeSet::new(),
            merged: BTreeSet::new(),
            other_fans: BTreeSet::new(),
            version,
            update_time: CUTOFF,
        }
    }

    /// Which of `ids` go in the first transaction, and how many are done with, where `over` are to go: id and version.
    fn plan(ids: impl IntoIterator<Item = u64>, over: impl IntoIterator<Item = (u64, u64)>) -> (Vec<u64>, usize) {
        let ids: Vec<LeadId> = ids.into_iter().map(LeadId::new).collect();
        let over = over.into_iter().map(|(id, version)| (LeadId::new(id), lead(id, version))).collect();
        let plan = Plan::of(&ids, &over).unwrap();
        (plan.going.iter().map(|lead| lead.lead_id.get()).collect(), plan.looked_at)
    }

    #[test]
    fn retention_takes_as_many_leads_as_fit_a_transaction_wherever_they_lie() {
        let (near, looked_at) = plan(1..=50, (1..=50).map(|id| (id, 0)));
        assert_eq!((near.len(), looked_at), (31, 31), "neighbours share segment and block");
        let far = || (1..=50).map(|number| number * 5_000);
        assert_eq!(plan(far(), far().map(|id| (id, 0))).0.len(), 19, "five actions each");
    }

    #[test]
    fn retention_of_a_worked_lead_is_one_of_its_own_and_passes_by_those_that_stay() {
        assert_eq!(plan(1..=5, [(2, 0), (3, 1), (4, 0)]), (vec![2], 2));
        assert_eq!(plan(3..=5, [(3, 1), (4, 0)]), (vec![3], 1));
        assert_eq!(plan(4..=5, [(4, 0)]), (vec![4], 2));
        assert_eq!(plan(1..=5, []), (vec![], 5));
    }

    #[test]
    fn lead_is_kept_for_nothing_only_if_old_and_unworked_and_no_customer() {
        let with_status = |status| Lead { status, ..lead(1, 3) };
        for (status, over) in [(LeadStatus::New, true), (LeadStatus::Contacted, true), (LeadStatus::Converted, false)] {
            assert_eq!(is_over(&with_status(status), Some(CUTOFF), CUTOFF), over, "{status:?}");
        }
        assert!(is_over(&lead(1, 0), None, CUTOFF));
        assert!(!is_over(&lead(1, 3), Some(LATER), CUTOFF), "somebody has worked it since");
        assert!(!is_over(&Lead { acquire_time: LATER, ..lead(1, 0) }, None, CUTOFF), "it is younger");
    }
}
