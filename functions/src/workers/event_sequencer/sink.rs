//! The sink: an SQS FIFO queue that is sent the events of all tenants, those of each in their order.
//!
//! Everything is sent at least once: what was taken is noted after that, and whoever dies in between leaves it to be sent again,
//! under the same ids, which the queue drops within five minutes and its readers know after that. For the same reason two
//! functions that hand over one tenant's events at once do no harm: neither sends an event before the queue has all earlier
//! ones, and neither lives for five minutes.

use std::time::Duration;

use kernel::config::{ConfigError, EVENTS};
use kernel::deadline::Deadline;
use kernel::events::{Consumer, EventDispatch, StoredEvent};
use kernel::fifo_queue::{FifoMessage, FifoQueue, Sent};
use kernel::ids::UserId;
use kernel::{Clock, Context, Error};
use serde::Serialize;

use crate::views::event_reader::EventReader;
use crate::views::events::EventView;

/// Events that are read at once.
const PAGE: usize = 100;
/// A page is begun only if this is left, which is what its reads and its note take at the worst.
const MIN_TIME_FOR_A_PAGE: Duration = Duration::from_secs(30);
/// A request to the queue is begun only if this is left: it, and the note of what was taken.
const MIN_TIME_FOR_A_REQUEST: Duration = Duration::from_secs(20);

/// What became of the events that the sink lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handed {
    /// It has all of them.
    All,
    /// There was no time for all.
    InPart,
    /// It did not take one. That is logged, and the tenant stays marked for the sweeper, who comes back to it.
    Failed,
}

/// Sends events to the sink, if there is one.
#[derive(Debug)]
pub(super) struct EventSink(Option<OpenSink>);

#[derive(Debug)]
struct OpenSink {
    queue: FifoQueue,
    dispatch: EventDispatch,
    reader: EventReader,
    clock: Clock,
}

/// An event as `GET /api/v1/events` shows it to its tenant, and whose it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SinkEvent<'a> {
    user_id: UserId,
    #[serde(flatten)]
    event: &'a EventView,
}

impl EventSink {
    /// Built once at init.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        const NAME: &str = "EVENT_SINK";
        let Some(arn) = EVENTS.of(&cx.env).optional(NAME)? else { return Ok(Self(None)) };
        let queue = FifoQueue::at(cx.aws.sqs.clone(), &arn).ok_or_else(|| ConfigError::Invalid {
            name: NAME.to_owned(),
            problem: "it is not the ARN of an SQS FIFO queue".to_owned(),
        })?;
        Ok(Self(Some(OpenSink {
            queue,
            dispatch: EventDispatch::new(cx)?,
            reader: EventReader::new(cx)?,
            clock: cx.clock.clone(),
        })))
    }

    /// Sends the tenant's events that the sink lacks. A failure is nobody else's, so it is no error.
    pub async fn hand_over(&self, tenant: UserId, deadline: Deadline) -> Handed {
        let Some(sink) = &self.0 else { return Handed::All };
        sink.hand_over(tenant, deadline).await.unwrap_or_else(|error| {
            tracing::error!(user.id = tenant.get(), "events of user {tenant} not sent to the sink: {error}");
            Handed::Failed
        })
    }
}

impl OpenSink {
    /// Sends until the sink has all events, or `deadline` comes near.
    async fn hand_over(&self, tenant: UserId, deadline: Deadline) -> kernel::Result<Handed> {
        let mut number = 0;
        while let Some(handover) = self.dispatch.next(tenant, Consumer::Sink, PAGE).await? {
            if deadline.remaining(self.clock.now()) < MIN_TIME_FOR_A_PAGE {
                return Ok(Handed::InPart);
            }
            let Sent { taken, refusal } = self.send(tenant, &handover.events, deadline).await?;
            number += taken;
            // Without any event the page is one of expired ones, and the next begins after them.
            let is_new = taken > 0 || handover.events.is_empty();
            if is_new && !self.dispatch.note(&handover.first(taken)).await? {
                // Another one has sent the same events: what is next is read anew.
                continue;
            }
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
        }
        tracing::info!(user.id = tenant.get(), number, "events of user {tenant} sent to the sink");
        Ok(Handed::All)
    }

    /// Sends events one after the other, until there is none left, one is refused, or `deadline` comes near.
    async fn send(&self, tenant: UserId, events: &[StoredEvent], deadline: Deadline) -> kernel::Result<Sent> {
        let views = self.reader.read(tenant, events.to_vec()).await?;
        let message = |(view, event): (&EventView, &StoredEvent)| {
            FifoMessage::new(event.id.clone(), &SinkEvent { user_id: tenant, event: view })
        };
        let messages = views.iter().zip(events).map(message).collect::<Result<Vec<_>, Error>>()?;
        let (group, mut taken, mut refusal) = (tenant.to_string(), 0, None);
        while let Some(left) = messages.get(taken..).filter(|left| !left.is_empty()) {
            if refusal.is_some() || deadline.remaining(self.clock.now()) < MIN_TIME_FOR_A_REQUEST {
                break;
            }
            // The first one goes alone: none is to pass one that the queue will never take, each time that this is tried.
            let next = if taken == 0 { left.get(..1).unwrap_or(left) } else { left };
            match self.queue.send(&group, next).await {
                Ok(sent) => {
                    taken += sent.taken;
                    refusal = sent.refusal;
                }
                // What was taken before is still noted.
                Err(error) => refusal = Some(error),
            }
        }
        Ok(Sent { taken, refusal })
    }
}
