//! A delivery whose calls are answered with anything, up to its end.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::publish::machine::policy::{FINAL_POLL_AFTER, LONGEST_WAIT};
use crate::time::between;

/// What a delivery's row holds after a transition.
fn apply(delivery: &mut DeliveryState, transition: &Transition) {
    let change = &transition.change;
    if change.forgets_post {
        (delivery.moment_id, delivery.confirm_until) = (None, Timestamp::UNIX_EPOCH);
    }
    delivery.stage = change.stage.unwrap_or(delivery.stage);
    delivery.attempts = change.attempts.unwrap_or(delivery.attempts);
    delivery.repaired = change.repaired.clone().unwrap_or_else(|| std::mem::take(&mut delivery.repaired));
    delivery.sending_at = change.sending_at.unwrap_or(delivery.sending_at);
    delivery.sought_since = change.sought_since.unwrap_or(delivery.sought_since);
    delivery.confirm_until = change.confirm_until.unwrap_or(delivery.confirm_until);
    delivery.moment_id = change.moment_id.clone().or_else(|| delivery.moment_id.take());
    for (place, state) in &transition.states {
        let account = &mut delivery.accounts[*place];
        account.shown = state.stage();
        account.standing = match state {
            AccountState::Failed { .. } if state.stage() == Stage::Unconfirmed => Reported::Unconfirmed,
            AccountState::Failed { .. } => Reported::Failed,
            state if state.status().ended() => Reported::Ended,
            _ => Reported::Open,
        };
    }
}

/// Whatever is answered, at every call, for ever. Answers how many events it took and how long.
fn run_to_the_end(
    members_confirm: bool,
    choices: &[usize],
    hit: &mut BTreeSet<(&'static str, &'static str)>,
) -> (u32, Duration) {
    let mut delivery = delivery(S::Queued, members_confirm);
    (delivery.moment_id, delivery.confirm_until, delivery.sending_at) =
        (None, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    let (mut event, mut choices) = (Event::Claimed, choices.iter().cycle());
    for count in 0..20_000 {
        hit.insert((delivery.stage.as_str(), event.name()));
        let transition = next(&delivery, event.clone(), &policy())
            .unwrap_or_else(|impossible| panic!("{impossible}: {delivery:?} {event:?}"));
        let was = delivery.stage;
        // Another delivery may have claimed what is to be told: then nothing is written.
        if transition.claim.is_some() && choices.next().expect("it cycles") % 3 == 0 {
            event = Event::ClaimTaken;
            continue;
        }
        apply(&mut delivery, &transition);
        event = match &transition.then {
            NextStep::End | NextStep::Replace => return (count, between(NOW, delivery.now)),
            // The worker may die right after it has written the id, or the fence.
            NextStep::Resume | NextStep::Call(Call::Send) if choices.next().expect("it cycles") % 4 == 0 => {
                delivery.attempts += 1;
                Event::Claimed
            }
            NextStep::Resume => Event::RowWritten,
            // The claim that was in the way is another one's answer.
            NextStep::TakeBack => Event::AnsweredToAnother,
            NextStep::Wake(pause) => {
                delivery.now = after(delivery.now, *pause);
                delivery.asked_at = delivery.now;
                delivery.attempts += 1;
                Event::Claimed
            }
            NextStep::Call(call) => {
                let may_follow = |name: &str| match name {
                    "JobRunning" | "MomentCreated" | "JobFailed" => was == S::Submitted,
                    "MembersPolled" => was == S::Waiting,
                    _ => true,
                };
                let mut choice = || *choices.next().expect("it cycles");
                let names: Vec<&str> =
                    answers(call, members_confirm).iter().copied().filter(|name| may_follow(name)).collect();
                let name = names[choice() % names.len()];
                // What is replaced is what it was asked to.
                let is_its_own = |event: &Event| match (call, event) {
                    (Call::Recover(Recovery::Token), Event::Recovered(repair)) => *repair == Repair::Token,
                    (Call::Recover(Recovery::Media), Event::Recovered(repair)) => *repair == Repair::Media,
                    _ => true,
                };
                let possible: Vec<Event> =
                    events().into_iter().filter(|event| event.name() == name && is_its_own(event)).collect();
                let chosen = possible[choice() % possible.len()].clone();
                match chosen {
                    Event::NotBefore(_, reason) => Event::NotBefore(delivery.now + HOUR, reason),
                    chosen => chosen,
                }
            }
        };
    }
    panic!("it never ends: {delivery:?}");
}

/// The longest that anything takes: its turn, the job, the members, the last word, and the looks between.
fn longest() -> Duration {
    LONGEST_WAIT + JOB_LIFETIME + FINAL_POLL_AFTER + Duration::from_secs((48 + 12) * 3_600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn delivery_ends_in_time_whatever_is_answered(
        members_confirm in any::<bool>(),
        choices in proptest::collection::vec(0_usize..64, 1..40),
    ) {
        let (_, took) = run_to_the_end(members_confirm, &choices, &mut BTreeSet::new());
        prop_assert!(took <= longest(), "it took {took:?}");
    }
}

/// The same answer for ever to each call, what fails always and waits always among them; and then all sorts of answers.
#[test]
fn delivery_ends_in_time_under_one_repeated_answer_and_every_legal_pair_is_reached() {
    let (mut hit, mut number) = (BTreeSet::new(), 1_usize);
    let mut all_sorts = || {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        number >> 33
    };
    for members_confirm in [true, false] {
        for first in 0..64 {
            for second in 0..32 {
                let anything: Vec<usize> = (0..37).map(|_| all_sorts()).collect();
                for choices in [vec![first, second, first + second], anything] {
                    let (_, took) = run_to_the_end(members_confirm, &choices, &mut hit);
                    assert!(took <= longest(), "it took {took:?}: {choices:?}");
                }
            }
        }
    }
    let unreached: Vec<_> = legal_pairs().difference(&hit).copied().collect();
    println!("{} of {} legal pairs of stage and event were reached", hit.len(), legal_pairs().len());
    assert!(unreached.is_empty(), "never reached: {unreached:?}");
}
