//! A right that the template forgets: for each right of each keeper and worker, what happens without it. The failure must
//! show (a failed round, a message given back), and with the right given back everything must end as it should.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::worker::{run_batch, run_scheduled};
use functions::workers::{
    douyin_fan_sync_worker, douyin_token_keeper, event_sequencer, moment_publisher, sweeper, wechat_health_checker,
};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use sandbox::media::MediaFile;
use serde_json::json;

use crate::world::EndpointOverrides;
use crate::{Event, World};

const USER: u64 = 4101;

/// Rights by which Lambda polls a queue for a function. Our code does not use them.
const POLLING: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/// What came of a function that lacked a right.
struct Outcome {
    failed: bool,
    /// Whether it asked for what it lacked.
    asked: bool,
}

/// The rights of a function in a few words: action, and the last part of the resource.
fn rights(world: &World, function: &str) -> Vec<(String, String)> {
    let rights: BTreeSet<_> = world.roles().rights(function).collect();
    rights.into_iter().filter(|(action, _)| !POLLING.contains(&action.as_str())).collect()
}

fn shown(action: &str, resource: &str) -> String {
    let place = resource.split("table/").nth(1).or_else(|| resource.rsplit([':', '/']).next()).unwrap_or_default();
    let place = place.trim_start_matches("it-");
    // The emulator makes up the names of keys and secrets.
    let place = match action.split(':').next() {
        Some("kms") => "key",
        Some("secretsmanager") => "secret",
        // The emulator makes up a bucket's name too; what is before an object's own says what it is.
        Some("s3") => resource.split_once('/').map_or("bucket", |(_, objects)| objects),
        _ => place,
    };
    format!("{action} {place}")
}

/// Compares what happened without each right with what is known to need none.
fn judge(outcomes: Vec<(String, Outcome)>, quiet: &[&str], unasked: &[&str]) -> Result<()> {
    let (mut silent, mut idle) = (Vec::new(), Vec::new());
    for (right, outcome) in &outcomes {
        println!("  without {right:<60}{}", if outcome.failed { "fails" } else { "goes on" });
        match (outcome.asked, outcome.failed) {
            (true, false) => silent.push(right.as_str()),
            (false, _) => idle.push(right.as_str()),
            (true, true) => {}
        }
    }
    ensure!(outcomes.len() > silent.len() + idle.len(), "no right was missed");
    assert_eq!(silent, quiet, "denied, and nobody is told");
    assert_eq!(idle, unasked, "not needed in this story");
    Ok(())
}

async fn keeper(world: &World) -> Result<()> {
    let app =
        douyin_token_keeper::App::new(&world.context("douyin-token-keeper", &EndpointOverrides::default()).await?)
            .await?;
    run_scheduled(&app, douyin_token_keeper::handle, world.deadline())
        .await
        .map_err(|error| anyhow::anyhow!("{error:?}"))
}

async fn checker(world: &World) -> Result<()> {
    let app =
        wechat_health_checker::App::new(&world.context("wechat-health-checker", &EndpointOverrides::default()).await?)
            .await?;
    run_scheduled(&app, wechat_health_checker::handle, world.deadline())
        .await
        .map_err(|error| anyhow::anyhow!("{error:?}"))
}

async fn sweeper(world: &World) -> Result<()> {
    let app = sweeper::App::new(&world.context("sweeper", &EndpointOverrides::default()).await?).await?;
    run_scheduled(&app, sweeper::handle, world.deadline()).await.map_err(|error| anyhow::anyhow!("{error:?}"))
}

