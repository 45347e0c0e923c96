//! `t_webhook_delivery`: what each webhook was sent, or is to be sent. A row has no event in it but its number: the event is read when
//! it is sent, so erasing a person need not look here.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::Timestamp;
use kernel::due::{DueIndex, shard_of_text};
use kernel::dynamo::{Item, condition_held, decode, milliseconds, n, page_of_keys, put, s, seconds};
use kernel::events::StoredEvent;
use kernel::ids::UserId;
use kernel::instant::whole_millisecond;
use kernel::page::{Page, PageRequest};
use kernel::{Error, Result};
use serde::{Deserialize, Serialize};

use super::webhook::WebhookKey;

const WHAT: &str = "webhook delivery";

/// Attempts that a row keeps, the last ones: a day's are some twenty-five, and people can ask for more of them.
const MOST_ATTEMPTS: usize = 40;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookDeliveryStatus"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It was given up. It can be resent.
    Failed,
}

impl DeliveryStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
        }
    }
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// What the receiver answered, if it did.
    pub status: Option<u16>,
    /// Why it counts as failed; nothing when the receiver has taken the delivery.
    pub error: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
    /// How the answer to the last failed attempt began, without what it repeats of the event.
    pub answer: Option<String>,
}

/// A delivery.
#[derive(Debug, Clone, Deserialize)]
pub struct Delivery {
    /// Whose.
    pub user_id: UserId,
    /// To which webhook.
    pub webhook_id: String,
    /// Its id: in the order of the events' times.
    pub delivery_id: String,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's number; none of a test.
    pub sequence: Option<u64>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// What was tried, the last of it.
    #[serde(default)]
    pub attempts: Vec<AttemptRecord>,
    /// How often it was written.
    #[serde(default)]
    pub version: u64,
    /// When the first attempt of this round was due: it is tried for a day from then on. Resending begins another round.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub round_start: Timestamp,
    /// How many attempts of this round have failed.
    #[serde(default)]
    pub round_failures: u32,
    /// When it is to be sent; nothing when it is not.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub due_at: Option<Timestamp>,
    /// When the row goes.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub expires_at: Timestamp,
}

impl Delivery {
    /// The delivery of an event that is due at `now`.
    #[must_use]
    pub(crate) fn of(webhook: &WebhookKey, event: &StoredEvent, now: Timestamp) -> Self {
        let id = delivery_id(event.time, &format!("{:012x}", event.sequence));
        let event_id = event.id.clone();
        Self::new(webhook, id, event_id, event.kind.clone(), Some(event.sequence), now, event.expires_at())
    }

    /// A test that is due at `now`.
    #[must_use]
    pub(crate) fn test(webhook: &WebhookKey, now: Timestamp) -> Self {
        /// For how long a test is shown.
        const KEPT: Duration = Duration::from_secs(7 * 86_400);
        let random = hex::encode(kernel::crypto::random::<6>());
        let (id, event_id) = (delivery_id(now, &random), format!("test-{random}"));
        Self::new(webhook, id, event_id, crate::TEST_TYPE.to_owned(), None, now, kernel::instant::after(now, KEPT))
    }

    fn new(
        webhook: &WebhookKey,
        delivery_id: String,
        event_id: String,
        kind: String,
        sequence: Option<u64>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        let now = whole_millisecond(now);
        Self {
            user_id: webhook.user_id,
            webhook_id: webhook.webhook_id.clone(),
            delivery_id,
            event_id,
            kind,
            sequence,
            status: DeliveryStatus::Pending,
            attempts: Vec::new(),
            version: 0,
            round_start: now,
            round_failures: 0,
            due_at: Some(now),
            expires_at,
        }
    }

    /// Notes an attempt. Only the last failed one keeps its answer.
    pub(crate) fn tried(&mut self, attempt: AttemptRecord) {
        for earlier in &mut self.attempts {
            earlier.answer = None;
        }
        self.attempts.push(attempt);
        let superfluous = self.attempts.len().saturating_sub(MOST_ATTEMPTS);
        self.attempts.drain(..superfluous);
    }
}

