//! The gateway's messages to the callback address. Nothing signs them: who knows the address can write to it.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::Gewe;
use crate::journal::Entry;

/// The documents ask for an answer within three seconds.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How a message went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackDelivery {
    /// What was sent, the same for every copy.
    pub body: Value,
    /// Whether every copy was answered with 200.
    pub delivered: bool,
    /// The status of every copy; nothing for one without an answer in three seconds.
    pub answers: Vec<Option<u16>>,
}

impl Gewe {
    /// The message about a device that went off the line; nothing for an unknown device. For handing to a handler under
    /// test; [`Gewe::go_offline`] sends it.
    #[must_use]
    pub fn offline_message(&self, device: &str) -> Option<Value> {
        let world = self.world();
        let device = world.devices.get(device)?;
        Some(json!({"TypeName": "Offline", "Appid": device.app_id, "Wxid": device.wxid}))
    }

    /// Sends a message, and its copies, to the callback address; nothing when there is none.
    pub(super) async fn call_back(&self, body: Value, device: Option<&str>, copies: u32) -> Option<CallbackDelivery> {
        let address = self.world().callback.clone()?;
        let mut delivery = CallbackDelivery { body, delivered: true, answers: Vec::new() };
        for _ in 0..=copies {
            let status = self.post_json(&address, &delivery.body).await;
            delivery.delivered &= status == Some(200);
            delivery.answers.push(status);
        }
        let kind = delivery.body.get("TypeName").and_then(Value::as_str).unwrap_or("probe");
        self.host().record(Entry {
            endpoint: format!("webhook/{kind}"),
            account: device.map(str::to_owned),
            note: Some(format!("{:?}", delivery.answers)),
            code: Some(if delivery.delivered { 200 } else { 500 }),
            ..Entry::default()
        });
        Some(delivery)
    }

    /// Whether an address takes the message by which the gateway tries it out.
    pub(super) async fn probe(&self, address: &Url) -> bool {
        self.post_json(address, &json!({"testMsg": "验证回调地址是否可用"})).await == Some(200)
    }

    async fn post_json(&self, address: &Url, body: &Value) -> Option<u16> {
        let sent = self.host().http_client()?.post(address.clone()).timeout(TIMEOUT).json(body).send().await;
        sent.ok().map(|response| response.status().as_u16())
    }
}
