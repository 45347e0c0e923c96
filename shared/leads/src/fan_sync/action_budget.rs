//! How much of a page fits one transaction. Pure.
//!
//! DynamoDB takes 100 actions, on rows of 4 MB altogether. A changed lead is one action, a new one is two (its row, and
//! who it is), and so is each segment of the index in which an entry changes, however many do: new leads share theirs,
//! renamed ones can need one each.

use std::collections::HashSet;

use kernel::transaction::MAX_ACTIONS;

use crate::ids::LeadId;
use crate::store::lead_index::segment::LONGEST_ENTRY;
use crate::store::lead_index::{SEGMENT_LEADS, segment_of};

/// The task, the tenant's counter, the mark of the new leads' time, and the events.
const ALWAYS: usize = 4;

/// No row of a page's transaction is larger. The largest are the segments; a lead has its notes, of which a few
/// kilobytes are possible, and a tenant the ids of its accounts.
const LARGEST_ROW: usize = 40 * 1024;
const _: () = {
    assert!(SEGMENT_LEADS as usize * (LONGEST_ENTRY + 8) <= LARGEST_ROW);
    assert!(MAX_ACTIONS * LARGEST_ROW <= 4 * 1024 * 1024);
};

/// What is left of a transaction.
#[derive(Debug)]
pub(super) struct ActionBudget {
    actions: usize,
    segments: HashSet<u64>,
}

impl ActionBudget {
    /// A transaction without leads, for a tenant that has `lead_count`. With the first lead comes the row by which the
    /// sweeper finds the tenant's old ones; an account that is `new` to the tenant is added to those met.
    pub fn new(lead_count: u64, new: bool) -> Self {
        Self { actions: ALWAYS + usize::from(lead_count == 0) + usize::from(new), segments: HashSet::new() }
    }

    /// Takes what a new lead needs. `false`: it does not fit, and nothing was taken.
    pub fn take_new(&mut self, lead_id: LeadId) -> bool {
        self.take(2, Some(segment_of(lead_id)))
    }

    /// Takes what a change of a lead needs, its index entry included if that changes. `false`: as with a new one.
    pub fn take_changed(&mut self, lead_id: LeadId, entry_changes: bool) -> bool {
        self.take(1, entry_changes.then(|| segment_of(lead_id)))
    }

    fn take(&mut self, rows: usize, segment: Option<u64>) -> bool {
        let new_segment = segment.filter(|segment| !self.segments.contains(segment));
        let actions = self.actions + rows + usize::from(new_segment.is_some());
        let fits = actions <= MAX_ACTIONS;
        if fits {
            self.actions = actions;
            self.segments.extend(new_segment);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_room_holds_forty_six_new_leads_wherever_they_begin_and_one_more_in_two_segments() {
        for first in 1..=SEGMENT_LEADS {
            let mut budget = ActionBudget::new(first - 1, false);
            let fitting = (first..).map(LeadId::new).take_while(|lead| budget.take_new(*lead)).count();
            // The first leads of a tenant come with the row of their retention.
            let has_room = first > 1 && segment_of(LeadId::new(first + 46)) - segment_of(LeadId::new(first)) < 2;
            assert_eq!(fitting, if has_room { 47 } else { 46 }, "from lead {first} on");
        }
    }

    #[test]
    fn page_room_counts_a_segment_for_each_scattered_rename_and_none_for_an_avatar() {
        let scattered = || (0..).map(|number| LeadId::new(number * SEGMENT_LEADS + 1));
        for (entry_changes, fitting) in [(true, 48), (false, 96)] {
            let mut budget = ActionBudget::new(1, false);
            assert_eq!(scattered().take_while(|lead| budget.take_changed(*lead, entry_changes)).count(), fitting);
        }
    }
}
