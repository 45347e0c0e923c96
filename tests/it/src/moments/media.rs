//! Media between the making of a task and its end: kept in the bucket once, sent from there, and deleted when nobody needs
//! them any more.

mod deletion;
mod interruptions;
mod sending;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use super::publishing::{USER, request};
use crate::tables::Row;
use crate::{Answer, Event, World};

const DAY: Duration = Duration::from_secs(86_400);
/// Longer than the sweeper waits before it looks whether a task was made.
const LONG_AGO: Duration = Duration::from_secs(4_000);

/// A picture of this width at this path.
fn picture(world: &World, path: &str, width: u16) -> String {
    world.sandbox.media().put_file(path, MediaFile::jpeg(width, 60))
}

async fn post(world: &World, accounts: &[String], text: &str, picture: &str) -> Result<u64> {
    request(world, &json!({"text": text, "mediaUrls": [picture], "accountIds": accounts})).await
}

async fn retry(world: &World, task: u64) -> Result<Answer> {
    world.call_as(USER, Event::sample("moment-task-retry")?.path("taskId", &task.to_string()).json(&json!({}))).await
}

/// The row of the one file there is.
async fn only_file(world: &World) -> Result<Row> {
    let mut rows = world.rows("t_moment_media").await?;
    ensure!(rows.len() == 1 && world.stored_media().await?.len() == 1, "{rows:?}");
    rows.pop().context("no row")
}

async fn nothing_is_kept(world: &World) -> Result<()> {
    let (rows, files) = (world.rows("t_moment_media").await?, world.stored_media().await?);
    ensure!(rows.is_empty() && files.is_empty(), "{rows:?} {files:?}");
    let due = world.rows("t_moment_sync_task").await?.into_iter().find(|row| row.contains_key("media_due"));
    ensure!(due.is_none(), "{due:?}");
    Ok(())
}

fn is(status: &Value, expected: &str) -> Result<()> {
    ensure!(status["status"] == expected, "{status}");
    Ok(())
}
