//! One SQS FIFO queue of somebody else: it keeps the messages of a group in the order in which they are sent, and drops what
//! comes again within five minutes.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde::Serialize;
use tokio::sync::OnceCell;

use crate::error::{Error, Result};

/// How many messages SQS takes in one request.
const BATCH: usize = 10;
/// How many bytes a request has at most, unless it has one message only. SQS takes 1 MiB; a queue whose owner has set
/// nothing may take 256 KiB.
const LARGEST_BATCH: usize = 256 << 10;

/// A queue that is known by its ARN.
#[derive(Debug)]
pub struct FifoQueue {
    sqs: Client,
    owner: String,
    name: String,
    url: OnceCell<String>,
}

/// A message that is sent as often as need be and received once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FifoMessage {
    id: String,
    body: String,
}

/// What became of a request.
#[derive(Debug)]
#[must_use]
pub struct Sent {
    /// How many of the first messages were taken.
    pub taken: usize,
    /// Why the one after them was refused; nothing when all that were sent were taken.
    pub refusal: Option<Error>,
}

impl FifoMessage {
    /// A message that says `body` as JSON. `id` is what no other message of the queue has: up to 128 letters, digits and
    /// punctuation marks.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new<T: Serialize>(id: String, body: &T) -> Result<Self> {
        let body = serde_json::to_string(body).map_err(|_| Error::Internal("message body"))?;
        // The two characters that may stand in JSON and not in a message. They can only be in a text, so they can be escaped.
        let body = body.replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff");
        Ok(Self { id, body })
    }
}

impl FifoQueue {
    /// The queue of this ARN; nothing when it is not one of a FIFO queue.
    #[must_use]
    pub fn at(sqs: Client, arn: &str) -> Option<Self> {
        let mut parts = arn.split(':');
        let [scheme, _, service, _, owner, name] = [(); 6].map(|()| parts.next().unwrap_or_default());
        let is_fifo_queue = scheme == "arn" && service == "sqs" && !owner.is_empty() && name.ends_with(".fifo");
        (is_fifo_queue && parts.next().is_none()).then(|| Self {
            sqs,
            owner: owner.to_owned(),
            name: name.to_owned(),
            url: OnceCell::new(),
        })
    }

    /// Sends the first of these messages, as many as fit one request, to be received in this order.
    ///
    /// Should SQS refuse one and take a later one of the same request, it tells of the order only up to the refused one: what
    /// was taken after that is dropped when it comes again.
    ///
    /// # Errors
    /// When none was taken, as far as we know.
    pub async fn send(&self, group: &str, messages: &[FifoMessage]) -> Result<Sent> {
        const INCOMPLETE: Error = Error::Internal("message batch");
        let messages = messages.get(..fitting(messages)).unwrap_or_default();
        let entry = |(place, message): (usize, &FifoMessage)| {
            SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_group_id(group)
                .message_deduplication_id(&message.id)
                .message_body(&message.body)
                .build()
                .map_err(|_| INCOMPLETE)
        };
        let entries = messages.iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
        let request = self.sqs.send_message_batch().queue_url(self.url().await?).set_entries(Some(entries));
        let answer = request.send().await.map_err(Error::aws("sqs:SendMessage"))?;
        let place = |id: &str| id.parse::<usize>().unwrap_or_default();
        let first = answer.failed.into_iter().min_by_key(|refused| place(&refused.id));
        Ok(Sent {
            taken: first.as_ref().map_or(messages.len(), |refused| place(&refused.id)),
            // Without SQS's own text, which may quote the message.
            refusal: first.map(|refused| Error::Aws {
                operation: "sqs:SendMessage",
                code: refused.code,
                message: String::new(),
            }),
        })
    }

    /// Asked for once: it is made of more than the ARN says.
    async fn url(&self) -> Result<&str> {
        let ask = async || {
            let request = self.sqs.get_queue_url().queue_name(&self.name).queue_owner_aws_account_id(&self.owner);
            let answer = request.send().await.map_err(Error::aws("sqs:GetQueueUrl"))?;
            answer.queue_url.ok_or(Error::Internal("queue without an address"))
        };
        self.url.get_or_try_init(ask).await.map(String::as_str)
    }
}

/// How many of the first messages one request holds; one at least, if there is one.
fn fitting(messages: &[FifoMessage]) -> usize {
    let mut bytes = 0;
    let fits = |message: &&FifoMessage| {
        bytes += message.body.len();
        bytes <= LARGEST_BATCH
    };
    messages.iter().take(BATCH).take_while(fits).count().max(1).min(messages.len())
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::{BehaviorVersion, Config};

    use super::*;

    fn message(bytes: usize) -> FifoMessage {
        FifoMessage { id: "m".to_owned(), body: "x".repeat(bytes) }
    }

    #[test]
    fn fifo_queue_is_known_by_its_arn_and_no_other_queue_is() {
        let sqs = || Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
        let queue = FifoQueue::at(sqs(), "arn:aws-cn:sqs:cn-north-1:123456789012:leads.fifo").unwrap();
        assert_eq!((queue.owner.as_str(), queue.name.as_str()), ("123456789012", "leads.fifo"));
        for other in [
            "",
            "leads.fifo",
            "arn:aws:sqs:us-east-1:123456789012:leads",
            "arn:aws:sns:us-east-1:123456789012:leads.fifo",
            "arn:aws:sqs:us-east-1::leads.fifo",
            "arn:aws:sqs:us-east-1:123456789012:a:leads.fifo",
        ] {
            assert!(FifoQueue::at(sqs(), other).is_none(), "{other}");
        }
    }

    #[test]
    fn fifo_request_has_ten_messages_at_most_and_no_more_bytes_than_any_queue_takes() {
        let sizes = |sizes: &[usize]| fitting(&sizes.iter().map(|bytes| message(*bytes)).collect::<Vec<_>>());
        assert_eq!(sizes(&[]), 0);
        assert_eq!(sizes(&[100; 11]), 10);
        assert_eq!(sizes(&[100_000, 100_000, 62_144, 1]), 3);
        assert_eq!(sizes(&[100_000, 100_000, 62_145, 1]), 2);
        assert_eq!(sizes(&[500_000, 1]), 1, "one that is larger goes alone");
    }

    #[test]
    fn fifo_message_escapes_the_characters_that_no_message_may_have() {
        let text = "a\u{fffd}\u{fffe}\u{ffff}\u{0}\u{10ffff}";
        let message = FifoMessage::new("m".to_owned(), &text).unwrap();
        assert_eq!(message.body, "\"a\u{fffd}\\ufffe\\uffff\\u0000\u{10ffff}\"");
        assert_eq!(serde_json::from_str::<String>(&message.body).unwrap(), text);
    }
}