/// Runs a round without each right, and once more with it.
async fn without_each(
    function: &str,
    scene: impl AsyncFn() -> Result<World>,
    round: impl AsyncFn(&World) -> Result<()>,
) -> Result<Vec<(String, Outcome)>> {
    let mut outcomes = Vec::new();
    // Each world is an account of its own, so the same right has another ARN in the next one.
    for place in 0..rights(&scene().await?, function).len() {
        let mut world = scene().await?;
        let (action, resource) = rights(&world, function).swap_remove(place);
        world.take_right(function, &action, &resource).await?;
        let failed = round(&world).await.is_err();
        let asked = !world.roles().denied().is_empty();
        outcomes.push((shown(&action, &resource), Outcome { failed, asked }));
        world.give_rights_back().await?;
        // What was left alone after a failure is due again by then.
        world.advance(Duration::from_secs(3_700));
        round(&world).await.with_context(|| format!("with {action} given back"))?;
    }
    Ok(outcomes)
}

#[tokio::test]
async fn token_keeper_without_a_right_fails_and_recovers() -> Result<()> {
    let scene = async || {
        let world = World::start().await?;
        world.douyin_account("shop", 1);
        world.authorize(USER, "shop").await?;
        world.advance(Duration::from_secs(13 * 86_400));
        Ok(world)
    };
    // An account that comes back gets a sync; `expired_accounts` has one.
    let unasked =
        ["dynamodb:GetItem t_douyin_sync_task", "dynamodb:PutItem t_douyin_sync_task", "sqs:SendMessage fan-sync"];
    judge(without_each("douyin-token-keeper", scene, keeper).await?, &[], &unasked)
}

#[tokio::test]
async fn health_checker_without_a_right_fails_and_recovers() -> Result<()> {
    let scene = async || {
        let world = World::start().await?;
        world.connect_device(USER, "phone").await?;
        world.advance(Duration::from_secs(700));
        Ok(world)
    };
    judge(without_each("wechat-health-checker", scene, checker).await?, &[], &[])
}

#[tokio::test]
async fn sweeper_without_a_right_fails_and_recovers() -> Result<()> {
    // An account whose time for a sync has come, and one whose data are to go; a sync, a task and a delivery that lost their messages; the picture of a
    // post that has ended, and one of a post for later, at which it is looked an hour after it was kept.
    let scene = async || {
        let mut world = World::start().await?;
        world.pause_by_hand();
        world.douyin_account("branch", 1);
        world.authorize_and_sync(USER, "branch").await?;
        world.drain().await?;
        let closing = world.douyin_account("closing", 2);
        world.authorize(USER, "closing").await?;
        world.sync(USER, &closing, "INCREMENTAL").await?;
        let work = json!({"status": "CONTACTED", "notes": "周五回访", "ownerId": "staff-1"});
        let work = Event::sample("douyin-lead-update")?.path("leadId", "3").json(&work);
        ensure!(world.call_as(USER, work).await?.status == 200);
        let deletion = Event::sample("douyin-data-delete")?.path("douyinUserId", &closing);
        ensure!(world.call_as(USER, deletion).await?.status == 202);
        let printer = world.connect_device(USER, "printer").await?;
        let picture = |name: &str, width| world.sandbox.media().put_file(name, MediaFile::jpeg(width, 60));
        let later = (world.clock.now() + jiff::SignedDuration::from_hours(240)).to_string();
        let (timed, ended) = (picture("1.jpg", 80), picture("2.jpg", 90));
        let timed = json!({"text": "以后", "mediaUrls": [timed], "accountIds": [printer], "scheduledTime": later});
        world.request_post(USER, &timed).await?;
        world.advance(Duration::from_secs(36 * 3_600));
        world.request_post(USER, &json!({"text": "现在", "mediaUrls": [ended], "accountIds": [printer]})).await?;
        world.drain_publications().await?;
        world.douyin_account("shop", 1);
        let shop = world.authorize(USER, "shop").await?;
        world.request_sync(USER, &shop, "INCREMENTAL").await?;
        let device = world.connect_device(USER, "phone").await?;
        let post = json!({"text": "早上好", "accountIds": [device]});
        world.request_post(USER, &post).await?;
        let base = world.context("moment-publisher", &EndpointOverrides::default()).await?;
        // The gateway does not say what became of the post, so that the delivery has to be moved again.
        world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, Effect::Code { code: 500, message: None }));
        let dispatch = world.receive_publications().await?;
        world.publish_batch(&moment_publisher::App::new(&base).await?, dispatch).await?;
        world.request_post(USER, &post).await?;
        world.advance(Duration::from_secs(2_000));
        Ok(world)
    };
    // No lead of the story has two accounts or was merged.
    let unasked =
        ["dynamodb:PutItem t_douyin_lead", "dynamodb:UpdateItem t_douyin_lead", "dynamodb:UpdateItem t_lead_identity"];
    judge(without_each("sweeper", scene, sweeper).await?, &[], &unasked)
}

