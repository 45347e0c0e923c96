//! The same content to the same account within 30 days: a double click above all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use super::{USER, recover, world};
use crate::{Answer, Event, World};

async fn ask(world: &World, body: &Value) -> Result<Answer> {
    world.call_as(USER, Event::sample("moment-sync")?.without_header("idempotency-key").json(body)).await
}

async fn granted(world: &World, body: &Value) -> Result<u64> {
    let answer = ask(world, body).await?;
    ensure!(answer.status == 202, "{answer:?}");
    answer.data()["syncTaskId"].as_u64().context("no task")
}

/// Both what makes a post and what tries one out refuse it, naming the account.
async fn refused(world: &World, body: &Value, field: &str) -> Result<()> {
    let answer = ask(world, body).await?;
    ensure!(answer.status == 422 && answer.body["error"]["type"] == "DUPLICATE_CONTENT", "{answer:?}");
    ensure!(answer.body["error"]["fields"][0]["path"] == field, "{answer:?}");
    ensure!(answer.body.to_string().contains("force"), "{answer:?}");
    let tried = world.call_as(USER, Event::sample("moment-validate")?.json(body)).await?;
    let problem = &tried.data()["problems"][0];
    ensure!(problem["code"] == "DUPLICATE_CONTENT" && problem["path"] == field, "{tried:?}");
    Ok(())
}

#[tokio::test]
async fn the_same_content_to_the_same_account_within_30_days_is_refused_unless_forced() -> Result<()> {
    let world = world().await?;
    let (phone, other) = (world.connect_device(USER, "phone").await?, world.connect_device(USER, "other").await?);
    let member = world.connect_corp(USER, "flowers", &["anna"]).await?.remove(0);
    let body = |text: &str, accounts: &[&String]| json!({"text": text, "accountIds": accounts});
    granted(&world, &body("早安", &[&phone, &member])).await?;
    // Not published yet, and not written the same way.
    refused(&world, &body("早安", &[&phone]), "accountIds[0]").await?;
    refused(&world, &body("早安 \n", &[&other, &member]), "accountIds[1]").await?;
    granted(&world, &body("晚安", &[&phone])).await?;
    granted(&world, &body("早安", &[&other])).await?;
    let mut forced = body("早安", &[&phone]);
    forced["force"] = json!(["DUPLICATE_CONTENT"]);
    granted(&world, &forced).await?;
    world.advance(Duration::from_secs(30 * 86_400 - 10));
    refused(&world, &body("早安", &[&phone]), "accountIds[0]").await?;
    world.advance(Duration::from_secs(20));
    granted(&world, &body("早安", &[&phone])).await?;
    Ok(())
}

/// Pictures are compared by what is in them, and not by where they are.
#[tokio::test]
async fn the_same_pictures_at_another_address_are_the_same_content() -> Result<()> {
    let world = world().await?;
    let phone = world.connect_device(USER, "phone").await?;
    let picture = |width| MediaFile::Jpeg { width, height: 60, bytes: 0 };
    let put = |name: &str, width| world.sandbox.media().put_file(name, picture(width));
    let body = |url: String| json!({"text": "早安", "mediaUrls": [url], "accountIds": [phone]});
    granted(&world, &body(put("1.jpg", 80))).await?;
    refused(&world, &body(format!("{}?signature=2", put("1.jpg", 80))), "accountIds[0]").await?;
    granted(&world, &body(put("2.jpg", 90))).await?;
    Ok(())
}

#[tokio::test]
async fn what_failed_for_certain_or_was_called_off_is_no_duplicate() -> Result<()> {
    let world = world().await?;
    let phone = world.connect_device(USER, "phone").await?;
    let body = json!({"text": "早安", "accountIds": [phone]});
    let called_off = granted(&world, &body).await?;
    let cancel = Event::sample("moment-task-cancel")?.path("taskId", &called_off.to_string());
    ensure!(world.call_as(USER, cancel).await?.status == 200);
    world.sandbox.gewe().set_state("phone", sandbox::gewe::DeviceState::Zombie);
    let failed = granted(&world, &body).await?;
    let status = recover(&world, failed).await?;
    ensure!(status["status"] == "FAILED", "{status}");
    Ok(())
}

/// Two requests at once: one of them finds what the other one has written, however close they are.
#[tokio::test]
async fn of_two_equal_requests_at_once_one_is_refused() -> Result<()> {
    let world = world().await?;
    let phone = world.connect_device(USER, "phone").await?;
    let body = json!({"text": "早安", "accountIds": [phone]});
    let answers = futures::future::try_join(ask(&world, &body), ask(&world, &body)).await?;
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    ensure!(statuses == [202, 422], "{answers:?}");
    ensure!(world.rows("t_moment_sync_task").await?.len() == 1);
    Ok(())
}
