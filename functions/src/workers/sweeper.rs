//! The sweeper: moves whatever should have moved and has not, starts the syncs whose time has come, deletes the media of
//! ended posts, goes on with deleting what accounts have brought, deletes leads that are kept for nothing, and sees to
//! events without a number and to deliveries to webhooks. It takes no input.

use std::time::Duration;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::events::EventSweeper;
use kernel::metrics::{self, Metric};
use kernel::round::RoundReport;
use leads::data_deletion::DataDeletions;
use leads::fan_sync::{AutoSyncs, Sweeper};
use leads::retention::LeadRetention;
use moments::media_storage::MediaSweeper;
use moments::sweep::MomentSweeper;
use webhooks::DeliverySweeper;

use crate::worker::put_round;

/// What went wrong with a sweep.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum Error {
    FanSyncs(#[from] leads::Error),
    Publications(#[from] moments::Error),
    Events(#[from] kernel::Error),
}

/// What the runs of this function share.
#[derive(Debug)]
pub struct App {
    fan_syncs: Sweeper,
    auto_syncs: AutoSyncs,
    deletions: DataDeletions,
    retention: LeadRetention,
    publications: MomentSweeper,
    media: MediaSweeper,
    events: EventSweeper,
    webhooks: DeliverySweeper,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            fan_syncs: Sweeper::new(cx)?,
            auto_syncs: AutoSyncs::new(cx)?,
            deletions: DataDeletions::new(cx)?,
            retention: LeadRetention::new(cx)?,
            publications: MomentSweeper::new(cx)?,
            media: MediaSweeper::new(cx)?,
            events: EventSweeper::new(cx)?,
            webhooks: DeliverySweeper::new(cx)?,
        })
    }
}

pub async fn handle(app: &App, deadline: Deadline) -> Result<Vec<RoundReport>, Error> {
    // None waits for another: a failure of one kind of work must not delay the others.
    // Boxed, because laid out inside `main`'s own they nest deeper than the compiler follows (128 levels).
    let fan_syncs = Box::pin(app.fan_syncs.sweep(deadline));
    let auto_syncs = Box::pin(app.auto_syncs.start_due(deadline));
    let deletions = Box::pin(app.deletions.go_on(deadline));
    let retention = Box::pin(app.retention.go_on(deadline));
    let tasks = Box::pin(app.publications.sweep_tasks(deadline));
    let deliveries = Box::pin(app.publications.sweep_deliveries(deadline));
    let released = Box::pin(app.media.release_media(deadline));
    let files = Box::pin(app.media.look_after_files(deadline));
    let events = Box::pin(app.events.sweep(deadline));
    let webhooks = Box::pin(app.webhooks.sweep(deadline));
    let (fan_syncs, auto_syncs, deletions, retention, tasks, deliveries, released, files, events, webhooks, ()) = futures::join!(
        fan_syncs,
        auto_syncs,
        deletions,
        retention,
        tasks,
        deliveries,
        released,
        files,
        events,
        webhooks,
        Box::pin(tell_lateness(app))
    );
    let (fan_syncs, tasks, deliveries) = (fan_syncs?, tasks?, deliveries?);
    let (events, webhooks) = (events?, webhooks?);
    // Syncs that begin by themselves, deletions, and files that are not needed any more, are ordinary work and no messages that were lost.
    put_round([&fan_syncs, &tasks, &deliveries, &events, &webhooks], Metric::RowsSwept, Metric::RowsNotSwept);
    Ok(vec![fan_syncs, auto_syncs?, deletions?, retention?, tasks, deliveries, released?, files?, events, webhooks])
}

/// How long the oldest rows are overdue. Looked at apart from the sweep, which leaves out the rows whose message may be on its
/// way. A number that cannot be read is missing, and its alarm takes that for bad news.
async fn tell_lateness(app: &App) {
    let (sync, publications, events, webhooks) = futures::join!(
        app.fan_syncs.lateness(),
        app.publications.lateness(),
        app.events.lateness(),
        app.webhooks.lateness()
    );
    let told = |metric, lateness: Result<Duration, String>| match lateness {
        Ok(lateness) => metrics::put(metric, lateness.as_secs()),
        Err(error) => tracing::warn!("{} is not known: {error}", metric.name()),
    };
    let events = events.map_err(|error| error.to_string());
    told(Metric::OldestUnsequencedEvent, events.clone().map(|lateness| lateness.unsequenced));
    told(Metric::OldestUndispatchedEvent, events.map(|lateness| lateness.undispatched));
    told(Metric::OldestDueWebhookDelivery, webhooks.map_err(|error| error.to_string()));
    told(Metric::OldestDueSync, sync.map_err(|error| error.to_string()));
    let publications = publications.map_err(|error| error.to_string());
    told(Metric::OldestDueTask, publications.clone().map(|lateness| lateness.task));
    told(Metric::OldestDueDelivery, publications.map(|lateness| lateness.delivery));
}
