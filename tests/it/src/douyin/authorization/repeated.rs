//! A return that comes twice: a double click, a page that is loaded again. What came of the first one is told again for a
//! minute, and nothing is done again.

use std::time::Duration;

use anyhow::{Result, bail};
use sandbox::douyin::{Decision, Effect, Endpoint, Fault as PlatformFault};

use super::{PAGE, accounts, parked};
use crate::browser::ticket_of;
use crate::call::call;
use crate::proxy::{Fault, Proxy, When};
use crate::snapshot::ExpectedError;
use crate::{Answer, Browser, Event, World};

const USER: u64 = 1001;
const STATE: ExpectedError<'_> = ExpectedError::new(400, "DOUYIN_AUTH_ERROR").saying("授权链接无效或已过期");

fn exchanges(world: &World) -> usize {
    world.sandbox.journal().of("oauth/access_token").len()
}

/// What the browser shows, or where it goes.
fn told(answer: &Answer) -> (u16, Option<String>, String) {
    let body = if answer.body.is_null() { String::new() } else { answer.body["message"].to_string() };
    (answer.status, answer.headers.get("location").cloned(), body)
}

#[tokio::test]
async fn return_that_comes_twice_within_a_minute_is_told_the_same() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    for page in [None, Some(PAGE)] {
        for (what, decision, fails) in [
            ("approved", Decision::APPROVE, false),
            ("scope unticked", Decision { approve: true, untick: vec!["fans.list".to_owned()] }, false),
            ("declined", Decision::DENY, false),
            ("Douyin fails", Decision::APPROVE, true),
        ] {
            let mut browser = Browser::default();
            let link = browser.link(&world, USER, page).await?;
            let back = browser.consents(&world, &link, "shop", &decision)?;
            if fails {
                world.sandbox.douyin().arm(PlatformFault::new(Endpoint::AccessToken, Effect::Http { status: 502 }));
            }
            let first = told(&world.call(&back).await?);
            let (before, tried) = (world.snapshot().await?, exchanges(&world));
            world.advance(Duration::from_secs(59));
            // Another tab may not have the cookie with it; the same code is what counts.
            for again in [&back, &back.clone().cookies(&[])] {
                assert_eq!(told(&world.call(again).await?), first, "{what} {page:?}");
            }
            world.snapshot().await?.assert_unchanged_since(&before, what);
            assert_eq!(exchanges(&world), tried, "{what} {page:?}: the code was tried again");
            world.advance(Duration::from_secs(1));
            STATE.check(what, &world.call(&back).await?);
        }
    }
    assert_eq!(accounts(&world, USER).await?, [shop]);
    Ok(())
}

#[tokio::test]
async fn return_that_is_to_be_confirmed_and_comes_twice_brings_the_same_ticket() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    let link = Browser::default().link(&world, USER, Some(PAGE)).await?;
    let back = Browser::default().consents(&world, &link, "shop", &Decision::APPROVE)?;
    let (first, again) = (world.call(&back).await?, world.call(&back).await?);
    assert!(ticket_of(&first).is_some() && told(&again) == told(&first), "{again:?}");
    assert_eq!((parked(&world).await?.len(), exchanges(&world)), (1, 1));
    let ticket = ticket_of(&again).unwrap();
    assert_eq!(world.confirm(USER, &ticket).await?.status, 200);
    // Once more it leads to a ticket that is used, and to nothing else.
    assert_eq!(told(&world.call(&back).await?), told(&first));
    assert_eq!(world.confirm(USER, &ticket).await?.status, 410);
    assert_eq!(accounts(&world, USER).await?, [shop]);
    Ok(())
}

