//! What the user is told on the way back: by the page, by its address, and in what order things are done.

use anyhow::{Context, Result};
use sandbox::douyin::{Decision, Effect, Endpoint, Fault};
use serde_json::json;

use super::{PAGE, accounts};
use crate::browser::ticket_of;
use crate::call::call;
use crate::proxy::Proxy;
use crate::{Browser, Event, World};

const USER: u64 = 1001;

fn unticked(scope: &str) -> Decision {
    Decision { approve: true, untick: vec![scope.to_owned()] }
}

#[tokio::test]
async fn scope_that_was_not_granted_is_told_by_the_callback_the_confirmation_and_the_account_list() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 1);
    let missing = json!(["fans.list"]);
    let listed = async || -> Result<_> {
        Ok(world.call_as(USER, Event::sample("douyin-accounts")?).await?.data()[0]["missingScopes"].clone())
    };
    let answer = world.call(&world.consent(USER, "shop", &unticked("fans.list")).await?).await?;
    assert_eq!((answer.status, &answer.data()["missingScopes"], listed().await?), (200, &missing, missing.clone()));

    let mut browser = Browser::default();
    let link = browser.link(&world, USER, Some(PAGE)).await?;
    let answer = world.call(&browser.consents(&world, &link, "shop", &unticked("fans.list"))?).await?;
    assert!(answer.headers["location"].ends_with("&missingScopes=fans.list"), "{answer:?}");

    let link = Browser::default().link(&world, USER, Some(PAGE)).await?;
    let answer = world.call(&Browser::default().consents(&world, &link, "shop", &unticked("user_info"))?).await?;
    let ticket = ticket_of(&answer).context("no ticket")?;
    let answer = world.confirm(USER, &ticket).await?;
    assert_eq!((&answer.data()["missingScopes"], listed().await?), (&json!(["user_info"]), json!(["user_info"])));

    // Granted with the next consent.
    world.authorize(USER, "shop").await?;
    assert_eq!(listed().await?, json!([]));
    Ok(())
}

/// The code is spent with the exchange, so nothing comes between it and the account.
#[tokio::test]
async fn tokens_are_stored_before_the_profile_is_read() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 1);
    let callback = world.consent(USER, "shop", &Decision::APPROVE).await?;
    let proxy = Proxy::start(&world).await?;
    let base = world.context("douyin-auth-callback", &proxy.endpoints()).await?;
    assert_eq!(Box::pin(call(&base, &callback)).await?.status, 200);
    let steps: Vec<String> = proxy.steps().into_iter().map(|step| step.name).collect();
    let place = |name: &str| steps.iter().position(|step| step == name);
    let profile = place("oauth/userinfo").context("the profile was not read")?;
    let stored = steps.iter().rposition(|step| step.starts_with("TransactWriteItems")).context("nothing stored")?;
    assert!(place("oauth/access_token") < Some(stored) && stored < profile, "{steps:?}");
    let row = world.rows("t_douyin_auth").await?.remove(0);
    assert!(!row["nickname"].is_empty() && !row["avatar_url"].is_empty());

    // Authorised anew while the profile cannot be had: it keeps the one it has.
    world.sandbox.douyin().arm(Fault::new(Endpoint::UserInfo, Effect::Http { status: 502 }));
    world.authorize(USER, "shop").await?;
    assert_eq!(world.rows("t_douyin_auth").await?.remove(0)["nickname"], row["nickname"]);

    let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
    let parked = super::parked(&world).await?.remove(0);
    assert_eq!(parked["nickname"], row["nickname"], "a parked grant gets its profile as well");
    assert_eq!(world.confirm(USER, &ticket).await?.status, 200);
    assert_eq!(accounts(&world, USER).await?, [shop]);
    Ok(())
}
