//! From the queue to the one call that publishes, and what its answer means.

use std::time::Duration;

use jiff::Timestamp;

use super::super::delivery::DeliveryState;
use super::super::policy::{Guard, OFFLINE_PAUSE, Policy};
use super::super::transition::{Call, NextStep, Recovery, Transition};
use super::{cancel, fail, is_transient, reading, senders, shown_at};
use crate::error::{Advice, PublishProblem, provider_advice};
use crate::provider::{Detail, FailureKind, ProviderError};
use crate::store::account::AccountStatus;
use crate::store::delivery::{DeliveryChange, DeliveryStage, Repair, WaitReason};
use crate::store::result::{AccountState, Stage};
use crate::time::{after, between};

/// A delivery of which nothing was sent is taken up.
pub(in super::super) fn begin(d: &DeliveryState, p: &Policy) -> Transition {
    // The call under way when it was stopped was refused, so nothing is out.
    if d.stop_requested {
        return cancel(d);
    }
    if d.attempts > p.max_attempts {
        return fail(d, &PublishProblem::GaveUp.advice());
    }
    // Nobody wants at night, or days later, what was to go out at once.
    if d.planned_at.is_none() && d.wanted_at.is_some_and(|wanted| p.is_stale(wanted, d.now)) {
        return fail(d, &PublishProblem::WaitedTooLong.advice());
    }
    if p.is_missed(d.planned_at, d.now) {
        return fail(d, &PublishProblem::Missed.advice());
    }
    Transition::call(Call::Accounts)
}

/// It is known which accounts can be used. Whoever is not asked must not be waited for, so the others fail now. Those who
/// are asked are shown as under way if media take a while; otherwise it is not worth a write of its own.
pub(in super::super) fn choose(d: &DeliveryState, usable: &[usize], p: &Policy) -> Transition {
    let senders = senders(d, usable, p);
    if senders.is_empty() {
        return fail(d, &PublishProblem::AccountUnusable.advice());
    }
    let takes_a_while = d.attempts == 1 && d.has_media;
    let state = |place: usize| match senders.contains(&place) {
        false => Some(AccountState::failed(PublishProblem::AccountUnusable.advice())),
        true if takes_a_while => Some(AccountState::Processing(Stage::Claimed)),
        true => None,
    };
    let states = d.open().into_iter().filter_map(|place| Some((place, state(place)?))).collect();
    Transition::call(Call::Prepare { senders }).with_states(states)
}

/// Its account is off the line.
pub(in super::super) fn offline(d: &DeliveryState, p: &Policy) -> Transition {
    wait_for_account(d, p).unwrap_or_else(|| fail(d, &PublishProblem::AccountUnusable.advice()))
}

/// Phones come back within minutes. So a post for a time waits for its account, but fails, with this as its reason, before
/// it would be told that it is too late. One without a time is its user's to try again, who is there.
fn wait_for_account(d: &DeliveryState, p: &Policy) -> Option<Transition> {
    let (next, late) = (after(d.now, OFFLINE_PAUSE), after(d.planned_at?, p.max_lateness));
    (next < late).then(|| wait_for_slot(d, next, WaitReason::Offline))
}

/// Everything that may be repeated is done. What is written now says SENDING, and whoever finds it does not send: so it
/// is written only if the call, and the write of its answer, fit into the time that is left.
pub(in super::super) fn fence(
    d: &DeliveryState,
    (asked, uploads): (Vec<String>, Vec<String>),
    p: &Policy,
) -> Transition {
    if d.time_left < p.time_to_send {
        return queue_again(d, p.retry_after(d.attempts));
    }
    let change = DeliveryChange {
        stage: Some(DeliveryStage::Sending),
        sending_at: Some(d.now),
        asked_member_ids: (!asked.is_empty()).then_some(asked),
        upload_hashes: (!uploads.is_empty()).then_some(uploads),
        ..DeliveryChange::default()
    };
    let states = d.open().into_iter().map(|place| (place, AccountState::Processing(Stage::Sending))).collect();
    Transition { change, states, then: NextStep::Call(Call::Send), ..Transition::default() }
}

/// Nothing was sent: it is begun again after a pause.
pub(in super::super) fn queue_again(d: &DeliveryState, pause: Duration) -> Transition {
    let mut transition =
        Transition::to(DeliveryStage::Queued, NextStep::End).wake(d.now, pause).because(WaitReason::Again);
    // What only waits for another attempt is still being prepared for its user.
    if d.stage != DeliveryStage::Queued {
        transition.states = shown_at(d, Stage::Queued);
    }
    transition
}

/// It only waits for its turn, however often: that is no attempt.
pub(in super::super) fn wait_for_slot(d: &DeliveryState, instant: Timestamp, reason: WaitReason) -> Transition {
    let mut transition = queue_again(d, between(d.now, instant)).because(reason);
    transition.change.attempts = Some(d.attempts.saturating_sub(1));
    transition
}

