//! The whole story of the WeChat side, undisturbed: connect, publish now and timed, call off, fail in part, try again.

use std::time::Duration;

use anyhow::Result;
use sandbox::gewe::DeviceState;
use sandbox::media::MediaFile;
use serde_json::json;

use crate::{Event, World};

const USER: u64 = 2001;

async fn world() -> Result<World> {
    let mut world = World::start().await?;
    world.pause_by_hand();
    Ok(world)
}

#[tokio::test]
async fn moments_story_of_an_image_post_reaches_a_company_and_a_person() -> Result<()> {
    let world = world().await?;
    let members = world.connect_corp(USER, "花店", &["lily", "rose"]).await?;
    let person = world.connect_device(USER, "phone").await?;
    let listed = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    assert_eq!(listed.data().as_array().unwrap().len(), 3, "{listed:?}");

    // The first as a phone takes it: more than WeCom does.
    let picture = |name: &str, width, height| world.sandbox.media().put_file(name, MediaFile::jpeg(width, height));
    let accounts = [members.clone(), vec![person.clone()]].concat();
    let body = json!({
        "text": "新花到店 🌸",
        "mediaUrls": [picture("1.jpg", 3_024, 4_032), picture("2.jpg", 800, 600), picture("3.jpg", 80, 60)],
        "accountIds": accounts,
    });
    let answer = world.request_post(USER, &body).await?;
    assert_eq!((answer.status, &answer.data()["status"]), (202, &json!("PENDING")), "{answer:?}");
    let task = answer.data()["syncTaskId"].as_u64().unwrap();

    world.drain_publications().await?;
    world.advance(Duration::from_secs(2_000));
    world.sweep().await?;
    world.drain_publications().await?;
    let moment = world.sandbox.wecom().moment_tasks()[0].moment_id.clone();
    let waiting = world.post_status(USER, task).await?;
    assert_eq!(waiting["status"], "PROCESSING", "{waiting}");
    world.sandbox.wecom().confirm_all(&moment).unwrap();

    let ended = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(ended["status"], "COMPLETED", "{ended}");
    for result in ended["results"].as_array().unwrap() {
        assert_eq!(result["status"], "SUCCESS", "{result}");
        assert!(result["momentId"].is_string() && result["errorMessage"].is_null(), "{result}");
    }
    assert_eq!(world.sandbox.gewe().published_posts().len(), 1);
    assert_eq!(world.sandbox.wecom().published_posts().len(), 2);
    assert_eq!(world.sandbox.wecom().moment_tasks().len(), 1);
    let violations = world.sandbox.journal().violations();
    assert!(violations.is_empty(), "{violations:?}");
    assert_eq!(world.depth_without_delayed(world.publish_queue_url()?).await?, 0);
    Ok(())
}

#[tokio::test]
async fn moments_story_of_a_partial_failure_says_why_and_retries_only_the_failed() -> Result<()> {
    let world = world().await?;
    let (good, bad) = (world.connect_device(USER, "good").await?, world.connect_device(USER, "bad").await?);
    let answer = world.request_post(USER, &json!({"text": "早上好", "accountIds": [good, bad]})).await?;
    let task = answer.data()["syncTaskId"].as_u64().unwrap();
    world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    let ended = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(ended["status"], "PARTIAL_SUCCESS", "{ended}");
    let failed = ended["results"].as_array().unwrap().iter().find(|result| result["accountId"] == bad).unwrap();
    assert!(failed["errorMessage"].as_str().unwrap().contains("离线"), "{failed}");

    world.sandbox.gewe().set_state("bad", DeviceState::Online);
    for _ in 0..2 {
        world.advance(Duration::from_secs(1_200));
        let app = functions::workers::wechat_health_checker::App::new(
            &world.context("wechat-health-checker", &Default::default()).await?,
        )
        .await?;
        functions::workers::wechat_health_checker::handle(&app, world.deadline()).await?;
    }
    let retry = Event::sample("moment-task-retry")?.path("taskId", &task.to_string());
    let answer = world.call_as(USER, retry).await?;
    assert_eq!(answer.status, 202, "{answer:?}");
    let ended = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(ended["status"], "COMPLETED", "{ended}");
    assert_eq!(world.sandbox.gewe().published_posts().len(), 2, "each once");
    Ok(())
}

#[tokio::test]
async fn moments_story_of_a_timed_post_publishes_at_its_time_or_is_moved_or_cancelled() -> Result<()> {
    let world = world().await?;
    let person = world.connect_device(USER, "phone").await?;
    let at = |hours: i64| (world.clock.now() + jiff::SignedDuration::from_hours(hours)).to_string();
    let request = |time: String| json!({"text": "准时", "accountIds": [person.clone()], "scheduledTime": time});
    let task = world.request_post(USER, &request(at(2))).await?.data()["syncTaskId"].as_u64().unwrap();
    let cancelled = world.request_post(USER, &request(at(2))).await?.data()["syncTaskId"].as_u64().unwrap();

    let manage =
        |function: &str, task: u64| Ok::<_, anyhow::Error>(Event::sample(function)?.path("taskId", &task.to_string()));
    let moved = world.call_as(USER, manage("moment-task-update", task)?.json(&json!({"scheduledTime": at(3)}))).await?;
    assert_eq!(moved.status, 200, "{moved:?}");
    let off = world.call_as(USER, manage("moment-task-cancel", cancelled)?).await?;
    assert_eq!((off.status, &off.data()["status"]), (200, &json!("CANCELLED")), "{off:?}");
    assert_eq!(world.call_as(USER, manage("moment-task-cancel", cancelled)?).await?.status, 409);

    world.advance(Duration::from_secs(2 * 3_600 + 60));
    world.sweep().await?;
    world.drain_publications().await?;
    assert!(world.sandbox.gewe().published_posts().is_empty(), "its time has not come");
    world.advance(Duration::from_secs(3_600));
    world.sweep().await?;
    world.drain_publications().await?;
    assert_eq!(world.post_status(USER, task).await?["status"], "COMPLETED");
    assert_eq!(world.sandbox.gewe().published_posts().len(), 1);
    assert_eq!(world.depth(world.publish_queue_url()?).await?, 0);
    Ok(())
}
