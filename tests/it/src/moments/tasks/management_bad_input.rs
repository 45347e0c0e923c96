//! Row 13: calling off, moving and trying again in states that do not allow it, and of tasks that are not there.

use anyhow::{Result, ensure};
use functions::catalog;
use futures::future::try_join_all;
use sandbox::fault::Effect;
use sandbox::gewe::{DeviceState, GeweEndpoint, GeweFault};
use serde_json::{Value, json};

use crate::Event;
use crate::moments::bad_input::{CONTENT, Desk, NOT_FOUND, STRANGER, USER, unreadable};
use crate::snapshot::ExpectedError;

const CONFLICT: ExpectedError<'_> = ExpectedError::new(409, "CONFLICT");
/// Where everything about one task is.
const TASK: &str = "/api/v1/workbench/wechat/moments/tasks/{taskId}";

impl Desk {
    /// The request for an action on a task, with all it needs.
    fn act(&self, action: &str, task: impl ToString) -> Result<Event> {
        let event = self.event(action)?.path("taskId", &task.to_string());
        let moved = action == "moment-task-update";
        Ok(if moved { event.json(&json!({"scheduledTime": self.at(7_200)})) } else { event })
    }

    async fn published(&self, accounts: &Value, rounds: usize) -> Result<(u64, Value)> {
        let task = self.grants("a post", &self.post(json!({"accountIds": accounts}))?).await?;
        Ok((task, self.world.publish_until_ended(USER, task, rounds).await?))
    }
}

#[tokio::test]
async fn task_change_that_its_status_forbids_is_a_conflict_with_its_reason() -> Result<()> {
    let mut desk = Desk::open().await?;
    let bad = desk.world.connect_device(USER, "bad").await?;
    let member = desk.world.connect_corp(USER, "花店", &["lily"]).await?.remove(0);
    let timed = json!({"scheduledTime": desk.at(10 * 86_400)});
    let waiting = desk.grants("timed", &desk.post(timed.clone())?).await?;
    let cancelled = desk.grants("to be called off", &desk.post(timed)?).await?;
    ensure!(desk.world.call(&desk.act("moment-task-cancel", cancelled)?).await?.status == 200);
    let (completed, ended) = desk.published(&json!([desk.device]), 5).await?;
    ensure!(ended["status"] == "COMPLETED", "{ended}");
    desk.world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    let (failed, ended) = desk.published(&json!([bad]), 5).await?;
    ensure!(ended["status"] == "FAILED", "{ended}");
    let (asking, status) = desk.published(&json!([member]), 1).await?;
    ensure!(status["results"][0]["stage"] == "WAITING_MEMBER_CONFIRM", "{status}");
    let created = desk.grants("not yet begun", &desk.post(json!({}))?).await?;
    desk.settle().await?;

    let (ended, running) = ("任务已结束，不能取消", "任务仍在进行中，请等待结束后再重试");
    let (unmoved, flawless) = ("只有尚未开始的定时任务可以修改时间", "没有失败的账号需要重试");
    let unbegun = "只有尚未开始的定时任务可以立即发布";
    for (what, task, action, why) in [
        ("a completed one", completed, "moment-task-cancel", ended),
        ("a failed one", failed, "moment-task-cancel", ended),
        ("one called off", cancelled, "moment-task-cancel", ended),
        ("one that waits for members", asking, "moment-task-cancel", "内容已提交给微信，不能取消"),
        ("a timed one", waiting, "moment-task-retry", running),
        ("one about to begin", created, "moment-task-retry", running),
        ("one that waits for members", asking, "moment-task-retry", running),
        ("a completed one", completed, "moment-task-retry", flawless),
        ("one called off", cancelled, "moment-task-retry", flawless),
        ("a completed one", completed, "moment-task-stop", "任务已结束，没有可以停止的内容"),
        ("a failed one", failed, "moment-task-stop", "任务已结束，没有可以停止的内容"),
        ("a completed one", completed, "moment-task-publish-now", unbegun),
        ("a failed one", failed, "moment-task-publish-now", unbegun),
        ("one called off", cancelled, "moment-task-publish-now", unbegun),
        ("one that waits for members", asking, "moment-task-publish-now", unbegun),
        ("one without a time", created, "moment-task-publish-now", unbegun),
        ("a completed one", completed, "moment-task-update", unmoved),
        ("a failed one", failed, "moment-task-update", unmoved),
        ("one called off", cancelled, "moment-task-update", unmoved),
        ("one without a time", created, "moment-task-update", unmoved),
        ("one that waits for members", asking, "moment-task-update", unmoved),
    ] {
        desk.refuses(&format!("{action} of {what}"), &desk.act(action, task)?, &CONFLICT, why).await?;
    }
    Ok(())
}

