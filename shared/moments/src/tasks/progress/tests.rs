use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn task(changes: Value) -> Task {
    let row = json!({
        "id": 7, "user_id": 1, "status": "PROCESSING",
        "tally": {"open": 1, "succeeded": 0, "failed": 0, "cancelled": 0}, "create_time": NOW, "update_time": NOW,
    });
    serde_json::from_value(merged(row, changes)).unwrap()
}

fn result(round: u32, status: &str, stage: &str) -> AccountResult {
    let row = json!({
        "task_id": 7, "account_id": "a", "round": round, "status": status, "stage": stage, "update_time": NOW,
    });
    serde_json::from_value(row).unwrap()
}

fn delivery(changes: Value) -> Delivery {
    let row = json!({
        "task_id": 7, "delivery": "a#0", "user_id": 1, "account_type": "PERSONAL", "account_ids": ["a"],
        "next_action_at": (NOW + 60) * 1_000,
    });
    serde_json::from_value(merged(row, changes)).unwrap()
}

fn merged(mut object: Value, changes: Value) -> Value {
    if let (Some(object), Value::Object(changes)) = (object.as_object_mut(), changes) {
        object.extend(changes);
    }
    object
}

#[test]
fn progress_before_dispatch_says_what_the_task_waits_for() {
    let pending = result(0, "PENDING", "QUEUED");
    for (offset, reason) in [(3_600, "等待预定的发布时间"), (0, "等待开始发布")] {
        let time = NOW + offset;
        let task = task(json!({"scheduled_time": time, "next_action_at": time * 1_000}));
        let wait = wait_of(&task, &pending, &[], now()).unwrap();
        assert_eq!((wait.reason, wait.until), (reason, Timestamp::from_second(time).ok()));
    }
}

#[test]
fn progress_of_an_open_delivery_says_why_and_until_when() {
    let task = task(json!({"dispatched": true}));
    let open = result(0, "PROCESSING", "QUEUED");
    for (changes, reason) in [
        (json!({"stage": "QUEUED"}), "等待开始发布"),
        (json!({"stage": "QUEUED", "waits_for": "SLOT"}), "等待该账号的发布间隔或微信的频率限制"),
        (json!({"stage": "QUEUED", "waits_for": "AGAIN"}), "上次尝试未成功，等待自动重试"),
        (json!({"stage": "UNCONFIRMED"}), "未收到微信的确认，正在核对是否已发布"),
        (json!({"stage": "SUBMITTED"}), "企业微信正在创建发表任务"),
        (json!({"stage": "WAITING"}), "等待成员在企业微信中确认发表"),
        (json!({"stage": "WAITING", "waits_for": "SECRET"}), "企业微信应用密钥已失效，请更新密钥，更新后自动继续"),
    ] {
        let wait = wait_of(&task, &open, &[delivery(changes.clone())], now()).unwrap();
        assert_eq!((wait.reason, wait.until), (reason, Timestamp::from_second(NOW + 60).ok()), "{changes}");
    }
}

#[test]
fn progress_of_a_claimed_delivery_has_no_time_and_only_members_have_a_deadline() {
    let task = task(json!({"dispatched": true}));
    let open = result(0, "PROCESSING", "SENDING");
    let claimed_delivery =
        delivery(json!({"stage": "QUEUED", "lease_owner": "w", "waits_for": "AGAIN", "confirm_until": 5_000}));
    let wait = wait_of(&task, &open, &[claimed_delivery], now()).unwrap();
    assert_eq!(wait, Wait { reason: "正在准备发布", until: None, confirm_until: None });
    let waiting = delivery(json!({"stage": "WAITING", "confirm_until": (NOW + 9) * 1_000 + 5}));
    let wait = wait_of(&task, &open, &[waiting], now()).unwrap();
    assert_eq!(wait.confirm_until, Timestamp::from_second(NOW + 9).ok());
}

#[test]
fn progress_of_an_ended_result_or_another_round_waits_for_nothing() {
    let task = task(json!({"dispatched": true}));
    let waiting = || delivery(json!({"stage": "WAITING"}));
    assert_eq!(wait_of(&task, &result(0, "SUCCESS", "PUBLISHED"), &[waiting()], now()), None);
    let wait = wait_of(&task, &result(1, "PENDING", "QUEUED"), &[waiting()], now()).unwrap();
    assert_eq!(wait.reason, "等待开始发布");
}
