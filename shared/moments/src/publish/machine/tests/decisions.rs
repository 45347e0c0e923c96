//! Where one decision turns into another: the last attempt, the last look, the instant of a deadline.

use super::*;
use crate::error::provider_advice;
use crate::publish::machine::policy::{FINAL_POLL_AFTER, LONGEST_WAIT};
use crate::store::account::AccountStatus;

const DEADLINE: Timestamp = Timestamp::constant(1_800_000_000 + 48 * 3_600, 0);

fn after(stage: S, change: impl FnOnce(&mut DeliveryState), event: Event) -> Transition {
    let mut delivery = delivery(stage, true);
    change(&mut delivery);
    next(&delivery, event, &policy()).expect("a legal pair")
}

/// The stage that is left behind, and what is done then.
fn then(stage: S, change: impl FnOnce(&mut DeliveryState), event: Event) -> (Option<S>, NextStep) {
    let transition = after(stage, change, event);
    (transition.change.stage, transition.then)
}

/// What both accounts are told.
fn recorded(transition: &Transition) -> Vec<AccountState> {
    transition.states.iter().map(|(_, state)| state.clone()).collect()
}

fn failed(problem: PublishProblem) -> Vec<AccountState> {
    vec![AccountState::failed(problem.advice()); 2]
}

fn pause(seconds: u64) -> NextStep {
    NextStep::Wake(Duration::from_secs(seconds))
}

#[test]
fn delivery_fails_after_its_last_attempt_longest_wait_or_planned_time() {
    use PublishProblem::{GaveUp, Missed, WaitedTooLong};
    const DAY: SignedDuration = SignedDuration::from_hours(24);
    let none = SignedDuration::ZERO;
    for (attempts, waited, planned_before, expected) in [
        (8, none, None, None),
        (9, none, None, Some(GaveUp)),
        (1, DAY, None, None),
        (1, DAY + MILLISECOND, None, Some(WaitedTooLong)),
        // What has a time is judged by that.
        (1, DAY + MILLISECOND, Some(HOUR), None),
        (1, none, Some(HOUR), None),
        (1, none, Some(HOUR + MILLISECOND), Some(Missed)),
    ] {
        let change = |d: &mut DeliveryState| {
            d.attempts = attempts;
            d.wanted_at = Some(NOW - waited);
            d.planned_at = planned_before.map(|before| NOW - before);
        };
        let transition = after(S::Queued, change, Event::Claimed);
        match expected {
            None => assert_eq!(transition, Transition::call(Call::Accounts)),
            Some(problem) => assert_eq!((recorded(&transition), transition.then), (failed(problem), NextStep::End)),
        }
    }
}

#[test]
fn delivery_with_unusable_accounts_fails_those_and_shows_the_others_once() {
    let unusable = AccountState::failed(PublishProblem::AccountUnusable.advice());
    let claimed = AccountState::Processing(Stage::Claimed);
    for (attempts, has_media, expected) in [
        (1, true, vec![(0, unusable.clone()), (1, claimed)]),
        (2, true, vec![(0, unusable.clone())]),
        (1, false, vec![(0, unusable)]),
    ] {
        let change = |d: &mut DeliveryState| (d.attempts, d.has_media) = (attempts, has_media);
        let transition = after(S::Queued, change, Event::Usable(vec![1]));
        assert_eq!(transition.states, expected);
        assert_eq!(transition.then, NextStep::Call(Call::Prepare { senders: vec![1] }));
    }
}

