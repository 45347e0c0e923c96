//! What is downloaded for a company's posts, and how often.

use std::time::Duration;

use anyhow::{Result, ensure};
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use super::{USER, confirm_everything, recover, request, world};
use crate::World;

async fn task(world: &World, accounts: &[String], text: &str, picture: &str) -> Result<u64> {
    request(world, &json!({"text": text, "mediaUrls": [picture], "accountIds": accounts})).await
}

fn is_completed(status: &Value) -> Result<()> {
    ensure!(status["status"] == "COMPLETED", "{status}");
    Ok(())
}

#[tokio::test]
async fn company_post_that_waits_for_its_turn_downloads_nothing() -> Result<()> {
    let mut world = world().await?;
    world.set("CORP_CREATIONS_PER_MINUTE", "1");
    let accounts = world.connect_corp(USER, "flowers", &["lily"]).await?;
    let paths = ["1.jpg", "2.jpg", "3.jpg"];
    let mut tasks = Vec::new();
    for (path, width) in paths.into_iter().zip([80, 90, 100]) {
        let picture = world.sandbox.media().put_file(path, MediaFile::jpeg(width, 60));
        tasks.push(task(&world, &accounts, path, &picture).await?);
    }
    for _ in 0..3 {
        world.drain_publications().await?;
        confirm_everything(&world);
        world.advance(Duration::from_secs(120));
        world.sweep().await?;
    }
    for task in tasks {
        is_completed(&recover(&world, task).await?)?;
    }
    for path in paths {
        let hits = world.sandbox.media().hits(path);
        // When its task was made.
        ensure!(hits == 1, "{path} was downloaded {hits} times");
    }
    Ok(())
}

/// What was judged when the task was made is what is posted, whatever has become of its address.
#[tokio::test]
async fn company_upload_that_is_still_known_is_posted_without_its_address() -> Result<()> {
    let world = world().await?;
    let accounts = world.connect_corp(USER, "flowers", &["lily"]).await?;
    let media = world.sandbox.media();
    let picture = media.put_file("picture", MediaFile::jpeg(80, 60));
    let first = task(&world, &accounts, "第一条", &picture).await?;
    is_completed(&recover(&world, first).await?)?;
    let second = task(&world, &accounts, "第二条", &picture).await?;
    media.remove("picture");
    is_completed(&recover(&world, second).await?)?;
    let hits = media.hits("picture");
    ensure!(hits == 2, "downloaded {hits} times: once for each task, to be judged");
    let moments = world.sandbox.wecom().moment_tasks();
    ensure!(moments.len() == 2 && world.sandbox.journal().published_twice().is_empty(), "{moments:?}");
    Ok(())
}
