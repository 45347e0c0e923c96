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

#[test]
fn account_off_the_line_is_waited_for_until_its_post_would_be_late() {
    let offline = [Event::AccountOffline, Event::Refused(failure(FailureKind::AccountOffline))];
    for event in offline {
        for (late, waits) in [(MINUTE, true), (MINUTE * 58, true), (MINUTE * 59, false), (MINUTE * 70, false)] {
            let mut timed = delivery(S::Queued, false);
            timed.planned_at = Some(NOW - late);
            let transition = next(&timed, event.clone(), &policy()).unwrap();
            let reason = waits.then_some(WaitReason::Offline);
            assert_eq!(transition.change.waits_for, reason, "{late:?} {event:?}");
            assert_eq!(transition.states.is_empty(), waits, "it fails, or nothing is told: {late:?} {event:?}");
        }
        let transition = next(&delivery(S::Queued, false), event.clone(), &policy()).unwrap();
        assert_eq!(transition.change.stage, Some(S::Done), "without a time: {event:?}");
    }
}