#[test]
fn delivery_refused_temporarily_is_begun_again_within_its_attempts() {
    let refused = |attempts, kind| then(S::Sending, |d| d.attempts = attempts, Event::Refused(failure(kind)));
    let done = (Some(S::Done), NextStep::End);
    let recover = |recovery| (None, NextStep::Call(Call::Recover(recovery)));
    assert_eq!(refused(1, FailureKind::Retry), (Some(S::Queued), pause(10)));
    assert_eq!(refused(7, FailureKind::Retry), (Some(S::Queued), pause(640)));
    assert_eq!(refused(8, FailureKind::Retry), done);
    assert_eq!(refused(7, FailureKind::MediaFetchFailed), (Some(S::Queued), pause(640)));
    assert_eq!(refused(8, FailureKind::MediaFetchFailed), done);
    // Once each, whatever number the attempt has; and that is no further attempt.
    for (kind, recovery, repair) in [
        (FailureKind::TokenInvalid, Recovery::Token, Repair::Token),
        (FailureKind::MediaInvalid, Recovery::Media, Repair::Media),
    ] {
        for attempts in [1, 2, 3, 8] {
            assert_eq!(refused(attempts, kind), recover(recovery));
        }
        let again = |repaired: Vec<Repair>| then(S::Sending, |d| d.repaired = repaired, Event::Refused(failure(kind)));
        let other = if repair == Repair::Token { Repair::Media } else { Repair::Token };
        assert_eq!(again(vec![other]), recover(recovery));
        assert_eq!(again(vec![other, repair]), done);
        let repaired = after(S::Sending, |d| (d.attempts, d.repaired) = (3, vec![other]), Event::Recovered(repair));
        assert_eq!((repaired.change.attempts, repaired.change.repaired), (Some(2), Some(vec![other, repair])));
    }
    let window = RateWindow::Day;
    assert_eq!(refused(20, FailureKind::RateLimited { window }), recover(Recovery::Rate(window)));
    // The pause ends growing where a message can no longer wait it out.
    assert_eq!(then(S::Queued, |d| d.attempts = 8, Event::TemporaryFailure), (Some(S::Queued), pause(900)));
    assert_eq!(then(S::Sending, |_| (), Event::Recovered(Repair::Token)), (Some(S::Queued), pause(0)));
    let late = |kind| then(S::Queued, |_| (), Event::NoToken(failure(kind)));
    assert_eq!(late(FailureKind::Retry), (Some(S::Queued), pause(10)));
    assert_eq!(late(FailureKind::BadCredentials), done);
}

#[test]
fn delivery_waiting_for_its_slot_spends_no_attempt() {
    let transition = after(S::Queued, |d| d.attempts = 3, Event::NotBefore(NOW + MINUTE, WaitReason::DailyCap));
    assert_eq!((transition.change.attempts, transition.then), (Some(2), pause(60)));
    assert_eq!(transition.change.waits_for, Some(WaitReason::DailyCap));
    let transition = after(S::Queued, |d| d.attempts = 3, Event::TemporaryFailure);
    assert_eq!(transition.change.attempts, None);
}

#[test]
fn delivery_refused_for_good_records_what_it_proves_about_the_account() {
    for (kind, proven) in [
        (FailureKind::AccountOffline, Some(AccountStatus::Offline)),
        (FailureKind::AnotherPerson, Some(AccountStatus::Offline)),
        (FailureKind::DeviceUnknown, Some(AccountStatus::Offline)),
        (FailureKind::BadCredentials, Some(AccountStatus::Expired)),
        (FailureKind::Unknown, None),
    ] {
        let transition = after(S::Sending, |_| (), Event::Refused(failure(kind)));
        assert_eq!(transition.proven, proven, "{kind}");
        assert_eq!(recorded(&transition), vec![AccountState::failed(provider_advice(&failure(kind))); 2]);
    }
}

