//! A stack with a sink: an SQS FIFO queue of somebody else.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use local::iam::Enforcer;
use local::stack;

use super::{World, shared};

const NAME: &str = "modules.fifo";

impl World {
    /// Makes the queue, and updates the stack so that events are sent to it.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn open_sink(&mut self) -> Result<()> {
        self.make_sink().await?;
        let arn = format!("arn:aws:sqs:{}:{}:{NAME}", local::aws::REGION, self.account);
        self.update_sink(&arn).await
    }

    /// Updates the stack so that it has no sink any more.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn close_sink(&mut self) -> Result<()> {
        self.update_sink("").await
    }

    async fn update_sink(&mut self, arn: &str) -> Result<()> {
        let (aws, template) = shared().await?;
        let mut parameters = self.stack.parameters.clone();
        parameters.insert("EventSink".to_owned(), arn.to_owned());
        self.stack = stack::deploy(&aws.config(&self.account), "it", template, &parameters).await?;
        self.roles = Arc::new(Enforcer::new(&self.account, template, &self.stack)?);
        aws.enforce(&self.account, Arc::clone(&self.roles));
        Ok(())
    }

    /// Makes the queue, or makes it again.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn make_sink(&self) -> Result<()> {
        let fifo = QueueAttributeName::FifoQueue;
        self.aws.sqs.create_queue().queue_name(NAME).attributes(fifo, "true").send().await?;
        Ok(())
    }

    /// Deletes the queue with all that is in it.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn delete_sink(&self) -> Result<()> {
        self.aws.sqs.delete_queue().queue_url(self.sink_url().await?).send().await?;
        Ok(())
    }

    /// The address of the queue.
    ///
    /// # Errors
    /// When there is none.
    pub async fn sink_url(&self) -> Result<String> {
        let asked = self.aws.sqs.get_queue_url().queue_name(NAME).send().await?;
        asked.queue_url.context("the queue has no address")
    }

    /// Takes all messages out of the sink, in the order in which it hands them out.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn take_from_sink(&self) -> Result<Vec<Message>> {
        let (url, mut taken) = (self.sink_url().await?, Vec::new());
        loop {
            let receive = self.aws.sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
            let messages = receive.send().await?.messages.unwrap_or_default();
            if messages.is_empty() {
                ensure!(self.depth(&url).await? == 0, "messages are left in the sink");
                return Ok(taken);
            }
            for message in messages {
                let receipt = message.receipt_handle.clone().context("no receipt handle")?;
                self.aws.sqs.delete_message().queue_url(&url).receipt_handle(receipt).send().await?;
                taken.push(message);
            }
        }
    }

    /// Has the sink sent the tenant's events again from a number on, as scripts/replay-events does.
    ///
    /// # Errors
    /// When there is no head.
    pub async fn replay(&self, user: u64, from: u64) -> Result<()> {
        let number = |value: String| AttributeValue::N(value);
        let update = self.aws.dynamodb.update_item().table_name(self.table("t_event"));
        let update = update.key("user_id", number(user.to_string())).key("sequence", number("0".to_owned()));
        update
            .update_expression("SET sink_sequence = :after, dispatch_shard = :shard, dispatch_since = :now")
            .condition_expression(
                "last_sequence > :after AND (attribute_not_exists(sink_sequence) OR sink_sequence >= :after)",
            )
            .expression_attribute_values(":after", number((from - 1).to_string()))
            .expression_attribute_values(":shard", AttributeValue::S((user % kernel::due::SHARDS).to_string()))
            .expression_attribute_values(":now", number(self.clock.now().as_millisecond().to_string()))
            .send()
            .await?;
        Ok(())
    }
}
