//! The time a worker has: what does not fit into it is left to the next one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::workers::moment_publisher::{App, handle};
use kernel::deadline::Deadline;

use super::oracle::{Oracle, check};
use super::story::Story;
use super::{receive, recover, world};
use crate::world::EndpointOverrides;

/// The call and the write of its answer take up to 30 seconds.
#[tokio::test]
async fn publisher_whose_time_is_nearly_over_does_not_send() -> Result<()> {
    for (number, story) in [Story::Words, Story::Company].into_iter().enumerate() {
        let world = world().await?;
        let scene = story.scene(&world, number).await?;
        let app = App::new(&world.context("moment-publisher", &EndpointOverrides::default()).await?).await?;
        while let Some(message) = receive(&world).await? {
            let deadline = Deadline::after(world.clock.now(), Duration::from_secs(29));
            handle(&app, serde_json::from_str(&message.body.context("no body")?)?, deadline).await?;
            let delete = world.aws.sqs.delete_message().queue_url(world.publish_queue_url()?);
            delete.set_receipt_handle(message.receipt_handle).send().await?;
        }
        let deliveries = world.rows("t_moment_publish_unit").await?;
        ensure!(deliveries.iter().all(|delivery| delivery["stage"] == "QUEUED"), "{deliveries:?}");
        ensure!(world.sandbox.journal().publications().is_empty() && world.sandbox.wecom().moment_tasks().is_empty());
        let status = recover(&world, scene.task).await?;
        let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        ensure!(truths.iter().all(|truth| *truth == Oracle::Published), "{truths:?}");
    }
    Ok(())
}