#[test]
fn unconfirmed_delivery_reads_the_list_up_to_its_limit_and_believes_absence_as_proven() {
    let read = |attempts, resend, event| {
        let change = |d: &mut DeliveryState| (d.attempts, d.resend_if_absent) = (attempts, resend);
        then(S::Unconfirmed, change, event)
    };
    use Absence::{Blind, InDoubt, Likely, Proven};
    let (replaced, done) = ((Some(S::Done), NextStep::Replace), (Some(S::Done), NextStep::End));
    // Right after the call even a list that shows others may be late; that is no reading, and the call's age ends it.
    let proven = |sent_before: SignedDuration, resend, stopped| {
        let change = |d: &mut DeliveryState| {
            (d.attempts, d.resend_if_absent, d.stop_requested) = (4, resend, stopped);
            d.sending_at = NOW - sent_before;
        };
        after(S::Unconfirmed, change, Event::NotShown(Proven))
    };
    const LAG: SignedDuration = SignedDuration::from_mins(35);
    let at_once = SignedDuration::ZERO;
    for (resend, stopped) in [(true, false), (false, true), (true, true)] {
        let early = proven(at_once, resend, stopped);
        assert_eq!((early.change.attempts, early.then), (Some(3), pause(35 * 60)));
        assert_eq!(early.change.waits_for, Some(WaitReason::ListLag));
        assert_eq!(proven(LAG - SignedDuration::from_secs(1), resend, stopped).then, pause(1));
    }
    assert_eq!(proven(LAG, true, false).then, NextStep::Replace);
    assert_eq!(recorded(&proven(LAG, true, true)), [AccountState::Cancelled, AccountState::Cancelled]);
    assert_eq!(proven(at_once, false, false).then, NextStep::End);
    assert_eq!(read(1, false, Event::NotShown(Proven)), (None, pause(20)));
    assert_eq!(read(3, true, Event::NotShown(Likely)), (None, pause(80)));
    assert_eq!(read(4, true, Event::NotShown(Likely)), replaced);
    assert_eq!(read(4, true, Event::NotShown(InDoubt)), done);
    assert_eq!(read(4, false, Event::ClaimTaken), done);
    // A blind list is believed only by whoever takes the risk, and as late as one that may be late.
    let blind = |attempts, risk| {
        let change = |d: &mut DeliveryState| {
            (d.attempts, d.resend_if_absent, d.resend_if_blind) = (attempts, true, risk);
        };
        after(S::Unconfirmed, change, Event::NotShown(Blind))
    };
    assert_eq!(blind(3, true).then, pause(80));
    assert_eq!(blind(4, true).then, NextStep::Replace);
    assert_eq!((recorded(&blind(4, false)), blind(4, false).then), (failed(PublishProblem::Unprovable), NextStep::End));
    for (members_confirm, problem) in [(true, PublishProblem::MembersUnconfirmed), (false, PublishProblem::Unconfirmed)]
    {
        let change = |d: &mut DeliveryState| (d.attempts, d.members_confirm) = (4, members_confirm);
        assert_eq!(recorded(&after(S::Unconfirmed, change, Event::NotShown(InDoubt))), failed(problem));
    }
}

#[test]
fn a_list_that_cannot_be_read_is_no_reading_and_is_waited_for_hours() {
    for (members_confirm, hours) in [(false, 6), (true, 24)] {
        let at = |waited: SignedDuration| {
            let change = |d: &mut DeliveryState| {
                (d.attempts, d.members_confirm, d.sought_since) = (4, members_confirm, NOW - waited);
            };
            after(S::Unconfirmed, change, Event::Unreadable)
        };
        for (waited, expected) in [
            (SignedDuration::ZERO, 10),
            (SignedDuration::from_secs(10), 10),
            (SignedDuration::from_secs(80), 80),
            (HOUR * hours - MILLISECOND, 900),
        ] {
            let transition = at(waited);
            assert_eq!((transition.change.attempts, transition.then), (Some(3), pause(expected)), "{waited}");
        }
        let advice = if members_confirm { PublishProblem::MembersUnconfirmed } else { PublishProblem::Unconfirmed };
        assert_eq!(recorded(&at(HOUR * hours)), failed(advice));
    }
}

#[test]
fn readings_that_are_used_up_are_waited_for_and_no_reading_but_not_without_end() {
    let at = |waited: SignedDuration| {
        let change = |d: &mut DeliveryState| (d.attempts, d.sought_since) = (3, NOW - waited);
        after(S::Unconfirmed, change, Event::NotBefore(NOW + MINUTE, WaitReason::Readings))
    };
    let longest = SignedDuration::try_from(LONGEST_WAIT).unwrap();
    let waits = at(longest);
    assert_eq!((waits.change.attempts, waits.change.waits_for), (Some(2), Some(WaitReason::Readings)));
    assert_eq!(waits.then, pause(60));
    assert_eq!(recorded(&at(longest + MILLISECOND)), failed(PublishProblem::MembersUnconfirmed));
}

#[test]
fn created_moment_waits_for_the_members_it_asks() {
    let change = |d: &mut DeliveryState| {
        d.accounts.push(d.accounts[0]);
        d.accounts[1].refused = true;
        d.accounts[2].asked = false;
    };
    let transition = after(S::Answered, change, Event::RowWritten);
    assert_eq!(
        recorded(&transition),
        [
            AccountState::Processing(Stage::WaitingMemberConfirm),
            AccountState::failed(PublishProblem::MemberRefused.advice()),
            AccountState::failed(PublishProblem::AccountUnusable.advice()),
        ]
    );
    assert_eq!((transition.change.stage, transition.then), (Some(S::Waiting), pause(10)));
    assert_eq!(transition.change.confirm_until, Some(DEADLINE));
}