#[tokio::test]
async fn fan_sync_worker_without_a_right_gives_its_message_back_and_recovers() -> Result<()> {
    const WORKER: &str = "douyin-fan-sync-worker";
    let scene = async || -> Result<(World, String)> {
        let world = World::start().await?;
        // One page: of two the second may show somebody of the first again, whose lead is looked up.
        world.douyin_account("shop", 15);
        let shop = world.authorize(USER, "shop").await?;
        let answer = world.request_sync(USER, &shop, "INCREMENTAL").await?;
        // Its access token has ended, so that tokens are opened, refreshed and stored.
        world.sandbox.douyin().expire_access_token("shop");
        Ok((world, answer.data()["taskId"].as_str().context("no taskId")?.to_owned()))
    };
    let mut outcomes = Vec::new();
    for place in 0..rights(&scene().await?.0, WORKER).len() {
        let (mut world, task) = scene().await?;
        let (action, resource) = rights(&world, WORKER).swap_remove(place);
        world.take_right(WORKER, &action, &resource).await?;
        let failed = match douyin_fan_sync_worker::App::new(
            &world.context(WORKER, &EndpointOverrides::default()).await?,
        )
        .await
        {
            Err(_) => true,
            Ok(app) => {
                let batch = world.receive().await?;
                let messages = batch.len();
                world.run_batch(&app, batch).await? < messages
            }
        };
        let asked = !world.roles().denied().is_empty();
        outcomes.push((shown(&action, &resource), Outcome { failed, asked }));
        world.give_rights_back().await?;
        for _ in 0..5 {
            world.drain().await?;
            world.advance(Duration::from_secs(700));
            world.sweep().await?;
        }
        world.drain().await?;
        let progress = world.progress(USER, &task).await?;
        ensure!(progress["status"] == "COMPLETED" && progress["created"] == 15, "{action} {resource}: {progress}");
    }
    // An INCREMENTAL sync of strangers changes no lead and looks for no unfollowed one, nobody was erased, the worker sends
    // a message only when its time runs out in the middle, and an account that expires is counted.
    let unasked = [
        "dynamodb:BatchGetItem t_douyin_lead",
        "dynamodb:GetItem t_idempotency",
        "dynamodb:Query t_douyin_lead_index",
        "dynamodb:UpdateItem t_douyin_lead",
        "dynamodb:UpdateItem t_idempotency",
        "kms:GenerateMac key",
        "sqs:SendMessage fan-sync",
    ];
    // A message for events that is not sent is the sweeper's.
    judge(outcomes, &["sqs:SendMessage event"], &unasked)
}

