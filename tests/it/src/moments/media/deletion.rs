//! Files are kept once, and as long as a task needs them.

use anyhow::{Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use sandbox::media::MediaFile;
use serde_json::json;

use super::{DAY, LONG_AGO, is, nothing_is_kept, only_file, picture, post, retry};
use crate::Event;
use crate::moments::publishing::{USER, recover, world};

#[tokio::test]
async fn media_of_two_tasks_are_kept_once_and_deleted_when_the_last_has_ended() -> Result<()> {
    let world = world().await?;
    let phone = [world.connect_device(USER, "phone").await?];
    // The same file at two addresses, and twice in one post.
    let file = || MediaFile::of_bytes(include_bytes!("../../../media/palette-trns-2000.png"));
    let [one, two] = ["one", "two"].map(|path| world.sandbox.media().put_file(path, file()));
    let first = post(&world, &phone, "第一条", &one).await?;
    let at = (world.clock.now() + jiff::SignedDuration::from_hours(51)).to_string();
    let body = json!({"text": "第二条", "mediaUrls": [two, one], "accountIds": phone, "scheduledTime": at});
    let second = super::request(&world, &body).await?;
    let row = only_file(&world).await?;
    ensure!(row["tasks"].contains(&first.to_string()) && row["tasks"].contains(&second.to_string()), "{row:?}");

    is(&recover(&world, first).await?, "COMPLETED")?;
    world.advance(LONG_AGO);
    world.sweep().await?;
    let row = only_file(&world).await?;
    ensure!(!row["tasks"].contains(&first.to_string()), "{row:?}");
    ensure!(!row.contains_key("next_action_at"), "nobody needs to look at it: {row:?}");

    world.advance(2 * DAY);
    world.sweep().await?;
    is(&recover(&world, second).await?, "COMPLETED")?;
    world.sweep().await?;
    nothing_is_kept(&world).await
}

#[tokio::test]
async fn media_of_a_task_that_is_called_off_are_deleted() -> Result<()> {
    let mut world = world().await?;
    let phone = [world.connect_device(USER, "phone").await?];
    let at = (world.clock.now() + jiff::SignedDuration::from_hours(48)).to_string();
    let url = picture(&world, "one", 80);
    let body = json!({"text": "不发了", "mediaUrls": [url], "accountIds": phone, "scheduledTime": at});
    let task = super::request(&world, &body).await?;
    world.sweep().await?;
    only_file(&world).await?;
    let cancelled = Event::sample("moment-task-cancel")?.path("taskId", &task.to_string());
    ensure!(world.call_as(USER, cancelled).await?.status == 200);
    // While publishing is paused tables may be being restored, so nothing is deleted.
    world.set("PUBLISHING_ENABLED", "false");
    world.sweep().await?;
    only_file(&world).await?;
    world.set("PUBLISHING_ENABLED", "true");
    world.sweep().await?;
    nothing_is_kept(&world).await
}

/// A failed account may be tried again for a week, without the address from which its media came.
#[tokio::test]
async fn media_of_a_failed_task_are_kept_for_a_week_and_then_it_cannot_be_tried_again() -> Result<()> {
    let world = world().await?;
    let phone = [world.connect_device(USER, "phone").await?];
    let refuse = || {
        let refusal = Effect::Code { code: 500, message: Some("content不可为空".to_owned()) };
        world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendImage, refusal));
    };
    refuse();
    let task = post(&world, &phone, "失败", &picture(&world, "one", 80)).await?;
    is(&recover(&world, task).await?, "FAILED")?;
    world.sandbox.media().remove("one");
    for _ in 0..6 {
        world.advance(DAY);
        world.sweep().await?;
    }
    only_file(&world).await?;
    refuse();
    ensure!(retry(&world, task).await?.status == 202);
    is(&recover(&world, task).await?, "FAILED")?;
    // The week begins anew.
    world.advance(6 * DAY);
    world.sweep().await?;
    only_file(&world).await?;
    world.advance(2 * DAY);
    world.sweep().await?;
    nothing_is_kept(&world).await?;
    let refused = retry(&world, task).await?;
    ensure!(
        refused.status == 409 && refused.body["message"].as_str().is_some_and(|it| it.contains("已删除")),
        "{refused:?}"
    );
    is(&world.post_status(USER, task).await?, "FAILED")
}

#[tokio::test]
async fn media_of_a_request_that_is_refused_are_not_kept() -> Result<()> {
    let world = world().await?;
    let phone = [world.connect_device(USER, "phone").await?];
    let body = json!({"text": "重复", "mediaUrls": [picture(&world, "one", 80)], "accountIds": phone});
    let validate = Event::sample("moment-validate")?.json(&body);
    ensure!(world.call_as(USER, validate).await?.status == 200);
    nothing_is_kept(&world).await?;
    let event = || anyhow::Ok(Event::sample("moment-sync")?.without_header("idempotency-key").json(&body));
    ensure!(world.call_as(USER, event()?).await?.status == 202);
    let refused = world.call_as(USER, event()?).await?;
    ensure!(refused.status == 422, "{refused:?}");
    world.drain_publications().await?;
    world.sweep().await?;
    nothing_is_kept(&world).await
}
