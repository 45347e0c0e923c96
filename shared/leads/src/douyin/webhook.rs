//! What the platform sends us: the signature over the untouched bytes, and the event inside them.

use std::collections::HashMap;
use std::fmt;

use kernel::crypto::{constant_time_eq, sha1_hex};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lenient;
use super::repair::readable;

/// The event the platform sends when the callback address is saved in its console.
pub const VERIFY_WEBHOOK: &str = "verify_webhook";

/// Whether `signature` (header `X-Douyin-Signature`) was made with our secret over exactly these bytes.
///
/// The platform's bodies end with a newline that is part of the hash: pass the body as it came, never a parsed and
/// re-written one.
pub fn verify_signature(client_secret: &SecretString, raw_body: &[u8], signature: &str) -> bool {
    let expected = sha1_hex(&[client_secret.expose_secret().as_bytes(), raw_body]);
    constant_time_eq(expected.as_bytes(), signature.to_ascii_lowercase().as_bytes())
}

#[derive(Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "DouyinEvent"))]
pub struct WebhookEvent {
    /// Its name: `authorize`, `unauthorize`, `new_follow_action`, …
    #[cfg_attr(feature = "openapi", schemars(length(min = 1)))]
    pub event: String,
    /// The application it is meant for, empty when the event does not say.
    #[serde(default, deserialize_with = "lenient::text_or_empty")]
    pub client_key: String,
    /// The account that acted, empty when nobody did: the address check has none.
    #[serde(default, deserialize_with = "lenient::text_or_empty")]
    pub from_user_id: String,
    /// The account it was done to, empty when there is none.
    #[serde(default, deserialize_with = "lenient::text_or_empty")]
    pub to_user_id: String,
    /// The details, the same whether they arrived as an object or as text that encodes one.
    #[serde(default, deserialize_with = "content")]
    pub content: Value,
    /// The platform's id of the delivery.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub log_id: Option<String>,
    /// The message's id, when it is in the body; the header `Msg-Id` always has it.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub msg_id: Option<String>,
}

impl fmt::Debug for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Private messages, names and phone numbers are in the content.
        f.debug_struct("WebhookEvent")
            .field("event", &self.event)
            .field("from_user_id", &self.from_user_id)
            .field("to_user_id", &self.to_user_id)
            .field("log_id", &self.log_id)
            .field("msg_id", &self.msg_id)
            .finish_non_exhaustive()
    }
}

impl WebhookEvent {
    /// Reads an event. Check the signature first.
    ///
    /// # Errors
    /// [`MalformedEvent`] when the body is not a JSON object with an `event`.
    pub fn parse(raw_body: &[u8]) -> Result<Self, MalformedEvent> {
        // Through a map, because serde would also take an array for a struct. A value nobody can read counts as absent:
        // only the event's name is needed.
        let object: HashMap<String, Box<RawValue>> =
            serde_json::from_str(&readable(raw_body)).map_err(|_| MalformedEvent)?;
        let readable = object.into_iter().filter_map(|(name, raw)| Some((name, serde_json::from_str(raw.get()).ok()?)));
        let object: Map<String, Value> = readable.collect();
        let event: Self = serde_json::from_value(object.into()).map_err(|_| MalformedEvent)?;
        if event.event.is_empty() { Err(MalformedEvent) } else { Ok(event) }
    }

    /// What has to be echoed as `{"challenge": …}`, in the type it came in: a number in the documents, text in the
    /// wild.
    pub fn challenge(&self) -> Option<Value> {
        let challenge = self.content.get("challenge")?;
        let expected = self.event == VERIFY_WEBHOOK && (challenge.is_number() || challenge.is_string());
        expected.then(|| challenge.clone())
    }
}

/// The body is not an event. Says nothing about the body, which can hold private messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a douyin webhook event")]
pub struct MalformedEvent;

