//! The samples of webhooks.

use anyhow::{Context, Result};
use functions::worker::run_batch;
use functions::workers::webhook_deliverer;
use serde_json::json;

use super::{Samples, batch_of};
use crate::world::EndpointOverrides;

pub async fn play(it: &mut Samples) -> Result<()> {
    let made = it.play("webhook-create", 201, |event| event).await?;
    let webhook = made.data()["webhookId"].as_str().context("no webhookId")?.to_owned();
    it.play("webhooks", 200, |event| event).await?;
    let test = it.play("webhook-test", 202, |event| event.path("webhookId", &webhook)).await?;
    let delivery = test.data()["deliveryId"].as_str().context("no deliveryId")?.to_owned();
    it.play("webhook-deliveries", 200, |event| event.path("webhookId", &webhook)).await?;
    let named = |event: crate::Event| event.path("webhookId", &webhook).path("deliveryId", &delivery);
    it.play("webhook-resend", 202, named).await?;
    // Paused, so that nothing is sent to the address of the sample, which is nobody's of ours.
    it.play("webhook-update", 200, |event| event.path("webhookId", &webhook)).await?;

    let app = webhook_deliverer::App::new(&it.world.context("webhook-deliverer", &EndpointOverrides::default()).await?)
        .await?;
    let batch = batch_of("webhook-deliverer", |body| body["webhookId"] = json!(webhook))?;
    let answer = run_batch(&app, webhook_deliverer::handle, serde_json::from_value(batch)?, it.world.deadline()).await;
    assert_eq!(answer.batch_item_failures, []);
    it.played.insert("webhook-deliverer".to_owned());
    it.play("webhook-delete", 200, |event| event.path("webhookId", &webhook)).await?;
    Ok(())
}
