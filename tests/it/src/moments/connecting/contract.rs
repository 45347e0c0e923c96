//! Row 14: connecting accounts and letting them go.

use anyhow::Result;
use sandbox::gewe::DeviceSpec;
use sandbox::wecom::{CorpSpec, MemberSpec};
use serde_json::{Value, json};

use crate::contract::assert_enveloped;
use crate::moments::contract::{USER, with, world};
use crate::{Answer, Event, World};

async fn connect(world: &World, body: &Value) -> Result<Answer> {
    world.call_as(USER, Event::sample("wechat-account-connect")?.json(body)).await
}

async fn listed(world: &World) -> Result<Value> {
    Ok(world.call_as(USER, Event::sample("wechat-accounts")?).await?.data().clone())
}

fn sorted(mut accounts: Value) -> Value {
    accounts.as_array_mut().unwrap().sort_by_key(|account| account["accountId"].to_string());
    accounts
}

#[tokio::test]
async fn connecting_a_company_connects_all_or_some_of_its_members() -> Result<()> {
    let world = world().await?;
    let members = ["lily", "rose"].map(|id| MemberSpec::new(id, format!("成员{id}"))).to_vec();
    let corp = world.sandbox.wecom().add_corp(CorpSpec { members, ..CorpSpec::new("花店") });
    let body = json!({
        "accountType": "WEWORK", "corpId": corp.corp_id, "agentId": corp.agent_id(), "secret": corp.secret(),
    });
    let some = connect(&world, &with(body.clone(), json!({"memberIds": ["lily"]}))).await?;
    let lily = json!({
        "accountId": some.data()["accounts"][0]["accountId"], "accountName": "成员lily", "accountType": "WEWORK",
        "status": "ACTIVE",
    });
    assert_enveloped(&some, 200, &json!({"accounts": [lily]}));
    assert_eq!(listed(&world).await?, json!([lily]));

    // Connecting anew is no second account: what was there stays itself.
    let all = connect(&world, &body).await?;
    let accounts = sorted(all.data()["accounts"].clone());
    assert_eq!(all.status, 200, "{all:?}");
    assert_eq!(accounts.as_array().unwrap().len(), 2);
    assert!(accounts.as_array().unwrap().contains(&lily), "{accounts}");
    assert_eq!(sorted(listed(&world).await?), accounts);
    assert_eq!(connect(&world, &body).await?.status, 200);
    assert_eq!(sorted(listed(&world).await?), accounts);
    // Nor is it one by another app: the members would post everything twice.
    let by_another_app = connect(&world, &with(body.clone(), json!({"agentId": 7}))).await?;
    assert_eq!(sorted(by_another_app.data()["accounts"].clone()), accounts);
    assert_eq!(sorted(listed(&world).await?), accounts);
    // Nor in another case of letters, in which WeCom takes members too.
    let shouted = connect(&world, &with(body.clone(), json!({"memberIds": ["LILY"]}))).await?;
    assert_eq!((shouted.status, &shouted.data()["accounts"]), (200, &json!([lily])), "{shouted:?}");
    let twice = connect(&world, &with(body, json!({"memberIds": ["lily", "LILY"]}))).await?;
    assert_eq!((twice.status, &twice.body["error"]["fields"][0]["path"]), (400, &json!("memberIds[1]")), "{twice:?}");
    assert!(!world.rows("t_wechat_corp").await?[0].values().any(|value| value.contains(corp.secret())));
    Ok(())
}

#[tokio::test]
async fn connecting_a_device_needs_acceptance_of_the_risk() -> Result<()> {
    let world = world().await?;
    let device = world.sandbox.gewe().add_device(DeviceSpec::new("phone"));
    let token = world.sandbox.gewe().token();
    let body = json!({"accountType": "PERSONAL", "appId": device.app_id, "gatewayToken": token, "acceptRisk": true});
    let notice = "个人号通过第三方网关发布朋友圈，并非微信官方能力，账号存在被限制或封禁的风险。";
    let nickname = device.nickname.as_str();
    let mut id = Value::Null;
    for (given, name) in [
        (json!({}), nickname),
        (json!({"accountName": "店长的手机"}), "店长的手机"),
        (json!({"accountName": "名".repeat(64)}), &"名".repeat(64)),
        // Whoever connects it again, perhaps because it was offline, keeps the name they gave it.
        (json!({"accountName": null}), &"名".repeat(64)),
        (json!({"accountName": " "}), &"名".repeat(64)),
    ] {
        let answer = connect(&world, &with(body.clone(), given)).await?;
        let account_id = answer.data()["accounts"][0]["accountId"].clone();
        let account = json!({
            "accountId": account_id, "accountName": name, "accountType": "PERSONAL", "status": "ACTIVE",
        });
        assert_enveloped(&answer, 200, &json!({"accounts": [account], "riskNotice": notice}));
        assert_eq!(listed(&world).await?, json!([account]));
        assert!(id.is_null() || id == account_id, "the same account whenever it is connected");
        id = account_id;
    }
    for row in world.rows("t_wechat_account").await? {
        let clear = row.values().any(|value| value.contains(&token) || value.contains(&device.app_id));
        assert!(!clear, "what proves the device is stored encrypted");
    }

    let disconnect = Event::sample("wechat-account-disconnect")?.path("accountId", id.as_str().unwrap());
    assert_enveloped(&world.call_as(USER, disconnect).await?, 200, &json!({ "accountId": id }));
    assert_eq!(listed(&world).await?, json!([]));
    assert!(world.rows("t_wechat_account").await?.is_empty(), "nothing of its secrets is left");
    // Free for anybody who can prove to have it.
    let theirs = Event::sample("wechat-account-connect")?.json(&body);
    assert_eq!(world.call_as(USER + 1, theirs).await?.status, 200);
    Ok(())
}
