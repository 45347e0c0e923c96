//! Which leads one transaction takes an account from, and what becomes of each. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use kernel::error::Result;
use kernel::transaction::MAX_ACTIONS;

use crate::ids::{LeadId, OpenId};
use crate::store::lead::Lead;
use crate::store::lead_index::{Counter, block_of, segment_of};

/// What such a transaction has beside the leads: the counter, the deletion's numbers, the events, and of a lead that was worked
/// the tally, the sets of its status and its owner, and the notes that it shows.
pub(super) const ALWAYS: usize = 7;

/// What of a lead is written when it goes: its row, who it is, its name, and the set of those that are gone.
pub(super) const GOES: usize = 4;

/// The change of a transaction.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    /// Those that no other account brought.
    pub going: Vec<&'a Lead>,
    /// Those that another one brought too, with what they are without this one.
    pub staying: Vec<(&'a Lead, Lead)>,
    /// What a search is to see of all that were looked at; nothing of those that go.
    pub names: Vec<(LeadId, Option<String>)>,
}

impl<'a> Plan<'a> {
    /// What becomes of the first of `ids`, as many as fit a transaction, where `leads` are their rows as far as there are any.
    /// A lead that goes and was worked stands alone: any number of notes and changes goes with it. So does one that others
    /// were merged into, of which there is nothing in the plan: they have to be split first.
    pub fn of(
        ids: &[LeadId],
        leads: &'a HashMap<LeadId, Lead>,
        account: &OpenId,
        counter: &mut Counter,
    ) -> Result<Self> {
        let mut plan = Self::default();
        let (mut actions, mut segments, mut blocks) = (ALWAYS, HashSet::new(), HashSet::new());
        for id in ids {
            let lead = leads.get(id);
            if lead.is_some_and(|lead| !lead.merged.is_empty()) {
                break;
            }
            let is_only = |lead: &&Lead| lead.sources.iter().all(|source| source == account);
            let goes = lead.filter(is_only).filter(|lead| !lead.sources.is_empty());
            let stands_alone = goes.is_some_and(|lead| lead.version > 0);
            if stands_alone && !plan.names.is_empty() {
                break;
            }
            let rows = if goes.is_some() { 2 } else { 1 };
            let new_segment = usize::from(!segments.contains(&segment_of(*id)));
            let new_block = usize::from(goes.is_some() && !blocks.contains(&block_of(*id)?));
            if actions + rows + new_segment + new_block > MAX_ACTIONS {
                break;
            }
            actions += rows + new_segment + new_block;
            segments.insert(segment_of(*id));
            let mut name = None;
            if let Some(lead) = goes {
                blocks.insert(block_of(*id)?);
                plan.going.push(lead);
            } else if let Some(lead) = lead {
                let after = without(lead, account);
                name = Some(counter.name_of(&after).encode());
                if after.sources != lead.sources {
                    plan.staying.push((lead, after));
                }
            }
            plan.names.push((*id, name));
            if stands_alone {
                break;
            }
        }
        Ok(plan)
    }
}

fn without(lead: &Lead, account: &OpenId) -> Lead {
    let account = BTreeSet::from([account.clone()]);
    Lead { sources: &lead.sources - &account, unfollowed: &lead.unfollowed - &account, ..lead.clone() }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use kernel::ids::UserId;

    use super::*;
    use crate::store::lead::LeadStatus;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    fn account(name: &str) -> OpenId {
        name.parse().unwrap()
    }

    fn lead(id: u64, sources: &[&str], version: u64) -> (LeadId, Lead) {
        let lead = Lead {
            user_id: UserId::new(1).unwrap(),
            fan_open_id: account(&format!("fan-{id}")),
            lead_id: LeadId::new(id),
            nickname: String::new(),
            avatar_url: String::new(),
            acquire_time: NOW,
            status: LeadStatus::New,
            notes: String::new(),
            owner: None,
            unified_lead_id: None,
            sources: sources.iter().map(|name| account(name)).collect(),
            unfollowed: BTreeSet::new(),
            merged: BTreeSet::new(),
            other_fans: BTreeSet::new(),
            version,
            update_time: NOW,
        };
        (lead.lead_id, lead)
    }

    /// How many of these leads go, stay, and are looked at.
    fn plan(ids: impl IntoIterator<Item = u64>, leads: &HashMap<LeadId, Lead>) -> [usize; 3] {
        let ids: Vec<LeadId> = ids.into_iter().map(LeadId::new).collect();
        let plan = Plan::of(&ids, leads, &account("a"), &mut Counter::default()).unwrap();
        [plan.going.len(), plan.staying.len(), plan.names.len()]
    }

    #[test]
    fn deletion_takes_as_many_leads_as_fit_a_transaction_wherever_they_lie() {
        let all =
            |step: u64, sources: &[&str]| (1..=50).map(|id| lead(id * step, sources, 0)).collect::<HashMap<_, _>>();
        assert_eq!(plan(1..=50, &all(1, &["a"])), [45, 0, 45], "neighbours share segments and the set of their block");
        let far = all(5_000, &["a"]);
        assert_eq!(plan((1..=50).map(|id| id * 5_000), &far), [23, 0, 23], "four actions each");
        assert_eq!(plan(1..=50, &all(1, &["a", "b"])), [0, 50, 50]);
    }

    #[test]
    fn deletion_of_a_worked_lead_is_one_of_its_own_and_a_merged_one_waits_to_be_split() {
        let mut leads: HashMap<_, _> = [lead(1, &["a"], 0), lead(2, &["a"], 1), lead(3, &["a", "b"], 1)].into();
        assert_eq!(plan([1, 2, 3], &leads), [1, 0, 1]);
        assert_eq!(plan([2, 3], &leads), [1, 0, 1]);
        assert_eq!(plan([3, 2], &leads), [0, 1, 1]);
        leads.get_mut(&LeadId::new(1)).unwrap().merged.insert(LeadId::new(9));
        assert_eq!(plan([1, 2], &leads), [0, 0, 0]);
        assert_eq!(plan([3, 1], &leads), [0, 1, 1]);
    }

    #[test]
    fn deletion_leaves_leads_of_others_alone_and_takes_names_of_nobody_away() {
        let leads: HashMap<_, _> = [lead(1, &["b"], 0), lead(2, &["a", "b"], 0)].into();
        let ids = [1, 2, 3].map(LeadId::new);
        let mut counter = Counter { accounts: vec![account("a"), account("b")], ..Counter::default() };
        let plan = Plan::of(&ids, &leads, &account("a"), &mut counter).unwrap();
        let names: Vec<_> = plan.names.iter().map(|(_, name)| name.as_deref()).collect();
        assert_eq!(names, [Some("1+|"), Some("1+|"), None]);
        assert_eq!((plan.going.len(), plan.staying.len()), (0, 1));
        assert_eq!(plan.staying[0].1.sources, [account("b")].into());
    }
}
