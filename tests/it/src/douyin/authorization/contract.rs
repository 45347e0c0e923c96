//! Rows 1 and 2: the link to the consent page, and the way back from it.

use std::collections::BTreeMap;

use anyhow::Result;
use sandbox::douyin::{AccountSpec, Decision, Effect, Endpoint, Fault};
use serde_json::json;
use url::Url;

use crate::contract::shape::shape;
use crate::contract::{USER, assert_enveloped};
use crate::{Answer, Browser, Event, World};

#[tokio::test]
async fn authorization_link_is_the_consent_page_with_the_documented_parameters() -> Result<()> {
    let world = World::start().await?;
    let answer = world.call_as(USER, Event::sample("douyin-auth-url")?.query(&[])).await?;
    let url = answer.data()["authUrl"].as_str().unwrap().to_owned();
    assert_enveloped(&answer, 200, &json!({ "authUrl": url }));
    assert_eq!(shape(&answer.body), json!({"code": "integer", "message": "text", "data": {"authUrl": "text"}}));

    let page = format!("{}/platform/oauth/connect/", world.sandbox.douyin().base_url());
    assert_eq!(url.split_once('?').map(|(page, _)| page), Some(&*page));
    let url: Url = url.parse()?;
    let mut parameters: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert!(parameters.remove("state").is_some_and(|state| state.len() >= 80), "256 random bits and their MAC");
    let expected = [
        ("client_key", world.sandbox.douyin().client_key()),
        ("redirect_uri", "http://127.0.0.1:9000/api/v1/lead/douyin/auth/callback"),
        ("response_type", "code"),
        ("scope", "user_info,fans.list"),
    ];
    assert_eq!(parameters, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert!(world.sandbox.journal().violations().is_empty());
    Ok(())
}

#[tokio::test]
async fn callback_without_redirect_answers_the_account_and_its_scopes() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    let answer = world.call(&world.consent(USER, "shop", &Decision::APPROVE).await?).await?;
    assert_enveloped(&answer, 200, &json!({"message": "授权成功", "userId": USER, "douyinUserId": shop}));
    assert!(answer.body["data"]["userId"].is_u64(), "the user id is a number: {answer:?}");
    Ok(())
}

/// Where the browser is sent after this decision, when the user asked to come back to `page`.
async fn sent_back(world: &World, page: &str, account: &str, decision: &Decision) -> Result<Answer> {
    let mut browser = Browser::default();
    let link = browser.link(world, USER, Some(page)).await?;
    world.call(&browser.consents(world, &link, account, decision)?).await
}

#[tokio::test]
async fn callback_with_redirect_returns_the_browser_with_the_outcome() -> Result<()> {
    let world = World::start().await?;
    // The ids with characters that mean something in a URL are the ones that break.
    let shop = world.sandbox.douyin().add_account(AccountSpec { awkward_id: true, ..AccountSpec::new("shop", 0) });
    world.douyin_account("rival", 0);
    world.authorize(2002, "rival").await?;
    let page = "http://127.0.0.1:9000/lead/douyin?tab=1#top";
    let id: String = url::form_urlencoded::byte_serialize(shop.as_bytes()).collect();
    let failing = |effect| Some(Fault::new(Endpoint::AccessToken, effect));
    for (what, account, decision, fault, outcome) in [
        ("consent", "shop", Decision::APPROVE, None, format!("status=success&douyinUserId={id}")),
        ("refusal", "shop", Decision::DENY, None, "status=error&error=access_denied".into()),
        (
            "another user's account",
            "rival",
            Decision::APPROVE,
            None,
            "status=error&error=account_bound_to_another_user".into(),
        ),
        (
            "a code Douyin refuses",
            "shop",
            Decision::APPROVE,
            failing(Effect::Code { code: 10_007 }),
            "status=error&error=authorization_failed".into(),
        ),
        (
            "Douyin down",
            "shop",
            Decision::APPROVE,
            failing(Effect::Http { status: 502 }),
            "status=error&error=platform_unavailable".into(),
        ),
    ] {
        let _armed = fault.map(|fault| world.sandbox.douyin().arm(fault));
        let answer = sent_back(&world, page, account, &decision).await?;
        assert_eq!(answer.status, 302, "{what}: {answer:?}");
        let location = format!("http://127.0.0.1:9000/lead/douyin?tab=1&{outcome}#top");
        assert_eq!(answer.headers["location"], location, "{what}");
        assert_eq!((&answer.headers["cache-control"], &answer.body), (&"no-store".to_owned(), &json!(null)), "{what}");
    }
    Ok(())
}
