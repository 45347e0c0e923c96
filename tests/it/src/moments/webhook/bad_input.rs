//! Row 15: what is no notice of the gateway's, and what is about nobody's device. Only the path proves who sends it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::moments::bad_input::{Desk, NOT_FOUND, STRANGER, USER};
use crate::world::GATEWAY_WEBHOOK_SECRET;
use crate::{Event, World};

fn notice(secret: &str) -> Result<Event> {
    Ok(Event::sample("gateway-webhook")?.path("secret", secret))
}

async fn statuses(world: &World, user: u64) -> Result<Vec<Value>> {
    let listed = world.call_as(user, Event::sample("wechat-accounts")?).await?;
    Ok(listed.data().as_array().unwrap().iter().map(|account| account["status"].clone()).collect())
}

#[tokio::test]
async fn gateway_webhook_with_a_wrong_path_secret_changes_nothing() -> Result<()> {
    let desk = Desk::open().await?;
    let message = desk.world.sandbox.gewe().offline_message("phone").unwrap();
    let (cut, long) = (&GATEWAY_WEBHOOK_SECRET[..GATEWAY_WEBHOOK_SECRET.len() - 1], "x".repeat(5_000));
    for secret in [
        "",
        "x",
        cut,
        &format!("{GATEWAY_WEBHOOK_SECRET}x"),
        &GATEWAY_WEBHOOK_SECRET.to_uppercase(),
        &format!(" {GATEWAY_WEBHOOK_SECRET}"),
        "%FF",
        "null",
        &long,
    ] {
        let event = notice(secret)?.json(&message);
        desk.refuses(&format!("{secret:.40}"), &event, &NOT_FOUND, "请").await?;
        // Nor does a user's token open it.
        let event = event.bearer(&desk.world.token(USER, &["*"])?);
        desk.refuses(&format!("{secret:.40} with a token"), &event, &NOT_FOUND, "请").await?;
    }
    Ok(())
}

#[tokio::test]
async fn gateway_webhook_that_is_no_notice_of_a_known_device_changes_nothing() -> Result<()> {
    let desk = Desk::open().await?;
    let app = desk.world.sandbox.gewe().device("phone").unwrap().app_id;
    let (upper, long) = (app.to_uppercase(), "x".repeat(70_000));
    let offline = |app: Value| json!({"TypeName": "Offline", "Appid": app, "Wxid": "wxid_1"}).to_string();
    for body in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "not json".to_owned(),
        "\u{feff}{}".to_owned(),
        "[".repeat(20_000),
        json!({"testMsg": "验证回调地址是否可用"}).to_string(),
        json!({"TypeName": "AddMsg", "Appid": app, "Data": {"Content": {"string": "Offline"}}}).to_string(),
        json!({"TypeName": "Online", "Appid": app}).to_string(),
        json!({"TypeName": "OfflineSoon", "Appid": app}).to_string(),
        json!({"TypeName": " Offline", "Appid": app}).to_string(),
        json!({"msgType": "LOGIN_SUCCESS", "appid": app}).to_string(),
        json!({"msgType": "LONG_CONNECTED", "appid": app}).to_string(),
        json!({"msgType": 1, "appid": app, "data": {"msgType": "Offline"}}).to_string(),
        json!({"appid": app, "data": {"content": {"msgType": "Offline"}}}).to_string(),
        json!({"msgType": "LOGOUT", "data": {"appid": "wx_unknown"}}).to_string(),
        json!({"msgType": "LONG_DISCONNECTED", "appid": "wx_unknown"}).to_string(),
        json!({"msgType": "LOGOUT", "appid": [app]}).to_string(),
        json!({"TypeName": ["Offline"], "Appid": app}).to_string(),
        json!({"TypeName": "Offline"}).to_string(),
        json!({"Appid": app}).to_string(),
        json!([{"TypeName": "Offline", "Appid": app}]).to_string(),
        offline(json!(null)),
        offline(json!(7)),
        offline(json!([app])),
        offline(json!("")),
        offline(json!("wx_unknown")),
        offline(json!(upper)),
        offline(json!(format!("{app} "))),
        offline(json!(long)),
    ] {
        let answer = desk.world.call(&notice(GATEWAY_WEBHOOK_SECRET)?.body(&body)).await?;
        // The gateway drops an address that does not answer 200.
        ensure!(answer.status == 200 && answer.data().is_null(), "{body:.60}: {answer:?}");
        desk.world.snapshot().await?.assert_unchanged_since(&desk.before, &format!("{body:.60}"));
    }
    Ok(())
}

#[tokio::test]
async fn gateway_webhook_of_a_device_changes_no_other_device() -> Result<()> {
    let mut desk = Desk::open().await?;
    desk.world.keep_the_clock();
    desk.world.connect_device(USER, "second").await?;
    desk.world.connect_corp(USER, "花店", &["lily"]).await?;
    desk.world.connect_device(STRANGER, "theirs").await?;
    let message = desk.world.sandbox.gewe().offline_message("theirs").unwrap();
    let event = notice(GATEWAY_WEBHOOK_SECRET)?.json(&message);
    ensure!(desk.world.call(&event).await?.status == 200);
    ensure!(statuses(&desk.world, USER).await? == ["ACTIVE"; 3], "another user's device");
    ensure!(statuses(&desk.world, STRANGER).await? == ["OFFLINE"]);
    desk.settle().await?;
    ensure!(desk.world.call(&event).await?.status == 200);
    desk.world.snapshot().await?.assert_unchanged_since(&desk.before, "the same notice again");

    let message = desk.world.sandbox.gewe().offline_message("second").unwrap();
    ensure!(desk.world.call(&notice(GATEWAY_WEBHOOK_SECRET)?.json(&message)).await?.status == 200);
    let mut states = statuses(&desk.world, USER).await?;
    states.sort_by_key(Value::to_string);
    ensure!(states == ["ACTIVE", "ACTIVE", "OFFLINE"], "{states:?}");
    let event = desk.post(json!({}))?;
    desk.grants("the first device works on", &event).await?;
    Ok(())
}
