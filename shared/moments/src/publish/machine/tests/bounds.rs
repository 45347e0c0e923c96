//! The numbers that decisions are bounded by, in the unit that they are compared in.

use super::*;
use crate::publish::machine::policy::{FINAL_POLL_AFTER, JOB_LIFETIME, LONGEST_WAIT};

#[test]
fn bounds_of_days_are_in_milliseconds() {
    assert_eq!([JOB_LIFETIME, FINAL_POLL_AFTER, LONGEST_WAIT], [86_400_000, 86_400_000, 259_200_000]);
    assert_eq!((milliseconds(Duration::from_secs(3)), milliseconds(Duration::MAX)), (3_000, i64::MAX / 4));
}

#[test]
fn senders_are_the_open_accounts_among_those_that_can_be_used() {
    for (usable, expected) in [(vec![0], vec![0]), (vec![1], vec![1]), (vec![0, 1], vec![0, 1])] {
        let transition = next(&delivery(S::Queued, true), Event::Usable(usable), &policy()).unwrap();
        assert_eq!(transition.then, NextStep::Call(Call::Prepare { senders: expected }));
    }
}
