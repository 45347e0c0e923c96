//! One task is on one trace: that of the request which made it, whoever takes it up.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;

use crate::logged::Logged;
use crate::{Event, World};

const USER: u64 = 6_301;
const TRACE: &str = "1-6927c0de-a006649127e371903a2de979";
/// As Lambda hands it to the function that answers the request.
const HEADER: &str = "Root=1-6927c0de-a006649127e371903a2de979;Parent=53995c3f42cd8ad8;Sampled=0";

/// Which traces the lines about a task are on, and how many lines there are.
fn traces(log: &str, task: u64) -> Result<(BTreeSet<String>, usize)> {
    let (mut traces, mut lines) = (BTreeSet::new(), 0);
    for line in log.lines() {
        let line: Value = serde_json::from_str(line)?;
        // Lines of the sweeper, which looks after many tasks at once, are in no record.
        let spans = line["spans"].as_array().into_iter().flatten();
        let worked = spans.clone().any(|span| span["name"] == "record");
        if line["task.id"] != json!(task) || !worked {
            continue;
        }
        lines += 1;
        traces.extend(spans.filter_map(|span| span["trace.id"].as_str().map(str::to_owned)));
    }
    Ok((traces, lines))
}

/// The tracing headers of the messages in a queue, which stay in it.
async fn headers(world: &World, queue_url: &str) -> Result<Vec<Option<String>>> {
    let request = world.aws.sqs.receive_message().queue_url(queue_url).max_number_of_messages(10).visibility_timeout(0);
    let received = request.message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader).send().await?;
    let header = |attribute: &std::collections::HashMap<_, String>| attribute.values().next().cloned();
    let messages = received.messages.unwrap_or_default().into_iter();
    Ok(messages.map(|message| message.attributes.as_ref().and_then(header)).collect())
}

async fn sync_that_is_interrupted(world: &World) -> Result<u64> {
    world.douyin_account("shop", 120);
    let shop = world.authorize(USER, "shop").await?;
    world.drain().await?;
    let event = Event::sample("douyin-fans-sync")?.json(&json!({"douyinUserId": shop, "syncStrategy": "FULL"}));
    let answer = world.call_as(USER, event.tracing_header(HEADER)).await?;
    ensure!(answer.status == 202, "{answer:?}");
    let task = answer.data()["taskId"].as_str().context("no task")?.to_owned();
    ensure!(headers(world, world.queue_url()?).await? == [Some(format!("Root={TRACE}"))]);
    // The message is lost, and the sweeper, which is on a trace of its own, makes up for it.
    world.take_message(&task).await?;
    world.advance(Duration::from_secs(600));
    world.sweep().await?;
    world.drain().await?;
    Ok(task.parse()?)
}

#[tokio::test]
async fn sync_whose_message_is_lost_stays_on_the_trace_of_its_request() -> Result<()> {
    let world = World::start().await?;
    let log = Logged::default();
    let task = Box::pin(sync_that_is_interrupted(&world)).with_subscriber(log.subscriber_at("INFO")).await?;
    let (traces, lines) = traces(&log.text(), task)?;
    assert!(lines > 0, "nothing is logged about fan sync {task}");
    assert_eq!(traces, BTreeSet::from([TRACE.to_owned()]), "{}", log.text());
    Ok(())
}

async fn timed_post_of_two_accounts(world: &World) -> Result<u64> {
    let accounts = [world.connect_device(USER, "one").await?, world.connect_device(USER, "other").await?];
    let time = (world.clock.now() + jiff::SignedDuration::from_mins(90)).to_string();
    let body = json!({"text": "早上好", "accountIds": accounts, "scheduledTime": time});
    let event = Event::sample("moment-sync")?.without_header("idempotency-key").json(&body).tracing_header(HEADER);
    let answer = world.call_as(USER, event).await?;
    ensure!(answer.status == 202, "{answer:?}");
    let task = answer.data()["syncTaskId"].as_u64().context("no task")?;
    // Nobody but the sweeper takes it up.
    world.advance(Duration::from_secs(90 * 60 + 120));
    let ended = world.publish_until_ended(USER, task, 10).await?;
    ensure!(ended["status"] == "COMPLETED", "{ended}");
    Ok(task)
}

#[tokio::test]
async fn timed_post_is_on_the_trace_of_its_request_at_each_account() -> Result<()> {
    let mut world = World::start().await?;
    world.pause_by_hand();
    let log = Logged::default();
    let task = Box::pin(timed_post_of_two_accounts(&world)).with_subscriber(log.subscriber_at("INFO")).await?;
    let (traces, lines) = traces(&log.text(), task)?;
    assert!(lines > 3, "{lines} lines about moment task {task}");
    assert_eq!(traces, BTreeSet::from([TRACE.to_owned()]), "{}", log.text());
    Ok(())
}