#[tokio::test]
async fn task_that_does_not_exist_is_not_found() -> Result<()> {
    let mut desk = Desk::open().await?;
    let foreign = desk.world.connect_device(STRANGER, "foreign").await?;
    let body = json!({"text": "早上好", "accountIds": [foreign], "scheduledTime": desk.at(3_600)});
    let theirs = crate::moments::bad_input::task_of(&desk.world.request_post(STRANGER, &body).await?)?;
    desk.settle().await?;
    let (theirs, absent, long) = (theirs.to_string(), (theirs + 1).to_string(), "9".repeat(5_000));
    for id in [
        theirs.as_str(),
        &absent,
        &format!("0{theirs}"),
        &format!("{theirs} "),
        &format!("+{theirs}"),
        &format!("{theirs}.0"),
        "0",
        "-1",
        "1e3",
        "0x1",
        "１",
        "abc",
        "null",
        "%FF",
        "..",
        "9007199254740992",
        "18446744073709551617",
        &long,
    ] {
        let of_a_task = catalog::ROUTES.iter().filter(|route| route.path.starts_with(TASK));
        for action in of_a_task.map(|route| route.name) {
            desk.refuses(&format!("{action} {id:.40}"), &desk.act(action, id)?, &NOT_FOUND, "请刷新后再试").await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn task_reschedule_to_an_invalid_time_is_refused() -> Result<()> {
    let mut desk = Desk::open().await?;
    let task = desk.grants("timed", &desk.post(json!({"scheduledTime": desk.at(86_400)}))?).await?;
    desk.settle().await?;
    let update = desk.event("moment-task-update")?.path("taskId", &task.to_string());
    let over = "定时时间必须晚于当前时间";
    for (what, time, remedy) in [
        ("now", desk.at(0), over),
        ("the past", desk.at(-3_600), over),
        ("more than a year", desk.at(365 * 86_400 + 1), "定时时间不能晚于一年之后"),
    ] {
        let event = update.clone().json(&json!({"scheduledTime": time}));
        desk.refuses(what, &event, &CONTENT.on(&["scheduledTime"]), remedy).await?;
    }
    let (at, time) = (desk.at(7_200), "scheduledTime");
    let (form, text) = ("时间须为带时区的 RFC 3339 格式", "应为文本");
    for (body, field, remedy) in [
        (json!({}), time, "缺少必填项，请填写"),
        (json!({time: null}), time, text),
        (json!({time: ""}), time, form),
        (json!({time: at.trim_end_matches('Z')}), time, form),
        (json!({time: at[..10]}), time, form),
        (json!({time: 1_795_161_600}), time, text),
        (json!({time: [at]}), time, text),
        (json!({"scheduleTime": at}), "scheduleTime", "请检查拼写或删除，可用项：scheduledTime"),
        (json!({time: at, "text": "改"}), "text", "请检查拼写或删除"),
        (json!({time: at, "status": "CANCELLED"}), "status", "请检查拼写或删除"),
    ] {
        let event = update.clone().json(&body);
        desk.refuses(&body.to_string(), &event, &ExpectedError::fields(&[field]), remedy).await?;
    }
    for (what, body) in unreadable(time, &at) {
        desk.refuses(what, &update.clone().body(&body), &ExpectedError::fields(&["body"]), "请").await?;
    }
    Ok(())
}

#[tokio::test]
async fn retry_requested_ten_times_at_once_is_one() -> Result<()> {
    let desk = Desk::open().await?;
    let refusal = Effect::Code { code: 500, message: Some("content不可为空".to_owned()) };
    desk.world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, refusal));
    let (task, ended) = desk.published(&json!([desk.device]), 5).await?;
    ensure!(ended["status"] == "FAILED", "{ended}");
    let retry = desk.act("moment-task-retry", task)?;
    let answers = try_join_all((0..10).map(|_| desk.world.call(&retry))).await?;
    let granted = answers.iter().filter(|answer| answer.status == 202).count();
    ensure!(granted == 1 && answers.iter().all(|answer| [202, 409].contains(&answer.status)), "{answers:?}");
    desk.publishes("ten retries", task).await?;
    ensure!(desk.world.sandbox.gewe().published_posts().len() == 1, "once");

    // Ten cancellations of what waits: whoever comes later is told that there is nothing left.
    let timed = desk.grants("timed", &desk.post(json!({"scheduledTime": desk.at(86_400)}))?).await?;
    let cancel = desk.act("moment-task-cancel", timed)?;
    let answers = try_join_all((0..10).map(|_| desk.world.call(&cancel))).await?;
    ensure!(answers.iter().filter(|answer| answer.status == 200).count() == 1, "{answers:?}");
    ensure!(answers.iter().all(|answer| [200, 409].contains(&answer.status)), "{answers:?}");
    ensure!(desk.world.scheduled().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn retry_of_accounts_that_cannot_be_retried_is_refused() -> Result<()> {
    let mut desk = Desk::open().await?;
    let bad = desk.world.connect_device(USER, "bad").await?;
    let other = desk.world.connect_device(USER, "other").await?;
    desk.world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    let (task, ended) = desk.published(&json!([desk.device, bad]), 5).await?;
    ensure!(ended["status"] == "PARTIAL_SUCCESS", "{ended}");
    desk.settle().await?;
    let retry = desk.event("moment-task-retry")?.path("taskId", &task.to_string());
    let (text, list, flag) = ("应为文本", "应为数组", "includeUnconfirmed");
    let (ids, unknown) = ("accountIds", "不支持此项，请检查拼写或删除，可用项：accountIds、includeUnconfirmed、force");
    for (body, field, remedy) in [
        (json!({ids: []}), ids, "请至少选择一个账号"),
        (json!({ids: [bad, bad]}), "accountIds[1]", "账号重复，请去掉重复的账号"),
        (json!({ids: [bad, other]}), "accountIds[1]", "该账号不属于此任务，请去掉该账号"),
        (json!({ids: [""]}), "accountIds[0]", "该账号不属于此任务，请去掉该账号"),
        (json!({ids: bad}), ids, list),
        (json!({ids: [7]}), "accountIds[0]", text),
        (json!({ids: [bad, null]}), "accountIds[1]", text),
        (json!({flag: "true"}), flag, "类型不正确"),
        (json!({flag: 1}), flag, "类型不正确"),
        (json!({ids: [bad], "unknownField": 1}), "unknownField", unknown),
        (json!({"accountId": bad}), "accountId", unknown),
        (json!({"include_unconfirmed": true}), "include_unconfirmed", unknown),
        (json!({"forced": true}), "forced", unknown),
        (json!({"force": "DAILY_CAP"}), "force", "类型不正确"),
    ] {
        let event = retry.clone().json(&body);
        desk.refuses(&body.to_string(), &event, &ExpectedError::fields(&[field]), remedy).await?;
    }
    for body in
        ["[]", "null", "7", r#""x""#, "accountIds=x", "{", r#"{"accountIds":"#, "{} {}", "{includeUnconfirmed:true}"]
    {
        desk.refuses(body, &retry.clone().body(body), &ExpectedError::fields(&["body"]), "请").await?;
    }
    let fine = retry.clone().json(&json!({ids: [bad, desk.device]}));
    desk.refuses("one that succeeded", &fine, &CONFLICT.on(&["accountIds[1]"]), "该账号没有失败，不需要重试").await?;
    Ok(())
}

#[tokio::test]
async fn retry_without_a_body_retries_what_failed() -> Result<()> {
    for body in ["", " \n", "{}", r#"{"accountIds":null,"includeUnconfirmed":null}"#] {
        let desk = Desk::open().await?;
        let refusal = Effect::Code { code: 500, message: Some("content不可为空".to_owned()) };
        desk.world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, refusal));
        let (task, _) = desk.published(&json!([desk.device]), 5).await?;
        let retry = desk.event("moment-task-retry")?.path("taskId", &task.to_string()).body(body);
        ensure!(desk.world.call(&retry).await?.status == 202, "{body:?}");
        desk.publishes(body, task).await?;
    }
    Ok(())
}
