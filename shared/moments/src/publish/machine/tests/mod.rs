//! The table, held against what may be asked and answered, exhaustively; and the rules that no path may break.

mod bounds;
mod decisions;
mod rows;
mod walk;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::error::{Advice, PublishProblem};
use crate::provider::{FailureKind, Provider, ProviderError, RateWindow};
use crate::store::delivery::{DeliveryStage as S, Repair, WaitReason};
use crate::store::result::{AccountState, Stage};
use crate::time::after;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const STAGES: [S; 7] = [S::Queued, S::Sending, S::Unconfirmed, S::Answered, S::Submitted, S::Waiting, S::Done];

pub(super) fn policy() -> Policy {
    let second = Duration::from_secs;
    Policy {
        max_lateness: second(3_600),
        max_wait: second(24 * 3_600),
        max_attempts: 8,
        time_to_send: second(30),
        retry_pause: second(10),
        job_pause: second(2),
        member_pause: second(10),
        reconcile_pause: second(10),
        reconcile_tries: 4,
        proven_after: second(35 * 60),
        unreadable_person: second(6 * 3_600),
        unreadable_company: second(24 * 3_600),
        confirm_within: second(48 * 3_600),
        guards: Guards::ALL,
    }
}

/// A delivery to two accounts, taken up for the first time in this stage.
fn delivery(stage: S, members_confirm: bool) -> DeliveryState {
    let account = DeliveryAccount { standing: Reported::Open, shown: Stage::Queued, asked: true, refused: false };
    DeliveryState {
        stage,
        attempts: 1,
        now: NOW,
        asked_at: NOW,
        time_left: Duration::from_secs(120),
        wanted_at: Some(NOW),
        planned_at: None,
        has_media: true,
        members_confirm,
        sending_at: NOW,
        confirm_until: NOW + HOUR * 48,
        resend_if_absent: false,
        resend_if_blind: false,
        sought_since: NOW,
        stop_requested: false,
        moment_id: matches!(stage, S::Answered | S::Waiting).then(|| "m".to_owned()),
        repaired: Vec::new(),
        accounts: vec![account; 2],
    }
}

pub(super) fn failure(kind: FailureKind) -> ProviderError {
    ProviderError { kind, provider: Provider::Wecom, endpoint: "any", code: None, detail: None }
}

const KINDS: [FailureKind; 10] = [
    FailureKind::Retry,
    FailureKind::MediaFetchFailed,
    FailureKind::RateLimited { window: RateWindow::Minute },
    FailureKind::TokenInvalid,
    FailureKind::MediaInvalid,
    FailureKind::BadCredentials,
    FailureKind::AccountOffline,
    FailureKind::NotFound,
    FailureKind::OutcomeUnknown,
    FailureKind::Unknown,
];

fn advice() -> Advice {
    PublishProblem::MediaUnusable.advice()
}

/// Every event, each that carries a reason with all reasons that matter.
fn events() -> Vec<Event> {
    let mut events = vec![
        Event::Claimed,
        Event::RowWritten,
        Event::ClaimTaken,
        Event::AnsweredToAnother,
        Event::Usable(vec![]),
        Event::Usable(vec![0]),
        Event::Usable(vec![0, 1]),
        Event::AccountOffline,
        Event::Prepared { asked: vec!["anna".to_owned()], uploads: vec![] },
        Event::NotBefore(NOW + MINUTE, WaitReason::Slot),
        Event::TemporaryFailure,
        Event::MediaUnusable(advice()),
        Event::TextForbidden { advice: advice(), words_version: Some("v1".to_owned()) },
        Event::Posted { id: "p".to_owned() },
        Event::Accepted { job_id: "j".to_owned() },
        Event::AnswerLost,
        Event::Recovered(Repair::Token),
        Event::Recovered(Repair::Media),
        Event::PostFound { id: "m".to_owned() },
        Event::Unreadable,
        Event::JobRunning,
        Event::MomentCreated { id: "m".to_owned(), refused: vec![] },
        Event::Stopped,
    ];
    events.extend([Absence::Proven, Absence::Likely, Absence::Blind, Absence::InDoubt].map(Event::NotShown));
    for kind in KINDS {
        events.extend([Event::NotAnswered(kind), Event::NotStopped(kind)]);
        events.extend([Event::Refused(failure(kind)), Event::NoToken(failure(kind)), Event::JobFailed(failure(kind))]);
    }
    for published in [vec![], vec![0], vec![0, 1]] {
        events.extend([true, false].map(|stopped| Event::MembersPolled {
            published: published.clone(),
            unasked: vec![],
            stopped,
        }));
    }
    events
}

