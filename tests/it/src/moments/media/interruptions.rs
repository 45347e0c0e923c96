//! Whoever deletes files dies at every step, and meets whoever makes a task with the same file: no file is kept for ever,
//! and none is deleted that a task needs.

use anyhow::{Context, Result, ensure};
use functions::workers::sweeper;
use futures::FutureExt;

use super::{LONG_AGO, is, nothing_is_kept, picture, post};
use crate::World;
use crate::moments::publishing::{USER, recover, world};
use crate::proxy::{Fault, Proxy, Step, When};

/// One run of the sweeper behind a proxy. Answers whether it died.
async fn sweep(world: &World, proxy: &Proxy) -> Result<bool> {
    let app = sweeper::App::new(&world.context("sweeper", &proxy.endpoints()).await?).await?;
    tokio::select! {
        biased;
        () = proxy.died() => {
            proxy.idle().await;
            Ok(true)
        }
        swept = sweeper::handle(&app, world.deadline()).boxed_local() => {
            swept?;
            Ok(false)
        }
    }
}

/// A task that has ended, one that has not and shares a file with it, and a file of a task that was never made.
async fn scene(world: &World, number: u16) -> Result<u64> {
    let phone = [world.connect_device(USER, &format!("phone-{number}")).await?];
    let width = |place: u16| 100 + number * 4 + place;
    let own = picture(world, &format!("own-{number}"), width(0));
    let shared = picture(world, &format!("shared-{number}"), width(1));
    let body = |text: &str, urls: &[&String]| serde_json::json!({"text": text, "mediaUrls": urls, "accountIds": phone});
    let ended = super::request(world, &body("完成的", &[&own, &shared])).await?;
    let mut timed = body("以后的", &[&shared]);
    timed["scheduledTime"] = (world.clock.now() + jiff::SignedDuration::from_hours(2)).to_string().into();
    let living = super::request(world, &timed).await?;
    let proxy = Proxy::start(world).await?;
    proxy.arm("TransactWriteItems t_moment_sync_task", 1, Fault::Kill(When::Before));
    let orphan = body("没有的", &[&picture(world, &format!("orphan-{number}"), width(2))]);
    let event = crate::Event::sample("moment-sync")?.without_header("idempotency-key").json(&orphan);
    ensure!(super::super::publishing::call(world, &proxy, &event).await?.is_none());
    is(&recover(world, ended).await?, "COMPLETED")?;
    world.advance(LONG_AGO);
    Ok(living)
}

/// Whatever has happened: the living task is published with its file, and in the end nothing is left.
async fn ends_well(world: &World, living: u64) -> Result<()> {
    world.sweep().await?;
    let files = world.stored_media().await?;
    ensure!(!files.is_empty(), "the file of a living task is gone");
    // Deletions that were not answered are begun anew.
    world.advance(LONG_AGO);
    world.sweep().await?;
    world.drain_publications().await?;
    is(&recover(world, living).await?, "COMPLETED")?;
    world.sweep().await?;
    nothing_is_kept(world).await
}

/// The steps by which media are deleted.
fn is_about_media(step: &&Step) -> bool {
    step.name.contains("t_moment_media")
        || step.name.contains("s3 media")
        || ["GetItem t_moment_sync_task", "UpdateItem t_moment_sync_task", "BatchGetItem t_moment_sync_task"]
            .contains(&step.name.as_str())
}

#[tokio::test]
async fn sweeper_killed_at_any_step_of_deleting_media_keeps_what_is_needed_and_nothing_else() -> Result<()> {
    let world = world().await?;
    let living = scene(&world, 0).await?;
    let proxy = Proxy::start(&world).await?;
    ensure!(!sweep(&world, &proxy).await?);
    let steps: Vec<Step> = proxy.steps().iter().filter(is_about_media).cloned().collect();
    let mut names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let expected = [
        "BatchGetItem t_moment_sync_task",
        "DELETE s3 media",
        "DeleteItem t_moment_media",
        "GetItem t_moment_media",
        "GetItem t_moment_sync_task",
        "Query t_moment_media",
        "UpdateItem t_moment_media",
        "UpdateItem t_moment_sync_task",
    ];
    ensure!(names == expected, "it takes other steps than this suite knows: {names:?}");
    ends_well(&world, living).await?;
    let (mut number, mut deaths) = (0, 0);
    for (step, when) in steps.iter().flat_map(|step| [(step, When::Before), (step, When::After)]) {
        number += 1;
        let living = scene(&world, number).await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm(&step.name, step.nth, Fault::Kill(when));
        // Two rounds of one sweep may meet at a file in either order, so one of the last steps may not come.
        deaths += u32::from(sweep(&world, &proxy).await?);
        ends_well(&world, living).await.with_context(|| format!("{step} {when:?}"))?;
    }
    println!("{deaths} deaths of the sweeper");
    ensure!(deaths + 6 >= u32::from(number), "{deaths} deaths in {number} runs");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

/// Between the decision that nobody needs a file and its deletion somebody needs it: it is written beside the old one.
#[tokio::test]
async fn media_that_are_needed_again_while_they_are_deleted_are_kept_under_another_name() -> Result<()> {
    let world = world().await?;
    let phone = [world.connect_device(USER, "phone").await?];
    let url = picture(&world, "one", 80);
    let first = post(&world, &phone, "第一条", &url).await?;
    is(&recover(&world, first).await?, "COMPLETED")?;
    let proxy = Proxy::start(&world).await?;
    let gate = proxy.hold("DELETE s3 media", 1);
    let second = async {
        gate.reached().await;
        let second = post(&world, &phone, "第二条", &url).await?;
        gate.open();
        anyhow::Ok(second)
    };
    let (swept, second) = futures::join!(sweep(&world, &proxy), second);
    ensure!(!swept?);
    let files = world.stored_media().await?;
    ensure!(files.len() == 1 && files[0].contains('-'), "{files:?}");
    is(&recover(&world, second?).await?, "COMPLETED")?;
    world.sweep().await?;
    nothing_is_kept(&world).await
}

/// A deletion that was not answered may still be carried out: until it cannot be any more, its file's name is not used.
#[tokio::test]
async fn media_whose_deletion_was_not_answered_are_not_written_again_under_their_name() -> Result<()> {
    let world = world().await?;
    let phone = [world.connect_device(USER, "phone").await?];
    let url = picture(&world, "one", 80);
    let first = post(&world, &phone, "第一条", &url).await?;
    is(&recover(&world, first).await?, "COMPLETED")?;
    let proxy = Proxy::start(&world).await?;
    proxy.arm("DELETE s3 media", 1, Fault::Lose(When::Before));
    ensure!(!sweep(&world, &proxy).await?);
    let second = post(&world, &phone, "第二条", &url).await?;
    ensure!(world.stored_media().await?.len() == 2);
    is(&recover(&world, second).await?, "COMPLETED")?;
    world.sweep().await?;
    world.advance(LONG_AGO);
    world.sweep().await?;
    nothing_is_kept(&world).await
}
