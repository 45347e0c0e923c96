//! Rounds of the scheduled functions, as Lambda sees them: a round that got most of its work done succeeds, one that did
//! not is a failed invocation. Nothing but that count makes the alarms ring.

mod keepers;
mod sweeper;

use std::time::Duration;

use anyhow::Result;
use functions::worker::run_scheduled;
use functions::workers::{self, douyin_token_keeper, wechat_health_checker};
use kernel::deadline::Deadline;

use crate::World;
use crate::proxy::{Fault, Proxy};
use crate::world::EndpointOverrides;

const USER: u64 = 4001;
const DAY: Duration = Duration::from_secs(86_400);
/// More requests of one kind than any round here makes.
const ALL: u32 = 1_000;

/// What an AWS service answers to a role that lacks the right.
fn denied() -> Fault {
    Fault::Answer(400, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#.to_owned())
}

/// A proxy at which every request of this name is denied.
async fn denying(world: &World, request: &str) -> Result<Proxy> {
    let proxy = Proxy::start(world).await?;
    proxy.arm_times(request, 1, ALL, denied());
    Ok(proxy)
}

/// Whether Lambda counts a round of the token keeper as successful.
async fn keeper_succeeds(world: &World, endpoints: &EndpointOverrides, deadline: Deadline) -> Result<bool> {
    let app = douyin_token_keeper::App::new(&world.context("douyin-token-keeper", endpoints).await?).await?;
    Ok(run_scheduled(&app, douyin_token_keeper::handle, deadline).await.is_ok())
}

/// Whether Lambda counts a round of the health checker as successful.
async fn checker_succeeds(world: &World, endpoints: &EndpointOverrides, deadline: Deadline) -> Result<bool> {
    let app = wechat_health_checker::App::new(&world.context("wechat-health-checker", endpoints).await?).await?;
    Ok(run_scheduled(&app, wechat_health_checker::handle, deadline).await.is_ok())
}

/// Whether Lambda counts a sweep as successful.
async fn sweep_succeeds(world: &World, endpoints: &EndpointOverrides, deadline: Deadline) -> Result<bool> {
    let app = workers::sweeper::App::new(&world.context("sweeper", endpoints).await?).await?;
    Ok(run_scheduled(&app, workers::sweeper::handle, deadline).await.is_ok())
}

/// An invocation that has no time left to begin anything.
fn spent(world: &World) -> Deadline {
    Deadline::after(world.clock.now(), Duration::from_secs(1))
}

#[tokio::test]
async fn rounds_with_nothing_due_succeed() -> Result<()> {
    let world = World::start().await?;
    let direct = EndpointOverrides::default();
    assert!(keeper_succeeds(&world, &direct, spent(&world)).await?);
    assert!(checker_succeeds(&world, &direct, spent(&world)).await?);
    assert!(sweep_succeeds(&world, &direct, spent(&world)).await?);
    Ok(())
}

#[tokio::test]
async fn rounds_that_cannot_list_what_is_due_fail() -> Result<()> {
    let world = World::start().await?;
    let deadline = world.deadline();
    let proxy = denying(&world, "Query t_douyin_auth").await?;
    assert!(!keeper_succeeds(&world, &proxy.endpoints(), deadline).await?);
    let proxy = denying(&world, "Query t_wechat_account").await?;
    assert!(!checker_succeeds(&world, &proxy.endpoints(), deadline).await?);
    for table in ["t_douyin_sync_task", "t_moment_sync_task", "t_moment_publish_unit"] {
        let proxy = denying(&world, &format!("Query {table}")).await?;
        assert!(!sweep_succeeds(&world, &proxy.endpoints(), deadline).await?, "{table}");
    }
    Ok(())
}
