//! What decisions are bounded by.

use super::*;
use crate::publish::machine::policy::{FINAL_POLL_AFTER, JOB_LIFETIME, LONGEST_WAIT};

#[test]
fn bounds_of_days_are_as_long_as_they_say() {
    assert_eq!([JOB_LIFETIME, FINAL_POLL_AFTER, LONGEST_WAIT], [86_400, 86_400, 259_200].map(Duration::from_secs));
}

#[test]
fn senders_are_the_open_accounts_among_those_that_can_be_used() {
    for (usable, expected) in [(vec![0], vec![0]), (vec![1], vec![1]), (vec![0, 1], vec![0, 1])] {
        let transition = next(&delivery(S::Queued, true), Event::Usable(usable), &policy()).unwrap();
        assert_eq!(transition.then, NextStep::Call(Call::Prepare { senders: expected }));
    }
}