/// The text must not be posted any more. Nothing was sent; by which list is kept with it.
pub(in super::super) fn text_forbidden(
    d: &DeliveryState,
    advice: &Advice,
    words_version: Option<String>,
) -> Transition {
    let mut transition = fail(d, advice);
    transition.change.words_version = words_version;
    transition
}

/// Nothing was done: trying again helps, or it fails with the reason, which may prove something about the account.
pub(in super::super) fn refused(d: &DeliveryState, failure: &ProviderError, p: &Policy) -> Transition {
    match failure.kind {
        FailureKind::Retry | FailureKind::MediaFetchFailed if d.attempts < p.max_attempts => {
            queue_again(d, p.retry_after(d.attempts)).because(reason_of(failure))
        }
        FailureKind::RateLimited { window } => Transition::call(Call::Recover(Recovery::Rate(window))),
        FailureKind::TokenInvalid if !d.repaired.contains(&Repair::Token) => {
            Transition::call(Call::Recover(Recovery::Token))
        }
        FailureKind::MediaInvalid if !d.repaired.contains(&Repair::Media) => {
            Transition::call(Call::Recover(Recovery::Media))
        }
        _ => refused_for_good(d, failure, p),
    }
}

/// What the refusal was about is replaced, so the same attempt is made again at once. Each is replaced once: what is
/// refused again has another cause. Whoever dies before this is written replaces it once more, which does no harm.
pub(in super::super) fn repaired(d: &DeliveryState, repair: Repair) -> Transition {
    let mut transition = queue_again(d, Duration::ZERO);
    transition.change.attempts = Some(d.attempts.saturating_sub(1));
    transition.change.repaired = Some(d.repaired.iter().copied().chain([repair]).collect());
    transition
}

/// The token that was refused could not be replaced. One that is late is waited for: nothing was sent.
pub(in super::super) fn not_recovered(d: &DeliveryState, failure: &ProviderError, p: &Policy) -> Transition {
    if is_transient(failure.kind) {
        queue_again(d, p.retry_after(d.attempts)).because(reason_of(failure))
    } else {
        refused_for_good(d, failure, p)
    }
}

/// What is waited for after a refusal that passes by itself.
fn reason_of(failure: &ProviderError) -> WaitReason {
    match failure.detail {
        Some(Detail::ProxyNotConnected) => WaitReason::Proxy,
        _ => WaitReason::Again,
    }
}

fn refused_for_good(d: &DeliveryState, failure: &ProviderError, p: &Policy) -> Transition {
    let proven = match failure.kind {
        FailureKind::AccountOffline | FailureKind::AnotherPerson | FailureKind::DeviceUnknown => {
            Some(AccountStatus::Offline)
        }
        FailureKind::BadCredentials => Some(AccountStatus::Expired),
        _ => None,
    };
    let wait = if failure.kind == FailureKind::AccountOffline { wait_for_account(d, p) } else { None };
    Transition { proven, ..wait.unwrap_or_else(|| fail(d, &provider_advice(failure))) }
}

/// Its worker died between writing SENDING and writing what came of it.
pub(in super::super) fn interrupted(d: &DeliveryState, p: &Policy) -> Transition {
    if p.guards.hold(Guard::SentOnce) { unconfirmed(d, p) } else { queue_again(d, Duration::ZERO) }
}

/// What became of the call is not known: from here on the provider's own list decides.
pub(in super::super) fn unconfirmed(d: &DeliveryState, p: &Policy) -> Transition {
    let mut transition = Transition::to(DeliveryStage::Unconfirmed, NextStep::End).wake(d.now, p.reconcile_pause);
    transition.change.sought_since = Some(d.now);
    transition.with_states(shown_at(d, Stage::Unconfirmed))
}

/// The provider has named the post. Nothing can be in the way of writing its id on the delivery's row alone, so that is
/// done first: it is told for the accounts afterwards, by whoever gets to it.
pub(in super::super) fn answered(d: &DeliveryState, id: String, refused: Vec<String>, p: &Policy) -> Transition {
    if !p.guards.hold(Guard::IdFirst) {
        return reading::record_answered(&DeliveryState { moment_id: Some(id), ..d.clone() }, p);
    }
    let mut transition = Transition::to(DeliveryStage::Answered, NextStep::Resume);
    transition.change.moment_id = Some(id);
    transition.change.refused_member_ids = (!refused.is_empty()).then_some(refused);
    transition
}

/// The provider has taken a job. Its id is written like a post's.
pub(in super::super) fn job_taken(job_id: String) -> Transition {
    let mut transition = Transition::to(DeliveryStage::Submitted, NextStep::Resume);
    transition.change.job_id = Some(job_id);
    transition
}
