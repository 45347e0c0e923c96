//! A world that runs on the machine's clock: where punctuality or a process of its own is measured, time cannot be
//! moved by hand.

use std::time::Duration;

use anyhow::Result;
use it::World;
use it::world::EndpointOverrides;
use jiff::Timestamp;
use kernel::Clock;
use kernel::Context;

/// A world whose platforms' clock, which stands still in others, is the machine's.
pub async fn world() -> Result<World> {
    let world = World::start_now().await?;
    let clock = world.sandbox.clock();
    clock.resume();
    // It stood while the world was made.
    clock.advance(Duration::try_from(Timestamp::now().duration_since(clock.now())).unwrap_or_default());
    Ok(world)
}

/// What a function starts from in such a world.
pub async fn context(world: &World, function: &str, endpoints: &EndpointOverrides) -> Result<Context> {
    Ok(Context { clock: Clock::System, ..world.context(function, endpoints).await? })
}