#[test]
fn submitted_job_is_polled_for_a_day_and_its_result_is_taken() {
    let asked =
        |after: Duration| then(S::Submitted, |d| (d.now, d.asked_at) = (NOW + after, NOW + after), Event::Claimed);
    let unconfirmed = (Some(S::Unconfirmed), pause(10));
    assert_eq!(asked(JOB_LIFETIME), (None, NextStep::Call(Call::Follow { stopped: false })));
    assert_eq!(asked(JOB_LIFETIME + Duration::from_millis(1)), unconfirmed);
    let submitted = |event| then(S::Submitted, |d| d.attempts = 4, event);
    assert_eq!(submitted(Event::JobRunning), (None, pause(16)));
    assert_eq!(then(S::Submitted, |d| d.attempts = 9, Event::JobRunning), (None, pause(30)));
    assert_eq!(submitted(Event::JobFailed(failure(FailureKind::OutcomeUnknown))), unconfirmed);
    assert_eq!(submitted(Event::JobFailed(failure(FailureKind::Unknown))), (Some(S::Done), NextStep::End));
    assert_eq!(submitted(Event::NotAnswered(FailureKind::NotFound)), unconfirmed);
    assert_eq!(
        submitted(Event::NotAnswered(FailureKind::TokenInvalid)),
        (None, NextStep::Call(Call::Recover(Recovery::Token)))
    );
    assert_eq!(submitted(Event::NotAnswered(FailureKind::Unknown)), (None, pause(16)));
    assert_eq!(submitted(Event::NoToken(failure(FailureKind::Retry))), (None, pause(16)));
    let transition = after(S::Submitted, |_| (), Event::NoToken(failure(FailureKind::BadCredentials)));
    assert_eq!((transition.proven, transition.then), (Some(AccountStatus::Expired), pause(1_800)));
}

#[test]
fn waiting_members_at_the_deadline_are_stopped_and_polled_once_more() {
    let at = |instant: Timestamp| move |d: &mut DeliveryState| (d.now, d.asked_at) = (instant, instant);
    let look = |stopped| (None, NextStep::Call(Call::Follow { stopped }));
    assert_eq!(then(S::Waiting, at(DEADLINE - MILLISECOND), Event::Claimed), look(false));
    assert_eq!(then(S::Waiting, at(DEADLINE), Event::Claimed), (None, NextStep::Call(Call::Cancel)));
    // The deadline itself is a moment to look.
    let incomplete = || Event::MembersPolled { published: vec![0], unasked: vec![], stopped: false };
    assert_eq!(then(S::Waiting, at(DEADLINE - SignedDuration::from_secs(4)), incomplete()), (None, pause(4)));
    for (stopped, problem) in
        [(true, PublishProblem::NotConfirmedByMember), (false, PublishProblem::MembersUnconfirmed)]
    {
        let transition =
            after(S::Waiting, at(DEADLINE), Event::MembersPolled { published: vec![0], unasked: vec![], stopped });
        let success = AccountState::Success { moment_id: "m".to_owned() };
        assert_eq!(recorded(&transition), [success, AccountState::failed(problem.advice())]);
        assert_eq!((transition.change.stage, transition.then), (Some(S::Done), NextStep::End));
    }
    let last = DEADLINE + FINAL_POLL_AFTER;
    let not_stopped = |instant, kind| then(S::Waiting, at(instant), Event::NotStopped(kind));
    assert_eq!(not_stopped(DEADLINE, FailureKind::NotFound), look(true));
    assert_eq!(not_stopped(DEADLINE, FailureKind::Unknown), look(false));
    assert_eq!(not_stopped(last - MILLISECOND, FailureKind::Retry), (None, pause(10)));
    assert_eq!(not_stopped(last, FailureKind::Retry), look(false));
}

#[test]
fn waiting_members_polled_across_the_deadline_are_still_stopped() {
    let late =
        |d: &mut DeliveryState| (d.now, d.asked_at) = (DEADLINE + SignedDuration::from_secs(3), DEADLINE - MILLISECOND);
    for event in [
        Event::MembersPolled { published: vec![0], unasked: vec![], stopped: false },
        Event::NotAnswered(FailureKind::Unknown),
        Event::NoToken(failure(FailureKind::Retry)),
    ] {
        let transition = after(S::Waiting, late, event);
        assert!(recorded(&transition).iter().all(|state| matches!(state, AccountState::Success { .. })));
        assert_eq!((transition.change.stage, transition.then), (None, pause(0)));
    }
}