/// What each call may answer: the contract of the channels.
pub(super) fn answers(call: &Call, members_confirm: bool) -> &'static [&'static str] {
    match (call, members_confirm) {
        (Call::Accounts, true) => &["Usable"],
        (Call::Accounts, false) => &["Usable", "AccountOffline"],
        (Call::Prepare { .. }, _) => {
            &["Prepared", "NotBefore", "TemporaryFailure", "MediaUnusable", "TextForbidden", "Refused"]
        }
        (Call::Send, true) => &["Accepted", "AnswerLost", "Refused"],
        (Call::Send, false) => &["Posted", "AnswerLost", "Refused"],
        (Call::FindPublished, true) => &["PostFound", "NotShown", "Unreadable"],
        (Call::FindPublished, false) => &["PostFound", "NotShown", "Unreadable", "NotBefore"],
        (Call::Follow { .. }, _) => {
            &["JobRunning", "MomentCreated", "JobFailed", "NotAnswered", "NoToken", "MembersPolled"]
        }
        (Call::Cancel, _) => &["Stopped", "NotStopped", "NoToken"],
        (Call::Recover(Recovery::Token), _) => &["Recovered", "NoToken"],
        (Call::Recover(Recovery::Media), _) => &["Recovered"],
        (Call::Recover(Recovery::Rate(_)), _) => &["NotBefore"],
    }
}

/// The pairs that may come about. All others are impossible, and this list is how they are named.
const LEGAL: &[(S, &[&str])] = &[
    (
        S::Queued,
        &[
            "Claimed",
            "Usable",
            "AccountOffline",
            "Prepared",
            "NotBefore",
            "TemporaryFailure",
            "MediaUnusable",
            "TextForbidden",
            "Refused",
            "Recovered",
            "NoToken",
        ],
    ),
    (S::Sending, &["Claimed", "Posted", "Accepted", "AnswerLost", "Refused", "NotBefore", "Recovered", "NoToken"]),
    (S::Unconfirmed, &["Claimed", "PostFound", "NotShown", "Unreadable", "NotBefore", "ClaimTaken"]),
    (S::Answered, &["Claimed", "RowWritten", "ClaimTaken", "AnsweredToAnother"]),
    (
        S::Submitted,
        &["Claimed", "RowWritten", "JobRunning", "MomentCreated", "JobFailed", "NotAnswered", "NoToken", "Recovered"],
    ),
    (S::Waiting, &["Claimed", "Stopped", "NotStopped", "MembersPolled", "NotAnswered", "NoToken", "Recovered"]),
    (S::Done, &[]),
];

pub(super) fn legal_pairs() -> BTreeSet<(&'static str, &'static str)> {
    LEGAL.iter().flat_map(|(stage, events)| events.iter().map(move |event| (stage.as_str(), *event))).collect()
}

#[test]
fn machine_names_every_pair_of_stage_and_event_as_legal_or_impossible() {
    for stage in STAGES {
        let legal = LEGAL.iter().find(|(listed, _)| *listed == stage).expect("every stage is listed").1;
        for event in events() {
            let outcome = next(&delivery(stage, true), event.clone(), &policy());
            assert_eq!(outcome.is_ok(), legal.contains(&event.name()), "{stage:?} {event:?}: {outcome:?}");
            if let Err(impossible) = outcome {
                assert_eq!(impossible, Impossible { stage, event: event.name() });
            }
        }
    }
}

