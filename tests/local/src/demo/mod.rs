//! `cargo dev demo`: the product's stories, played against a running stack as a user would live them. Every step is
//! checked, and the first that is not as promised ends the play.

mod api;
mod douyin;
mod logs;
mod moments;
mod scenario;

use anyhow::Result;

use crate::console::{line, paint};
use crate::record::Record;
use scenario::Scenario;

pub(crate) async fn play(record: &Record) -> Result<()> {
    let stage = Scenario::new(record)?;
    douyin::play(&stage).await?;
    moments::play(&stage).await?;
    logs::check(&stage).await?;
    line("");
    line(&paint(32, &format!("Everything is as promised: {} steps.", stage.steps())));
    Ok(())
}
