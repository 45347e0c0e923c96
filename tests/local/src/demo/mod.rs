//! `cargo dev demo`: the product's stories, played against a running stack as a user would live them. Every step is
//! checked, and the first that is not as promised ends the play.

mod api;
mod cloudwatch;
mod douyin;
mod logs;
mod moments;
mod scenario;
mod webhooks;

use anyhow::Result;

use crate::console::{line, paint};
use crate::record::Record;
use scenario::Scenario;

/// Plays the stories; `update`, which may do nothing, is what happens to the stack after the first. Nobody loses anything by it.
pub(crate) async fn play(record: &Record, update: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let stage = Scenario::new(record)?;
    let authorised = douyin::play(&stage).await?;
    douyin::nothing_is_lost(&stage, update).await?;
    webhooks::play(&stage, &authorised).await?;
    moments::play(&stage).await?;
    cloudwatch::write_logs(&stage).await?;
    logs::check(&stage).await?;
    line("");
    line(&paint(32, &format!("Everything is as promised: {} steps.", stage.steps())));
    Ok(())
}
