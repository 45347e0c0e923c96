//! The token keeper and the health checker.

use std::time::Duration;

use anyhow::Result;
use sandbox::douyin::{Effect, Endpoint, Fault as DouyinFault};
use sandbox::fault::Effect as GeweEffect;
use sandbox::gewe::{DeviceState, GeweEndpoint, GeweFault};

use super::{ALL, DAY, USER, checker_succeeds, denying, keeper_succeeds, spent};
use crate::proxy::{Fault, Proxy, When};
use crate::world::EndpointOverrides;
use crate::{Event, World};

/// A world with so many accounts whose access tokens are to be refreshed.
async fn shops(count: usize) -> Result<World> {
    let world = World::start().await?;
    for number in 0..count {
        let name = format!("shop-{number}");
        world.douyin_account(&name, 1);
        world.authorize(USER, &name).await?;
    }
    world.advance(DAY * 13);
    Ok(world)
}

/// A world with so many devices whose health is to be looked at.
async fn phones(count: usize) -> Result<World> {
    let world = World::start().await?;
    for number in 0..count {
        world.connect_device(USER, &format!("phone-{number}")).await?;
    }
    world.advance(Duration::from_secs(700));
    Ok(world)
}

#[tokio::test]
async fn token_keeper_denied_the_key_for_every_account_fails() -> Result<()> {
    let world = shops(3).await?;
    let proxy = denying(&world, "Decrypt").await?;
    assert!(!keeper_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    // Nothing was touched, so the next round, with the right given back, makes it good.
    assert!(keeper_succeeds(&world, &EndpointOverrides::default(), world.deadline()).await?);
    Ok(())
}

#[tokio::test]
async fn token_keeper_that_cannot_store_what_it_got_fails() -> Result<()> {
    let world = shops(3).await?;
    let proxy = denying(&world, "Encrypt").await?;
    assert!(!keeper_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    Ok(())
}

#[tokio::test]
async fn token_keeper_with_one_account_of_ten_failing_succeeds() -> Result<()> {
    let world = shops(10).await?;
    world.sandbox.douyin().arm(DouyinFault::new(Endpoint::RefreshToken, Effect::Http { status: 502 }));
    assert!(keeper_succeeds(&world, &EndpointOverrides::default(), world.deadline()).await?);
    assert_eq!(world.sandbox.journal().of("oauth/refresh_token").len(), 10);
    Ok(())
}

#[tokio::test]
async fn token_keeper_that_cannot_reach_douyin_fails() -> Result<()> {
    let world = shops(3).await?;
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("oauth/refresh_token", 1, ALL, Fault::Lose(When::Before));
    assert!(!keeper_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    Ok(())
}

/// 10013: the secret of our app is not accepted, which is true for every account there is.
#[tokio::test]
async fn token_keeper_whose_app_is_refused_fails() -> Result<()> {
    let world = shops(3).await?;
    world.sandbox.douyin().arm(DouyinFault::code(Endpoint::RefreshToken, 10_013).times(ALL));
    assert!(!keeper_succeeds(&world, &EndpointOverrides::default(), world.deadline()).await?);
    Ok(())
}

/// What Douyin decides about one account is dealt with: its user is told, and nobody else can do anything about it.
#[tokio::test]
async fn token_keeper_told_that_an_account_is_to_be_authorised_anew_succeeds() -> Result<()> {
    let world = shops(1).await?;
    world.sandbox.douyin().arm(DouyinFault::code(Endpoint::RefreshToken, 10_010).times(ALL));
    assert!(keeper_succeeds(&world, &EndpointOverrides::default(), world.deadline()).await?);
    assert!(!world.sandbox.journal().of("oauth/refresh_token").is_empty(), "Douyin was asked");
    Ok(())
}

/// What Douyin says of every account at once is not about any of them: 2190008 proves nothing about a token yet, and 10010
/// ends an account.
#[tokio::test]
async fn token_keeper_told_the_same_of_every_account_fails() -> Result<()> {
    for (accounts, code) in [(3, 2_190_008), (6, 10_010)] {
        let world = shops(accounts).await?;
        world.sandbox.douyin().arm(DouyinFault::code(Endpoint::RefreshToken, code).times(ALL));
        assert!(
            !keeper_succeeds(&world, &EndpointOverrides::default(), world.deadline()).await?,
            "{code} for {accounts} accounts"
        );
    }
    Ok(())
}

#[tokio::test]
async fn token_keeper_with_no_time_for_any_due_account_fails() -> Result<()> {
    let world = shops(2).await?;
    assert!(!keeper_succeeds(&world, &EndpointOverrides::default(), spent(&world)).await?);
    Ok(())
}

#[tokio::test]
async fn health_checker_denied_the_key_for_every_account_fails() -> Result<()> {
    let world = phones(3).await?;
    let proxy = denying(&world, "Decrypt").await?;
    assert!(!checker_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    Ok(())
}

#[tokio::test]
async fn health_checker_that_cannot_reach_the_gateway_fails() -> Result<()> {
    let world = phones(3).await?;
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("login/checkOnline", 1, ALL, Fault::Lose(When::Before));
    assert!(!checker_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    let listed = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    let all_active = listed.data().as_array().unwrap().iter().all(|account| account["status"] == "ACTIVE");
    assert!(all_active, "no answer proves nothing about an account: {listed:?}");
    Ok(())
}

#[tokio::test]
async fn health_checker_with_one_device_of_ten_failing_succeeds() -> Result<()> {
    let world = phones(10).await?;
    let fault = GeweFault::new(GeweEndpoint::CheckOnline, GeweEffect::Http { status: 502 }).for_account("phone-3");
    world.sandbox.gewe().arm(fault);
    assert!(checker_succeeds(&world, &EndpointOverrides::default(), world.deadline()).await?);
    assert!(world.sandbox.gewe().faults().iter().all(|armed| armed.met == 1), "the fault was met");
    Ok(())
}

/// That a device is off the line, or that its user's gateway token is not valid any more, is what a check is to find.
#[tokio::test]
async fn health_checker_that_finds_devices_offline_and_tokens_refused_succeeds() -> Result<()> {
    let world = phones(2).await?;
    world.sandbox.gewe().set_state("phone-0", DeviceState::Offline);
    let message = Some("X-GEWE-TOKEN=… 不可用或已过期".to_owned());
    let refusal = GeweEffect::Code { code: 500, message };
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::CheckOnline, refusal).for_account("phone-1"));
    assert!(checker_succeeds(&world, &EndpointOverrides::default(), world.deadline()).await?);
    assert!(world.sandbox.gewe().faults().iter().all(|armed| armed.met == 1), "the fault was met");
    Ok(())
}

#[tokio::test]
async fn health_checker_with_no_time_for_any_due_device_fails() -> Result<()> {
    let world = phones(2).await?;
    assert!(!checker_succeeds(&world, &EndpointOverrides::default(), spent(&world)).await?);
    Ok(())
}
