//! The numbers that operators are told: each is found in the log of one recorded run, at the quietest level there is.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::worker::run_scheduled;
use kernel::metrics::Metric;
use sandbox::douyin::{Endpoint, Fault as DouyinFault};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;

use crate::World;
use crate::logged::Logged;
use crate::proxy::{Fault, Proxy};
use crate::world::EndpointOverrides;

const USER: u64 = 6_201;

/// The numbers of a log: name and value of each, in order.
pub(super) fn numbers(log: &str) -> Result<Vec<(String, u64)>> {
    let mut numbers = Vec::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        let Some(metrics) = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array() else { continue };
        for metric in metrics {
            let name = metric["Name"].as_str().context("a number without a name")?;
            numbers.push((name.to_owned(), line[name].as_u64().context("a number without a value")?));
        }
    }
    Ok(numbers)
}

async fn check_online(world: &World) -> Result<()> {
    let base = world.context("wechat-health-checker", &EndpointOverrides::default()).await?;
    let app = functions::workers::wechat_health_checker::App::new(&base).await?;
    let round = run_scheduled(&app, functions::workers::wechat_health_checker::handle, world.deadline()).await;
    round.map_err(|error| anyhow::anyhow!("{error:?}"))
}

async fn post(world: &World, body: Value) -> Result<u64> {
    let answer = world.request_post(USER, &body).await?;
    ensure!(answer.status == 202, "{answer:?}");
    answer.data()["syncTaskId"].as_u64().context("no task")
}

/// A day on which everything happens that there is a number for.
pub(super) async fn everything() -> Result<()> {
    let mut world = World::start().await?;
    world.pause_by_hand();
    // An account of Douyin whose tokens are kept, with a sync that is completed and one that is not; then Douyin ends it.
    world.douyin_account("shop", 3);
    let shop = world.authorize(USER, "shop").await?;
    ensure!(world.sync(USER, &shop, "INCREMENTAL").await?["status"] == "COMPLETED");
    world.sandbox.douyin().arm(DouyinFault::code(Endpoint::FansList, 99_999));
    ensure!(world.sync(USER, &shop, "FULL").await?["status"] == "FAILED");
    world.advance(Duration::from_secs(13 * 86_400));
    world.sandbox.douyin().arm(DouyinFault::code(Endpoint::RefreshToken, 10_010));
    world.keep_tokens().await?;
    // One that goes out, and whose device is asked for.
    let device = world.connect_device(USER, "phone").await?;
    let sent = post(&world, json!({"text": "早上好", "accountIds": [device]})).await?;
    ensure!(world.publish_until_ended(USER, sent, 20).await?["status"] == "COMPLETED");
    world.advance(Duration::from_secs(3_600));
    check_online(&world).await?;
    // One whose answer is lost and which no list shows.
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, Effect::Code { code: 500, message: None }));
    let lost =
        post(&world, json!({"text": "早安", "accountIds": [world.connect_device(USER, "blind").await?]})).await?;
    world.publish_until_ended(USER, lost, 60).await?;
    // One whose time passes while nobody works, and whose message is lost.
    let time = (world.clock.now() + jiff::SignedDuration::from_mins(20)).to_string();
    post(&world, json!({"text": "早", "accountIds": [device], "scheduledTime": time})).await?;
    world.advance(Duration::from_secs(7_200));
    world.sweep().await?;
    world.drain_publications().await?;
    // One of a company that does not trust us.
    let member = world.connect_corp(USER, "flowers", &["lily"]).await?;
    world.sandbox.wecom().change_app("flowers", |app| app.trusted_ips = Some([].into()));
    let refused = post(&world, json!({"text": "新品", "accountIds": member})).await?;
    ensure!(world.publish_until_ended(USER, refused, 20).await?["status"] == "FAILED");
    // A message that cannot be sent when its task is made, and one that cannot be handled.
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("SendMessage", 1, 20, Fault::Answer(400, r#"{"__type":"AccessDenied"}"#.to_owned()));
    let body = json!({"text": "晚上好", "accountIds": [device], "force": ["DUPLICATE_CONTENT"]});
    let event = crate::Event::sample("moment-sync")?.without_header("idempotency-key").json(&body);
    let event = event.bearer(&world.token(USER, &["*"])?);
    let base = world.context("moment-sync", &proxy.endpoints()).await?;
    ensure!(Box::pin(crate::call::call(&base, &event)).await?.status == 202);
    // One whose text cannot be judged, because the list of words is not there.
    post(&world, json!({"text": "晚安", "accountIds": [device]})).await?;
    world.set("SENSITIVE_WORDS_KEY", "words/none.txt");
    let send = world.aws.sqs.send_message().queue_url(world.publish_queue_url()?);
    send.message_body("not json").send().await?;
    let batch = world.receive_publications().await?;
    let base = world.context("moment-publisher", &EndpointOverrides::default()).await?;
    world.publish_batch(&functions::workers::moment_publisher::App::new(&base).await?, batch).await?;
    // A webhook whose receiver is gone, which ends a delivery and the webhook.
    Box::pin(crate::webhooks::gone_receiver(&world, USER)).await?;
    // A request that is refused.
    ensure!(world.request_post(USER, &json!({})).await?.status == 400);
    Ok(())
}

#[tokio::test]
async fn every_metric_is_written_at_the_quietest_level() -> Result<()> {
    let log = Logged::default();
    Box::pin(everything()).with_subscriber(log.subscriber_at("ERROR")).await?;
    let seen = numbers(&log.text())?;
    let names: BTreeSet<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, Metric::ALL.iter().map(|metric| metric.name()).collect(), "written (left), declared (right)");
    let sum =
        |metric: Metric| -> u64 { seen.iter().filter(|(name, _)| name == metric.name()).map(|(_, value)| value).sum() };
    // Exact, because somebody is woken for them.
    assert_eq!(sum(Metric::PostsMissed), 1);
    assert_eq!(sum(Metric::PostsUnconfirmed), 1);
    assert_eq!(sum(Metric::PostsPublished), 1);
    assert_eq!((sum(Metric::RecordsFailed), sum(Metric::WakeupsNotMade)), (1, 1));
    assert_eq!((sum(Metric::SyncsFailed), sum(Metric::AccountsExpired)), (1, 1));
    // The timed post was due for 100 minutes when the sweeper came.
    let lateness = seen.iter().filter(|(name, _)| name == "OldestDueTask").map(|(_, value)| *value).max();
    ensure!(lateness.is_some_and(|seconds| (5_990..6_060).contains(&seconds)), "{lateness:?}");
    Ok(())
}
