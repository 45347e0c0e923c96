//! Syncs that cannot be started.

use std::time::Duration;

use anyhow::Result;
use sandbox::douyin::{Endpoint, Fault};
use serde_json::json;

use crate::bad_input::USER;
use crate::snapshot::ExpectedError;
use crate::{Event, World};

const AUTH: ExpectedError<'_> = ExpectedError::new(400, "DOUYIN_AUTH_ERROR");

impl World {
    fn sync_event(&self, douyin_user_id: &str) -> Result<Event> {
        Ok(self.sample_as(USER, "douyin-fans-sync")?.json(&json!({ "douyinUserId": douyin_user_id })))
    }
}

#[tokio::test]
async fn fan_sync_of_an_account_that_is_not_the_callers_is_not_found() -> Result<()> {
    let world = World::start().await?;
    let never = world.douyin_account("never", 3);
    let foreign = world.douyin_account("foreign", 3);
    world.authorize(2002, "foreign").await?;
    let (longest, too_long) = ("x".repeat(2_048), "x".repeat(2_049));
    let before = world.snapshot().await?;
    for (what, id) in [
        ("an account nobody authorised", &*never),
        ("another user's account", &*foreign),
        ("no id at all", "no-such-account"),
        ("an id with blanks", " \t"),
        ("an id of another alphabet", "抖音号"),
        ("an id as long as a key may be", &*longest),
        ("an id too long for a key", &*too_long),
    ] {
        let blank = id.trim().is_empty();
        let refusal = if blank {
            ExpectedError::fields(&["douyinUserId"])
        } else {
            AUTH.saying("您尚未授权该抖音账号")
        };
        before.refuses(&world, what, &world.sync_event(id)?, &refusal).await?;
    }
    let disconnected = world.authorize(USER, "never").await?;
    let delete = world.sample_as(USER, "douyin-account-delete")?.path("douyinUserId", &disconnected);
    assert_eq!(world.call(&delete).await?.status, 200);
    world.refused("a disconnected account", &world.sync_event(&never)?, &AUTH).await?;
    world.expect_empty_queues().await
}

#[tokio::test]
async fn fan_sync_of_an_expired_or_revoked_account_is_refused_until_authorised_anew() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.advance(Duration::from_secs(16 * 86_400));
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 10_010));
    assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["status"], "FAILED");
    let expired = AUTH.saying("该抖音账号的授权已过期");
    world.refused("expired", &world.sync_event(&shop)?, &expired).await?;

    world.authorize(USER, "shop").await?;
    let revoked = world.sandbox.douyin().revoke_quietly("shop").unwrap();
    let event = Event::sample("douyin-webhook")?
        .header("x-douyin-signature", &revoked.signature)
        .header("msg-id", &revoked.message_id)
        .body(&revoked.body);
    assert_eq!(world.call(&event).await?.status, 200);
    let revoked = AUTH.saying("该抖音账号已在抖音端取消授权");
    world.refused("revoked", &world.sync_event(&shop)?, &revoked).await?;

    world.authorize(USER, "shop").await?;
    assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["status"], "COMPLETED");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn fan_sync_of_an_account_that_is_syncing_is_refused() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    let first = world.request_sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!(first.status, 202);
    let before = world.snapshot().await?;
    for strategy in ["INCREMENTAL", "FULL"] {
        let again = world.request_sync(USER, &shop, strategy).await?;
        assert_eq!((again.status, again.data()), (200, first.data()), "{strategy}");
    }
    world.snapshot().await?.assert_unchanged_since(&before, "asking again");

    // Ten at once are one sync too.
    world.drain().await?;
    let all = futures::future::try_join_all((0..10).map(|_| world.request_sync(USER, &shop, "FULL"))).await?;
    let tasks: std::collections::BTreeSet<String> = all.iter().map(|one| one.data()["taskId"].to_string()).collect();
    assert_eq!(tasks.len(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|one| one.status == 202).count(), 1, "{all:?}");
    assert_eq!(world.depth(world.queue_url()?).await?, 1);
    world.drain().await?;
    world.expect_empty_queues().await
}
