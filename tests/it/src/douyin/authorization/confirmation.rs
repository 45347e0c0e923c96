//! Where the cookie cannot travel, the signed-in user confirms: once, within ten minutes, nobody else.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;

use super::{PAGE, accounts, opens, parked, unchallenged};
use crate::browser::ticket_of;
use crate::call::call;
use crate::proxy::{Fault, Proxy, When};
use crate::snapshot::ExpectedError;
use crate::{Browser, Event, World};

const USER: u64 = 1001;
const OTHER: u64 = 2002;
const GONE: ExpectedError<'_> = ExpectedError::new(410, "DOUYIN_AUTH_ERROR").saying("授权确认已失效");

#[tokio::test]
async fn ticket_that_is_confirmed_answers_like_the_callback_and_is_valid_once() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    let link = Browser::default().link(&world, USER, Some(&format!("{PAGE}#top"))).await?;
    let back = Browser::default().consents(&world, &link, "shop", &sandbox::douyin::Decision::APPROVE)?;
    let answer = world.call(&back).await?;
    let ticket = ticket_of(&answer).unwrap();
    assert_eq!((answer.status, ticket.len()), (302, 43), "256 bits, base64url");
    assert_eq!(answer.headers["location"], format!("{PAGE}#status=confirm&ticket={ticket}"));
    assert_eq!(answer.headers["cache-control"], "no-store");

    let rows = parked(&world).await?;
    assert!(opens(&world, &rows[0], "t_oauth_state", USER).await);
    assert!(!opens(&world, &rows[0], "t_douyin_auth", USER).await, "it cannot be copied into the accounts' table");
    assert!(!format!("{rows:?}").contains(&ticket), "the ticket itself is in the table");
    let as_state = Event::sample("douyin-auth-callback")?.query(&[("code", "x"), ("state", &ticket)]);
    world.refused("the ticket as a state", &as_state, &ExpectedError::new(400, "DOUYIN_AUTH_ERROR")).await?;

    let answer = world.confirm(USER, &ticket).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["message"], "授权成功");
    assert_eq!(answer.data(), &json!({"message": "授权成功", "userId": USER, "douyinUserId": shop}));
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(accounts(&world, USER).await?, [shop]);
    assert_eq!(parked(&world).await?.len(), 0);
    let row = world.rows("t_douyin_auth").await?.remove(0);
    assert!(opens(&world, &row, "t_douyin_auth", USER).await && !row["nickname"].is_empty());
    GONE.check("again", &world.confirm(USER, &ticket).await?);
    Ok(())
}

#[tokio::test]
async fn ticket_is_valid_for_ten_minutes() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
    world.advance(Duration::from_secs(599));
    assert_eq!(world.confirm(USER, &ticket).await?.status, 200);
    let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
    world.advance(Duration::from_secs(600));
    // Whoever asks: an expired ticket says nothing about whose it was.
    GONE.check("after ten minutes", &world.confirm(OTHER, &ticket).await?);
    assert_eq!(parked(&world).await?.len(), 0, "the expired grant is destroyed");
    GONE.check("again", &world.confirm(USER, &ticket).await?);
    Ok(())
}

#[tokio::test]
async fn ticket_of_another_user_is_refused_and_then_gone_for_everybody() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
    assert_eq!(world.confirm(OTHER, &ticket).await?.status, 403);
    for user in [OTHER, USER] {
        GONE.check("afterwards", &world.confirm(user, &ticket).await?);
    }
    assert_eq!(world.rows("t_douyin_auth").await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn ticket_for_another_users_working_account_is_refused_and_spent() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    world.authorize(OTHER, "shop").await?;
    let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
    let before = unchallenged(world.rows("t_douyin_auth").await?);
    let refused = ExpectedError::new(400, "DOUYIN_AUTH_ERROR").saying("该抖音账号已绑定其他存客宝用户");
    refused.check("bound elsewhere", &world.confirm(USER, &ticket).await?);
    GONE.check("again", &world.confirm(USER, &ticket).await?);
    assert!(unchallenged(world.rows("t_douyin_auth").await?) == before && parked(&world).await?.is_empty());
    assert_eq!(accounts(&world, OTHER).await?, [shop]);
    Ok(())
}

#[tokio::test]
async fn ticket_confirmed_by_many_at_once_is_confirmed_once() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
    let answers = futures::future::try_join_all((0..5).map(|_| world.confirm(USER, &ticket))).await?;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410, 410, 410, 410]);
    Ok(())
}

/// The grant leaves its place with the account being stored: afterwards the ticket still works, or the account is there.
#[tokio::test]
async fn confirmation_killed_at_any_step_has_bound_the_account_or_can_be_repeated() -> Result<()> {
    let scene = async || {
        let world = World::start().await?;
        let shop = world.douyin_account("shop", 3);
        let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
        let event = Event::sample("douyin-auth-confirm")?.json(&json!({ "ticket": ticket }));
        let event = event.bearer(&world.token(USER, &["*"])?);
        anyhow::Ok((world, shop, ticket, event))
    };
    let (world, _, _, event) = scene().await?;
    let proxy = Proxy::start(&world).await?;
    let base = world.context("douyin-auth-confirm", &proxy.endpoints()).await?;
    assert_eq!(Box::pin(call(&base, &event)).await?.status, 200);
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let (world, shop, ticket, event) = scene().await?;
            let proxy = Proxy::start(&world).await?;
            let base = world.context("douyin-auth-confirm", &proxy.endpoints()).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = Box::pin(call(&base, &event)) => bail!("{step}: answered {answer:?}"),
            }
            let bound = accounts(&world, USER).await? == [shop.clone()];
            assert_eq!(bound, parked(&world).await?.is_empty(), "{step} {when:?}: half of it was done");
            let tasks = world.rows("t_douyin_sync_task").await?.len();
            assert_eq!(tasks, usize::from(bound), "{step} {when:?}: half of it was done");
            let again = world.confirm(USER, &ticket).await?.status;
            assert_eq!(again, if bound { 410 } else { 200 }, "{step} {when:?}");
            assert_eq!(accounts(&world, USER).await?, [shop], "{step} {when:?}");
            // Whatever became of the message, the sync that was written comes to run.
            world.advance(Duration::from_secs(31));
            world.sweep().await?;
            world.drain().await?;
            assert_eq!(world.leads(USER, &[]).await?.data()["total"], 3, "{step} {when:?}");
        }
    }
    Ok(())
}
