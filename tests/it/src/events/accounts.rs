//! What is told of accounts of Douyin: that one does not work any more, that it does so again, that it belongs to somebody else.

use std::time::Duration;

use anyhow::Result;
use sandbox::douyin::{Endpoint, Fault};
use serde_json::{Value, json};

use super::{number, read};
use crate::douyin::revoke;
use crate::proxy::{Fault as ProxyFault, Proxy, When};
use crate::{Event, World};

const USER: u64 = 7_301;
const OTHER: u64 = 7_302;
const DAY: Duration = Duration::from_secs(86_400);
/// "refresh_token expired".
const REFRESH_TOKEN_DEAD: i64 = 10_010;

/// What is told of accounts: type, and status or nothing.
async fn told(world: &World, user: u64) -> Result<Vec<(String, Value)>> {
    number(world, user).await?;
    let events = read(world, user, 0, 100).await?;
    let of_accounts = events.iter().filter(|event| event["type"].as_str().is_some_and(|it| it.starts_with("account.")));
    Ok(of_accounts.map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone())).collect())
}

fn kinds(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(kind, _)| kind.as_str()).collect()
}

async fn account(name: &str) -> Result<(World, String)> {
    let world = World::start().await?;
    world.keep_the_clock();
    world.douyin_account(name, 3);
    let shop = world.authorize(USER, name).await?;
    world.drain().await?;
    Ok((world, shop))
}

#[tokio::test]
async fn account_that_expires_and_comes_back_is_told_once_each() -> Result<()> {
    let (world, shop) = account("shop").await?;
    world.advance(DAY * 13);
    let fault = world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, REFRESH_TOKEN_DEAD).permanent());
    world.keep_tokens().await?;
    let expired = told(&world, USER).await?;
    let listed = world.call_as(USER, Event::sample("douyin-accounts")?).await?.data()[0].clone();
    let reason = &listed["statusReason"];
    let data = json!({
        "platform": "DOUYIN", "douyinUserId": shop, "status": "EXPIRED",
        "recovers": reason["recovers"], "message": reason["message"], "reason": reason["reason"],
    });
    assert_eq!(expired, [("account.expired".to_owned(), data)], "as the list of accounts says it");

    // A trial that fails is no news.
    world.advance(Duration::from_secs(700));
    world.keep_tokens().await?;
    world.sandbox.douyin().disarm(fault);
    world.advance(Duration::from_secs(3_600));
    world.keep_tokens().await?;
    world.keep_tokens().await?;
    let all = told(&world, USER).await?;
    assert_eq!(kinds(&all), ["account.expired", "account.restored"]);
    assert_eq!(all[1].1, json!({"platform": "DOUYIN", "douyinUserId": shop}));
    Ok(())
}

#[tokio::test]
async fn account_that_is_withdrawn_and_authorised_anew_is_told_once_each() -> Result<()> {
    let (world, shop) = account("shop").await?;
    revoke(&world).await?;
    let withdrawn = told(&world, USER).await?;
    assert_eq!(kinds(&withdrawn), ["account.expired"]);
    assert_eq!((&withdrawn[0].1["status"], &withdrawn[0].1["douyinUserId"]), (&json!("REVOKED"), &json!(shop)));
    world.advance(DAY);
    world.authorize(USER, "shop").await?;
    // An account that works is authorised once more: nothing has changed for whoever reads this.
    world.advance(DAY);
    world.authorize(USER, "shop").await?;
    assert_eq!(kinds(&told(&world, USER).await?), ["account.expired", "account.restored"]);
    Ok(())
}

#[tokio::test]
async fn account_that_is_taken_over_is_told_to_whoever_loses_it_and_to_nobody_else() -> Result<()> {
    let (world, shop) = account("shop").await?;
    revoke(&world).await?;
    world.advance(DAY);
    world.authorize(OTHER, "shop").await?;
    let lost = told(&world, USER).await?;
    assert_eq!(kinds(&lost), ["account.expired", "account.taken_over"]);
    assert_eq!(lost[1].1, json!({"platform": "DOUYIN", "douyinUserId": shop}), "it does not say by whom");
    assert_eq!(kinds(&told(&world, OTHER).await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn expiry_whose_answer_is_lost_is_told_once() -> Result<()> {
    let (world, _) = account("shop").await?;
    world.advance(DAY * 13);
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, REFRESH_TOKEN_DEAD).permanent());
    let proxy = Proxy::start(&world).await?;
    proxy.arm("TransactWriteItems t_douyin_auth", 1, ProxyFault::Kill(When::After));
    let base = world.context("douyin-token-keeper", &proxy.endpoints()).await?;
    let keeper = functions::workers::douyin_token_keeper::App::new(&base).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = functions::workers::douyin_token_keeper::handle(&keeper, world.deadline()) => {}
    }
    world.keep_tokens().await?;
    assert_eq!(kinds(&told(&world, USER).await?), ["account.expired"]);
    Ok(())
}
