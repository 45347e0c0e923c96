//! What a read-back means, and how a post is told as this delivery's.

use std::time::Duration;

use jiff::Timestamp;
use kernel::queue::MAX_DELAY;

use super::super::delivery::DeliveryState;
use super::super::event::Absence;
use super::super::policy::{Guard, LONGEST_WAIT, Policy, growing};
use super::super::transition::{NextStep, Transition};
use super::{cancel, fail, unconfirmed_advice};
use crate::error::{Advice, PublishProblem};
use crate::store::claim::ClaimOrigin;
use crate::store::delivery::{DeliveryStage, WaitReason};
use crate::store::result::{AccountState, Stage};
use crate::time::{after, between};

/// The provider's list was read, and the post is not in it. Who asked for it to be sent again has looked; where its
/// absence proves little, the list is read as often as after any lost answer, and where it is in doubt nothing is sent.
/// A list that would show the post proves its absence only once it has had the time to: until then nothing is concluded
/// from it, and it is read again.
pub(in super::super) fn not_shown(d: &DeliveryState, absence: Absence, p: &Policy) -> Transition {
    let shown_by = after(d.sending_at, p.proven_after);
    let is_early = d.asked_at < shown_by && p.guards.hold(Guard::LateIsNotAbsent);
    if absence == Absence::Proven && is_early && (d.resend_if_absent || d.stop_requested) {
        return wait_to_read(d, shown_by, WaitReason::ListLag, p);
    }
    let is_absent = match absence {
        Absence::Proven => true,
        Absence::Likely => d.attempts >= p.reconcile_tries,
        Absence::Blind => {
            let is_risked = d.resend_if_blind || !p.guards.hold(Guard::BlindIsNotAbsent);
            is_risked && d.attempts >= p.reconcile_tries
        }
        Absence::InDoubt => false,
    };
    if is_absent && d.stop_requested {
        return if absence == Absence::Proven { cancel(d) } else { fail(d, &unconfirmed_advice(d)) };
    }
    match (is_absent && d.resend_if_absent, d.open().is_empty()) {
        (false, _) if absence == Absence::Blind => read_again_or(d, &PublishProblem::Unprovable.advice(), p),
        (false, _) => read_again(d, p),
        (true, true) => Transition::to(DeliveryStage::Done, NextStep::End),
        (true, false) => Transition::to(DeliveryStage::Done, NextStep::Replace),
    }
}

/// Nothing was learnt, so it is no reading: the list is waited for, for hours, ever longer between two looks.
pub(in super::super) fn unreadable(d: &DeliveryState, p: &Policy) -> Transition {
    if !p.guards.hold(Guard::UnreadIsNotAbsent) {
        return not_shown(d, Absence::Likely, p);
    }
    let within = if d.members_confirm { p.unreadable_company } else { p.unreadable_person };
    let waited = between(d.sought_since, d.now);
    if waited >= within {
        return fail(d, &unconfirmed_advice(d));
    }
    let mut transition = Transition::stay(d.now, waited.min(MAX_DELAY).max(p.reconcile_pause));
    transition.change.attempts = Some(d.attempts.saturating_sub(1));
    transition
}

/// The list is read once more in a while, or the delivery ends without anybody's having learnt what became of the post.
pub(in super::super) fn read_again(d: &DeliveryState, p: &Policy) -> Transition {
    read_again_or(d, &unconfirmed_advice(d), p)
}

fn read_again_or(d: &DeliveryState, told: &Advice, p: &Policy) -> Transition {
    if d.attempts >= p.reconcile_tries {
        return fail(d, told);
    }
    let pause = growing(p.reconcile_pause, MAX_DELAY, d.attempts + 1);
    Transition::stay(d.now, pause)
}

/// The list can tell only later: the readings of the account are used up, or it was sent too short a while ago. That is no
/// reading, but it is not waited for without end.
pub(in super::super) fn wait_to_read(
    d: &DeliveryState,
    instant: Timestamp,
    reason: WaitReason,
    p: &Policy,
) -> Transition {
    if d.now > after(d.sought_since, LONGEST_WAIT) {
        return read_again(&DeliveryState { attempts: p.reconcile_tries, ..d.clone() }, p);
    }
    let mut transition = Transition::stay(d.now, between(d.now, instant)).because(reason);
    transition.change.attempts = Some(d.attempts.saturating_sub(1));
    transition
}

/// The id that the provider answered is told for the accounts.
pub(in super::super) fn record_answered(d: &DeliveryState, p: &Policy) -> Transition {
    // A row in ANSWERED without an id was not written by this machine: then only reading back can tell.
    match &d.moment_id {
        Some(id) => record_post(d, id, ClaimOrigin::Answered, p),
        None => super::unconfirmed(d, p),
    }
}

/// A post that the list shows is told for the accounts.
pub(in super::super) fn record_found(d: &DeliveryState, id: String, p: &Policy) -> Transition {
    record_post(d, &id, ClaimOrigin::Found, p)
}

/// The post has another owner: what was found is given up for what was answered.
pub(in super::super) fn take_back() -> Transition {
    Transition { then: NextStep::TakeBack, ..Transition::default() }
}

/// A person's post is out. A company's members are asked now; of whoever is not among them nothing will come.
fn record_post(d: &DeliveryState, id: &str, how: ClaimOrigin, p: &Policy) -> Transition {
    let state = |place: usize| {
        let Some(account) = d.accounts.get(place).filter(|_| d.members_confirm) else {
            return AccountState::Success { moment_id: id.to_owned() };
        };
        match account {
            account if account.refused => AccountState::failed(PublishProblem::MemberRefused.advice()),
            account if account.asked => AccountState::Processing(Stage::WaitingMemberConfirm),
            _ => AccountState::failed(PublishProblem::AccountUnusable.advice()),
        }
    };
    let states: Vec<_> = d.undecided().into_iter().map(|place| (place, state(place))).collect();
    let claim = p.guards.hold(Guard::OneClaim).then_some(how);
    let mut transition = if states.iter().all(|(_, state)| state.status().ended()) {
        Transition::to(DeliveryStage::Done, NextStep::End)
    } else {
        // Whoever has stopped it waits for no look at the members first.
        let pause = if d.stop_requested { Duration::ZERO } else { p.member_pause };
        let mut waiting = Transition::to(DeliveryStage::Waiting, NextStep::End).wake(d.now, pause);
        waiting.change.confirm_until = Some(after(d.now, p.confirm_within));
        waiting
    };
    transition.change.moment_id = Some(id.to_owned());
    Transition { claim, ..transition.with_states(states) }
}