#[tokio::test]
async fn event_sequencer_without_a_right_gives_its_message_back_and_recovers() -> Result<()> {
    const SEQUENCER: &str = "event-sequencer";
    let scene = async || -> Result<World> {
        let world = World::start().await?;
        world.douyin_account("shop", 3);
        let shop = world.authorize(USER, "shop").await?;
        world.sync(USER, &shop, "INCREMENTAL").await?;
        Ok(world)
    };
    let run = async |world: &World| -> Result<bool> {
        let base = world.context(SEQUENCER, &EndpointOverrides::default()).await?;
        let body = json!({ "userId": USER }).to_string();
        let batch = serde_json::from_value(json!({ "Records": [{ "messageId": "m-1", "body": body }] }))?;
        let app = event_sequencer::App::new(&base).await?;
        let answer = run_batch(&app, event_sequencer::handle, batch, world.deadline()).await;
        Ok(answer.batch_item_failures.is_empty())
    };
    let mut outcomes = Vec::new();
    for place in 0..rights(&scene().await?, SEQUENCER).len() {
        let mut world = scene().await?;
        let (action, resource) = rights(&world, SEQUENCER).swap_remove(place);
        world.take_right(SEQUENCER, &action, &resource).await?;
        let failed = !run(&world).await?;
        let asked = !world.roles().denied().is_empty();
        outcomes.push((shown(&action, &resource), Outcome { failed, asked }));
        world.give_rights_back().await?;
        ensure!(run(&world).await?, "{action} {resource}");
        assert_eq!(world.rows("t_outbox").await?, [], "{action} {resource}");
    }
    // It sends a message only when its time runs out in the middle.
    judge(outcomes, &[], &["sqs:SendMessage event"])
}

#[tokio::test]
async fn publisher_without_a_right_publishes_once_all_the_same() -> Result<()> {
    const PUBLISHER: &str = "moment-publisher";
    let scene = async || -> Result<(World, u64)> {
        let mut world = World::start().await?;
        world.pause_by_hand();
        world.sandbox.wecom().configure(|settings| settings.auto_confirm_seconds = Some(0));
        let mut accounts = world.connect_corp(USER, "flowers", &["lily"]).await?;
        accounts.push(world.connect_device(USER, "phone").await?);
        let picture = world.sandbox.media().put_file("1.jpg", MediaFile::jpeg(80, 60));
        world.put_words("稳赚不赔\n").await?;
        world.ask_service();
        world.advance(Duration::from_secs(7_200));
        let post = json!({"text": "新品到店", "mediaUrls": [picture], "accountIds": accounts});
        let answer = world.request_post(USER, &post).await?;
        Ok((world, answer.data()["syncTaskId"].as_u64().context("no syncTaskId")?))
    };
    let mut outcomes = Vec::new();
    for place in 0..rights(&scene().await?.0, PUBLISHER).len() {
        let (mut world, task) = scene().await?;
        let (action, resource) = rights(&world, PUBLISHER).swap_remove(place);
        world.take_right(PUBLISHER, &action, &resource).await?;
        let app = moment_publisher::App::new(&world.context(PUBLISHER, &EndpointOverrides::default()).await?).await?;
        let mut failed = false;
        for _ in 0..4 {
            let batch = world.receive_publications().await?;
            let messages = batch.len();
            failed |= world.publish_batch(&app, batch).await? < messages;
            world.advance(Duration::from_secs(2_000));
            world.sweep().await?;
        }
        let asked = !world.roles().denied().is_empty();
        outcomes.push((shown(&action, &resource), Outcome { failed, asked }));
        world.give_rights_back().await?;
        let status = world.publish_until_ended(USER, task, 60).await?;
        ensure!(status["status"] == "COMPLETED", "{action} {resource}: {status}");
        let journal = world.sandbox.journal();
        for account in ["phone", "flowers/lily"] {
            let publications = journal.publications_of(account);
            ensure!(publications.len() == 1, "{action} {resource}: {publications:?}");
        }
    }
    // A text that cannot be judged, or a medium that cannot be read, waits, and its user reads why. A message that is not sent is the sweeper's, whose own
    // failure would show; the account's last post only helps to prove an absence.
    let quiet = [
        "s3:GetObject media/*",
        "s3:GetObject words/*",
        "secretsmanager:GetSecretValue secret",
        "sqs:SendMessage publish",
    ];
    let unasked = [
        "dynamodb:DeleteItem t_wechat_media",
        "dynamodb:GetItem t_moment_claim",
        "dynamodb:GetItem t_moment_publish_unit",
        "dynamodb:Query t_wechat_account/index/by_user",
        // Nobody asks by it: with it S3 says of a missing object that it is missing.
        "s3:ListBucket bucket",
    ];
    judge(outcomes, &quiet, &unasked)
}