#[test]
fn waiting_members_that_cannot_be_polled_end_unconfirmed_after_the_final_poll() {
    let last = DEADLINE + FINAL_POLL_AFTER;
    let at = |instant, event| after(S::Waiting, |d| (d.now, d.asked_at) = (instant, instant), event);
    let unrecorded = || failed(PublishProblem::MembersUnconfirmed);
    for (instant, event, waits) in [
        (last - MILLISECOND, Event::NoToken(failure(FailureKind::Retry)), true),
        (last, Event::NoToken(failure(FailureKind::Retry)), false),
        (last, Event::NoToken(failure(FailureKind::BadCredentials)), false),
        (DEADLINE - MILLISECOND, Event::NotAnswered(FailureKind::Unknown), true),
        (DEADLINE, Event::NotAnswered(FailureKind::Unknown), false),
        (DEADLINE, Event::NotAnswered(FailureKind::Retry), true),
        (last, Event::NotAnswered(FailureKind::Retry), false),
    ] {
        let transition = at(instant, event.clone());
        assert_eq!(matches!(transition.then, NextStep::Wake(_)), waits, "{instant} {event:?}");
        assert_eq!(recorded(&transition), if waits { vec![] } else { unrecorded() }, "{instant} {event:?}");
    }
    let transition = at(last - MILLISECOND, Event::NoToken(failure(FailureKind::BadCredentials)));
    assert_eq!((transition.proven, transition.then), (Some(AccountStatus::Expired), pause(1_800)));
}

#[test]
fn a_member_whom_wecom_never_asked_is_told_so_once_its_list_is_complete() {
    let members_polled = |attempts| {
        let event = Event::MembersPolled { published: vec![], unasked: vec![1], stopped: false };
        after(S::Waiting, |d| d.attempts = attempts, event)
    };
    assert_eq!(recorded(&members_polled(2)), []);
    let recorded_now = members_polled(3);
    assert_eq!(recorded_now.states, [(1, AccountState::failed(PublishProblem::MemberNotAsked.advice()))]);
    assert!(matches!(recorded_now.then, NextStep::Wake(_)), "the other one is waited for");
}

#[test]
fn stopped_delivery_is_not_sent_and_its_members_are_stopped_at_once() {
    let stop_requested = |d: &mut DeliveryState| d.stop_requested = true;
    let cancelled = vec![AccountState::Cancelled; 2];
    let transition = after(S::Queued, stop_requested, Event::Claimed);
    assert_eq!((recorded(&transition), transition.then), (cancelled.clone(), NextStep::End));
    for (absence, expected) in
        [(Absence::Proven, cancelled), (Absence::Likely, failed(PublishProblem::MembersUnconfirmed))]
    {
        let change = |d: &mut DeliveryState| {
            (d.stop_requested, d.resend_if_absent, d.attempts) = (true, true, 4);
            d.sending_at = NOW - HOUR;
        };
        let transition = after(S::Unconfirmed, change, Event::NotShown(absence));
        assert_eq!((recorded(&transition), transition.then), (expected, NextStep::End));
    }
    assert_eq!(then(S::Answered, stop_requested, Event::RowWritten), (Some(S::Waiting), pause(0)));
    assert_eq!(then(S::Waiting, stop_requested, Event::Claimed), (None, NextStep::Call(Call::Cancel)));
    let transition =
        after(S::Waiting, stop_requested, Event::MembersPolled { published: vec![1], unasked: vec![], stopped: true });
    let success = AccountState::Success { moment_id: "m".to_owned() };
    assert_eq!(recorded(&transition), [AccountState::Cancelled, success]);
    // Who could not be stopped may still publish: it is followed on.
    let not_stopped = Event::NotStopped(FailureKind::PermissionMissing);
    assert_eq!(then(S::Waiting, stop_requested, not_stopped), (None, NextStep::Call(Call::Follow { stopped: false })));
    let transition =
        after(S::Waiting, stop_requested, Event::MembersPolled { published: vec![], unasked: vec![], stopped: false });
    assert_eq!((recorded(&transition), transition.then), (vec![], pause(10)));
}
