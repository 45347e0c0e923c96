//! Waits longer than SQS holds a message: each is a chain of delayed messages, and the sweeper has no part in it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::oracle::{Oracle, check};
use super::story::Story;
use super::{USER, ended, live, world};
use crate::World;
use crate::proxy::{DelayedMessage, Proxy};

/// The longest delay of SQS.
const LONGEST: Duration = Duration::from_secs(900);

async fn deliver(world: &World, message: &DelayedMessage) -> Result<()> {
    world.advance(message.delay);
    world.aws.sqs.send_message().queue_url(world.publish_queue_url()?).message_body(&message.body).send().await?;
    Ok(())
}

fn due_at(message: &DelayedMessage) -> Result<i64> {
    serde_json::from_str::<Value>(&message.body)?["dueAt"].as_i64().context("no dueAt")
}

#[tokio::test]
async fn members_who_confirm_after_hours_are_told_without_the_sweeper() -> Result<()> {
    let world = world().await?;
    let scene = Story::Company.scene(&world, 1).await?;
    let proxy = Proxy::start(&world).await?;
    let began = world.clock.now();
    let (mut passed_on, mut confirmed, mut last_due) = (0, false, 0);
    while !ended(&world.post_status(USER, scene.task).await?) {
        ensure!(live(&world, &proxy).await?.is_none(), "the publisher died");
        if ended(&world.post_status(USER, scene.task).await?) {
            break;
        }
        // One message for what the row waits for, and no second one beside it.
        let [message] =
            proxy.take_delayed().try_into().map_err(|all| anyhow::anyhow!("one message expected: {all:?}"))?;
        ensure!(message.delay <= LONGEST, "{message:?}");
        let delivery = world.rows("t_moment_publish_unit").await?.remove(0);
        ensure!(delivery["next_action_at"] == due_at(&message)?.to_string(), "{delivery:?}, {message:?}");
        passed_on += u32::from(due_at(&message)? == last_due);
        last_due = due_at(&message)?;
        deliver(&world, &message).await?;
        if !confirmed && world.clock.now().duration_since(began) > jiff::SignedDuration::from_hours(5) {
            let moment = world.sandbox.wecom().moment_tasks()[0].moment_id.clone();
            for member in ["lily", "rose"] {
                world.sandbox.wecom().confirm(&moment, member).map_err(|error| anyhow::anyhow!("{error:?}"))?;
            }
            confirmed = true;
        }
    }
    ensure!(confirmed && passed_on > 2, "the pauses never grew beyond what a message waits: {passed_on}");
    let status = world.post_status(USER, scene.task).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Published], "{truths:?}");
    Ok(())
}

/// A message that comes early is passed on only for the wait that it was sent for: otherwise one that came twice would
/// go on beside the other for as long as the delivery lives.
#[tokio::test]
async fn early_message_of_another_wait_is_dropped() -> Result<()> {
    let world = world().await?;
    Story::Company.scene(&world, 1).await?;
    let proxy = Proxy::start(&world).await?;
    ensure!(live(&world, &proxy).await?.is_none(), "the publisher died");
    let message = proxy.take_delayed().pop().context("no message")?;
    let mut body: Value = serde_json::from_str(&message.body)?;
    let due = due_at(&message)?;
    for (due_at, expected) in [(due + 1, 0), (due, 1)] {
        body["dueAt"] = json!(due_at);
        let early = DelayedMessage { body: body.to_string(), delay: Duration::ZERO };
        deliver(&world, &early).await?;
        ensure!(live(&world, &proxy).await?.is_none(), "the publisher died");
        ensure!(proxy.take_delayed().len() == expected, "due {due_at} where the row says {due}");
    }
    Ok(())
}
