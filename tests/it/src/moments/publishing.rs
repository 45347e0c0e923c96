//! What goes wrong around a publication, and that it never goes out twice, never gets lost and is told as it was:
//! crashes between any two steps, lost answers, messages that come twice, several workers at once, refusals, people who do nothing.

mod answers;
mod blind;
mod chained_messages;
mod claims;
mod company;
mod concurrency;
mod conflicts;
mod cost;
mod deadline;
mod downloads;
mod duplicates;
mod equal_texts;
mod feed;
mod keys;
mod messages;
mod offline;
mod oracle;
mod pace;
mod paused;
mod persons;
mod repairs;
mod requests;
mod restored;
mod retries;
mod senders;
mod steps;
mod story;
mod time;
mod together;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_sqs::types::Message;
use functions::workers::moment_publisher;
use futures::FutureExt;
use sandbox::wecom::TimeForm;
use serde_json::Value;

use crate::proxy::Proxy;
use crate::{Answer, Event, World};

pub(super) const USER: u64 = 3001;
/// Longer than a dead worker's lease with the sweeper's grace, and than any first pause here.
const LATER: Duration = Duration::from_secs(2_000);
/// More rounds of the sweeper than anything here takes: members are waited for during 48 hours, each time longer.
const MOST_ROUNDS: u32 = 120;

/// WeCom writes the times in its lists in the hostile mixture of both forms.
pub(super) async fn world() -> Result<World> {
    let mut world = World::start().await?;
    world.sandbox.wecom().configure(|settings| settings.create_time = TimeForm::Mixed);
    world.pause_by_hand();
    Ok(world)
}

/// Goes to this hour of the fourth day from now, in China.
fn go_to(world: &World, hour: u64) {
    const HOUR: u64 = 3_600;
    const DAY: u64 = 24 * HOUR;
    let second = u64::try_from(world.clock.now().as_second()).unwrap_or_default() + 8 * HOUR;
    world.advance(Duration::from_secs(5 * DAY - second % DAY + hour * HOUR));
}

/// A publisher, behind a proxy.
async fn publisher(world: &World, proxy: &Proxy) -> Result<moment_publisher::App> {
    Ok(moment_publisher::App::new(&world.context("moment-publisher", &proxy.endpoints()).await?).await?)
}

/// A message off the publish queue.
async fn receive(world: &World) -> Result<Option<Message>> {
    let received = world.aws.sqs.receive_message().queue_url(world.publish_queue_url()?).max_number_of_messages(1);
    Ok(received.send().await?.messages.unwrap_or_default().pop())
}

/// One life of a publisher behind a proxy: takes messages until there is none or it dies. Answers the message it was
/// holding when it died.
pub(super) async fn live(world: &World, proxy: &Proxy) -> Result<Option<Message>> {
    let app = publisher(world, proxy).await?;
    while let Some(message) = receive(world).await? {
        tokio::select! {
            biased;
            () = proxy.died() => {
                proxy.idle().await;
                return Ok(Some(message));
            }
            done = world.publish_batch(&app, vec![message.clone()]).boxed_local() => { done?; }
        }
    }
    Ok(None)
}

/// Calls a function behind a proxy; `None` when it died.
pub(super) async fn call(world: &World, proxy: &Proxy, event: &Event) -> Result<Option<Answer>> {
    let event = event.clone().bearer(&world.token(USER, &["*"])?);
    let base = world.context(&event.function, &proxy.endpoints()).await?;
    tokio::select! {
        biased;
        () = proxy.died() => {
            proxy.idle().await;
            Ok(None)
        }
        answer = crate::call::call(&base, &event).boxed_local() => answer.map(Some),
    }
}

/// Makes a message visible that nobody answered for.
async fn deliver_again(world: &World, message: Message) -> Result<()> {
    let change = world.aws.sqs.change_message_visibility().queue_url(world.publish_queue_url()?).visibility_timeout(0);
    change.set_receipt_handle(message.receipt_handle).send().await?;
    Ok(())
}

/// Asks for a publication, which must be granted, also if the same was posted before; answers its task.
pub(super) async fn request(world: &World, body: &Value) -> Result<u64> {
    let answer = world.request_post(USER, body).await?;
    ensure!(answer.status == 202, "creation answered {answer:?}");
    answer.data()["syncTaskId"].as_u64().context("no syncTaskId")
}

fn ended(status: &Value) -> bool {
    !["PENDING", "PROCESSING"].contains(&status["status"].as_str().unwrap_or_default())
}

/// Time goes by with healthy publishers and the sweeper, and members do what they are asked, until the task has ended.
pub(super) async fn recover(world: &World, task: u64) -> Result<Value> {
    for _ in 0..MOST_ROUNDS {
        world.drain_publications().boxed_local().await?;
        let status = world.post_status(USER, task).boxed_local().await?;
        if ended(&status) {
            return Ok(status);
        }
        confirm_everything(world);
        world.advance(LATER);
        world.sweep().boxed_local().await?;
    }
    bail!("moment task {task} never ends: {}", world.post_status(USER, task).boxed_local().await?)
}

/// Every member publishes whatever it is asked to.
fn confirm_everything(world: &World) {
    for moment in world.sandbox.wecom().moment_tasks() {
        // Fails for one that is not there yet.
        let _confirmed = world.sandbox.wecom().confirm_all(&moment.moment_id).is_ok();
    }
}
