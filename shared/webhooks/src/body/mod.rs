//! What a webhook is sent of an event: the event itself, or a text in the form and with the signature of a vendor's group bot.
//! And what bots answer.
//!
//! The forms are those of the vendors' documents, read in November 2026:
//!
//! - WeCom: <https://developer.work.weixin.qq.com/document/path/91770>. Texts of 2,048 bytes at most; no signature, the address
//!   has the key.
//! - DingTalk: <https://open.dingtalk.com/document/robots/custom-robot-access>. The signature (加签), if the bot's owner has
//!   chosen one, is in the query; the time may be an hour off.
//! - Feishu: <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>. Bodies of 20 KB at most; the signature (签名校验),
//!   if its owner has chosen one, is in the body; the time may be an hour off.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::kind::{Bot, Kind};

mod answer;
mod data;
mod digest;
#[cfg(test)]
mod tests;
mod text;

pub use answer::{Refusal, refusal};
pub use digest::digest;
pub use text::{is_told_by_default, text};

/// What is posted, as JSON.
pub struct Outgoing {
    /// What is added to the query of the address. Values are as they are: whoever adds them encodes them.
    pub query: Vec<(&'static str, String)>,
    /// The body, to be sent byte for byte.
    pub body: Vec<u8>,
}

/// What a webhook of this kind is sent at `now` of an event, which is as `GET events` answers it.
///
/// `bot_secret` is what the owner of a bot has copied from its settings; without it a bot's message is not signed. It has no
/// meaning for a program, whose deliveries are signed by [`crate::signature::standard`].
#[must_use]
pub fn body(kind: Kind, event: &Value, bot_secret: Option<&SecretString>, now: Timestamp) -> Outgoing {
    match kind.bot() {
        Some(bot) => message(bot, &text(event), bot_secret, now),
        None => Outgoing { query: Vec::new(), body: event.to_string().into_bytes() },
    }
}

/// What a bot is sent at `now` of all these events together: their [`digest()`].
#[must_use]
pub fn digest_body(bot: Bot, events: &[Value], bot_secret: Option<&SecretString>, now: Timestamp) -> Outgoing {
    message(bot, &digest(events), bot_secret, now)
}

/// A text as a bot takes it.
fn message(bot: Bot, text: &str, secret: Option<&SecretString>, now: Timestamp) -> Outgoing {
    let secret = secret.map(ExposeSecret::expose_secret);
    let mut query = Vec::new();
    let body = match bot {
        Bot::Wecom => json!({ "msgtype": "text", "text": { "content": text } }),
        Bot::Dingtalk => {
            if let Some(secret) = secret {
                let timestamp = now.as_millisecond().to_string();
                let sign = hmac_sha256(secret, &format!("{timestamp}\n{secret}"));
                query = vec![("timestamp", timestamp), ("sign", sign)];
            }
            json!({ "msgtype": "text", "text": { "content": text }, "at": { "isAtAll": false } })
        }
        Bot::Feishu => {
            let content = json!({ "text": text });
            match secret {
                Some(secret) => {
                    let timestamp = now.as_second().to_string();
                    // The document signs nothing, with the text that others sign as the key.
                    let sign = hmac_sha256(&format!("{timestamp}\n{secret}"), "");
                    json!({ "timestamp": timestamp, "sign": sign, "msg_type": "text", "content": content })
                }
                None => json!({ "msg_type": "text", "content": content }),
            }
        }
    };
    Outgoing { query, body: body.to_string().into_bytes() }
}

fn hmac_sha256(key: &str, text: &str) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text.as_bytes()))
}
