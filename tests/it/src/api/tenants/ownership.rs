//! What is whose: lists, lead ids, and accounts that change hands.

use std::collections::BTreeSet;

use anyhow::Result;
use sandbox::douyin::Decision;
use serde_json::json;

use super::{INTRUDER, OWNER, two_tenants};
use crate::snapshot::ExpectedError;
use crate::{Event, World};

#[tokio::test]
async fn tenant_lists_have_own_objects_only() -> Result<()> {
    let world = World::start().await?;
    two_tenants(&world).await?;
    for (user, account) in [(OWNER, "theirs"), (INTRUDER, "mine")] {
        let fans = world.sandbox.douyin().fans(account).unwrap();
        let own: BTreeSet<&str> = fans.iter().map(|fan| &*fan.open_id).collect();
        for query in
            [&[("size", "100")][..], &[("size", "100"), ("status", "NEW")], &[("size", "100"), ("keyword", "")]]
        {
            let page = world.leads(user, query).await?;
            for record in page.data()["records"].as_array().unwrap() {
                assert!(own.contains(record["douyinUserId"].as_str().unwrap()), "{user} {query:?}: {record}");
            }
        }
        assert_eq!(world.leads(user, &[]).await?.data()["total"], fans.len());
        let accounts = world.call_as(user, Event::sample("douyin-accounts")?).await?;
        let ids: Vec<&str> =
            accounts.data().as_array().unwrap().iter().map(|one| one["douyinUserId"].as_str().unwrap()).collect();
        assert_eq!(ids, [world.sandbox.douyin().open_id(account).unwrap()]);
    }
    // Lead ids are counted per tenant: the same number is another lead for each.
    let first = Event::sample("douyin-lead")?.path("leadId", "1");
    let (theirs, mine) = (world.call_as(OWNER, first.clone()).await?, world.call_as(INTRUDER, first).await?);
    let (theirs, mine) = (theirs.data(), mine.data());
    assert_eq!((&theirs["leadId"], &mine["leadId"]), (&json!(1), &json!(1)));
    assert_ne!(theirs["douyinUserId"], mine["douyinUserId"]);
    world.drain().await?;
    world.expect_empty_queues().await
}

/// Whoever holds the phone can consent for an account; that does not take it, its tokens or its leads from its user.
#[tokio::test]
async fn tenant_of_an_active_account_stays_the_first() -> Result<()> {
    let world = World::start().await?;
    let ids = two_tenants(&world).await?;
    let callback = world.consent(INTRUDER, "theirs", &Decision::APPROVE).await?;
    let before = world.snapshot().await?;
    let answer = world.call(&callback).await?;
    assert_eq!((answer.status, answer.error_type()), (400, "DOUYIN_AUTH_ERROR"), "{answer:?}");
    assert_eq!(answer.body["message"], "该抖音账号已绑定其他存客宝用户");
    let after = world.snapshot().await?;
    assert_eq!(after.rows("t_oauth_state").len(), before.rows("t_oauth_state").len(), "nothing is parked");
    // All but the note that its tokens are to be tried.
    let noted = |name: &str| name == "challenged_at" || name == "refresh_due";
    let rest = |snapshot: &crate::snapshot::Snapshot| {
        let mut rows = snapshot.rows("t_douyin_auth").to_vec();
        rows.iter_mut().for_each(|row| row.retain(|name, _| !noted(name)));
        rows
    };
    assert!(rest(&after) == rest(&before), "the account was touched");

    // Once its user lets it go it is free; the leads made of it stay where they are.
    world.drain().await?;
    let delete = Event::sample("douyin-account-delete")?.path("douyinUserId", &ids.account[0]);
    assert_eq!(world.call_as(OWNER, delete).await?.status, 200);
    assert_eq!(world.authorize(INTRUDER, "theirs").await?, ids.account[0]);
    assert_eq!(world.sync(INTRUDER, &ids.account[0], "INCREMENTAL").await?["created"], 40);
    let edited = world.call_as(INTRUDER, Event::sample("douyin-leads")?.query(&[("status", "CONTACTED")])).await?;
    assert_eq!(edited.data()["total"], 0, "the same fans are new leads of their new user: {edited:?}");
    assert_eq!(world.leads(OWNER, &[("status", "CONTACTED")]).await?.data()["total"], 1);
    assert_eq!(world.leads(OWNER, &[]).await?.data()["total"], 40);
    world.expect_empty_queues().await
}

/// A device or a company app that somebody has connected is connected by nobody else, whatever they can prove.
#[tokio::test]
async fn tenant_of_a_connected_device_or_company_stays_the_first() -> Result<()> {
    let world = World::start().await?;
    world.connect_device(OWNER, "phone").await?;
    world.connect_corp(OWNER, "花店", &["lily"]).await?;
    let device = world.sandbox.gewe().devices().into_iter().find(|device| device.name == "phone").unwrap();
    let corp = world.sandbox.wecom().corp("花店").unwrap();
    let before = world.snapshot().await?;
    for body in [
        json!({
            "accountType": "PERSONAL", "appId": device.app_id, "gatewayToken": world.sandbox.gewe().token(),
            "acceptRisk": true,
        }),
        json!({
            "accountType": "WEWORK", "corpId": corp.corp_id, "agentId": corp.apps[0].agent_id,
            "secret": corp.secret(),
        }),
    ] {
        let event = Event::sample("wechat-account-connect")?.json(&body);
        let answer = world.call_as(INTRUDER, event).await?;
        ExpectedError::new(409, "CONFLICT").check(body["accountType"].as_str().unwrap(), &answer);
        world.snapshot().await?.assert_unchanged_since(&before, "connecting what is connected");
    }
    Ok(())
}
