//! One SQS queue. Messages carry ids, never tokens or content.

use std::time::Duration;

use aws_sdk_sqs::Client;
use serde::Serialize;

use crate::error::{Error, Result};

/// The longest delay SQS accepts. What is due later waits for the sweeper.
pub const MAX_DELAY: Duration = Duration::from_secs(900);

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
            .send()
            .await
            .map_err(Error::aws("sqs:SendMessage"))?;
        Ok(())
    }
}
