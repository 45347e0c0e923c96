//! Devices that the gateway does not confirm, or that somebody else has.

use anyhow::{Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{DeviceState, GeweEndpoint, GeweFault};
use serde_json::json;

use super::{BOUND, DOWN, REFUSED};
use crate::Event;
use crate::moments::bad_input::{Desk, STRANGER, merged};
use crate::snapshot::ExpectedError;

#[tokio::test]
async fn connecting_a_device_that_does_not_confirm_is_refused() -> Result<()> {
    let mut desk = Desk::open().await?;
    let foreign = desk.handset("foreign");
    let theirs = Event::sample("wechat-account-connect")?.json(&foreign);
    ensure!(desk.world.call_as(STRANGER, theirs).await?.status == 200);
    desk.settle().await?;
    let device = desk.handset("handset");
    let gewe = desk.world.sandbox.gewe();

    let unknown = "网关中找不到该设备";
    for (what, changes, remedy) in [
        ("a wrong token", json!({"gatewayToken": "0123456789abcdef"}), "网关令牌无效"),
        ("an unknown device", json!({"appId": "wx_0123456789"}), unknown),
    ] {
        let event = desk.connect(&merged(device.clone(), changes))?;
        desk.refuses_after_asking(what, &event, &REFUSED, remedy).await?;
    }
    let bound = "已由其他存客宝用户连接";
    desk.refuses_after_asking("somebody else's device", &desk.connect(&foreign)?, &BOUND, bound).await?;
    gewe.set_state("handset", DeviceState::Offline);
    let offline = ExpectedError::fields(&["appId"]);
    let remedy = "该设备当前未登录微信，请先在网关中登录后再连接";
    desk.refuses_after_asking("a device off the line", &desk.connect(&device)?, &offline, remedy).await?;
    gewe.set_state("handset", DeviceState::Zombie);
    let zombie = desk.connect(&device)?;
    desk.refuses_after_asking("one that only says it is on it", &zombie, &DOWN, "微信返回了未知错误").await?;
    gewe.set_state("handset", DeviceState::Online);
    for endpoint in [GeweEndpoint::CheckOnline, GeweEndpoint::GetProfile] {
        for effect in [Effect::Http { status: 502 }, Effect::NotJson, Effect::EmptyBody, Effect::Drop] {
            let what = format!("{endpoint:?} {effect:?}");
            gewe.arm(GeweFault::new(endpoint, effect));
            desk.refuses_after_asking(&what, &desk.connect(&device)?, &DOWN, "请稍后").await?;
        }
    }
    ensure!(desk.world.call(&desk.connect(&device)?).await?.status == 200, "nothing but those kept it");
    Ok(())
}
