//! Row 9: the accounts one may publish with, each with exactly the owner's four fields.

use std::time::Duration;

use anyhow::Result;
use sandbox::fault::Effect;
use sandbox::gewe::{DeviceSpec, DeviceState, GeweEndpoint, GeweFault};
use sandbox::wecom::{CorpSpec, MemberSpec};
use serde_json::{Value, json};

use crate::contract::assert_enveloped;
use crate::moments::contract::{USER, check_health, post, with, world};
use crate::{Event, World};

async fn assert_listed(world: &World, expected: &Value) -> Result<()> {
    let answer = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    assert_enveloped(&answer, 200, expected);
    Ok(())
}

#[tokio::test]
async fn wechat_account_list_has_both_kinds_in_every_status() -> Result<()> {
    let world = world().await?;
    assert_listed(&world, &json!([])).await?;
    let members = world.connect_corp(USER, "花店", &["lily"]).await?;
    let mut expected =
        vec![json!({"accountId": members[0], "accountName": "成员lily", "accountType": "WEWORK", "status": "ACTIVE"})];
    for name in ["one", "two"] {
        // The list is in the order of connecting.
        world.advance(Duration::from_secs(1));
        let spec = DeviceSpec { nickname: Some(format!("昵称{name}")), ..DeviceSpec::new(name) };
        let nickname = world.sandbox.gewe().add_device(spec).nickname;
        let id = world.connect_device(USER, name).await?;
        let device = json!({"accountId": id, "accountName": nickname, "accountType": "PERSONAL", "status": "ACTIVE"});
        expected.push(device);
    }
    world.connect_device(USER + 1, "theirs").await?;
    assert_listed(&world, &json!(expected)).await?;

    // Off the line is what several looks agree on; a token the gateway does not take is proof at once.
    let words = "X-GEWE-TOKEN=… 不可用或已过期".to_owned();
    let refusal = Effect::Code { code: 500, message: Some(words) };
    world.sandbox.gewe().set_state("one", DeviceState::Offline);
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::CheckOnline, refusal).for_account("two"));
    world.advance(Duration::from_secs(700));
    check_health(&world).await?;
    expected[2]["status"] = "EXPIRED".into();
    assert_listed(&world, &json!(expected)).await?;
    for _ in 0..2 {
        world.advance(Duration::from_secs(100));
        check_health(&world).await?;
    }
    expected[1]["status"] = "OFFLINE".into();
    assert_listed(&world, &json!(expected)).await?;

    // And back again.
    world.sandbox.gewe().set_state("one", DeviceState::Online);
    world.advance(Duration::from_secs(700));
    check_health(&world).await?;
    (expected[1]["status"], expected[2]["status"]) = ("ACTIVE".into(), "ACTIVE".into());
    assert_listed(&world, &json!(expected)).await
}

#[tokio::test]
async fn wechat_account_list_shows_a_company_with_a_changed_secret_as_expired() -> Result<()> {
    let world = world().await?;
    let members = vec![MemberSpec::new("lily", "莉莉")];
    let corp = world.sandbox.wecom().add_corp(CorpSpec { members, ..CorpSpec::new("花店") });
    let body = json!({
        "accountType": "WEWORK", "corpId": corp.corp_id, "agentId": corp.agent_id(), "secret": corp.secret(),
    });
    let connect = Event::sample("wechat-account-connect")?;
    let connected = world.call_as(USER, connect.clone().json(&body)).await?;
    let account = connected.data()["accounts"][0].clone();
    assert_listed(&world, &json!([account])).await?;

    let changed = "a-secret-that-was-made-anew";
    world.sandbox.wecom().change_app("花店", |app| app.secret = Some(changed.to_owned()));
    world.sandbox.wecom().void_tokens("花店");
    let task = post(&world, &json!({"text": "新花到店", "accountIds": [account["accountId"]]})).await?;
    let ended = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(ended["status"], "FAILED", "{ended}");
    assert_listed(&world, &json!([with(account.clone(), json!({"status": "EXPIRED"}))])).await?;

    let anew = connect.json(&with(body, json!({ "secret": changed })));
    assert_eq!(world.call_as(USER, anew).await?.status, 200);
    assert_listed(&world, &json!([account])).await
}
