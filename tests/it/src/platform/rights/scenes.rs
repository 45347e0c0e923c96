//! Work that needs the rights of a function, and what shows that it was done in the end.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::worker::{run_batch, run_scheduled};
use functions::workers::{douyin_token_keeper, event_sequencer, moment_publisher, sweeper, wechat_health_checker};
use sandbox::douyin::{Endpoint, FanChange, Fault};
use sandbox::fault::Effect;
use sandbox::gewe::{DeviceState, GeweEndpoint, GeweFault};
use sandbox::media::MediaFile;
use serde_json::json;

use super::USER;
use crate::world::EndpointOverrides;
use crate::{Event, World};

/// A round once what was left alone after a failure is due again.
pub(super) async fn later(world: &World, round: impl AsyncFn(&World) -> Result<()>) -> Result<()> {
    world.advance(Duration::from_secs(3_700));
    round(world).await
}

pub(super) async fn keeper(world: &World) -> Result<()> {
    let base = world.context("douyin-token-keeper", &EndpointOverrides::default()).await?;
    let app = douyin_token_keeper::App::new(&base).await?;
    let round = run_scheduled(&app, douyin_token_keeper::handle, world.deadline()).await;
    round.map_err(|error| anyhow::anyhow!("{error:?}"))
}

pub(super) async fn checker(world: &World) -> Result<()> {
    let base = world.context("wechat-health-checker", &EndpointOverrides::default()).await?;
    let app = wechat_health_checker::App::new(&base).await?;
    let round = run_scheduled(&app, wechat_health_checker::handle, world.deadline()).await;
    round.map_err(|error| anyhow::anyhow!("{error:?}"))
}

pub(super) async fn sweeper(world: &World) -> Result<()> {
    let app = sweeper::App::new(&world.context("sweeper", &EndpointOverrides::default()).await?).await?;
    let round = run_scheduled(&app, sweeper::handle, world.deadline()).await;
    round.map_err(|error| anyhow::anyhow!("{error:?}"))
}

/// An account whose tokens are to be refreshed, and one that has expired with a sync and that Douyin accepts again, so that its
/// sync is started anew.
pub(super) async fn due_tokens() -> Result<World> {
    let world = World::start().await?;
    world.douyin_account("back", 1);
    let back = world.authorize(USER, "back").await?;
    world.douyin_account("shop", 1);
    world.authorize(USER, "shop").await?;
    world.advance(Duration::from_secs(16 * 86_400));
    let fault = Fault::code(Endpoint::RefreshToken, 10_010).for_account("back").permanent();
    let fault = world.sandbox.douyin().arm(fault);
    ensure!(world.sync(USER, &back, "FULL").await?["status"] == "FAILED");
    world.sandbox.douyin().disarm(fault);
    world.advance(Duration::from_secs(600));
    Ok(world)
}

/// A device that is to be asked for, and one that will be found offline, which is told.
pub(super) async fn due_devices() -> Result<World> {
    let world = World::start().await?;
    world.connect_device(USER, "phone").await?;
    world.connect_device(USER, "drawer").await?;
    world.sandbox.gewe().set_state("drawer", DeviceState::Offline);
    world.advance(Duration::from_secs(700));
    Ok(world)
}

/// An account whose time for a sync has come, and one whose data are to go; a sync, a task, a delivery and a
/// webhook's delivery that lost their messages; the picture of a post that has ended, and one of a post for later, at which it is looked an hour after it was kept.
pub(super) async fn forgotten_work() -> Result<World> {
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
    crate::webhooks::forgotten_delivery(&world, USER).await?;
    world.advance(Duration::from_secs(2_000));
    Ok(world)
}

/// Two tenants have old leads, one of which was worked; their accounts are gone.
pub(super) async fn old_leads() -> Result<World> {
    let mut world = World::start().await?;
    world.set("LEAD_RETENTION_DAYS", "30");
    for user in [USER + 1, USER + 2] {
        let name = format!("left-{user}");
        let account = world.douyin_account(&name, 2);
        world.authorize(user, &name).await?;
        world.sync(user, &account, "INCREMENTAL").await?;
        let work = Event::sample("douyin-lead-update")?.path("leadId", "2").json(&json!({"notes": "周五回访"}));
        ensure!(world.call_as(user, work).await?.status == 200);
        let disconnected = Event::sample("douyin-account-delete")?.path("douyinUserId", &account);
        ensure!(world.call_as(user, disconnected).await?.status == 200);
    }
    world.advance(Duration::from_secs(31 * 86_400));
    Ok(world)
}

/// A sync has brought leads, and nobody has numbered the events that tell of it, which a webhook wants.
pub(super) async fn events_to_number() -> Result<World> {
    let world = World::start().await?;
    crate::webhooks::create(&world, USER, "crm", json!({})).await?;
    world.douyin_account("shop", 3);
    let shop = world.authorize(USER, "shop").await?;
    ensure!(world.sync(USER, &shop, "INCREMENTAL").await?["created"] == 3);
    Ok(world)
}

