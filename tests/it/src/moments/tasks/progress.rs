//! Row 11: the state of a task, account by account, in every state it passes through.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use sandbox::content::Draft;
use sandbox::gewe::DeviceState;
use serde_json::{Value, json};

use crate::World;
use crate::contract::assert_enveloped;
use crate::moments::contract::{USER, about, ended, later, now, post, untouched, waits, whole, with, world};

/// Time until whatever waits is taken up again.
const LATER: Duration = Duration::from_secs(2_000);

/// The task is told as expected. A write that met conflicts is made a little later, and the simulated clock moves by the
/// pauses: the times of an answer may be that much earlier than what the clock shows afterwards.
async fn assert_told(world: &World, task: u64, expected: &Value) -> Result<()> {
    let mut answer = about(world, "moment-task", task).await?;
    level_times(&mut answer.body["data"], expected);
    assert_enveloped(&answer, 200, expected);
    Ok(())
}

/// Makes times equal to the expected ones that differ by no more than the pauses of writes that met others.
fn level_times(answered: &mut Value, expected: &Value) {
    const PAUSES_SECONDS: i64 = 5;
    match (answered, expected) {
        (Value::Object(answered), Value::Object(expected)) => {
            answered
                .iter_mut()
                .for_each(|(field, value)| level_times(value, expected.get(field).unwrap_or(&Value::Null)));
        }
        (Value::Array(answered), Value::Array(expected)) => {
            answered.iter_mut().zip(expected).for_each(|(answered, expected)| level_times(answered, expected));
        }
        (Value::String(answered), Value::String(expected)) => {
            if let (Ok(told), Ok(shown)) = (answered.parse::<Timestamp>(), expected.parse::<Timestamp>())
                && (told.as_second() - shown.as_second()).abs() <= PAUSES_SECONDS
            {
                answered.clone_from(expected);
            }
        }
        _ => {}
    }
}

async fn go_on(world: &World) -> Result<()> {
    world.advance(LATER);
    world.sweep().await?;
    world.drain_publications().await?;
    Ok(())
}

fn name_of(world: &World, device: &str) -> String {
    world.sandbox.gewe().device(device).unwrap().nickname
}

#[tokio::test]
async fn progress_of_a_timed_personal_post_from_creation_to_end() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let (content_id, text) = ("7".to_owned(), "草稿".to_owned());
    world.sandbox.content().put(Draft { content_id, owner_user_id: USER, text, ..Draft::default() });
    let (created, time) = (now(&world), later(&world, 3_600));
    let task = post(&world, &json!({"contentId": 7, "accountIds": [device], "scheduledTime": time})).await?;
    let account = with(untouched(&device, &name_of(&world, "phone"), &created), waits("等待预定的发布时间", &time));
    let pending = json!({
        "syncTaskId": task, "contentId": 7, "status": "PENDING", "createTime": created, "updateTime": created,
        "scheduledTime": time, "results": [account],
    });
    assert_told(&world, task, &whole("草稿", pending.clone())).await?;

    // The sweeper gives the schedule, which nobody plays here, half a minute.
    world.advance(Duration::from_secs(3_660));
    world.sweep().await?;
    world.drain_publications().await?;
    let published = world.sandbox.gewe().published_posts();
    assert!(published.len() == 1 && published[0].id > 1 << 63, "{published:?}");
    // Such an id survives in no JSON number: it is a text, digit by digit.
    let success = json!({
        "status": "SUCCESS", "stage": "PUBLISHED", "momentId": published[0].id.to_string(), "updateTime": now(&world),
    });
    let expected =
        json!({"status": "COMPLETED", "updateTime": now(&world), "results": [with(account.clone(), ended(success))]});
    assert_told(&world, task, &whole("草稿", with(pending, expected))).await
}

