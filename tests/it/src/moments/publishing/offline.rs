//! A phone that is off the line when its post's time comes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::workers::wechat_health_checker;
use jiff::{SignedDuration, Timestamp};
use sandbox::gewe::DeviceState;
use serde_json::{Value, json};

use super::{USER, recover, request, world};
use crate::world::{EndpointOverrides, GATEWAY_WEBHOOK_SECRET};
use crate::{Event, World};

/// A post for an hour from now, at that hour, with the phone off the line; `told` says whether the gateway has said so.
async fn at_its_time(world: &World, told: bool) -> Result<u64> {
    let phone = [world.connect_device(USER, "phone").await?];
    let at = (world.clock.now() + SignedDuration::from_hours(1)).to_string();
    let task = request(world, &json!({"text": "准点", "accountIds": phone, "scheduledTime": at})).await?;
    world.sandbox.gewe().set_state("phone", DeviceState::Offline);
    if told {
        let notice = world.sandbox.gewe().offline_message("phone").context("no device")?;
        let event = Event::sample("gateway-webhook")?.path("secret", GATEWAY_WEBHOOK_SECRET);
        ensure!(world.call(&event.json(&notice)).await?.status == 200);
    }
    world.advance(Duration::from_secs(3_600));
    go_on(world, 60).await?;
    Ok(task)
}

async fn go_on(world: &World, seconds: u64) -> Result<()> {
    world.advance(Duration::from_secs(seconds));
    world.sweep().await?;
    world.drain_publications().await?;
    Ok(())
}

async fn check_health(world: &World) -> Result<()> {
    let base = world.context("wechat-health-checker", &EndpointOverrides::default()).await?;
    let app = wechat_health_checker::App::new(&base).await?;
    wechat_health_checker::handle(&app, world.deadline()).await?;
    Ok(())
}

fn only_result(status: &Value) -> &Value {
    &status["results"][0]
}

#[tokio::test]
async fn timed_post_of_a_phone_that_is_off_the_line_waits_and_is_published_when_it_is_back() -> Result<()> {
    for told in [true, false] {
        let world = world().await?;
        let task = at_its_time(&world, told).await?;
        let status = world.post_status(USER, task).await?;
        let result = only_result(&status);
        ensure!(status["status"] == "PROCESSING" || status["status"] == "PENDING", "{status}");
        ensure!(result["reason"].as_str().is_some_and(|reason| reason.contains("离线")), "{status}");
        let until: Timestamp = result["nextActionAt"].as_str().context("no time")?.parse()?;
        ensure!(until > world.clock.now() - SignedDuration::from_secs(1), "{status}");
        world.sandbox.gewe().set_state("phone", DeviceState::Online);
        world.advance(Duration::from_secs(700));
        check_health(&world).await?;
        let status = recover(&world, task).await?;
        ensure!(status["status"] == "COMPLETED", "{status}");
        ensure!(world.sandbox.journal().publications_of("phone").len() == 1);
    }
    Ok(())
}

/// Checks of an account that is known to be off the line are ten minutes apart while nothing waits for it.
#[tokio::test]
async fn timed_post_of_a_phone_that_comes_back_goes_out_within_two_minutes() -> Result<()> {
    let world = world().await?;
    let task = at_its_time(&world, true).await?;
    for _ in 0..5 {
        check_health(&world).await?;
        go_on(&world, 60).await?;
    }
    world.sandbox.gewe().set_state("phone", DeviceState::Online);
    for _ in 0..2 {
        check_health(&world).await?;
        go_on(&world, 60).await?;
    }
    ensure!(world.sandbox.journal().publications_of("phone").len() == 1);
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    Ok(())
}

#[tokio::test]
async fn timed_post_of_a_phone_that_stays_off_the_line_fails_with_that_as_its_reason() -> Result<()> {
    let world = world().await?;
    let task = at_its_time(&world, true).await?;
    for _ in 0..58 {
        go_on(&world, 60).await?;
    }
    let status = world.post_status(USER, task).await?;
    ensure!(status["status"] == "FAILED", "{status}");
    let message = only_result(&status)["errorMessage"].as_str().context("no message")?;
    ensure!(message.contains("离线"), "{message}");
    ensure!(world.sandbox.journal().publications_of("phone").is_empty());
    Ok(())
}
