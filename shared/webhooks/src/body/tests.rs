use proptest::prelude::*;

use super::*;

const BOTS: [Kind; 3] = [Kind::WecomBot, Kind::Dingtalk, Kind::Feishu];
fn sent(kind: Kind, event: &Value, secret: Option<&str>, milliseconds: i64) -> (Vec<(&'static str, String)>, Value) {
    let secret = secret.map(SecretString::from);
    let Outgoing { query, body } =
        body(kind, event, secret.as_ref(), Timestamp::from_millisecond(milliseconds).unwrap());
    (query, serde_json::from_slice(&body).unwrap())
}

#[test]
fn program_is_sent_the_event_itself() {
    let event = json!({ "sequence": 12, "id": "ec8c-0", "type": "lead.erased", "time": "2026-11-28T03:10:00.058Z",
        "data": { "leadId": 1, "lead": { "nickname": "@all <b>" } } });
    assert_eq!(sent(Kind::Generic, &event, Some("unused"), 0), (vec![], event));
}

#[test]
fn bot_without_secret_is_sent_the_text_only() {
    let event = json!({ "type": "webhook.test", "data": {} });
    let text = "【存客宝】这是一条测试消息，收到即表示配置成功\n无需操作";
    for (kind, body) in [
        (Kind::WecomBot, json!({ "msgtype": "text", "text": { "content": text } })),
        (Kind::Dingtalk, json!({ "msgtype": "text", "text": { "content": text }, "at": { "isAtAll": false } })),
        (Kind::Feishu, json!({ "msg_type": "text", "content": { "text": text } })),
    ] {
        assert_eq!(sent(kind, &event, None, 1_795_780_800_999), (vec![], body), "{kind:?}");
    }
}

#[test]
fn bot_with_secret_is_sent_the_signature_of_its_vendor() {
    let event = json!({ "type": "webhook.test", "data": {} });
    // Made by `hmac.new(key, message, hashlib.sha256)` of Python 3 as the vendors' examples do it.
    for (milliseconds, secret, dingtalk, feishu) in [
        (
            1_795_780_800_999,
            "SEC0123456789abcdef",
            "4RrZFu2dhRgLqz+SEdsMj9Eo3XgEv0YxqxOzECz3+5M=",
            "jaHp7T+JWxidjj3XujFkvKoChtuZ/lnnfzmadGtixx4=",
        ),
        (
            1_795_780_800_999,
            "密钥 +/",
            "RJxlegKZ44Qw2+15soQ6kxPxKkyTe8+6w4bKwdEbDX0=",
            "auaoXzrToi3GAA9r1Q/on+TGMyHZ4D2N4j+Jm18c33w=",
        ),
        (0, "s", "m1fU+M7jfQeECqw4upl+0PhfsBUPXSP2rJWC1Yt7oR0=", "fQ6BtvgpRhQp7/efYU6iPPlUGm4FQKAcbZB37UUFMic="),
    ] {
        let (query, body) = sent(Kind::Dingtalk, &event, Some(secret), milliseconds);
        assert_eq!(query, [("timestamp", milliseconds.to_string()), ("sign", dingtalk.to_owned())], "{secret}");
        assert_eq!(body, sent(Kind::Dingtalk, &event, None, milliseconds).1);

        let (query, body) = sent(Kind::Feishu, &event, Some(secret), milliseconds);
        assert_eq!((query, &body["sign"]), (vec![], &json!(feishu)), "{secret}");
        assert_eq!(body["timestamp"], json!((milliseconds / 1_000).to_string()));
        assert_eq!(body["content"], sent(Kind::Feishu, &event, None, milliseconds).1["content"]);

        // WeCom knows no signature: a secret that was given by mistake goes nowhere.
        let unsigned = sent(Kind::WecomBot, &event, None, milliseconds);
        assert_eq!(sent(Kind::WecomBot, &event, Some(secret), milliseconds), unsigned);
    }
}

#[test]
fn digest_is_sent_in_the_form_of_its_vendor() {
    let events = [json!({ "type": "webhook.test" }), json!({ "type": "sync.failed" })];
    let now = Timestamp::from_millisecond(1_795_780_800_999).unwrap();
    let Outgoing { query, body } = digest_body(Bot::Dingtalk, &events, Some(&SecretString::from("s")), now);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["text"]["content"], json!(digest(&events)));
    assert_eq!(query, sent(Kind::Dingtalk, &events[0], Some("s"), now.as_millisecond()).0);
}