/// The same where there is a sink.
pub(super) async fn events_to_send() -> Result<World> {
    let mut world = events_to_number().await?;
    world.open_sink().await?;
    Ok(world)
}

/// All of them get their numbers and are sent, those of the leads and that of the sync.
pub(super) async fn events_sent(world: &World) -> Result<()> {
    events_numbered(world).await?;
    let sent = world.take_from_sink().await?.len();
    ensure!(sent == 2, "{sent} events were sent");
    Ok(())
}

/// All of them get their numbers.
pub(super) async fn events_numbered(world: &World) -> Result<()> {
    let base = world.context("event-sequencer", &EndpointOverrides::default()).await?;
    let body = json!({ "userId": USER }).to_string();
    let batch = serde_json::from_value(json!({ "Records": [{ "messageId": "m-1", "body": body }] }))?;
    let app = event_sequencer::App::new(&base).await?;
    let answer = run_batch(&app, event_sequencer::handle, batch, world.deadline()).await;
    ensure!(answer.batch_item_failures.is_empty(), "{answer:?}");
    let left = world.rows("t_outbox").await?;
    ensure!(left.is_empty(), "{left:?}");
    let deliveries = world.rows("t_webhook_delivery").await?.len();
    ensure!(deliveries == 2, "{deliveries} deliveries of the new leads and of the sync's end");
    Ok(())
}

/// A sync of one page, and its task: of two the second may show somebody of the first again, whose lead is looked up.
pub(super) async fn sync_to_run() -> Result<(World, String)> {
    let world = World::start().await?;
    world.douyin_account("shop", 15);
    let shop = world.authorize(USER, "shop").await?;
    let answer = world.request_sync(USER, &shop, "INCREMENTAL").await?;
    // Its access token has ended, so that tokens are opened, refreshed and stored.
    world.sandbox.douyin().expire_access_token("shop");
    Ok((world, answer.data()["taskId"].as_str().context("no taskId")?.to_owned()))
}

/// A FULL sync after which a lead was erased, fans have other names, some have left and some are new; its task.
pub(super) async fn sync_of_changed_fans() -> Result<(World, String)> {
    let world = World::start().await?;
    world.douyin_account("shop", 15);
    let shop = world.authorize(USER, "shop").await?;
    ensure!(world.sync(USER, &shop, "FULL").await?["created"] == 15);
    let erase = world.call_as(USER, Event::sample("douyin-lead-erase")?.path("leadId", "3")).await?;
    ensure!(erase.status == 200, "{erase:?}");
    world.sandbox.douyin().change_fans("shop", FanChange { add: 3, unfollow: 2, rename: 8, ..FanChange::default() });
    let answer = world.request_sync(USER, &shop, "FULL").await?;
    Ok((world, answer.data()["taskId"].as_str().context("no taskId")?.to_owned()))
}

/// Whether a sync is completed once its worker and the sweeper have had some time.
pub(super) async fn sync_completed(world: &World, task: &str, created: u64) -> Result<()> {
    for _ in 0..5 {
        world.drain().await?;
        world.advance(Duration::from_secs(2_000));
        world.sweep().await?;
    }
    world.drain().await?;
    let progress = world.progress(USER, task).await?;
    ensure!(progress["status"] == "COMPLETED" && progress["created"] == created, "{progress}");
    Ok(())
}

/// A sync whose token Douyin refuses although it was refreshed, which ends its account; its task.
pub(super) async fn sync_with_refused_token() -> Result<(World, String)> {
    let world = World::start().await?;
    world.douyin_account("shop", 15);
    let shop = world.authorize(USER, "shop").await?;
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 2_190_008).permanent());
    let answer = world.request_sync(USER, &shop, "INCREMENTAL").await?;
    Ok((world, answer.data()["taskId"].as_str().context("no taskId")?.to_owned()))
}

/// Whether such a sync ends with its account.
pub(super) async fn sync_ended_with_its_account(world: &World, task: &str) -> Result<()> {
    for _ in 0..5 {
        world.drain().await?;
        world.advance(Duration::from_secs(2_000));
        world.sweep().await?;
    }
    world.drain().await?;
    let (progress, accounts) = (world.progress(USER, task).await?, world.rows("t_douyin_auth").await?);
    ensure!(progress["status"] == "FAILED" && accounts[0]["status"] == "EXPIRED", "{progress}, {accounts:?}");
    Ok(())
}

/// A post with a picture to a company and to a device, whose text is judged by words and by a service; its task.
pub(super) async fn post_to_publish() -> Result<(World, u64)> {
    let mut world = World::start().await?;
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
}
