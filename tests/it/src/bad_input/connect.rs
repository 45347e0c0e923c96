//! Accounts that cannot be connected as asked: every mistake is named by its field, before a provider is asked.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::USER;
use crate::{Answer, Event, World};

/// Which fields an answer blames.
fn blamed(answer: &Answer) -> Vec<&str> {
    let fields = answer.body["error"]["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    fields.iter().filter_map(|field| field["path"].as_str()).collect()
}

fn changed(body: &Value, field: &str, value: &Value) -> Value {
    let mut body = body.clone();
    body[field] = value.clone();
    body
}

#[tokio::test]
async fn a_mistake_in_a_connection_is_named_and_no_provider_is_asked() -> Result<()> {
    let world = World::start().await?;
    let company = json!({"accountType": "WEWORK", "corpId": "ww1", "agentId": 1, "secret": "s", "memberIds": ["a"]});
    let phone = json!({"accountType": "PERSONAL", "appId": "wx_1", "gatewayToken": "t", "acceptRisk": true});
    let before = world.snapshot().await?;
    for (body, field, value, path) in [
        (&company, "accountType", json!("QQ"), "accountType"),
        (&company, "accountType", json!(5), "accountType"),
        (&company, "agentId", json!("1"), "agentId"),
        (&company, "memberIds", json!("a"), "memberIds"),
        (&company, "memberIds", json!(["a", 5]), "memberIds[1]"),
        (&company, "memberIds", json!([]), "memberIds"),
        (&company, "memberIds", json!(["a", "b", "a"]), "memberIds[2]"),
        (&company, "memberIds", json!(["a", ""]), "memberIds[1]"),
        (&company, "corpId", json!(""), "corpId"),
        (&company, "secret", json!(" s"), "secret"),
        (&company, "appId", json!("wx_1"), "appId"),
        (&phone, "secret", json!("s"), "secret"),
        (&phone, "acceptRisk", json!("yes"), "acceptRisk"),
        (&phone, "acceptRisk", json!(false), "acceptRisk"),
        (&phone, "appId", json!(1), "appId"),
        (&phone, "gatewayToken", json!(""), "gatewayToken"),
        (&phone, "accountName", json!("  "), "accountName"),
        (&phone, "accountName", json!("字".repeat(51)), "accountName"),
    ] {
        let body = changed(body, field, &value);
        let answer = world.call_as(USER, Event::sample("wechat-account-connect")?.json(&body)).await?;
        assert_eq!((answer.status, answer.error_type()), (400, "INVALID_REQUEST"), "{body}: {answer:?}");
        assert_eq!(blamed(&answer), [path], "{body}");
    }
    assert!(world.sandbox.journal().entries().is_empty(), "a provider was asked");
    world.snapshot().await?.assert_unchanged_since(&before, "refused connections");
    Ok(())
}

#[tokio::test]
async fn whoever_connects_a_phone_again_keeps_the_name_they_gave_it() -> Result<()> {
    let world = World::start().await?;
    let device = world.sandbox.gewe().add_device(sandbox::gewe::DeviceSpec::new("phone"));
    let body = json!({
        "accountType": "PERSONAL", "appId": device.app_id, "gatewayToken": world.sandbox.gewe().token(),
        "acceptRisk": true,
    });
    let named = changed(&body, "accountName", &json!("  我的小店 "));
    for (body, name) in [(&body, device.nickname.as_str()), (&named, "我的小店"), (&body, "我的小店")] {
        let answer = world.call_as(USER, Event::sample("wechat-account-connect")?.json(body)).await?;
        let accounts = answer.data()["accounts"].as_array().context("no accounts")?;
        assert_eq!((accounts.len(), &accounts[0]["accountName"]), (1, &json!(name)), "{answer:?}");
    }
    let nobody = changed(&body, "appId", &json!("wx_nobody"));
    let answer = world.call_as(USER, Event::sample("wechat-account-connect")?.json(&nobody)).await?;
    assert_eq!((answer.status, answer.error_type()), (400, "WECHAT_API_ERROR"), "{answer:?}");
    assert_eq!(answer.body["message"], "网关中找不到该设备", "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_refused_and_not_ignored() -> Result<()> {
    let world = World::start().await?;
    let phone = world.connect_device(USER, "phone").await?;
    let order = Event::sample("moment-sync")?.json(&json!({"text": "一次", "accountIds": [phone]}));
    let before = world.snapshot().await?;
    for key in ["订单", "a b", "", &"x".repeat(256)] {
        let answer = world.call_as(USER, order.clone().header("idempotency-key", key)).await?;
        assert_eq!((answer.status, blamed(&answer)), (400, vec!["Idempotency-Key"]), "{key:?}: {answer:?}");
    }
    world.snapshot().await?.assert_unchanged_since(&before, "refused keys");
    Ok(())
}

#[tokio::test]
async fn ids_that_no_account_can_have_are_not_found() -> Result<()> {
    let world = World::start().await?;
    let too_long = "x".repeat(3_000);
    for id in ["", " ", "账号", &too_long] {
        let order = Event::sample("moment-sync")?.without_header("idempotency-key");
        let answer = world.call_as(USER, order.json(&json!({"text": "a", "accountIds": [id]}))).await?;
        assert_eq!((answer.status, answer.error_type()), (404, "WECHAT_ACCOUNT_NOT_FOUND"), "{answer:?}");
        assert_eq!(blamed(&answer), ["accountIds[0]"]);
        if id.trim().is_empty() {
            continue;
        }
        let letting_go = Event::sample("wechat-account-disconnect")?.path("accountId", id);
        let answer = world.call_as(USER, letting_go).await?;
        assert_eq!((answer.status, answer.error_type()), (404, "WECHAT_ACCOUNT_NOT_FOUND"), "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_member_is_one_account_through_whichever_app_and_of_one_user() -> Result<()> {
    let world = World::start().await?;
    let corp = world.sandbox.wecom().add_corp(sandbox::wecom::CorpSpec::new("花店"));
    let connection = |agent_id: u32| -> Result<Event> {
        let body = json!({
            "accountType": "WEWORK", "corpId": corp.corp_id, "agentId": agent_id, "secret": corp.secret(),
            "memberIds": ["lisi"],
        });
        Ok(Event::sample("wechat-account-connect")?.json(&body))
    };
    let first = world.call_as(USER, connection(corp.agent_id())?).await?;
    let mistyped = world.call_as(USER, connection(5)?).await?;
    assert_eq!((first.status, first.data()), (200, mistyped.data()), "{first:?} {mistyped:?}");
    let listed = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    assert_eq!(listed.data().as_array().map(Vec::len), Some(1), "{listed:?}");
    for agent_id in [corp.agent_id(), 5, 6] {
        let answer = world.call_as(USER + 1, connection(agent_id)?).await?;
        assert_eq!((answer.status, answer.error_type()), (409, "CONFLICT"), "{agent_id}: {answer:?}");
    }
    Ok(())
}
