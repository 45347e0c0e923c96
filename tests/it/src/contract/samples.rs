//! The sample events are what `cargo lambda invoke` sends: each must be taken by its function as it stands, once the
//! token and the ids of a real world are put in.

use std::collections::BTreeSet;

use anyhow::Result;
use functions::douyin::fan_sync_worker;
use functions::worker::run_batch;
use serde_json::{Value, json};

use super::USER;
use crate::evidence::{sample, samples};
use crate::world::Detour;
use crate::{Answer, Event, World};

/// The calls of this test, and which samples they were.
struct Samples {
    world: World,
    played: BTreeSet<String>,
}

impl Samples {
    /// Plays a sample with what `vary` puts in, expects `status` and answers the answer.
    async fn play(&mut self, function: &str, status: u16, vary: impl FnOnce(Event) -> Event) -> Result<Answer> {
        let answer = self.world.call_as(USER, vary(Event::sample(function)?)).await?;
        assert_eq!(answer.status, status, "{function}: {answer:?}");
        self.played.insert(function.to_owned());
        Ok(answer)
    }
}

#[tokio::test]
async fn every_sample_is_taken_by_its_function() -> Result<()> {
    let mut world = World::start().await?;
    world.set("REDIRECT_ORIGINS", "https://app.example.com");
    let shop = world.douyin_account("shop", 5);
    let mut samples_played = Samples { world, played: BTreeSet::new() };
    let it = &mut samples_played;

    let link = it.play("douyin-auth-url", 200, |event| event).await?.data()["authUrl"].as_str().unwrap().to_owned();
    let back = it.world.sandbox.douyin().consent(&link, "shop", &sandbox::douyin::Decision::APPROVE)?;
    let given = |name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let (code, state) = (given("code"), given("state"));
    let mut names: Vec<String> =
        sample("douyin-auth-callback")?["queryStringParameters"].as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["code", "scopes", "state"], "what the platform really sends");
    let query = [("code", &*code), ("state", &*state), ("scopes", "user_info,fans.list")];
    let sent_back = it.play("douyin-auth-callback", 302, |event| event.query(&query)).await?;
    let location = &sent_back.headers["location"];
    assert!(location.starts_with("https://app.example.com/lead/douyin?status=success&"), "{location}");

    let mut body: Value = serde_json::from_str(sample("douyin-fans-sync")?["body"].as_str().unwrap())?;
    body["douyinUserId"] = json!(shop);
    let task = it.play("douyin-fans-sync", 202, |event| event.json(&body)).await?.data()["taskId"].clone();
    let task = task.as_str().unwrap();
    it.play("douyin-fans-sync-task", 200, |event| event.path("taskId", task)).await?;
    worker(it, task).await?;
    assert_eq!(it.world.progress(USER, task).await?["status"], "COMPLETED");

    it.play("douyin-leads", 200, |event| event).await?;
    it.play("douyin-lead", 200, |event| event).await?;
    it.play("douyin-lead-update", 200, |event| event).await?;
    it.play("douyin-accounts", 200, |event| event).await?;
    it.play("douyin-account-delete", 200, |event| event.path("douyinUserId", &shop)).await?;
    webhook(it).await?;

    for (function, run) in [("sweeper", it.world.sweep().await), ("douyin-token-keeper", it.world.keep_tokens().await)]
    {
        assert_eq!(sample(function)?, json!({}), "{function} takes no input");
        run?;
        it.played.insert(function.to_owned());
    }
    assert_eq!(it.played, samples()?, "a sample that no test plays");
    it.world.drain().await?;
    it.world.expect_empty_queues().await
}

/// The worker's sample, with the id of a real task.
async fn worker(it: &mut Samples, task: &str) -> Result<()> {
    let name = "douyin-fan-sync-worker";
    let mut event = sample(name)?;
    let record = &mut event["Records"][0];
    let mut body: Value = serde_json::from_str(record["body"].as_str().unwrap())?;
    body["taskId"] = json!(task);
    record["body"] = json!(body.to_string());
    let app = fan_sync_worker::App::new(&it.world.base(name, &Detour::default()).await?).await?;
    let answer = run_batch(
        &app,
        |app, message, deadline| fan_sync_worker::handle(app, message, deadline),
        serde_json::from_value(event)?,
        it.world.deadline(),
    )
    .await;
    assert_eq!(answer.batch_item_failures.len(), 0);
    it.played.insert(name.to_owned());
    Ok(())
}

/// The webhook's sample is signed, so here the world takes the sample's credentials over.
async fn webhook(it: &mut Samples) -> Result<()> {
    let name = "douyin-webhook";
    let secret = json!({
        "douyinClientKey": "example-client-key", "douyinClientSecret": "example-client-secret",
        "jwtSecret": crate::world::JWT_SECRET,
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
