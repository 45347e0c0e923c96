//! What goes wrong around a fan sync, and that it changes nothing of what comes of it: crashes between any two steps,
//! lost answers, messages that come twice, several workers at once, a platform that refuses, and an end that is told with its reason.

pub(crate) mod audit;
mod aws;
mod concurrency;
mod conflicts;
mod hostile_lists;
mod platform;
mod sizes;
mod starts;
mod steps;
pub(crate) mod story;
mod terminal_states;
mod together;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_lambda_events::event::sqs::SqsEvent;
use aws_sdk_sqs::types::Message;
use functions::worker::run_batch;
use functions::workers::douyin_fan_sync_worker;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use kernel::deadline::Deadline;
use sandbox::SandboxConfig;
use sandbox::douyin::Numbers;
use serde_json::{Value, json};

use crate::World;
use crate::proxy::Proxy;
use crate::world::EndpointOverrides;

pub(crate) const USER: u64 = 1001;
pub(crate) const SHOP: &str = "shop";
pub(crate) const WORKER: &str = "douyin-fan-sync-worker";
pub(crate) const PAGE_SIZE: &str = "DOUYIN_FAN_PAGE_SIZE";

/// Enough for any sync here in one go.
pub(crate) const PLENTY: Duration = Duration::from_secs(300);
/// After a dead worker's lease (92 s with the template's settings) and the sweeper's grace (30 s).
pub(crate) const ABANDONED: Duration = Duration::from_secs(125);
/// More rounds of the sweeper than anything here takes; a task that outlives them would live forever.
pub(crate) const MOST_ROUNDS: u32 = 40;

/// A world with one authorised account, and pages so small that it has several. The same seed makes the same fans. The
/// platform writes its numbers in the hostile mixture of both forms.
pub(crate) async fn shop(seed: u64, fans: u32) -> Result<(World, String)> {
    let mut config = SandboxConfig { seed: Some(seed), ..SandboxConfig::default() };
    config.douyin.settings.numbers = Numbers::Mixed;
    let mut world = World::around(config).await?;
    world.set(PAGE_SIZE, "20");
    world.douyin_account(SHOP, fans);
    let shop = world.authorize(USER, SHOP).await?;
    Ok((world, shop))
}

/// Asks for a sync that must be a new one; answers its task.
pub(crate) async fn begin(world: &World, account: &str, strategy: &str) -> Result<String> {
    let answer = world.request_sync(USER, account, strategy).await?;
    ensure!(answer.status == 202, "sync answered {answer:?}");
    Ok(answer.data()["taskId"].as_str().context("no taskId")?.to_owned())
}

/// One process of the worker, behind a proxy: takes batches until the queue is dry or it dies, with `time` left in each
/// invocation. Answers the messages it was holding when it died.
pub(crate) async fn live(world: &World, proxy: &Proxy, time: Duration) -> Result<Vec<Message>> {
    let mut app = None;
    loop {
        let batch = world.receive().await?;
        if batch.is_empty() {
            return Ok(batch);
        }
        tokio::select! {
            biased;
            () = proxy.died() => {
                proxy.idle().await;
                return Ok(batch);
            }
            done = work(world, proxy.endpoints(), &mut app, &batch, time).boxed_local() => settle(world, batch, done?).await?,
        }
    }
}

/// As [`live`], but the process stands still at a step until `meanwhile` is done.
pub(crate) fn live_through<'a, T: 'a>(
    world: &'a World,
    proxy: &'a Proxy,
    time: Duration,
    (step, nth): (&str, u32),
    meanwhile: impl Future<Output = Result<T>> + 'a,
) -> LocalBoxFuture<'a, Result<T>> {
    let gate = proxy.hold(step, nth);
    let beside = async move {
        gate.reached().await;
        let done = meanwhile.await;
        gate.open();
        done
    };
    live_beside(world, proxy, time, beside).boxed_local()
}

/// As [`live`], with something beside it that waits for steps of the process and so must be done before it is.
pub(crate) async fn live_beside<T>(
    world: &World,
    proxy: &Proxy,
    time: Duration,
    beside: impl Future<Output = Result<T>>,
) -> Result<T> {
    let (mut life, mut beside) = (live(world, proxy, time).boxed_local(), beside.boxed_local());
    let done = tokio::select! {
        done = &mut beside => done?,
        _ = &mut life => bail!("a step that was waited for never came"),
    };
    ensure!(life.await?.is_empty(), "the worker died");
    Ok(done)
}

/// Hands a batch to a worker, started now if it is not yet. Answers the ids of the records that failed.
pub(crate) async fn work(
    world: &World,
    endpoints: EndpointOverrides,
    app: &mut Option<douyin_fan_sync_worker::App>,
    batch: &[Message],
    time: Duration,
) -> Result<Vec<String>> {
    let app = match app {
        Some(app) => app,
        None => match douyin_fan_sync_worker::App::new(&world.context(WORKER, &endpoints).await?).await {
            Ok(started) => app.insert(started),
            // A function that does not start takes no message.
            Err(_) => return Ok(batch.iter().filter_map(|message| message.message_id.clone()).collect()),
        },
    };
    let records: Vec<Value> =
        batch.iter().map(|message| json!({"messageId": message.message_id, "body": message.body})).collect();
    let event: SqsEvent = serde_json::from_value(json!({ "Records": records }))?;
    let deadline = Deadline::after(world.clock.now(), time);
    let answer = run_batch(app, douyin_fan_sync_worker::handle, event, deadline);
    Ok(answer.await.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
}

/// What Lambda does with a batch that was answered: deletes what is done, leaves the rest to come again.
pub(crate) async fn settle(world: &World, batch: Vec<Message>, failed: Vec<String>) -> Result<()> {
    let (again, done): (Vec<Message>, Vec<Message>) =
        batch.into_iter().partition(|message| message.message_id.as_ref().is_some_and(|id| failed.contains(id)));
    for message in done {
        let delete = world.aws.sqs.delete_message().queue_url(world.queue_url()?);
        delete.set_receipt_handle(message.receipt_handle).send().await?;
    }
    deliver_again(world, again).await
}

/// Makes messages visible that nobody answered for.
pub(crate) async fn deliver_again(world: &World, messages: Vec<Message>) -> Result<()> {
    for message in messages {
        let change = world.aws.sqs.change_message_visibility().queue_url(world.queue_url()?).visibility_timeout(0);
        change.set_receipt_handle(message.receipt_handle).send().await?;
    }
    Ok(())
}

/// Minutes go by with healthy workers and the sweeper, until the task has ended. Answers how often the sweeper ran.
pub(crate) async fn recover(world: &World, task: &str) -> Result<u32> {
    for rounds in 0..MOST_ROUNDS {
        world.drain().boxed_local().await?;
        let tasks = world.rows("t_douyin_sync_task").await?;
        if tasks.iter().any(|row| row["task_id"] == task && row.contains_key("finished_at")) {
            return Ok(rounds);
        }
        world.advance(ABANDONED);
        world.sweep().await?;
    }
    bail!("fan sync {task} never ends")
}