/// Deliveries of every stage in the situations that rules tell apart.
fn situations() -> Vec<DeliveryState> {
    let mut situations = Vec::new();
    for stage in STAGES {
        for members_confirm in [true, false] {
            for attempts in [1, 2, 4, 9] {
                for standing in [Reported::Open, Reported::Unconfirmed, Reported::Failed, Reported::Ended] {
                    for now in [NOW, NOW + HOUR * 49, NOW + HOUR * 80] {
                        for resend_if_absent in [true, false] {
                            let mut delivery = delivery(stage, members_confirm);
                            (delivery.now, delivery.asked_at) = (now, now);
                            (delivery.attempts, delivery.resend_if_absent) = (attempts, resend_if_absent);
                            delivery.accounts[0].standing = standing;
                            delivery.accounts[1].asked = attempts != 2;
                            situations.push(delivery);
                        }
                    }
                }
            }
        }
    }
    situations
}

fn outcomes() -> impl Iterator<Item = (DeliveryState, Event, Transition)> {
    situations().into_iter().flat_map(|delivery| {
        events().into_iter().filter_map(move |event| {
            let transition = next(&delivery, event.clone(), &policy()).ok()?;
            Some((delivery.clone(), event, transition))
        })
    })
}

#[test]
fn machine_sends_only_with_the_step_from_queued_to_sending() {
    for (delivery, event, transition) in outcomes() {
        let writes_sending = transition.change.stage == Some(S::Sending);
        assert_eq!(writes_sending, transition.then == NextStep::Call(Call::Send), "{delivery:?} {event:?}");
        assert!(!writes_sending || delivery.stage == S::Queued, "{delivery:?} {event:?}");
    }
}

#[test]
fn machine_never_publishes_for_an_account_with_a_final_result() {
    for (delivery, event, transition) in outcomes() {
        if let NextStep::Call(Call::Prepare { senders }) = transition.then {
            let open = delivery.open();
            assert!(!senders.is_empty() && senders.iter().all(|place| open.contains(place)), "{delivery:?} {event:?}");
        }
    }
}

#[test]
fn machine_records_success_only_with_a_claim() {
    for (delivery, event, transition) in outcomes() {
        let succeeds = transition.states.iter().any(|(_, state)| matches!(state, AccountState::Success { .. }));
        let was_claimed = delivery.stage == S::Waiting;
        assert!(!succeeds || was_claimed || transition.claim.is_some(), "{delivery:?} {event:?}");
    }
}

#[test]
fn machine_changes_no_result_that_has_ended_for_good() {
    for (delivery, event, transition) in outcomes() {
        for (place, state) in &transition.states {
            let standing = delivery.accounts[*place].standing;
            assert!(
                matches!(standing, Reported::Open | Reported::Unconfirmed),
                "{delivery:?} {event:?}: {state:?} is told"
            );
        }
    }
}

/// A delivery that ends leaves no account open, and one that goes on is always let go with a time.
#[test]
fn machine_transition_ends_the_delivery_or_says_when_it_goes_on() {
    for (delivery, event, transition) in outcomes() {
        let recorded: BTreeSet<usize> =
            transition.states.iter().filter(|(_, state)| state.status().ended()).map(|(place, _)| *place).collect();
        match transition.then {
            NextStep::End => {
                assert_eq!(transition.change.stage, Some(S::Done), "{delivery:?} {event:?}");
                assert!(delivery.open().iter().all(|place| recorded.contains(place)), "{delivery:?} {event:?}");
            }
            NextStep::Wake(pause) => {
                let until = after(delivery.now, pause);
                assert_eq!(transition.change.release_until, Some(until), "{delivery:?} {event:?}");
                assert_ne!(transition.change.stage, Some(S::Done), "{delivery:?} {event:?}");
            }
            NextStep::Replace => assert!(delivery.resend_if_absent && !delivery.open().is_empty(), "{delivery:?}"),
            NextStep::Call(_) | NextStep::Resume | NextStep::TakeBack => {
                assert_eq!(transition.change.release_until, None)
            }
        }
    }
}

