//! Following a company's publication: its job, then each member's confirmation, up to the deadline.

use std::time::Duration;

use super::super::delivery::DeliveryState;
use super::super::policy::{
    FINAL_POLL_AFTER, Guard, JOB_LIFETIME, LONGEST_JOB_PAUSE, LONGEST_MEMBER_PAUSE, Policy, growing,
};
use super::super::transition::{Call, NextStep, Recovery, Transition};
use super::{fail, is_transient, shown_at, unconfirmed};
use crate::error::{PublishProblem, provider_advice};
use crate::provider::{FailureKind, ProviderError};
use crate::store::account::AccountStatus;
use crate::store::delivery::{DeliveryStage, WaitReason};
use crate::store::result::{AccountState, Stage};
use crate::time::{after, between};

/// The job's id is on the row: its result is asked for in a while.
pub(in super::super) fn job_noted(d: &DeliveryState, p: &Policy) -> Transition {
    Transition::stay(d.now, p.job_pause).with_states(shown_at(d, Stage::Submitted))
}

/// The job is asked about as long as its provider knows it.
pub(in super::super) fn follow_job(d: &DeliveryState, p: &Policy) -> Transition {
    if d.now > after(d.sending_at, JOB_LIFETIME) {
        unconfirmed(d, p)
    } else {
        Transition::call(Call::Follow { stopped: false })
    }
}

/// "System busy" does not say when the job failed, so the post may be there all the same.
pub(in super::super) fn job_failed(d: &DeliveryState, failure: &ProviderError, p: &Policy) -> Transition {
    if failure.kind == FailureKind::OutcomeUnknown { unconfirmed(d, p) } else { fail(d, &provider_advice(failure)) }
}

pub(in super::super) fn job_not_answered(d: &DeliveryState, kind: FailureKind, p: &Policy) -> Transition {
    if kind == FailureKind::NotFound { unconfirmed(d, p) } else { poll_after_failure(d, kind, p) }
}

pub(in super::super) fn job_without_token(d: &DeliveryState, failure: &ProviderError, p: &Policy) -> Transition {
    if failure.kind == FailureKind::BadCredentials { await_new_secret(d) } else { poll_again(d, p) }
}

/// Before the deadline the members are looked at. At the deadline, or when its user has stopped it, no member may confirm any more first, and then comes
/// the last look: nobody can slip through between the two.
pub(in super::super) fn follow_members(d: &DeliveryState) -> Transition {
    Transition::call(if d.stop_requested || is_over(d) { Call::Cancel } else { Call::Follow { stopped: false } })
}

/// Whoever cannot ask has learnt nothing: members may have published, and may still do so.
pub(in super::super) fn members_without_token(d: &DeliveryState, failure: &ProviderError, p: &Policy) -> Transition {
    if is_over(d) && !p.guards.hold(Guard::LastLook) {
        return fail(d, &provider_advice(failure));
    }
    match failure.kind {
        _ if is_final_poll(d) => fail(d, &PublishProblem::MembersUnconfirmed.advice()),
        FailureKind::BadCredentials => await_new_secret(d),
        _ => poll_again(d, p),
    }
}

/// What does not exist any more cannot be published either.
pub(in super::super) fn not_stopped(d: &DeliveryState, kind: FailureKind, p: &Policy) -> Transition {
    match kind {
        FailureKind::NotFound => Transition::call(Call::Follow { stopped: true }),
        kind if is_transient(kind) && !is_final_poll(d) => poll_after_failure(d, kind, p),
        _ => Transition::call(Call::Follow { stopped: false }),
    }
}

/// A day after the deadline, or after it on an error that does not pass, the members fail as unconfirmed.
pub(in super::super) fn members_not_answered(d: &DeliveryState, kind: FailureKind, p: &Policy) -> Transition {
    if is_final_poll(d) || (is_over(d) && !is_transient(kind)) {
        return fail(d, &PublishProblem::MembersUnconfirmed.advice());
    }
    poll_after_failure(d, kind, p)
}

/// Looks at the members after which WeCom's list of them is believed to be complete: it takes some seconds to fill.
const LOOKS_UNTIL_COMPLETE: u32 = 3;

/// Who has published is told, and who was never asked. At the deadline the others have failed; who could not be stopped can still publish, so only
/// one who was is certain to have failed, or to be called off. What its user has stopped and WeCom has not is followed on,
/// and each look is preceded by another attempt to stop it.
pub(in super::super) fn members_polled(
    d: &DeliveryState,
    (published, unasked): (&[usize], &[usize]),
    stopped: bool,
    p: &Policy,
) -> Transition {
    let is_complete = d.attempts >= LOOKS_UNTIL_COMPLETE;
    let too_late = if stopped { PublishProblem::NotConfirmedByMember } else { PublishProblem::MembersUnconfirmed };
    let id = d.moment_id.clone().unwrap_or_default();
    let undecided = d.undecided();
    let state = |place: usize| match published.contains(&place) {
        true => Some(AccountState::Success { moment_id: id.clone() }),
        false if is_complete && unasked.contains(&place) => {
            Some(AccountState::failed(PublishProblem::MemberNotAsked.advice()))
        }
        false if d.stop_requested && stopped => Some(AccountState::Cancelled),
        false if is_over(d) => Some(AccountState::failed(too_late.advice())),
        false => None,
    };
    let states: Vec<_> = undecided.iter().filter_map(|place| Some((*place, state(*place)?))).collect();
    if states.len() == undecided.len() {
        return Transition::to(DeliveryStage::Done, NextStep::End).with_states(states);
    }
    poll_again(d, p).with_states(states)
}

/// Another look in a while, each time later.
pub(in super::super) fn poll_again(d: &DeliveryState, p: &Policy) -> Transition {
    match d.stage {
        DeliveryStage::Submitted => {
            poll_after(d, p.job_pause, LONGEST_JOB_PAUSE).with_states(shown_at(d, Stage::Submitted))
        }
        _ => poll_after(d, p.member_pause, LONGEST_MEMBER_PAUSE),
    }
}

fn poll_after_failure(d: &DeliveryState, kind: FailureKind, p: &Policy) -> Transition {
    if kind == FailureKind::TokenInvalid { Transition::call(Call::Recover(Recovery::Token)) } else { poll_again(d, p) }
}

/// The secret is refused: WeCom blocks an address that goes on asking with it, so it is seldom tried from now on, and
/// the accounts show that somebody has to connect them again.
fn await_new_secret(d: &DeliveryState) -> Transition {
    let proven = Some(AccountStatus::Expired);
    Transition { proven, ..poll_after(d, LONGEST_MEMBER_PAUSE, LONGEST_MEMBER_PAUSE).because(WaitReason::Secret) }
}

fn poll_after(d: &DeliveryState, first: Duration, longest: Duration) -> Transition {
    let pause = growing(first, longest.max(first), d.attempts);
    if is_over(d) {
        return Transition::stay(d.now, pause);
    }
    // The deadline itself is a moment to look, however long the pause would be.
    Transition::stay(d.now, pause.min(between(d.now, d.confirm_until)))
}

/// Whether what was asked was asked after the deadline. An answer that only arrives after it tells of members who could
/// still publish then, and who have not been stopped.
fn is_over(d: &DeliveryState) -> bool {
    d.asked_at >= d.confirm_until
}

/// From then on WeCom is not waited for any more.
fn is_final_poll(d: &DeliveryState) -> bool {
    d.asked_at >= after(d.confirm_until, FINAL_POLL_AFTER)
}
