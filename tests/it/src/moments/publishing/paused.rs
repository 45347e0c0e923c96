//! Publishing switched off and on again: nothing is sent meanwhile, nothing is lost, and what is too late afterwards is
//! missed and said so.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::oracle::undelayed;
use super::{LATER, USER, recover, request, world};
use crate::tables::Row;
use crate::{Event, World};

const POSTS: usize = 50;

fn pause(world: &mut World) {
    world.set("PUBLISHING_ENABLED", "false");
}

fn resume(world: &mut World) {
    world.set("PUBLISHING_ENABLED", "true");
}

/// As many posts as accounts, half of them for now and half for in ten minutes.
async fn posts(world: &World) -> Result<Vec<u64>> {
    let time = (world.clock.now() + jiff::SignedDuration::from_mins(10)).to_string();
    let mut tasks = Vec::new();
    for number in 0..POSTS {
        let device = world.connect_device(USER, &format!("phone-{number}")).await?;
        let mut body = json!({"text": format!("早上好 {number}"), "accountIds": [device]});
        if number % 2 == 0 {
            body["scheduledTime"] = json!(time);
        }
        tasks.push(request(world, &body).await?);
    }
    Ok(tasks)
}

/// Time goes by with publishers and sweepers that are switched off: messages are answered, and no row moves.
async fn nothing_happens(world: &World, rounds: u32) -> Result<()> {
    let due = async || -> Result<Vec<Row>> {
        let mut rows = world.rows("t_moment_sync_task").await?;
        rows.extend(world.rows("t_moment_publish_unit").await?);
        Ok(rows)
    };
    world.drain_publications().await?;
    let before = due().await?;
    for _ in 0..rounds {
        world.advance(Duration::from_secs(300));
        world.sweep().await?;
        world.drain_publications().await?;
    }
    ensure!(due().await? == before, "a row has moved");
    ensure!(world.sandbox.journal().publications().is_empty(), "something was sent");
    ensure!(undelayed(world).await? == 0, "a message was not answered");
    Ok(())
}

#[tokio::test]
async fn posts_due_while_publishing_is_off_go_out_once_when_it_is_on_again() -> Result<()> {
    let mut world = world().await?;
    pause(&mut world);
    let tasks = posts(&world).await?;
    nothing_happens(&world, 6).await?;
    resume(&mut world);
    // The sweeper takes up at once what it left alone.
    world.sweep().await?;
    world.drain_publications().await?;
    let published = world.sandbox.journal().publications().len();
    ensure!(published == POSTS, "{published} of {POSTS} went out in the first minute");
    for task in tasks {
        let status = world.post_status(USER, task).await?;
        ensure!(status["status"] == "COMPLETED", "{status}");
    }
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

#[tokio::test]
async fn posts_whose_time_passed_while_publishing_was_off_are_missed_and_listed() -> Result<()> {
    let mut world = world().await?;
    pause(&mut world);
    posts(&world).await?;
    // Ten minutes until they are due, an hour of lateness that is allowed, and more.
    nothing_happens(&world, 16).await?;
    resume(&mut world);
    world.sweep().await?;
    world.drain_publications().await?;
    let list = async |status: &str| -> Result<Vec<serde_json::Value>> {
        let query = [("status", status), ("size", "100")];
        let page = world.call_as(USER, Event::sample("moment-tasks")?.query(&query)).await?;
        ensure!(page.status == 200, "{page:?}");
        Ok(page.data()["records"].as_array().cloned().unwrap_or_default())
    };
    let missed = list("FAILED").await?;
    ensure!(missed.len() == POSTS / 2 && missed.iter().all(|task| !task["scheduledTime"].is_null()), "{missed:?}");
    let id = missed[0]["syncTaskId"].as_u64().unwrap_or_default();
    let told = world.post_status(USER, id).await?;
    let reason = told["results"][0]["errorMessage"].as_str().unwrap_or_default();
    ensure!(reason.contains("错过"), "{told}");
    // What had no time waits longer than that.
    ensure!(list("COMPLETED").await?.len() == POSTS / 2);
    let published = world.sandbox.journal().publications().len();
    ensure!(published == POSTS / 2, "{published} went out");
    Ok(())
}

/// A call that was made cannot be stopped, so what comes of it is still told.
#[tokio::test]
async fn post_that_was_sent_before_publishing_was_off_is_followed_to_its_end() -> Result<()> {
    let mut world = world().await?;
    let accounts = world.connect_corp(USER, "flowers", &["lily"]).await?;
    let sent = request(&world, &json!({"text": "已发出", "accountIds": accounts})).await?;
    world.drain_publications().await?;
    ensure!(world.sandbox.wecom().moment_tasks().len() == 1);
    pause(&mut world);
    let waiting = request(&world, &json!({"text": "未发出", "accountIds": accounts})).await?;
    let status = recover(&world, sent).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    ensure!(world.sandbox.wecom().moment_tasks().len() == 1, "another one was sent");
    ensure!(world.post_status(USER, waiting).await?["status"] == "PENDING");
    resume(&mut world);
    world.sweep().await?;
    ensure!(recover(&world, waiting).await?["status"] == "COMPLETED");
    Ok(())
}

/// A delivery that waits for its account's turn when publishing is switched off is not sent when its turn comes.
#[tokio::test]
async fn delivery_that_waits_for_its_turn_is_not_sent_while_publishing_is_off() -> Result<()> {
    let mut world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    for text in ["第一条", "第二条"] {
        request(&world, &json!({"text": text, "accountIds": [device]})).await?;
    }
    world.drain_publications().await?;
    let published = |world: &World| world.sandbox.journal().publications().len();
    ensure!(published(&world) == 1, "an account has one turn a minute");
    pause(&mut world);
    for _ in 0..3 {
        world.advance(LATER);
        world.sweep().await?;
        world.drain_publications().await?;
    }
    ensure!(published(&world) == 1, "it was sent all the same");
    resume(&mut world);
    world.sweep().await?;
    world.drain_publications().await?;
    ensure!(published(&world) == 2 && world.sandbox.journal().published_twice().is_empty());
    Ok(())
}
