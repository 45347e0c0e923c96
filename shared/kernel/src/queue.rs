//! One SQS queue. Messages carry ids, never tokens or content.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::trace;

/// The longest delay SQS accepts. What is due later waits for the sweeper.
pub const MAX_DELAY: Duration = Duration::from_secs(900);

/// How many messages SQS takes in one request.
const BATCH: usize = 10;

/// A standard queue: messages come at least once, in any order.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: Client,
    url: String,
}

impl Queue {
    /// The queue at `url`.
    pub fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// The address that messages are sent to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends `body` as JSON, to be received after `delay` (rounded up to whole seconds, at most [`MAX_DELAY`]).
    /// `tenant` is the message group: on a standard queue it keeps one busy tenant from delaying the others.
    pub async fn send<T: Serialize + Sync>(&self, body: &T, delay: Duration, tenant: &str) -> Result<()> {
        let body = serde_json::to_string(body).map_err(|_| Error::Internal("message body"))?;
        let whole_seconds = delay.min(MAX_DELAY).as_millis().div_ceil(1_000);
        self.sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(i32::try_from(whole_seconds).unwrap_or(900))
            .message_group_id(tenant)
            .set_message_system_attributes(trace_header()?)
            .send()
            .await
            .map_err(Error::aws("sqs:SendMessage"))?;
        Ok(())
    }

    /// Sends `bodies` to be received at once, with as few requests as SQS allows. Answers how many were not sent: each
    /// message stands alone, and a request that fails takes none but its own along.
    pub async fn send_all<T: Serialize + Sync>(&self, bodies: &[T], tenant: &str) -> usize {
        let mut unsent = 0;
        for bodies in bodies.chunks(BATCH) {
            unsent += match bodies {
                [body] => usize::from(self.send(body, Duration::ZERO, tenant).await.is_err()),
                bodies => self.send_batch(bodies, tenant).await.unwrap_or(bodies.len()),
            };
        }
        unsent
    }

    async fn send_batch<T: Serialize>(&self, bodies: &[T], tenant: &str) -> Result<usize> {
        const INCOMPLETE: Error = Error::Internal("message batch");
        let trace_header = trace_header()?;
        let entry = |(place, body): (usize, &T)| {
            SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_body(serde_json::to_string(body).map_err(|_| INCOMPLETE)?)
                .message_group_id(tenant)
                .set_message_system_attributes(trace_header.clone())
                .build()
                .map_err(|_| INCOMPLETE)
        };
        let entries = bodies.iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
        let answer = self
            .sqs
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(Error::aws("sqs:SendMessage"))?;
        Ok(answer.failed.len())
    }
}

/// The one attribute that says on which trace a message is sent; it does not count towards the message's size.
fn trace_header() -> Result<Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>>> {
    let Some(id) = trace::current() else { return Ok(None) };
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(id.to_header()).build();
    let value = value.map_err(|_| Error::Internal("trace header"))?;
    Ok(Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)])))
}