/// Ids of one webhook in the order of time.
fn delivery_id(time: Timestamp, rest: &str) -> String {
    format!("{:012x}{rest}", time.as_millisecond().max(0))
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct DeliveryStore {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl DeliveryStore {
    /// The delivery, read consistently.
    pub(crate) async fn get(&self, webhook_id: &str, delivery_id: &str) -> Result<Option<Delivery>> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(webhook_id, delivery_id)));
        let answer = request.consistent_read(true).send().await.map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|row| decode(WHAT, row)).transpose()
    }

    /// A page of what a webhook was sent, newest first. All of its rows are read, because their number is told.
    pub(crate) async fn page(&self, webhook_id: &str, page: PageRequest, now: Timestamp) -> Result<Page<Delivery>> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            .key_condition_expression("webhook_id = :webhook")
            .filter_expression("expires_at > :now")
            .expression_attribute_values(":webhook", s(webhook_id))
            .expression_attribute_values(":now", seconds(now));
        let (rows, total) = page_of_keys(request, page.offset(), page.size).await?;
        let deliveries = rows.into_iter().map(|row| decode(WHAT, row)).collect::<Result<_>>()?;
        Ok(page.answer(deliveries, total))
    }

    /// Puts a new delivery, as one action of a transaction.
    pub(crate) fn insert(&self, delivery: &Delivery) -> Result<TransactWriteItem> {
        put(Put::builder().table_name(&self.table).set_item(Some(row(delivery)?)))
    }

    /// Puts a new delivery by itself.
    pub(crate) async fn put(&self, delivery: &Delivery) -> Result<()> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(row(delivery)?));
        request.send().await.map(|_| ()).map_err(Error::aws("dynamodb:PutItem"))
    }

    /// Writes a delivery that was read and changed, as one action of a transaction; refused when somebody has written it meanwhile.
    pub(crate) fn change(&self, delivery: &Delivery) -> Result<TransactWriteItem> {
        let next = Delivery { version: delivery.version + 1, ..delivery.clone() };
        put(Put::builder()
            .table_name(&self.table)
            .set_item(Some(row(&next)?))
            .condition_expression("version = :read")
            .expression_attribute_values(":read", n(delivery.version)))
    }

    /// Writes a delivery that was read and changed, and raises its version. Whether nobody has written it meanwhile.
    pub(crate) async fn write(&self, delivery: &Delivery) -> Result<bool> {
        let next = Delivery { version: delivery.version + 1, ..delivery.clone() };
        let outcome = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row(&next)?))
            .condition_expression("version = :read")
            .expression_attribute_values(":read", n(delivery.version))
            .send()
            .await;
        condition_held(outcome, "dynamodb:PutItem")
    }

    /// The ids of a webhook's deliveries that are due at `now`, the longest due first. The index may be some moments behind.
    pub(crate) async fn due(&self, webhook_id: &str, now: Timestamp, limit: i32) -> Result<Vec<String>> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_webhook_due")
            .key_condition_expression("webhook_id = :webhook AND due_at <= :now")
            .expression_attribute_values(":webhook", s(webhook_id))
            .expression_attribute_values(":now", milliseconds(now))
            .limit(limit)
            .send()
            .await
            .map_err(Error::aws("dynamodb:Query"))?;
        let id = |row: &Item| row.get("delivery_id").and_then(|id| id.as_s().ok().cloned());
        Ok(answer.items.unwrap_or_default().iter().filter_map(id).collect())
    }

    /// What is due of all webhooks.
    pub(crate) fn index(&self) -> DueIndex {
        DueIndex {
            table: self.table.clone(),
            index: "by_due",
            shard_attribute: "due_shard",
            time_attribute: "due_at",
            time_value: milliseconds,
        }
    }
}

fn row(delivery: &Delivery) -> Result<Item> {
    let attempts = serde_dynamo::to_attribute_value(&delivery.attempts).map_err(|_| Error::Internal("attempts"))?;
    let mut row = key(&delivery.webhook_id, &delivery.delivery_id);
    let mut set = |name: &str, value: AttributeValue| row.insert(name.to_owned(), value);
    set("user_id", n(delivery.user_id));
    set("event_id", s(&delivery.event_id));
    set("type", s(&delivery.kind));
    set("status", s(delivery.status.as_str()));
    set("attempts", attempts);
    set("version", n(delivery.version));
    set("round_start", milliseconds(delivery.round_start));
    set("round_failures", n(delivery.round_failures));
    set("expires_at", seconds(delivery.expires_at));
    if let Some(sequence) = delivery.sequence {
        set("sequence", n(sequence));
    }
    if let Some(due_at) = delivery.due_at {
        set("due_at", milliseconds(due_at));
        set("due_shard", s(shard_of_text(&delivery.webhook_id)));
    }
    Ok(row)
}

fn key(webhook_id: &str, delivery_id: &str) -> Item {
    Item::from([("webhook_id".to_owned(), s(webhook_id)), ("delivery_id".to_owned(), s(delivery_id))])
}
