//! What operators are told in numbers: metrics that CloudWatch reads off the log ("embedded metric format"). A number
//! costs a line and no call, and passes at every level of the log.
//!
//! There are no dimensions: codes and ids are fields of log lines, since each combination of dimensions would be a metric
//! of its own, paid for by the month.

use std::fmt;
use std::io::Write;

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use crate::clock::Clock;

/// The target of the events that are metrics and no lines of the log.
pub(crate) const TARGET: &str = "kernel::metric";

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $unit:ident,)*) => {
        /// A number that operators are told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Metric {
            $($(#[$doc])* $name,)*
        }

        impl Metric {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name at CloudWatch.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            const fn unit(self) -> &'static str {
                match self { $(Self::$name => stringify!($unit),)* }
            }
        }
    };
}

metrics! {
    /// How long the fan sync that is due longest is overdue; 0 when none is.
    OldestDueSync: Seconds,
    /// The same of a publishing task.
    OldestDueTask: Seconds,
    /// The same of a delivery.
    OldestDueDelivery: Seconds,
    /// For how long the oldest event has been without a number; 0 when all have one.
    OldestUnsequencedEvent: Seconds,
    /// For how long the oldest event has waited to be handed to webhooks and to the sink; 0 when none does.
    OldestUndispatchedEvent: Seconds,
    /// How long the delivery to a webhook that is due longest is overdue; 0 when none is.
    OldestDueWebhookDelivery: Seconds,
    /// Deliveries to webhooks that were given up after a day.
    WebhookDeliveriesFailed: Count,
    /// Webhooks that were disabled because their receiver was gone or failed for days.
    WebhooksDisabled: Count,
    /// Rows for which the sweeper sent another message.
    RowsSwept: Count,
    /// Rows that the sweeper should have seen to and did not.
    RowsNotSwept: Count,
    /// Fan syncs that ran to their end.
    SyncsCompleted: Count,
    /// Fan syncs that failed for a reason that is not about their account alone.
    SyncsFailed: Count,
    /// Accounts of Douyin and WeChat whose tokens or secret the platform has refused for good. Not those that were
    /// withdrawn, or went to another tenant.
    AccountsExpired: Count,
    /// Accounts whose tokens the keeper saw to.
    TokensKept: Count,
    /// Accounts whose tokens it should have seen to and did not.
    TokensNotKept: Count,
    /// Online checks that were answered.
    OnlineChecksDone: Count,
    /// Online checks that were due and brought no answer.
    OnlineChecksNotDone: Count,
    /// Records of queues that were done.
    RecordsDone: Count,
    /// Records of queues that failed and come again.
    RecordsFailed: Count,
    /// Posts of which something is out: a person's, or a company's for its members.
    PostsPublished: Count,
    /// Posts of which something is certainly not out, but for members who did not confirm.
    PostsFailed: Count,
    /// Of these, the ones whose time was missed.
    PostsMissed: Count,
    /// Posts of which nobody knows whether all is out.
    PostsUnconfirmed: Count,
    /// Steps of posts that were put off because something of ours could not be had: the words or the service by which texts
    /// are judged, or the stored media.
    PostsHeld: Count,
    /// Companies whose posts WeCom begins to refuse because of the address that we call from.
    IpNotTrusted: Count,
    /// Messages and schedules that could not be made when a row was written; the sweeper makes up for them.
    WakeupsNotMade: Count,
}

/// Tells a number.
pub fn put(metric: Metric, value: u64) {
    tracing::info!(target: TARGET, name = metric.name(), unit = metric.unit(), value);
}

/// Tells that so many more happened; nothing when none did.
pub fn count(metric: Metric, more: usize) {
    if more > 0 {
        put(metric, u64::try_from(more).unwrap_or(u64::MAX));
    }
}

/// Writes metrics as lines of their own, beside those of the log.
pub(crate) struct MetricLines<W> {
    pub(crate) namespace: String,
    pub(crate) writer: W,
}

#[derive(Default)]
struct Fields {
    name: String,
    unit: String,
    value: u64,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "value" {
            self.value = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "name" => value.clone_into(&mut self.name),
            "unit" => value.clone_into(&mut self.unit),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S, W> Layer<S> for MetricLines<W>
where
    S: Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { name, unit, value } = fields;
        let metrics = json!([{ "Name": name, "Unit": unit }]);
        // CloudWatch takes the real time only, whatever clock the work goes by.
        let mut line = json!({
            "_aws": {
                "Timestamp": Clock::System.now().as_millisecond(),
                "CloudWatchMetrics": [{ "Namespace": self.namespace, "Dimensions": [[]], "Metrics": metrics }],
            },
        });
        if let Some(line) = line.as_object_mut() {
            line.insert(name, value.into());
        }
        // A standard output that is gone takes the log with it; there is nobody left to tell.
        let _unread = self.writer.make_writer_for(event.metadata()).write_all(format!("{line}\n").as_bytes()).is_ok();
    }
}
