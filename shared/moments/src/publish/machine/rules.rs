//! What the machine decides, stage by stage. Every number and every "when" of publishing is here.

mod following;
mod reading;
mod sending;

pub(super) use following::{
    follow_job, follow_members, job_failed, job_not_answered, job_noted, job_without_token, members_not_answered,
    members_polled, members_without_token, not_stopped, poll_again,
};
pub(super) use reading::{not_shown, read_again, record_answered, record_found, take_back, unreadable, wait_to_read};
pub(super) use sending::{
    answered, begin, choose, fence, interrupted, job_taken, not_recovered, offline, queue_again, refused, repaired,
    text_forbidden, unconfirmed, wait_for_slot,
};

use super::delivery::{DeliveryState, Reported};
use super::policy::{Guard, Guards, Policy};
use super::transition::{NextStep, Transition};
use crate::error::{Advice, PublishProblem};
use crate::provider::FailureKind;
use crate::store::delivery::DeliveryStage;
use crate::store::result::{AccountState, Stage};

/// How an account is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// By a new delivery: nothing of it is out.
    Anew,
    /// By reading the provider once more; it is sent only if it does not show.
    ReadFirst,
}

/// How an account that has ended is tried again when its user asks for it; `None`: not at all. What is unconfirmed may
/// be out, so it is left alone unless the user has looked and says so, and even then the provider is read first.
pub(crate) fn retry(standing: Reported, include_unconfirmed: bool, guards: Guards) -> Option<Retry> {
    match standing {
        Reported::Unconfirmed if !guards.hold(Guard::UnconfirmedApart) => Some(Retry::Anew),
        Reported::Unconfirmed => include_unconfirmed.then_some(Retry::ReadFirst),
        Reported::Failed => Some(Retry::Anew),
        Reported::Open | Reported::Ended => None,
    }
}

/// Who may be published to: the delivery's accounts about which nothing final is told, and which can be used now. An
/// account that was told FAILED or CANCELLED stays out, also when it can be used again: its user may have it tried again,
/// and then it would be published twice.
fn senders(d: &DeliveryState, usable: &[usize], p: &Policy) -> Vec<usize> {
    let open = d.open();
    let is_open = |place: &usize| open.contains(place) || !p.guards.hold(Guard::OpenSenders);
    usable.iter().copied().filter(is_open).collect()
}

/// The delivery ends: every account of it that is still open fails with this.
pub(super) fn fail(d: &DeliveryState, advice: &Advice) -> Transition {
    let states = d.open().into_iter().map(|place| (place, AccountState::failed(advice.clone()))).collect();
    Transition::to(DeliveryStage::Done, NextStep::End).with_states(states)
}

/// The delivery ends as its user wants it: nothing of it is out, and nothing will be.
fn cancel(d: &DeliveryState) -> Transition {
    let states = d.open().into_iter().map(|place| (place, AccountState::Cancelled)).collect();
    Transition::to(DeliveryStage::Done, NextStep::End).with_states(states)
}

/// What is told when nobody knows whether it is out.
fn unconfirmed_advice(d: &DeliveryState) -> Advice {
    if d.members_confirm { PublishProblem::MembersUnconfirmed.advice() } else { PublishProblem::Unconfirmed.advice() }
}

/// The open accounts that are not shown at this stage yet, put there.
fn shown_at(d: &DeliveryState, stage: Stage) -> Vec<(usize, AccountState)> {
    let accounts = d.accounts.iter().enumerate();
    let others = accounts.filter(|(_, account)| account.standing == Reported::Open && account.shown != stage);
    others.map(|(place, _)| (place, AccountState::Processing(stage))).collect()
}

/// Whether it may be otherwise in a while.
const fn is_transient(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Retry | FailureKind::TokenInvalid | FailureKind::RateLimited { .. })
}
