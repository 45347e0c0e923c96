//! Row 15: what the gateway says of itself.

use anyhow::Result;
use sandbox::gewe::DeviceState;
use serde_json::{Value, json};

use crate::contract::assert_enveloped;
use crate::moments::contract::{USER, check_health, world};
use crate::world::GATEWAY_WEBHOOK_SECRET;
use crate::{Event, World};

#[tokio::test]
async fn gateway_webhook_takes_the_address_check_and_offline_notices() -> Result<()> {
    let world = world().await?;
    world.connect_device(USER, "phone").await?;
    let notice = Event::sample("gateway-webhook")?.path("secret", GATEWAY_WEBHOOK_SECRET);
    let statuses = async || {
        let listed = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
        anyhow::Ok(listed.data()[0]["status"].clone())
    };
    let probe = notice.clone().json(&json!({"testMsg": "验证回调地址是否可用"}));
    assert_enveloped(&world.call(&probe).await?, 200, &json!(null));
    assert_eq!(statuses().await?, "ACTIVE");
    let offline = notice.json(&world.sandbox.gewe().offline_message("phone").unwrap());
    // The gateway repeats itself.
    for _ in 0..2 {
        assert_enveloped(&world.call(&offline).await?, 200, &json!(null));
        assert_eq!(statuses().await?, "OFFLINE");
    }
    Ok(())
}

/// Everything a notice may look like, for a device.
fn forms(kind: &str, app_id: &str) -> Vec<Value> {
    vec![
        json!({"TypeName": kind, "Appid": app_id, "Wxid": "wxid_1"}),
        json!({"TypeName": kind, "Appid": app_id, "Wxid": "wxid_1", "Data": {}}),
        json!({"msgType": kind, "appid": app_id, "wxid": "wxid_1"}),
        json!({"msgType": kind, "appId": app_id, "wxid": "wxid_1", "data": null}),
        json!({"appid": app_id, "wxid": "wxid_1", "data": {"msgType": kind, "time": 1}}),
        json!({"data": {"typeName": kind, "appid": app_id}}),
    ]
}

async fn statuses(world: &World) -> Result<Vec<Value>> {
    let listed = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    let mut accounts = listed.data().as_array().cloned().unwrap_or_default();
    accounts.sort_by_key(|account| account["accountName"].to_string());
    Ok(accounts.into_iter().map(|account| account["status"].clone()).collect())
}

async fn connect(world: &World, device: &str) -> Result<()> {
    let seen = world.sandbox.gewe().add_device(sandbox::gewe::DeviceSpec::new(device));
    let body = json!({
        "accountType": "PERSONAL", "appId": seen.app_id, "gatewayToken": world.sandbox.gewe().token(),
        "acceptRisk": true, "accountName": device,
    });
    let answer = world.call_as(USER, Event::sample("wechat-account-connect")?.json(&body)).await?;
    anyhow::ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn gateway_webhook_offline_notice_in_any_form_marks_its_account_and_no_other() -> Result<()> {
    let world = world().await?;
    for device in ["a-phone", "other"] {
        connect(&world, device).await?;
    }
    let app_id = world.sandbox.gewe().device("a-phone").unwrap().app_id;
    let notice = Event::sample("gateway-webhook")?.path("secret", GATEWAY_WEBHOOK_SECRET);
    for kind in ["Offline", "OFFLINE", "offline", "LOGOUT", "Logout"] {
        for form in forms(kind, &app_id) {
            assert_eq!(statuses(&world).await?, ["ACTIVE", "ACTIVE"]);
            assert_enveloped(&world.call(&notice.clone().json(&form)).await?, 200, &json!(null));
            assert_eq!(statuses(&world).await?, ["OFFLINE", "ACTIVE"], "{form}");
            connect(&world, "a-phone").await?;
        }
    }
    Ok(())
}

/// The next check would come in ten minutes; three that agree mark the account, a minute apart.
#[tokio::test]
async fn gateway_webhook_notice_of_a_doubtful_connection_brings_the_next_check_forward() -> Result<()> {
    let world = world().await?;
    for device in ["a-phone", "other"] {
        connect(&world, device).await?;
    }
    let app_id = world.sandbox.gewe().device("a-phone").unwrap().app_id;
    let asked = |device: &str| world.sandbox.journal().of_account("login/checkOnline", device).len();
    let notice = Event::sample("gateway-webhook")?.path("secret", GATEWAY_WEBHOOK_SECRET);
    for kind in ["LOGIN_ERROR", "RECONNECT_FAILED", "LONG_DISCONNECTED", "long_disconnected"] {
        for form in forms(kind, &app_id) {
            check_health(&world).await?;
            let before = (asked("a-phone"), asked("other"));
            for _ in 0..2 {
                assert_enveloped(&world.call(&notice.clone().json(&form)).await?, 200, &json!(null));
            }
            assert_eq!(statuses(&world).await?, ["ACTIVE", "ACTIVE"], "doubt proves nothing: {form}");
            check_health(&world).await?;
            assert_eq!((asked("a-phone"), asked("other")), (before.0 + 1, before.1), "{form}");
        }
    }
    world.sandbox.gewe().set_state("a-phone", DeviceState::Offline);
    for _ in 0..3 {
        assert_eq!(statuses(&world).await?, ["ACTIVE", "ACTIVE"]);
        world.call(&notice.clone().json(&forms("RECONNECT_FAILED", &app_id)[2])).await?;
        check_health(&world).await?;
    }
    assert_eq!(statuses(&world).await?, ["OFFLINE", "ACTIVE"]);
    Ok(())
}
