//! The fan-sync queue, pumped by hand: what Lambda's poller does, one batch at a time.

use anyhow::{Context, Result, ensure};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use functions::worker::run_batch;
use functions::workers::douyin_fan_sync_worker;
use serde_json::json;

use crate::world::{EndpointOverrides, World};

/// More batches than any test makes: a worker that feeds itself forever ends as a failure, not as a hang.
const MOST_BATCHES: usize = 500;

/// Messages that can be received, and those that somebody works on.
const IN_QUEUE: [QueueAttributeName; 2] =
    [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];

impl World {
    /// URL of the fan-sync queue.
    ///
    /// # Errors
    /// When the template names none.
    pub fn queue_url(&self) -> Result<&str> {
        let environment = self.stack.environments.get("douyin-fan-sync-worker").context("no worker")?;
        Ok(environment.get("FAN_SYNC_QUEUE_URL").context("the worker has no FAN_SYNC_QUEUE_URL")?)
    }

    /// URL of its dead-letter queue.
    ///
    /// # Errors
    /// When the template has none.
    pub fn dead_letter_url(&self) -> Result<&str> {
        let url = self.stack.outputs.get("FanSyncDeadLetterQueueUrl");
        Ok(url.context("the template has no FanSyncDeadLetterQueueUrl")?)
    }

    /// Puts a body on the queue as it is.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn put_message(&self, body: &str) -> Result<()> {
        self.aws.sqs.send_message().queue_url(self.queue_url()?).message_body(body).send().await?;
        Ok(())
    }

    /// Takes up to ten messages.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn receive(&self) -> Result<Vec<Message>> {
        let received = self.aws.sqs.receive_message().queue_url(self.queue_url()?).max_number_of_messages(10);
        Ok(received.send().await?.messages.unwrap_or_default())
    }

    /// Takes the message of a task away and leaves the others where they are.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn take_message(&self, task: &str) -> Result<()> {
        let body = json!({ "taskId": task }).to_string();
        let mut others = Vec::new();
        let mut found = false;
        while !found {
            let batch = self.receive().await?;
            if batch.is_empty() {
                break;
            }
            for message in batch {
                let receipt = message.receipt_handle.context("no receipt handle")?;
                if message.body.as_deref() == Some(&*body) {
                    found = true;
                    self.aws.sqs.delete_message().queue_url(self.queue_url()?).receipt_handle(receipt).send().await?;
                } else {
                    others.push(receipt);
                }
            }
        }
        for receipt in others {
            let change = self.aws.sqs.change_message_visibility().queue_url(self.queue_url()?);
            change.receipt_handle(receipt).visibility_timeout(0).send().await?;
        }
        Ok(())
    }

    /// Runs batches until none comes. Failed records become visible again at once, so that they reach the dead-letter
    /// queue within the call. Answers how many records were done.
    ///
    /// # Errors
    /// When the worker does not start.
    pub async fn drain(&self) -> Result<usize> {
        let app = douyin_fan_sync_worker::App::new(
            &self.context("douyin-fan-sync-worker", &EndpointOverrides::default()).await?,
        )
        .await?;
        let mut done = 0;
        for _ in 0..MOST_BATCHES {
            let batch = self.receive().await?;
            if batch.is_empty() {
                return Ok(done);
            }
            done += self.run_batch(&app, batch).await?;
        }
        anyhow::bail!("the queue does not run dry")
    }

    /// Hands one batch to a worker and settles it as Lambda would. Answers how many records were done.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn run_batch(&self, app: &douyin_fan_sync_worker::App, batch: Vec<Message>) -> Result<usize> {
        let answer = run_batch(app, douyin_fan_sync_worker::handle, as_event(&batch)?, self.deadline()).await;
        self.settle(self.queue_url()?, batch, &answer).await
    }

    /// Deletes the messages of a batch that a worker has done, and has the others received again at once. Answers how many were
    /// done.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn settle(&self, queue_url: &str, batch: Vec<Message>, answer: &SqsBatchResponse) -> Result<usize> {
        let failed: Vec<&str> = answer.batch_item_failures.iter().map(|failure| &*failure.item_identifier).collect();
        let mut done = 0;
        for message in batch {
            let receipt = message.receipt_handle.context("no receipt handle")?;
            if failed.contains(&message.message_id.unwrap_or_default().as_str()) {
                let change = self.aws.sqs.change_message_visibility().queue_url(queue_url);
                change.receipt_handle(receipt).visibility_timeout(0).send().await?;
            } else {
                self.aws.sqs.delete_message().queue_url(queue_url).receipt_handle(receipt).send().await?;
                done += 1;
            }
        }
        Ok(done)
    }

    /// How many messages a queue holds, hidden and delayed ones included.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn depth(&self, queue_url: &str) -> Result<u64> {
        let delayed = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
        self.count(queue_url, &[&IN_QUEUE[..], &[delayed]].concat()).await
    }

    /// The same without delayed ones: the emulated queue delays in real time, so that messages for waits which the
    /// simulated clock has brought to their end are still in it.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn depth_without_delayed(&self, queue_url: &str) -> Result<u64> {
        self.count(queue_url, &IN_QUEUE).await
    }

    /// By one request: a delayed message whose time comes between two would be in neither, or in both.
    async fn count(&self, queue_url: &str, which: &[QueueAttributeName]) -> Result<u64> {
        let request = self.aws.sqs.get_queue_attributes().queue_url(queue_url);
        let counts = request.set_attribute_names(Some(which.to_vec())).send().await?.attributes.unwrap_or_default();
        Ok(which.iter().filter_map(|name| counts.get(name)?.parse::<u64>().ok()).sum())
    }

    /// The end of every test: nothing is left in any queue.
    ///
    /// # Errors
    /// When something is.
    pub async fn expect_empty_queues(&self) -> Result<()> {
        for url in [self.queue_url()?, self.dead_letter_url()?] {
            let left = self.depth(url).await?;
            ensure!(left == 0, "{left} messages are left in {url}");
        }
        Ok(())
    }
}

/// A batch as Lambda hands it to a function.
///
/// # Errors
/// Never in practice.
pub fn as_event(batch: &[Message]) -> Result<SqsEvent> {
    let records: Vec<_> = batch
        .iter()
        .map(|message| {
            json!({
                "messageId": message.message_id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {},
                "messageAttributes": {},
            })
        })
        .collect();
    Ok(serde_json::from_value(json!({ "Records": records }))?)
}
