//! The samples of the Douyin functions.

use anyhow::Result;
use functions::worker::run_batch;
use functions::workers::{douyin_fan_sync_worker, event_sequencer};
use sandbox::douyin::Decision;
use serde_json::json;

use super::{Samples, USER, batch_of, body_of, sample};
use crate::world::{EndpointOverrides, JWT_SECRET};
use crate::{Browser, Event};

pub async fn play(it: &mut Samples) -> Result<()> {
    let shop = it.world.douyin_account("shop", 5);
    let mut browser = Browser::default();
    let answer = it.play("douyin-auth-url", 200, |event| event).await?;
    browser.keeps(&answer);
    let link = answer.data()["authUrl"].as_str().unwrap();
    let back = it.world.sandbox.douyin().consent(link, "shop", &Decision::APPROVE)?;
    let given = |name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let (code, state) = (given("code"), given("state"));
    let callback = sample("douyin-auth-callback")?;
    let mut names: Vec<&str> =
        callback["queryStringParameters"].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["code", "scopes", "state"], "what the platform really sends");
    let query = [("code", &*code), ("state", &*state), ("scopes", "user_info,fans.list")];
    let sent_back = it.play("douyin-auth-callback", 302, |event| browser.sends(event.query(&query))).await?;
    let location = &sent_back.headers["location"];
    assert!(location.starts_with("https://app.example.com/lead/douyin?status=success&"), "{location}");
    let ticket = Browser::parks(&it.world, USER, "shop", "https://app.example.com/lead/douyin").await?;
    let mut body = body_of("douyin-auth-confirm")?;
    body["ticket"] = json!(ticket);
    it.play("douyin-auth-confirm", 200, |event| event.json(&body)).await?;
    // The first sync, which the callback has started.
    assert_eq!(it.world.drain().await?, 1);

    let mut body = body_of("douyin-fans-sync")?;
    body["douyinUserId"] = json!(shop);
    let task = it.play("douyin-fans-sync", 202, |event| event.json(&body)).await?.data()["taskId"].clone();
    let task = task.as_str().unwrap();
    worker(it, task).await?;
    assert_eq!(it.world.progress(USER, task).await?["status"], "COMPLETED");
    // The message of the request itself finds nothing left to do.
    assert_eq!(it.world.drain().await?, 1);

    it.play_reads("/api/v1/lead/", &[("leadId", "1"), ("taskId", task), ("douyinUserId", &shop)]).await?;
    let unwanted = it.world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].clone();
    it.play("douyin-fans-sync-cancel", 200, |event| event.path("taskId", unwanted.as_str().unwrap())).await?;
    assert_eq!(it.world.drain().await?, 1);

    it.play("douyin-lead-update", 200, |event| event).await?;
    it.play("douyin-lead-note-add", 201, |event| event).await?;
    it.play("douyin-leads-update", 200, |event| event).await?;
    it.play("douyin-lead-link", 200, |event| event).await?;
    it.play("douyin-lead-erase", 200, |event| event).await?;
    sequencer(it).await?;
    it.play("events", 200, |event| event).await?;
    it.play("douyin-account-delete", 200, |event| event.path("douyinUserId", &shop)).await?;
    it.play("douyin-data-delete", 202, |event| event.path("douyinUserId", &shop)).await?;
    it.world.keep_tokens().await?;
    webhook(it).await
}

async fn worker(it: &mut Samples, task: &str) -> Result<()> {
    let name = "douyin-fan-sync-worker";
    let event = batch_of(name, |body| body["taskId"] = json!(task))?;
    let app = douyin_fan_sync_worker::App::new(&it.world.context(name, &EndpointOverrides::default()).await?).await?;
    let answer =
        run_batch(&app, douyin_fan_sync_worker::handle, serde_json::from_value(event)?, it.world.deadline()).await;
    assert_eq!(answer.batch_item_failures.len(), 0);
    it.played.insert(name.to_owned());
    Ok(())
}

async fn sequencer(it: &mut Samples) -> Result<()> {
    let name = "event-sequencer";
    let app = event_sequencer::App::new(&it.world.context(name, &EndpointOverrides::default()).await?).await?;
    let event = serde_json::from_value(sample(name)?)?;
    let answer = run_batch(&app, event_sequencer::handle, event, it.world.deadline()).await;
    assert_eq!(answer.batch_item_failures.len(), 0);
    assert_eq!(it.world.rows("t_outbox").await?, []);
    it.played.insert(name.to_owned());
    Ok(())
}

/// The sample is signed, so here the world takes the sample's credentials over.
async fn webhook(it: &mut Samples) -> Result<()> {
    let name = "douyin-webhook";
    let secret = json!({
        "douyinClientKey": "example-client-key", "douyinClientSecret": "example-client-secret",
        "jwtSecret": JWT_SECRET,
    });
    let secrets = &it.world.aws.secrets;
    let id = &it.world.stack.environments[name]["PLATFORM_SECRET_ID"];
    secrets.put_secret_value().secret_id(id).secret_string(secret.to_string()).send().await?;
    let answer = it.play(name, 200, |event| event).await?;
    assert_eq!(answer.body, json!({ "challenge": 12345 }));
    let forged = Event::sample(name)?.header("x-douyin-signature", &"0".repeat(40));
    let forged = it.world.call(&forged).await?;
    assert_eq!(forged.status, 401, "the sample's signature is looked at: {forged:?}");
    Ok(())
}
