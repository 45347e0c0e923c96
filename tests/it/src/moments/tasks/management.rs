//! Row 13: calling off, moving and trying again, each answered with the task as it is then.

use std::time::Duration;

use anyhow::Result;
use sandbox::fault::Effect;
use sandbox::gewe::{DeviceState, GeweEndpoint, GeweFault};
use serde_json::json;

use crate::Event;
use crate::contract::assert_enveloped;
use crate::moments::contract::{
    USER, about, check_health, ended, later, now, post, untouched, waits, whole, with, world,
};

#[tokio::test]
async fn timed_task_is_rescheduled_and_then_cancelled() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let created = now(&world);
    let body = json!({"text": "准时", "accountIds": [device], "scheduledTime": later(&world, 86_400)});
    let task = post(&world, &body).await?;
    let name = world.sandbox.gewe().device("phone").unwrap().nickname;
    let account = untouched(&device, &name, &created);
    let schedules = world.scheduled().await?;

    world.advance(Duration::from_secs(60));
    // The time may be written in any zone; it is told in one.
    let moved = later(&world, 2 * 86_400);
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let wished = moved.parse::<jiff::Timestamp>()?.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let update = Event::sample("moment-task-update")?.path("taskId", &task.to_string());
    let answer = world.call_as(USER, update.json(&json!({ "scheduledTime": wished }))).await?;
    let expected = json!({
        "syncTaskId": task, "contentId": null, "status": "PENDING", "createTime": created, "updateTime": now(&world),
        "scheduledTime": moved, "results": [with(account.clone(), waits("等待预定的发布时间", &moved))],
    });
    assert_enveloped(&answer, 200, &whole("准时", expected.clone()));
    let after = world.scheduled().await?;
    assert!(after.len() == 1 && after != schedules, "the schedule moved: {schedules:?} {after:?}");

    world.advance(Duration::from_secs(60));
    let answer = about(&world, "moment-task-cancel", task).await?;
    let cancelled = ended(json!({"status": "CANCELLED", "stage": "CANCELLED", "updateTime": now(&world)}));
    let changes =
        json!({"status": "CANCELLED", "updateTime": now(&world), "results": [with(account.clone(), cancelled)]});
    assert_enveloped(&answer, 200, &whole("准时", with(expected, changes)));
    assert!(world.scheduled().await?.is_empty(), "what is called off has no schedule");
    world.advance(Duration::from_secs(3 * 86_400));
    world.sweep().await?;
    world.drain_publications().await?;
    assert!(world.sandbox.gewe().published_posts().is_empty());
    Ok(())
}

#[tokio::test]
async fn retry_of_a_task_retries_what_failed_and_nothing_else() -> Result<()> {
    let world = world().await?;
    let (good, bad) = (world.connect_device(USER, "good").await?, world.connect_device(USER, "bad").await?);
    world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    let task = post(&world, &json!({"text": "早上好", "accountIds": [good, bad]})).await?;
    let failed = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(failed["status"], "PARTIAL_SUCCESS", "{failed}");
    world.sandbox.gewe().set_state("bad", DeviceState::Online);
    world.advance(Duration::from_secs(700));
    check_health(&world).await?;

    let answer = about(&world, "moment-task-retry", task).await?;
    let again = json!({
        "status": "PENDING", "stage": "QUEUED", "errorCode": null, "errorMessage": null, "updateTime": now(&world),
    });
    let again = with(again, waits("等待开始发布", &now(&world)));
    let results = failed["results"].as_array().unwrap().iter().cloned();
    let results: Vec<_> = results
        .map(|result| if result["accountId"] == bad.as_str() { with(result, again.clone()) } else { result })
        .collect();
    let expected = with(failed, json!({"status": "PROCESSING", "updateTime": now(&world), "results": results}));
    assert_enveloped(&answer, 202, &whole("早上好", expected));
    let ended = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(ended["status"], "COMPLETED", "{ended}");
    assert_eq!(world.sandbox.gewe().published_posts().len(), 2, "each once");
    Ok(())
}

#[tokio::test]
async fn retry_of_one_account_keeps_the_result_of_the_other() -> Result<()> {
    let world = world().await?;
    let (one, two) = (world.connect_device(USER, "one").await?, world.connect_device(USER, "two").await?);
    for name in ["one", "two"] {
        let refusal = Effect::Code { code: 500, message: Some("content不可为空".to_owned()) };
        world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, refusal).for_account(name));
    }
    let task = post(&world, &json!({"text": "早上好", "accountIds": [one, two]})).await?;
    let failed = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(failed["status"], "FAILED", "{failed}");
    world.advance(Duration::from_secs(60));

    let retry = Event::sample("moment-task-retry")?.path("taskId", &task.to_string());
    let body = json!({"accountIds": [two], "includeUnconfirmed": false});
    let answer = world.call_as(USER, retry.json(&body)).await?;
    let again = json!({
        "status": "PENDING", "stage": "QUEUED", "errorCode": null, "errorMessage": null, "updateTime": now(&world),
    });
    let again = with(again, waits("等待开始发布", &now(&world)));
    let results = failed["results"].as_array().unwrap().iter().cloned();
    let results: Vec<_> = results
        .map(|result| if result["accountId"] == two.as_str() { with(result, again.clone()) } else { result })
        .collect();
    let expected = with(failed, json!({"status": "PROCESSING", "updateTime": now(&world), "results": results}));
    assert_enveloped(&answer, 202, &whole("早上好", expected));
    let ended = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(ended["status"], "PARTIAL_SUCCESS", "{ended}");
    assert_eq!(world.sandbox.journal().publications_of("two").len(), 1);
    assert!(world.sandbox.journal().publications_of("one").is_empty());
    Ok(())
}

#[tokio::test]
async fn timed_task_published_now_is_published_once_and_its_schedule_deleted() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let created = now(&world);
    let body = json!({"text": "提前", "accountIds": [device], "scheduledTime": later(&world, 2 * 86_400)});
    let task = post(&world, &body).await?;
    let name = world.sandbox.gewe().device("phone").unwrap().nickname;
    world.advance(Duration::from_secs(60));

    let answer = about(&world, "moment-task-publish-now", task).await?;
    let account = with(untouched(&device, &name, &created), waits("等待开始发布", &now(&world)));
    let expected = json!({
        "syncTaskId": task, "contentId": null, "status": "PENDING", "createTime": created, "updateTime": now(&world),
        "scheduledTime": now(&world), "results": [account],
    });
    assert_enveloped(&answer, 202, &whole("提前", expected.clone()));
    assert!(world.scheduled().await?.is_empty());
    // Whoever is not answered asks again: it is the same.
    world.advance(Duration::from_secs(1));
    assert_enveloped(&about(&world, "moment-task-publish-now", task).await?, 202, &whole("提前", expected));
    let ended = world.publish_until_ended(USER, task, 3).await?;
    assert_eq!(ended["status"], "COMPLETED", "{ended}");
    world.advance(Duration::from_secs(3 * 86_400));
    world.sweep().await?;
    world.drain_publications().await?;
    assert_eq!(world.sandbox.gewe().published_posts().len(), 1, "once");
    let answer = about(&world, "moment-task-publish-now", task).await?;
    assert_eq!((answer.status, answer.error_type()), (409, "CONFLICT"), "{answer:?}");
    Ok(())
}
