//! How much of a page fits one transaction. Pure.
//!
//! DynamoDB takes 100 actions, on rows of 4 MB altogether. Each lead is one action, and so is each segment of the index
//! in which an entry changes, however many do: new leads share theirs, renamed ones can need one each.

use std::collections::HashSet;

use kernel::transaction::MAX_ACTIONS;

use crate::ids::{LONGEST_OPEN_ID, LeadId};
use crate::store::lead_index::segment::LONGEST_ENTRY;
use crate::store::lead_index::{SEGMENT_LEADS, segment_of};

/// The task, the tenant's counter, and the mark of the new leads' time.
const ALWAYS: usize = 3;

/// No row of a page's transaction is larger. The largest are the segments; a lead has its notes, of which a few
/// kilobytes are possible, and a counter the ids of the tenant's accounts.
const LARGEST_ROW: usize = 40 * 1024;
const _: () = {
    const LONGEST: usize = if LONGEST_ENTRY > LONGEST_OPEN_ID { LONGEST_ENTRY } else { LONGEST_OPEN_ID };
    assert!(SEGMENT_LEADS as usize * (LONGEST + 8) <= LARGEST_ROW);
    assert!(MAX_ACTIONS * LARGEST_ROW <= 4 * 1024 * 1024);
};

/// What is left of a transaction.
#[derive(Debug)]
pub(super) struct ActionBudget {
    actions: usize,
    names: HashSet<u64>,
    opens: HashSet<u64>,
}

impl ActionBudget {
    /// A transaction without leads.
    pub fn new() -> Self {
        Self { actions: ALWAYS, names: HashSet::new(), opens: HashSet::new() }
    }

    /// Takes what a new lead needs. `false`: it does not fit, and nothing was taken.
    pub fn take_new(&mut self, lead_id: LeadId) -> bool {
        let segment = segment_of(lead_id);
        let more = usize::from(!self.names.contains(&segment)) + usize::from(!self.opens.contains(&segment));
        if !self.take(1 + more) {
            return false;
        }
        self.names.insert(segment);
        self.opens.insert(segment);
        true
    }

    /// Takes what a change of a lead needs, its index entry included if that changes. `false`: as with a new one.
    pub fn take_changed(&mut self, lead_id: LeadId, entry_changes: bool) -> bool {
        let segment = segment_of(lead_id);
        let needs_segment = entry_changes && !self.names.contains(&segment);
        if !self.take(1 + usize::from(needs_segment)) {
            return false;
        }
        if needs_segment {
            self.names.insert(segment);
        }
        true
    }

    fn take(&mut self, actions: usize) -> bool {
        let fits = self.actions + actions <= MAX_ACTIONS;
        if fits {
            self.actions += actions;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_room_holds_ninety_three_new_leads_of_one_segment() {
        let mut budget = ActionBudget::new();
        let first = (1..=32).cycle().map(LeadId::new);
        assert_eq!(first.take_while(|lead| budget.take_new(*lead)).count(), MAX_ACTIONS - ALWAYS - 2);
        assert!(!budget.take_changed(LeadId::new(1), false), "it is full");
    }

    #[test]
    fn page_room_counts_a_segment_for_each_scattered_rename_and_none_for_an_avatar() {
        let scattered = || (0..).map(|number| LeadId::new(number * SEGMENT_LEADS + 1));
        for (entry_changes, fitting) in [(true, 48), (false, 97)] {
            let mut budget = ActionBudget::new();
            assert_eq!(scattered().take_while(|lead| budget.take_changed(*lead, entry_changes)).count(), fitting);
        }
    }
}
