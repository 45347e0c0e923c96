//! Whether a delivery's text may still be posted.

use std::time::Duration;

use kernel::metrics::{self, Metric};
use tracing::info;

use crate::error::text_advice;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::Event;
use crate::publish::runner::Publisher;
use crate::store::delivery::WaitReason;
use crate::text_check::TextVerdict;
use crate::time::after;

/// How soon a text is judged again that could not be: words and service are ours, and come back sooner than a provider.
const PAUSE: Duration = Duration::from_secs(120);

impl Publisher {
    /// What keeps the text from being sent: words or a verdict that were not there when its task was made, or that nobody can
    /// tell now. It is asked after every wait and before anything is uploaded or a turn is taken.
    pub(super) async fn text_objection(&self, claimed_delivery: &ClaimedDelivery) -> Option<Event> {
        let (row, task) = (&claimed_delivery.row, &claimed_delivery.snapshot.task);
        let Ok(TextVerdict { objection, words_version }) = self.text_check.judge(&task.text_content).await else {
            metrics::put(Metric::PostsHeld, 1);
            let until = after(self.stores.clock.now(), PAUSE);
            return Some(Event::NotBefore(until, WaitReason::TextCheck));
        };
        info!(
            task.id = task.id.get(),
            words.version = words_version.as_deref(),
            forbidden = objection.is_some(),
            "text of delivery {} of task {} judged",
            row.delivery,
            row.task_id
        );
        Some(Event::TextForbidden { advice: text_advice(&objection?), words_version })
    }
}