/// Which events encode their content as text differs between the pages, so both are read for every event. Content
/// that is neither is no reason to refuse the delivery: a platform that is refused cancels the subscription.
fn content<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => Value::Object(object),
            _ => Value::String(text),
        },
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Signatures computed with Python's hashlib: `sha1(secret + body).hexdigest()`.
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const BODY: &str = "{\"event\":\"verify_webhook\",\"client_key\":\"aw1\",\"content\":{\"challenge\":12345}}\n";
    const SIGNATURE: &str = "664ab6fdcccd562fbad8f958e282b35cfe98326b";
    const CJK_BODY: &str = "{\"event\":\"im_receive_msg\",\"content\":{\"text\":\"你好👋\"}}";
    const CJK_SIGNATURE: &str = "a1315b8bf816664a418ab8eafb2bd92c0fa36313";

    #[test]
    fn webhook_signature_is_over_the_untouched_bytes() {
        let secret = SecretString::from(SECRET);
        for (name, body, signature, good) in [
            ("as sent", BODY, SIGNATURE, true),
            ("upper case", BODY, &*SIGNATURE.to_uppercase(), true),
            ("beyond ASCII", CJK_BODY, CJK_SIGNATURE, true),
            ("newline trimmed", BODY.trim_end(), SIGNATURE, false),
            ("another body", CJK_BODY, SIGNATURE, false),
            ("cut", BODY, &SIGNATURE[..39], false),
            ("longer", BODY, &*format!("{SIGNATURE}0"), false),
            ("none", BODY, "", false),
        ] {
            assert_eq!(verify_signature(&secret, body.as_bytes(), signature), good, "{name}");
        }
        let other = SecretString::from("0123456789abcdef0123456789abcdee");
        assert!(!verify_signature(&other, BODY.as_bytes(), SIGNATURE));
    }

    #[test]
    fn webhook_content_is_the_same_from_an_object_and_from_text() {
        let content = json!({ "action_type": 1, "action_time": 1_763_640_000 });
        for wire in [content.clone(), Value::String(content.to_string())] {
            let body = json!({
                "event": "new_follow_action", "client_key": "aw1", "from_user_id": "_000fan", "to_user_id": "_000me",
                "content": wire, "log_id": "2026", "msg_id": 77,
            });
            let event = WebhookEvent::parse(body.to_string().as_bytes()).unwrap();
            assert_eq!(event.content, content);
            assert_eq!(event.event, "new_follow_action");
            assert_eq!(event.client_key, "aw1");
            assert_eq!(event.from_user_id, "_000fan");
            assert_eq!(event.to_user_id, "_000me");
            assert_eq!(event.log_id.as_deref(), Some("2026"));
            assert_eq!(event.msg_id.as_deref(), Some("77"));
            assert_eq!(event.challenge(), None);
        }
    }

    #[test]
    fn webhook_with_odd_content_is_still_an_event() {
        for (wire, content) in [
            (json!({ "event": "dial_phone" }), Value::Null),
            (json!({ "event": "dial_phone", "content": null }), Value::Null),
            (json!({ "event": "dial_phone", "content": "" }), json!("")),
            (json!({ "event": "dial_phone", "content": "[1" }), json!("[1")),
            (json!({ "event": "dial_phone", "from_user_id": "", "content": "12" }), json!("12")),
        ] {
            let event = WebhookEvent::parse(wire.to_string().as_bytes()).unwrap();
            assert_eq!(event.content, content, "{wire}");
            assert_eq!(event.from_user_id, "");
        }
    }

    #[test]
    fn webhook_with_an_unreadable_value_is_still_an_event() {
        for body in [
            r#"{"event":"unauthorize","from_user_id":"me","content":{"nick":"小\ud83d"}}"#.as_bytes(),
            br#"{"event":"unauthorize","from_user_id":"me","content":{"age":1e999}}"#,
            b"{\"event\":\"unauthorize\",\"from_user_id\":\"me\",\"content\":\"\xe5\xb0\xff\"}\n",
        ] {
            let event = WebhookEvent::parse(body).unwrap();
            assert_eq!((event.event.as_str(), event.from_user_id.as_str()), ("unauthorize", "me"));
        }
    }

    #[test]
    fn webhook_challenge_keeps_its_type() {
        for (event, challenge, echoed) in [
            (VERIFY_WEBHOOK, json!(12345), true),
            (VERIFY_WEBHOOK, json!(9_007_199_254_740_993_i64), true),
            (VERIFY_WEBHOOK, json!("12345"), true),
            (VERIFY_WEBHOOK, json!({ "deep": 1 }), false),
            (VERIFY_WEBHOOK, json!(null), false),
            ("authorize", json!(12345), false),
        ] {
            for as_text in [false, true] {
                let content = json!({ "challenge": challenge });
                let content = if as_text { Value::String(content.to_string()) } else { content };
                let event =
                    WebhookEvent::parse(json!({ "event": event, "content": content }).to_string().as_bytes()).unwrap();
                assert_eq!(event.challenge(), echoed.then(|| challenge.clone()), "{event:?} {challenge}");
            }
        }
    }

    #[test]
    fn webhook_that_is_no_event_is_refused() {
        for body in
            ["", "null", "[]", r#"["authorize"]"#, "{}", r#"{"event":""}"#, r#"{"event":7}"#, r#"{"event":"authorize""#]
        {
            assert_eq!(WebhookEvent::parse(body.as_bytes()), Err(MalformedEvent), "{body}");
        }
    }

    #[test]
    fn webhook_debug_shows_no_content() {
        let event =
            WebhookEvent::parse(r#"{"event":"im_receive_msg","content":{"text":"13800000000"}}"#.as_bytes()).unwrap();
        assert!(!format!("{event:?}").contains("13800000000"));
    }
}
