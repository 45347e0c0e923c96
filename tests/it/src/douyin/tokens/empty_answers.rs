//! Token answers without tokens: whatever is stored stays, and the account stays authorised.

use std::time::Duration;

use anyhow::Result;
use sandbox::douyin::{Effect, Endpoint, Fault};

use crate::World;
use crate::bad_input::USER;
use crate::tables::Row;

const DAY: Duration = Duration::from_secs(86_400);
/// After a failure that proves nothing the keeper comes back an hour later.
const RETRY: Duration = Duration::from_secs(3_601);

async fn account(world: &World) -> Result<Row> {
    Ok(world.rows("t_douyin_auth").await?.remove(0))
}

/// What tokens an account has and until when; the same after a failure as before it.
fn tokens(account: &Row) -> [&str; 6] {
    ["status", "access_token", "refresh_token", "expire_time", "refresh_expire_time", "renew_count"]
        .map(|name| account[name].as_str())
}

#[tokio::test]
async fn token_refresh_answered_empty_keeps_the_stored_token() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;

    // The keeper comes when fewer than three of the access token's fifteen days are left.
    world.advance(DAY * 13);
    let before = account(&world).await?;
    world.sandbox.douyin().arm(Fault::new(Endpoint::RefreshToken, Effect::EmptyTokens));
    world.keep_tokens().await?;
    assert_eq!(tokens(&account(&world).await?), tokens(&before), "refreshed with nothing");
    world.advance(RETRY);
    world.keep_tokens().await?;
    let refreshed = account(&world).await?;
    assert_ne!(refreshed["expire_time"], before["expire_time"], "the keeper came back");

    // A worker that meets an expired token takes the same path, and tries again.
    world.advance(DAY * 15);
    world.sandbox.douyin().arm(Fault::new(Endpoint::RefreshToken, Effect::EmptyTokens));
    let progress = world.sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!((&progress["status"], &progress["created"]), (&"COMPLETED".into(), &3.into()), "{progress}");
    assert!(world.sandbox.douyin().faults().iter().all(|armed| armed.met == 1), "every fault was met");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn token_renewal_answered_empty_keeps_the_stored_tokens() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.advance(DAY * 13);
    world.keep_tokens().await?;
    world.advance(DAY * 11);
    let before = account(&world).await?;
    world.sandbox.douyin().arm(Fault::new(Endpoint::RenewRefreshToken, Effect::EmptyTokens));
    world.keep_tokens().await?;
    assert_eq!(world.sandbox.douyin().faults()[0].met, 1, "fewer than seven days are left, so it was renewed");
    assert_eq!(tokens(&account(&world).await?), tokens(&before), "renewed with nothing");
    Ok(())
}