/// Whoever made the link knows its state, but not the code that came back in another browser.
#[tokio::test]
async fn return_repeated_with_the_state_alone_learns_nothing_and_the_row_keeps_no_secret() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let link = Browser::default().link(&world, USER, Some(PAGE)).await?;
    let back = world.sandbox.douyin().consent(&link, "shop", &Decision::APPROVE)?;
    let given = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (code, state) = (given("code").unwrap(), given("state").unwrap());
    let event = |query: &[(&str, &str)]| anyhow::Ok(Event::sample("douyin-auth-callback")?.query(query));
    let ticket = ticket_of(&world.call(&event(&[("code", &code), ("state", &state)])?).await?).unwrap();
    for query in [vec![("state", &*state)], vec![("state", &*state), ("code", "guessed")]] {
        world.refused("the state alone", &event(&query)?, &STATE).await?;
    }
    let rows = format!("{:?}", world.rows("t_oauth_state").await?);
    let (nonce, _) = state.split_once('.').unwrap();
    for (what, secret) in [("code", &*code), ("ticket", &ticket), ("state", nonce)] {
        assert!(!rows.contains(secret), "the {what} is in the table");
    }
    Ok(())
}

#[tokio::test]
async fn return_of_a_double_click_is_carried_out_once_and_told_twice() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    for page in [None, Some(PAGE)] {
        let mut browser = Browser::default();
        let link = browser.link(&world, USER, page).await?;
        let back = browser.consents(&world, &link, "shop", &Decision::APPROVE)?;
        let tried = exchanges(&world);
        // The first is held where it uses the code; the second has seen that it is under way, and looks again afterwards.
        let proxies = [Proxy::start(&world).await?, Proxy::start(&world).await?];
        let base = async |proxy: &Proxy| world.context("douyin-auth-callback", &proxy.endpoints()).await;
        let bases = [base(&proxies[0]).await?, base(&proxies[1]).await?];
        let gates = [proxies[0].hold("oauth/access_token", 1), proxies[1].hold("GetItem t_oauth_state", 2)];
        let first = async {
            let answer = Box::pin(call(&bases[0], &back)).await?;
            gates[1].open();
            anyhow::Ok(answer)
        };
        let second = async {
            gates[0].reached().await;
            let opened = async {
                gates[1].reached().await;
                gates[0].open();
                anyhow::Ok(())
            };
            let (answer, ()) = futures::try_join!(Box::pin(call(&bases[1], &back)), opened)?;
            anyhow::Ok(answer)
        };
        let (first, second) = futures::try_join!(first, second)?;
        assert!(matches!(first.status, 200 | 302), "{first:?}");
        assert_eq!(told(&second), told(&first));
        assert_eq!(exchanges(&world), tried + 1);
    }
    assert_eq!(accounts(&world, USER).await?, [shop]);
    Ok(())
}

/// Whatever the first one has done, the second one tries no code again, and a new link works.
#[tokio::test]
async fn return_whose_first_process_died_at_any_step_is_told_the_outcome_or_to_start_over() -> Result<()> {
    let scene = async || {
        let world = World::start().await?;
        let shop = world.douyin_account("shop", 0);
        let back = world.consent(USER, "shop", &Decision::APPROVE).await?;
        anyhow::Ok((world, shop, back))
    };
    let (world, _, back) = scene().await?;
    let proxy = Proxy::start(&world).await?;
    let base = world.context("douyin-auth-callback", &proxy.endpoints()).await?;
    assert_eq!(Box::pin(call(&base, &back)).await?.status, 200);
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let (world, shop, back) = scene().await?;
            let proxy = Proxy::start(&world).await?;
            let base = world.context("douyin-auth-callback", &proxy.endpoints()).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = Box::pin(call(&base, &back)) => bail!("{step}: answered {answer:?}"),
            }
            let tried = exchanges(&world);
            let again = world.call(&back).await?;
            match again.status {
                200 => assert_eq!(accounts(&world, USER).await?, std::slice::from_ref(&shop), "{step} {when:?}"),
                _ => STATE.check(&format!("{step} {when:?}"), &again),
            }
            assert!(exchanges(&world) <= tried.max(1), "{step} {when:?}: a code was tried twice");
            assert_eq!(world.authorize(USER, "shop").await?, shop, "{step} {when:?}");
        }
    }
    Ok(())
}
