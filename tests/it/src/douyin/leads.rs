//! Leads: the list, its queries, and what people change.

mod account_data;
mod batch;
mod changes;
mod contract;
mod erasure;
mod export;
mod links;
mod lists;
mod lives;
pub(crate) mod merges;
mod notes;
mod owners;
mod queries;
mod repair;
mod retention;
mod statuses;
mod tenant_data;

use anyhow::Result;
use functions::workers::sweeper;

use crate::World;
use crate::proxy::Proxy;

/// A run of the sweeper, which may die at the step that the proxy says.
async fn sweep_unless_it_dies(world: &World, proxy: &Proxy) -> Result<()> {
    let app = sweeper::App::new(&world.context("sweeper", &proxy.endpoints()).await?).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = sweeper::handle(&app, world.deadline()) => {}
    }
    Ok(())
}