/// What might stand in any field.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("@all".to_owned()),
        Just("<at user_id=\"all\">所有人</at>".to_owned()),
        Just("2026-11-28T10:00:00Z".to_owned()),
        "[@<>\n\r\u{2028}\u{85}a𠮷]{0,200}",
        any::<String>(),
    ];
    let single = prop_oneof![text.prop_map(Value::from), any::<u64>().prop_map(Value::from), Just(Value::Null)];
    let many = prop::collection::vec(single.clone(), 0..40).prop_map(Value::from);
    prop_oneof![3 => single, 1 => many]
}

/// Every field that a text may name.
const FIELDS: &str = "douyinUserId accountId message reason daysLeft endsAt taskId syncTaskId accountIds confirmUntil \
    created updated unfollowed succeeded failed cancelled leadId leadIds mergedLeadId changed from to webhookId";

/// An event with these values in them.
fn event(name: impl Into<Value>, mut value: impl FnMut() -> Value) -> Value {
    let mut data: serde_json::Map<String, Value> =
        FIELDS.split_whitespace().map(|field| (field.to_owned(), value())).collect();
    data.insert("error".to_owned(), json!({ "message": value(), "reason": value() }));
    json!({ "sequence": 1, "id": "a-0", "type": name.into(), "time": "2026-11-28T03:10:00Z", "data": data })
}

fn any_event() -> impl Strategy<Value = Value> {
    let known = prop::sample::select(&digest::NAMES[..]).prop_map(|(name, _)| Value::from(name));
    let name = prop_oneof![8 => known, 1 => any_value()];
    let values = prop::collection::vec(any_value(), FIELDS.split_whitespace().count() + 2);
    (name, values).prop_map(|(name, values)| {
        let mut values = values.into_iter();
        event(name, || values.next().unwrap_or_default())
    })
}

/// The text must fit into WeCom's 2,048 bytes, and no vendor may find a mention or another line in it.
fn check(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(text.len() <= 2_048, "{} bytes", text.len());
    prop_assert!((2..=3).contains(&text.lines().count()), "{text}");
    prop_assert!(text.starts_with("【存客宝】"));
    prop_assert!(!text.contains(['@', '<', '>', '\r', '\u{85}', '\u{2028}']), "{text}");
    Ok(())
}

#[test]
fn text_of_the_longest_fields_fits_into_a_message() {
    // Four bytes a character, and twenty digits a number, more of both than any field has.
    let fields = [Value::from("𠮷".repeat(2_000)), json!(vec![u64::MAX; 500]), json!(vec!["notes"; 500])];
    for (name, _) in digest::NAMES {
        for field in &fields {
            check(&text(&event(name, || field.clone()))).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn message_about_anything_keeps_to_the_limits_and_mentions_nobody(event in any_event()) {
        for kind in BOTS {
            let (_, body) = sent(kind, &event, Some("secret"), 1_795_780_800_999);
            let text = body.pointer("/text/content").or_else(|| body.pointer("/content/text"));
            check(text.and_then(Value::as_str).unwrap())?;
        }
        prop_assert_eq!(sent(Kind::Generic, &event, None, 0).1, event);
    }

    #[test]
    fn digest_of_anything_keeps_to_the_limits_and_mentions_nobody(events in prop::collection::vec(any_event(), 1..8)) {
        check(&digest(&events))?;
    }
}
