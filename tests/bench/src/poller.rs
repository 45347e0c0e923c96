//! What Lambda does between a queue and its function: takes batches, hands them on, deletes what is done.

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use it::World;

/// How long one question for messages may wait for some, in seconds.
const LONG_POLL: i32 = 1;

/// The most messages that one request can take.
const MOST: i32 = 10;

/// Up to ten messages; none when none came within a second.
pub async fn receive(world: &World, queue: &str) -> Result<Vec<Message>> {
    receive_up_to(world, queue, MOST).await
}

/// The same with fewer at once, as a queue hands them out whose messages lie on many servers.
pub async fn receive_up_to(world: &World, queue: &str, most: i32) -> Result<Vec<Message>> {
    let request = world.aws.sqs.receive_message().queue_url(queue).max_number_of_messages(most);
    Ok(request.wait_time_seconds(LONG_POLL).send().await?.messages.unwrap_or_default())
}

/// Deletes what was done and answers how many messages were not. Those come again at once: the minutes SQS would hide
/// them are not what is measured.
pub async fn settle(world: &World, queue: &str, batch: Vec<Message>, failed: &[&str]) -> Result<usize> {
    let (mut done, mut again) = (Vec::new(), 0);
    for (number, message) in batch.into_iter().enumerate() {
        let receipt = message.receipt_handle.context("no receipt handle")?;
        if failed.contains(&message.message_id.unwrap_or_default().as_str()) {
            let change = world.aws.sqs.change_message_visibility().queue_url(queue).receipt_handle(receipt);
            change.visibility_timeout(0).send().await?;
            again += 1;
        } else {
            let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string()).receipt_handle(receipt);
            done.push(entry.build()?);
        }
    }
    if !done.is_empty() {
        let deleted = world.aws.sqs.delete_message_batch().queue_url(queue).set_entries(Some(done)).send().await?;
        ensure!(deleted.failed.is_empty(), "messages could not be deleted");
    }
    Ok(again)
}