#[test]
fn machine_writes_an_answered_id_before_it_records_anything() {
    for (stage, event) in [
        (S::Sending, Event::Posted { id: "p".to_owned() }),
        (S::Submitted, Event::MomentCreated { id: "p".to_owned(), refused: vec!["bob".to_owned()] }),
    ] {
        let transition = next(&delivery(stage, true), event, &policy()).unwrap();
        assert_eq!((transition.then, transition.states), (NextStep::Resume, vec![]));
        assert_eq!((transition.change.stage, transition.change.moment_id.as_deref()), (Some(S::Answered), Some("p")));
    }
    let transition = next(&delivery(S::Sending, true), Event::Accepted { job_id: "j".to_owned() }, &policy()).unwrap();
    assert_eq!((transition.then, transition.states), (NextStep::Resume, vec![]));
    assert_eq!((transition.change.stage, transition.change.job_id.as_deref()), (Some(S::Submitted), Some("j")));
}

/// Whoever has not the time for the call and for writing its answer leaves it to the next worker.
#[test]
fn machine_with_little_time_left_does_not_send() {
    for (seconds, sends) in [(30, true), (29, false), (0, false)] {
        let delivery = DeliveryState { time_left: Duration::from_secs(seconds), ..delivery(S::Queued, true) };
        let transition = next(&delivery, Event::Prepared { asked: vec![], uploads: vec![] }, &policy()).unwrap();
        assert_eq!(transition.change.stage, Some(if sends { S::Sending } else { S::Queued }), "{seconds} s left");
        assert_eq!(transition.then == NextStep::Call(Call::Send), sends, "{seconds} s left");
    }
}

/// The call takes up to 20 seconds, and ten are kept for writing its answer.
#[test]
fn machine_policy_leaves_time_to_send_and_to_write() {
    let settings = |timeout: &str| {
        let visibility = ("QUEUE_VISIBILITY_SECONDS", "720");
        crate::config::PublishSettings::load(&[("FUNCTION_TIMEOUT_SECONDS", timeout), visibility].into_iter().collect())
    };
    assert_eq!(Policy::of(&settings("120").unwrap()).time_to_send, Duration::from_secs(30));
    assert!(settings("30").is_err() && settings("31").is_ok());
}

#[test]
fn machine_retries_unconfirmed_only_on_request_and_reads_first() {
    for (standing, asked_for, expected) in [
        (Reported::Failed, false, Some(Retry::Anew)),
        (Reported::Failed, true, Some(Retry::Anew)),
        (Reported::Unconfirmed, false, None),
        (Reported::Unconfirmed, true, Some(Retry::ReadFirst)),
        (Reported::Open, true, None),
        (Reported::Ended, true, None),
    ] {
        assert_eq!(retry(standing, asked_for, Guards::ALL), expected, "{standing:?} {asked_for}");
    }
    let unguarded = Guards::without(policy::Guard::UnconfirmedApart);
    assert_eq!(retry(Reported::Unconfirmed, false, unguarded), Some(Retry::Anew));
}

#[test]
fn intervention_cancels_what_was_never_sent_stops_what_is_sent_and_reopens_what_has_ended() {
    let interventions = [
        Intervention::Cancelled,
        Intervention::Stopped,
        Intervention::Reopened { moment_known: true },
        Intervention::Reopened { moment_known: false },
        Intervention::PostTakenBack,
    ];
    let mut allowed = Vec::new();
    for stage in STAGES {
        for intervention in interventions {
            allowed.extend(intervene(stage, intervention).map(|to| (stage, intervention, to)));
        }
    }
    assert_eq!(
        allowed,
        [
            (S::Queued, Intervention::Cancelled, S::Done),
            (S::Sending, Intervention::Stopped, S::Sending),
            (S::Unconfirmed, Intervention::Stopped, S::Unconfirmed),
            (S::Unconfirmed, Intervention::PostTakenBack, S::Unconfirmed),
            (S::Answered, Intervention::Stopped, S::Answered),
            (S::Submitted, Intervention::Stopped, S::Submitted),
            (S::Waiting, Intervention::Stopped, S::Waiting),
            (S::Waiting, Intervention::PostTakenBack, S::Unconfirmed),
            (S::Done, Intervention::Reopened { moment_known: true }, S::Waiting),
            (S::Done, Intervention::Reopened { moment_known: false }, S::Unconfirmed),
            (S::Done, Intervention::PostTakenBack, S::Unconfirmed),
        ]
    );
}
