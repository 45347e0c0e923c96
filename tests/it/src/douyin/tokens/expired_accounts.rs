//! Accounts that Douyin has refused: their encrypted tokens stay for some days and are tried, and the account comes back if
//! Douyin was wrong.

mod breaker;
mod trials;

use std::time::Duration;

use anyhow::{Context, Result};
use sandbox::douyin::{Endpoint, Fault};
use serde_json::Value;

use crate::tables::Row;
use crate::{Event, World};

const USER: u64 = 1001;
const SHOP: &str = "shop";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// "refresh_token expired": the only word on a refresh token that its page documents.
const REFRESH_TOKEN_DEAD: i64 = 10_010;
/// "access_token expired", in the legacy family.
const EXPIRED: i64 = 2_190_008;

async fn row(world: &World) -> Result<Row> {
    world.rows("t_douyin_auth").await?.pop().context("no account")
}

/// The account as its tenant sees it.
async fn seen(world: &World, user: u64) -> Result<Value> {
    Ok(world.call_as(user, Event::sample("douyin-accounts")?).await?.data()[0].clone())
}

fn has_tokens(row: &Row) -> bool {
    row.contains_key("access_token") || row.contains_key("refresh_token")
}

/// How often a refresh was asked for.
fn refreshes(world: &World) -> usize {
    world.sandbox.journal().of("oauth/refresh_token").len()
}

/// A world with one account, EXPIRED by Douyin's word, which Douyin repeats until the fault of this number is disarmed.
async fn expired() -> Result<(World, String, u64)> {
    let world = World::start().await?;
    world.keep_the_clock();
    world.douyin_account(SHOP, 5);
    let shop = world.authorize(USER, SHOP).await?;
    world.advance(DAY * 13);
    let fault = world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, REFRESH_TOKEN_DEAD).permanent());
    world.keep_tokens().await?;
    assert_eq!(row(&world).await?["status"], "EXPIRED");
    Ok((world, shop, fault))
}