#[tokio::test]
async fn progress_of_a_company_post_shows_the_wait_for_its_members() -> Result<()> {
    let world = world().await?;
    let members = world.connect_corp(USER, "花店", &["lily", "rose"]).await?;
    let created = now(&world);
    let task = post(&world, &json!({"text": "新花到店", "accountIds": members})).await?;
    let mut accounts: Vec<Value> = ["成员lily", "成员rose"]
        .iter()
        .zip(&members)
        .map(|(name, account)| untouched(account, name, &created))
        .collect();
    // The order of accounts is that of their ids.
    accounts.sort_by_key(|account| account["accountId"].to_string());
    let base = json!({
        "syncTaskId": task, "contentId": null, "status": "PENDING", "createTime": created, "updateTime": created,
        "scheduledTime": null, "results": accounts,
    });
    let all =
        |changes: Value| -> Value { accounts.iter().map(|account| with(account.clone(), changes.clone())).collect() };
    let told = async |fields: &Value| assert_told(&world, task, &whole("新花到店", fields.clone())).await;
    told(&base).await?;

    world.drain_publications().await?;
    let submitted = json!({"status": "PROCESSING", "stage": "SUBMITTED"});
    let submitted = with(submitted, waits("企业微信正在创建发表任务", &later(&world, 1_000)));
    let processing = with(base, json!({"status": "PROCESSING", "results": all(submitted)}));
    told(&processing).await?;
    go_on(&world).await?;
    let asked = now(&world);
    let waiting = json!({"status": "PROCESSING", "stage": "WAITING_MEMBER_CONFIRM", "updateTime": asked});
    let deadline = json!({"confirmUntil": later(&world, 48 * 3_600)});
    let wait = |world: &World| with(deadline.clone(), waits("等待成员在企业微信中确认发表", &later(world, 1_000)));
    let waiting = with(waiting, wait(&world));
    let expected = with(processing, json!({"updateTime": asked, "results": all(waiting.clone())}));
    told(&expected).await?;

    let moment = world.sandbox.wecom().moment_tasks()[0].moment_id.clone();
    world.sandbox.wecom().confirm(&moment, "lily").unwrap();
    go_on(&world).await?;
    let success = json!({"status": "SUCCESS", "stage": "PUBLISHED", "momentId": moment, "updateTime": now(&world)});
    let (mut success, waiting) = (ended(success), with(waiting, wait(&world)));
    let lily = members[0].clone();
    let results = |success: &Value, other: &Value| -> Value {
        let changes = |account: &Value| if account["accountId"] == lily.as_str() { success } else { other }.clone();
        accounts.iter().map(|account| with(account.clone(), changes(account))).collect()
    };
    let expected = with(expected, json!({"updateTime": now(&world), "results": results(&success, &waiting)}));
    told(&expected).await?;

    world.sandbox.wecom().confirm(&moment, "rose").unwrap();
    let first = success.clone();
    for _ in 0..3 {
        go_on(&world).await?;
        if world.post_status(USER, task).await?["status"] == "COMPLETED" {
            break;
        }
    }
    success["updateTime"] = now(&world).into();
    let completed = json!({"status": "COMPLETED", "updateTime": now(&world), "results": results(&first, &success)});
    told(&with(expected, completed)).await
}

#[tokio::test]
async fn progress_of_failed_accounts_has_code_and_remedy() -> Result<()> {
    let world = world().await?;
    let (good, bad) = (world.connect_device(USER, "good").await?, world.connect_device(USER, "bad").await?);
    world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    let created = now(&world);
    let task = post(&world, &json!({"text": "一", "accountIds": [good, bad]})).await?;
    world.drain_publications().await?;
    let id = world.sandbox.gewe().published_posts()[0].id.to_string();
    let success = ended(json!({"status": "SUCCESS", "stage": "PUBLISHED", "momentId": id}));
    let failure = ended(json!({
        "status": "FAILED", "stage": "REJECTED", "errorCode": "WECHAT_API_ERROR",
        "errorMessage": "该微信账号已离线。请重新登录，待账号恢复在线（约 10 分钟内，重新连接账号可立即恢复）后重试",
    }));
    let mut results = vec![
        with(untouched(&good, &name_of(&world, "good"), &created), success),
        with(untouched(&bad, &name_of(&world, "bad"), &created), failure.clone()),
    ];
    results.sort_by_key(|account| account["accountId"].to_string());
    let base = json!({
        "syncTaskId": task, "contentId": null, "status": "PARTIAL_SUCCESS", "createTime": created,
        "updateTime": created, "scheduledTime": null, "results": results,
    });
    assert_told(&world, task, &whole("一", base)).await?;

    // The account is known to be off the line now, so another post cannot even be asked for; a timed one asked for
    // before fails for it.
    world.sandbox.gewe().set_state("bad", DeviceState::Online);
    world.advance(Duration::from_secs(700));
    crate::moments::contract::check_health(&world).await?;
    let (created, time) = (now(&world), later(&world, 600));
    let task = post(&world, &json!({"text": "二", "accountIds": [bad], "scheduledTime": time})).await?;
    let gone = crate::Event::sample("wechat-account-disconnect")?.path("accountId", &bad);
    assert_eq!(world.call_as(USER, gone).await?.status, 200);
    world.advance(Duration::from_secs(700));
    world.sweep().await?;
    world.drain_publications().await?;
    let changes = json!({
        "errorCode": "MOMENT_PUBLISH_FAILED", "errorMessage": "该账号当前不可用（离线、过期或已解绑）。请恢复账号后重试",
        "updateTime": now(&world),
    });
    let failed = with(untouched(&bad, &name_of(&world, "bad"), &created), with(failure, changes));
    let expected = json!({
        "syncTaskId": task, "contentId": null, "status": "FAILED", "createTime": created, "updateTime": now(&world),
        "scheduledTime": time, "results": [failed],
    });
    assert_told(&world, task, &whole("二", expected)).await
}

