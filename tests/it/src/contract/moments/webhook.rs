//! Row 15: what the gateway says of itself.

use anyhow::Result;
use serde_json::json;

use super::{USER, world};
use crate::Event;
use crate::contract::assert_enveloped;
use crate::world::GATEWAY_WEBHOOK_SECRET;

#[tokio::test]
async fn the_address_is_tried_out_and_then_told_of_devices_off_the_line() -> Result<()> {
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
