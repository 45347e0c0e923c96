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

#[tokio::test]
async fn error_of_douyins_page_is_told_as_what_it_is() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 1);
    for (error, status, code, said, told) in [
        (None, 400, "DOUYIN_AUTH_ERROR", "取消了授权", "access_denied"),
        (Some("access_denied"), 400, "DOUYIN_AUTH_ERROR", "取消了授权", "access_denied"),
        (Some("server_error"), 500, "DOUYIN_API_ERROR", "抖音服务暂时不可用", "platform_unavailable"),
        (Some("temporarily_unavailable"), 500, "DOUYIN_API_ERROR", "抖音服务暂时不可用", "platform_unavailable"),
        (Some("invalid_scope"), 500, "DOUYIN_API_ERROR", "应用配置或能力不可用", "app_refused"),
        (Some("<script>"), 500, "DOUYIN_API_ERROR", "未知错误", "platform_error"),
    ] {
        for page in [None, Some(PAGE)] {
            let mut browser = Browser::default();
            let link = browser.link(&world, USER, page).await?;
            let back = world.sandbox.douyin().consent(&link, "shop", &Decision::DENY)?;
            let state = back.query_pairs().find(|(name, _)| name == "state").context("no state")?.1.into_owned();
            let query: Vec<(&str, &str)> = error.map(|error| ("error", error)).into_iter().collect();
            let query = [query, vec![("state", &*state)]].concat();
            let answer = world.call(&browser.sends(Event::sample("douyin-auth-callback")?.query(&query))).await?;
            if page.is_some() {
                assert_eq!(answer.headers["location"], format!("{PAGE}&status=error&error={told}"), "{error:?}");
            } else {
                assert_eq!((answer.status, answer.error_type()), (status, code), "{error:?}: {answer:?}");
                let message = answer.body["message"].as_str().context("no message")?;
                assert!(message.contains(said), "{error:?}: {message}");
            }
        }
    }
    Ok(())
}

/// A page that passes its whole address on brings along what it was told last time, or what somebody wrote there.
#[tokio::test]
async fn what_the_page_is_told_replaces_what_its_address_said_before() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 1);
    let told = "status=error&error=access_denied&missingScopes=x&%73tatus=success&douyinUserId=y";
    let page = format!("http://127.0.0.1:9000/lead/douyin?{told}&tab=%E4%B8%80+1&x#top");
    let clean = "http://127.0.0.1:9000/lead/douyin?tab=%E4%B8%80+1&x";
    let answer = Browser::default().authorizes(&world, USER, "shop", Some(&page)).await?;
    let id: String = url::form_urlencoded::byte_serialize(shop.as_bytes()).collect();
    assert_eq!(answer.headers["location"], format!("{clean}&status=success&douyinUserId={id}#top"));

    let link = Browser::default().link(&world, USER, Some(&page)).await?;
    let answer = world.call(&Browser::default().consents(&world, &link, "shop", &Decision::APPROVE)?).await?;
    let ticket = ticket_of(&answer).context("no ticket")?;
    assert_eq!(answer.headers["location"], format!("{clean}#status=confirm&ticket={ticket}"));
    Ok(())
}

#[tokio::test]
async fn prefetched_return_consumes_nothing() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 1);
    let callback = world.consent(USER, "shop", &Decision::APPROVE).await?;
    let before = world.snapshot().await?;
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
    ] {
        let answer = world.call(&callback.clone().header(name, value)).await?;
        assert_eq!((answer.status, answer.error_type()), (400, "INVALID_REQUEST"), "{name}: {value}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    assert_eq!(world.call(&callback.clone().method("HEAD")).await?.status, 400);
    world.snapshot().await?.assert_unchanged_since(&before, "prefetches");
    assert_eq!(world.sandbox.journal().of("oauth/access_token").len(), 0, "no code was tried");
    assert_eq!(world.call(&callback).await?.status, 200);
    assert_eq!(accounts(&world, USER).await?, [shop]);
    Ok(())
}
