//! The rows of a delivery as the machine sees them, and what it writes back.

use serde_json::json;

use super::*;
use crate::store::delivery::{Delivery, DeliveryChange};
use crate::store::result::AccountResult;
use crate::store::task::Task;

/// A company's delivery of round 1 to anna, bob and cara, of whom the first two were asked and bob was not taken.
fn rows() -> (Delivery, Task, Vec<AccountResult>) {
    let delivery = json!({
        "task_id": 7, "delivery": "corp:c#1", "user_id": 1, "account_type": "WEWORK", "corp_key": "c",
        "stage": "ANSWERED", "attempts": 2,
        "account_ids": ["a", "b", "c"], "member_ids": ["Anna", "bob", "cara"], "asked_member_ids": ["ANNA", "bob"],
        "refused_member_ids": ["BOB"], "moment_id": "m", "create_time": 1_000, "sending_at": 1_000_500,
    });
    let task = json!({
        "id": 7, "user_id": 1, "status": "PROCESSING", "scheduled_time": 900, "media_urls": ["https://a.cn/1.jpg"],
        "tally": {"open": 3, "succeeded": 0, "failed": 1, "cancelled": 0}, "create_time": 800, "update_time": 800,
    });
    let result = |account: &str, round: u32, status: &str, stage: &str| {
        let row = json!({
            "task_id": 7, "account_id": account, "round": round, "status": status, "stage": stage, "update_time": 800,
        });
        serde_json::from_value(row).expect("a row")
    };
    let results = vec![
        result("a", 1, "PROCESSING", "SENDING"),
        result("b", 1, "FAILED", "UNCONFIRMED"),
        // Another round's, and another delivery's.
        result("c", 2, "PROCESSING", "SENDING"),
        result("d", 1, "PROCESSING", "SENDING"),
    ];
    (serde_json::from_value(delivery).expect("a delivery"), serde_json::from_value(task).expect("a task"), results)
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("an instant")
}

#[test]
fn delivery_state_is_read_from_the_rows_of_this_delivery() {
    let (delivery, task, results) = rows();
    let seen =
        DeliveryState::of(&delivery, &task, &results, true, WorkerTime { now: NOW, left: Duration::from_secs(9) });
    let account = |standing, shown, asked, refused| DeliveryAccount { standing, shown, asked, refused };
    assert_eq!(
        seen.accounts,
        [
            account(Reported::Open, Stage::Sending, true, false),
            account(Reported::Unconfirmed, Stage::Unconfirmed, true, true),
            account(Reported::Ended, Stage::Queued, false, false),
        ]
    );
    assert_eq!((seen.open(), seen.undecided()), (vec![0], vec![0, 1]));
    assert_eq!((seen.stage, seen.attempts, seen.now, seen.sending_at), (S::Answered, 2, NOW, at(1_000_500)));
    assert_eq!((seen.wanted_at, seen.planned_at, seen.has_media), (Some(at(1_000_000)), Some(at(900_000)), true));
    assert_eq!((seen.moment_id.as_deref(), seen.resend_if_absent), (Some("m"), false));
    // A row from before its time was noted, of a person: whoever it is for was asked.
    let delivery = Delivery { create_time: Timestamp::UNIX_EPOCH, corp_key: None, member_ids: vec![], ..delivery };
    let seen = DeliveryState::of(&delivery, &task, &results, false, WorkerTime { now: NOW, left: Duration::ZERO });
    assert_eq!(seen.wanted_at, None);
    assert!(seen.accounts.iter().all(|account| account.asked && !account.refused));
}

#[test]
fn delivery_state_has_what_the_result_row_says() {
    for (status, stage, standing) in [
        ("PENDING", "QUEUED", Reported::Open),
        ("PROCESSING", "UNCONFIRMED", Reported::Open),
        ("SUCCESS", "PUBLISHED", Reported::Ended),
        ("CANCELLED", "CANCELLED", Reported::Ended),
        ("FAILED", "REJECTED", Reported::Failed),
        ("FAILED", "UNCONFIRMED", Reported::Unconfirmed),
    ] {
        let row = json!({"task_id": 7, "account_id": "a", "status": status, "stage": stage, "update_time": 1});
        let result: AccountResult = serde_json::from_value(row).expect("a row");
        assert_eq!(Reported::of(&result), standing, "{status} {stage}");
    }
}

/// A new stage counts from nothing, but between the queue and the call the count goes on; and what is unconfirmed has no
/// post.
#[test]
fn transition_to_another_stage_resets_attempts_and_only_unconfirmed_forgets_the_post() {
    for (stage, attempts, forgets) in [
        (S::Queued, None, false),
        (S::Answered, Some(0), false),
        (S::Submitted, Some(0), false),
        (S::Waiting, Some(0), false),
        (S::Unconfirmed, Some(0), true),
        (S::Done, Some(0), false),
    ] {
        let change = Transition::to(stage, NextStep::End).change;
        assert_eq!(
            change,
            DeliveryChange { stage: Some(stage), attempts, forgets_post: forgets, ..DeliveryChange::default() }
        );
    }
    let (mut delivery, ..) = rows();
    Transition::to(S::Unconfirmed, NextStep::End).change.apply(&mut delivery);
    assert_eq!(
        (delivery.stage, delivery.attempts, delivery.moment_id, delivery.refused_member_ids),
        (S::Unconfirmed, 0, None, vec![])
    );
}

#[test]
fn transition_writes_asked_and_refused_members_if_any() {
    for members in [vec![], vec!["anna".to_owned()]] {
        let written = (!members.is_empty()).then(|| members.clone());
        let prepared = Event::Prepared { asked: members.clone(), uploads: members.clone() };
        let fence = next(&delivery(S::Queued, true), prepared, &policy()).unwrap();
        assert_eq!((&fence.change.asked_member_ids, &fence.change.upload_hashes), (&written, &written));
        let made = Event::MomentCreated { id: "m".to_owned(), refused: members };
        let noted = next(&delivery(S::Submitted, true), made, &policy()).unwrap();
        assert_eq!(noted.change.refused_member_ids, written);
    }
}

/// What is begun again is shown as waiting if it was shown as sending; and nobody is told what is shown already.
#[test]
fn transition_shows_accounts_at_their_stage_once() {
    let states = |stage, shown, event| {
        let mut delivery = delivery(stage, true);
        delivery.accounts[0].shown = shown;
        next(&delivery, event, &policy()).unwrap().states
    };
    let at = |place, stage| (place, AccountState::Processing(stage));
    assert_eq!(states(S::Sending, Stage::Sending, Event::Recovered(Repair::Token)), [at(0, Stage::Queued)]);
    assert_eq!(states(S::Queued, Stage::Claimed, Event::Recovered(Repair::Token)), []);
    assert_eq!(states(S::Submitted, Stage::Submitted, Event::RowWritten), [at(1, Stage::Submitted)]);
    assert_eq!(
        states(S::Sending, Stage::Sending, Event::AnswerLost),
        [0, 1].map(|place| at(place, Stage::Unconfirmed))
    );
}

#[test]
fn rows_without_the_time_they_were_wanted_at_are_not_taken_for_old_ones() {
    let delivery = DeliveryState { wanted_at: None, ..delivery(S::Queued, true) };
    let transition = next(&delivery, Event::Claimed, &policy()).unwrap();
    assert_eq!(transition, Transition::call(Call::Accounts));
}