/// The sentence is about the delivery that the account is in, and says until when.
#[tokio::test]
async fn progress_of_an_account_waiting_for_its_slot_says_so() -> Result<()> {
    let mut world = world().await?;
    world.set("PERSONAL_INTERVAL_SECONDS", "600");
    let device = world.connect_device(USER, "phone").await?;
    post(&world, &json!({"text": "一", "accountIds": [device]})).await?;
    world.drain_publications().await?;
    let created = now(&world);
    let second = post(&world, &json!({"text": "二", "accountIds": [device]})).await?;
    world.drain_publications().await?;
    let answer = about(&world, "moment-task", second).await?;
    let account = with(
        untouched(&device, &name_of(&world, "phone"), &created),
        waits("等待该账号的发布间隔或微信的频率限制", &later(&world, 600)),
    );
    assert_eq!(answer.data()["results"], json!([account]), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn progress_paged_and_filtered_counts_all_results() -> Result<()> {
    let world = world().await?;
    let names = ["a", "b", "c", "d", "e"];
    let mut accounts = world.connect_corp(USER, "花店", &names).await?;
    let bad = world.connect_device(USER, "bad").await?;
    world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    accounts.push(bad.clone());
    let task = post(&world, &json!({"text": "一", "accountIds": accounts})).await?;
    world.drain_publications().await?;
    accounts.sort();
    let asked = async |query: &[(&str, &str)]| -> Result<(Vec<String>, Value, Value)> {
        let event = crate::Event::sample("moment-task")?.path("taskId", &task.to_string()).query(query);
        let answer = world.call_as(USER, event).await?;
        let data = answer.data();
        let ids = data["results"].as_array().unwrap().iter();
        let ids = ids.map(|result| result["accountId"].as_str().unwrap().to_owned()).collect();
        Ok((ids, data["resultsTotal"].clone(), data["counts"].clone()))
    };
    let counts = json!({"success": 0, "failed": 1, "processing": 5, "pending": 0, "cancelled": 0});
    let open: Vec<String> = accounts.iter().filter(|account| **account != bad).cloned().collect();
    for (query, expected, total) in [
        (&[][..], &accounts[..], 6),
        (&[("page", "1"), ("size", "4")], &accounts[..4], 6),
        (&[("page", "2"), ("size", "4")], &accounts[4..], 6),
        (&[("page", "3"), ("size", "4")], &[], 6),
        (&[("size", "1")], &accounts[..1], 6),
        (&[("page", "1")], &accounts[..], 6),
        (&[("accountStatus", "FAILED")], std::slice::from_ref(&bad), 1),
        (&[("accountStatus", "PROCESSING")], &open[..], 5),
        (&[("accountStatus", "PROCESSING"), ("page", "2"), ("size", "3")], &open[3..], 5),
        (&[("accountStatus", "CANCELLED")], &[], 0),
        (&[("accountStatus", ""), ("page", ""), ("size", "")], &accounts[..], 6),
    ] {
        assert_eq!(asked(query).await?, (expected.to_vec(), json!(total), counts.clone()), "{query:?}");
    }
    Ok(())
}
