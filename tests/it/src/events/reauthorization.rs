//! What is told of accounts of Douyin that must be authorised anew: 7, 3 and 1 days before they end, each once.

use std::time::Duration;

use anyhow::{Context, Result};
use functions::workers::douyin_token_keeper;
use sandbox::douyin::{Endpoint, Fault};
use serde_json::{Value, json};

use super::{number, read};
use crate::proxy::{Fault as ProxyFault, Proxy, When};
use crate::{Event, World};

const USER: u64 = 7_311;
const DAY: Duration = Duration::from_secs(86_400);

/// What is told of accounts after `after`.
async fn told(world: &World, after: u64) -> Result<Vec<(String, Value)>> {
    number(world, USER).await?;
    let events = read(world, USER, after, 100).await?;
    let of_accounts = events.iter().filter(|event| event["type"].as_str().is_some_and(|it| it.starts_with("account.")));
    Ok(of_accounts.map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone())).collect())
}

/// An account of an app that may not renew: it lasts 44 days, the last 15 of them by its access token alone.
async fn account() -> Result<(World, String)> {
    let world = World::start().await?;
    world.keep_the_clock();
    world.sandbox.douyin().change_app(|app| {
        app.scopes.remove("renew_refresh_token");
    });
    world.douyin_account("shop", 1);
    let shop = world.authorize(USER, "shop").await?;
    Ok((world, shop))
}

/// Quarters of days go by, with the keeper at work.
async fn live(world: &World, quarters: u32) -> Result<()> {
    for _ in 0..quarters {
        world.advance(DAY / 4);
        world.keep_tokens().await?;
    }
    Ok(())
}

/// Until when the account works, as the list of accounts says it.
async fn shown(world: &World) -> Result<Value> {
    Ok(world.call_as(USER, Event::sample("douyin-accounts")?).await?.data()[0]["reauthorizeBy"].clone())
}

fn due(shop: &str, days: u64, end: &Value) -> (String, Value) {
    let data = json!({"platform": "DOUYIN", "douyinUserId": shop, "daysLeft": days, "endsAt": end});
    ("account.reauthorize_due".to_owned(), data)
}

#[tokio::test]
async fn end_of_an_account_is_told_7_3_and_1_days_before_and_anew_after_the_next_authorisation() -> Result<()> {
    let (world, shop) = account().await?;
    live(&world, 36 * 4).await?;
    assert_eq!(told(&world, 0).await?, [], "a refresh was ahead, or there is more than a week");
    live(&world, 7 * 4).await?;
    let end = shown(&world).await?;
    let notices = [7, 3, 1].map(|days| due(&shop, days, &end));
    assert_eq!(told(&world, 0).await?, notices, "each once, with the date of the list");

    live(&world, 8).await?;
    world.authorize(USER, "shop").await?;
    let kinds: Vec<String> = told(&world, 3).await?.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["account.expired", "account.restored"]);
    live(&world, 43 * 4).await?;
    let later = shown(&world).await?;
    assert_ne!(later, end);
    assert_eq!(told(&world, 5).await?, [7, 3, 1].map(|days| due(&shop, days, &later)));
    Ok(())
}

/// The refresh token died with the lost answer, so the account ends with its access token, four days later.
#[tokio::test]
async fn account_whose_renewal_was_lost_is_told_of_at_once_and_again_when_little_is_left() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    world.douyin_account("shop", 1);
    let shop = world.authorize(USER, "shop").await?;
    world.sandbox.douyin().arm(Fault::lost_answer(Endpoint::RenewRefreshToken));
    live(&world, 22 * 4).await?;
    assert_eq!(told(&world, 0).await?, []);
    live(&world, 4 * 4 + 3).await?;
    let end = shown(&world).await?;
    assert_eq!(told(&world, 0).await?, [4, 3, 1].map(|days| due(&shop, days, &end)));
    Ok(())
}

#[tokio::test]
async fn end_is_told_once_by_a_keeper_that_dies_or_loses_an_answer_at_any_step() -> Result<()> {
    let (first, _) = account().await?;
    live(&first, 36 * 4).await?;
    let steps = {
        let proxy = Proxy::start(&first).await?;
        first.advance(DAY * 2);
        keep(&first, &proxy).await?;
        assert_eq!(told(&first, 0).await?.len(), 1);
        proxy.steps()
    };
    let written = steps.iter().filter(|step| step.name.contains("t_douyin_auth") && !step.name.starts_with("Query"));
    let written: Vec<_> = written.cloned().collect();
    assert!(written.iter().any(|step| step.name == "TransactWriteItems t_douyin_auth"), "{steps:?}");
    for step in written {
        for fault in
            [When::Before, When::After].into_iter().flat_map(|when| [ProxyFault::Kill(when), ProxyFault::Lose(when)])
        {
            let (world, shop) = account().await?;
            live(&world, 36 * 4).await?;
            let what = format!("{fault:?} at {step}");
            world.advance(DAY * 2);
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, fault);
            keep(&world, &proxy).await.context(what.clone())?;
            // A renewal that was asked for is over, and the account is looked at again.
            world.advance(Duration::from_secs(3_700));
            world.keep_tokens().await?;
            world.keep_tokens().await?;
            assert_eq!(told(&world, 0).await?, [due(&shop, 6, &shown(&world).await?)], "{what}");
        }
    }
    Ok(())
}

/// One round of a keeper behind a proxy.
async fn keep(world: &World, proxy: &Proxy) -> Result<()> {
    let base = world.context("douyin-token-keeper", &proxy.endpoints()).await?;
    let keeper = douyin_token_keeper::App::new(&base).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = douyin_token_keeper::handle(&keeper, world.deadline()) => {}
    }
    Ok(())
}
