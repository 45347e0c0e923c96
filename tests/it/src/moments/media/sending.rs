//! What is sent is what was judged when the task was made.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use sandbox::media::MediaFile;
use serde_json::json;
use url::Url;

use super::{is, only_file, picture, post};
use crate::moments::publishing::{USER, recover, request, world};
use crate::proxy::{Fault, Proxy};
use crate::{Event, World};

/// The origin swaps the picture between the making of a task and its sending, or takes it away.
#[tokio::test]
async fn media_that_are_swapped_after_creation_are_sent_as_they_were_judged() -> Result<()> {
    let world = world().await?;
    let mut accounts = world.connect_corp(USER, "flowers", &["lily"]).await?;
    accounts.push(world.connect_device(USER, "phone").await?);
    let url = picture(&world, "picture", 80);
    let swapped = post(&world, &accounts, "换图", &url).await?;
    let judged = only_file(&world).await?;
    picture(&world, "picture", 90);
    is(&recover(&world, swapped).await?, "COMPLETED")?;
    let uploads = world.sandbox.wecom().uploads();
    ensure!(uploads.len() == 1 && uploads[0].pixels == Some((80, 60)), "{uploads:?}");
    let downloads = world.sandbox.gewe().downloads();
    ensure!(downloads.len() == 1 && judged["file_key"].ends_with(&downloads[0].sha256), "{judged:?} {downloads:?}");
    ensure!(world.sandbox.media().hits("picture") == 1, "the address was asked again");

    let url = picture(&world, "another", 100);
    let removed = post(&world, &accounts, "删图", &url).await?;
    world.sandbox.media().remove("another");
    is(&recover(&world, removed).await?, "COMPLETED")?;
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

/// An address that is made before a wait would have ended when the wait is over.
#[tokio::test]
async fn gateway_is_given_an_address_that_was_made_right_before_the_call() -> Result<()> {
    let mut world = world().await?;
    world.set("PERSONAL_INTERVAL_SECONDS", "3000");
    world.set("PERSONAL_HOURS", "0-24");
    let phone = [world.connect_device(USER, "phone").await?];
    let video = world.sandbox.media().put_file("1.mp4", MediaFile::mp4(2_000));
    let first = post(&world, &phone, "第一条", &picture(&world, "1.jpg", 80)).await?;
    world.drain_publications().await?;
    let second = post(&world, &phone, "第二条", &video).await?;
    for task in [first, second] {
        is(&recover(&world, task).await?, "COMPLETED")?;
    }
    let downloads: Vec<_> =
        world.sandbox.gewe().downloads().into_iter().filter(|download| download.url.contains("/media/3001/")).collect();
    ensure!(downloads.len() == 2, "{downloads:?}");
    ensure!(downloads[1].at.duration_since(downloads[0].at).as_secs() >= 3_000, "{downloads:?}");
    for download in downloads {
        let query: BTreeMap<String, String> = Url::parse(&download.url)?.query_pairs().into_owned().collect();
        let signed = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", &query["X-Amz-Date"])?.to_datetime()?;
        let signed: Timestamp = signed.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
        ensure!(download.at.duration_since(signed).as_secs() < 10, "made at {signed}: {download:?}");
        ensure!(query["X-Amz-Expires"] == "900");
    }
    for path in ["1.jpg", "1.mp4"] {
        ensure!(world.sandbox.media().hits(path) == 1, "{path} was downloaded again");
    }
    Ok(())
}

#[tokio::test]
async fn gateway_is_given_the_origin_only_while_it_has_what_was_judged() -> Result<()> {
    let mut world = world().await?;
    world.set("GATEWAY_MEDIA", "origin");
    let phone = [world.connect_device(USER, "phone").await?];
    let url = picture(&world, "picture", 80);
    let same = post(&world, &phone, "没换", &url).await?;
    is(&recover(&world, same).await?, "COMPLETED")?;
    let downloads = world.sandbox.gewe().downloads();
    ensure!(downloads.len() == 1 && downloads[0].url == url, "{downloads:?}");

    for (what, swap) in [
        ("another picture", MediaFile::jpeg(90, 60)),
        ("a page", MediaFile::Text { text: "<!DOCTYPE html><html></html>".to_owned() }),
    ] {
        let url = picture(&world, "picture", 80);
        let swapped = post(&world, &phone, what, &url).await?;
        world.sandbox.media().put_file("picture", swap);
        let status = recover(&world, swapped).await?;
        is(&status, "FAILED")?;
        let message = status["results"][0]["errorMessage"].as_str().context("no message")?;
        ensure!(message.contains("第 1 个素材") && message.contains("在创建任务后被更换"), "{what}: {message}");
    }
    let published = world.sandbox.journal().publications_of("phone");
    ensure!(published.len() == 1 && world.sandbox.gewe().downloads().len() == 1, "{published:?}");
    Ok(())
}

#[tokio::test]
async fn media_that_cannot_be_kept_make_no_task() -> Result<()> {
    let world = world().await?;
    let phone = [world.connect_device(USER, "phone").await?];
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("PUT s3 media", 1, 2, Fault::Answer(503, String::new()));
    let body = json!({"text": "早", "mediaUrls": [picture(&world, "1.jpg", 80)], "accountIds": phone});
    let event = Event::sample("moment-sync")?.without_header("idempotency-key").json(&body);
    let answer = super::super::publishing::call(&world, &proxy, &event).await?.context("it died")?;
    ensure!(answer.status == 500 && answer.body["error"]["type"] == "MOMENT_SYNC_CREATION_FAILED", "{answer:?}");
    ensure!(world.rows("t_moment_sync_task").await?.is_empty());
    is(&recover(&world, request(&world, &body).await?).await?, "COMPLETED")
}

/// What the bucket does not answer is waited for; what it does not hold is told.
#[tokio::test]
async fn media_that_cannot_be_read_now_are_waited_for_and_missing_ones_are_told() -> Result<()> {
    let world = world().await?;
    let lily = world.connect_corp(USER, "flowers", &["lily"]).await?;
    let task = post(&world, &lily, "等一等", &picture(&world, "1.jpg", 80)).await?;
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("GET s3 media", 1, 2, Fault::Answer(503, String::new()));
    ensure!(super::super::publishing::live(&world, &proxy).await?.is_none());
    let status = world.post_status(USER, task).await?;
    ensure!(status["results"][0]["nextActionAt"].is_string(), "{status}");
    is(&recover(&world, task).await?, "COMPLETED")?;

    let task = post(&world, &lily, "没有了", &picture(&world, "2.jpg", 90)).await?;
    forget_objects(&world).await?;
    let status = recover(&world, task).await?;
    is(&status, "FAILED")?;
    let message = status["results"][0]["errorMessage"].as_str().context("no message")?;
    ensure!(message.contains("第 1 个素材") && message.contains("保存的素材已被删除"), "{message}");
    Ok(())
}

async fn forget_objects(world: &World) -> Result<()> {
    for key in world.stored_media().await? {
        world.object_request(reqwest::Method::DELETE, &key)?.send().await?.error_for_status()?;
    }
    world.advance(Duration::from_secs(1));
    Ok(())
}
