//! Group bots as those meet them who write to groups.

use serde_json::{Value, json};

use super::*;
use crate::inbox::{Arrival, BotSpec};

const SECRET: &str = "SECofTheSandboxForTests";

impl Scene {
    async fn write(&self, url: &str, body: &Value) -> Value {
        self.http.post(url).json(body).send().await.unwrap().json().await.unwrap()
    }

    fn in_group(&self, name: &str) -> Vec<String> {
        self.sandbox.inbox().distinct(name).iter().map(Arrival::text).collect()
    }

    fn advance(&self, seconds: u64) {
        self.sandbox.clock().advance(Duration::from_secs(seconds));
    }
}

fn wecom(text: &str) -> Value {
    json!({"msgtype": "text", "text": {"content": text}})
}

fn feishu(text: &str) -> Value {
    json!({"msg_type": "text", "content": {"text": text}})
}

/// The Base64 of the HMAC-SHA256 of a text.
fn sign(key: &str, text: &str) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text.as_bytes()))
}

#[tokio::test]
async fn wecom_bot_takes_texts_of_2048_bytes_and_twenty_a_minute() {
    let scene = Scene::start().await;
    let url = scene.sandbox.inbox().add_bot("ops", BotSpec::Wecom {});
    let longest = "早".repeat(682) + "xx";
    assert_eq!(scene.write(&url, &wecom(&longest)).await, json!({"errcode": 0, "errmsg": "ok"}));
    for (body, code) in [
        (wecom(&(longest.clone() + "x")), 40_058),
        (wecom(""), 44_004),
        (json!({"msgtype": "markdown", "markdown": {"content": "x"}}), 40_008),
        (json!("x"), 47_001),
    ] {
        assert_eq!(scene.write(&url, &body).await["errcode"], code, "{body}");
    }
    for n in 2..=20 {
        assert_eq!(scene.write(&url, &wecom("早")).await["errcode"], 0, "message {n}");
    }
    scene.advance(59);
    assert_eq!(scene.write(&url, &wecom("晚")).await["errcode"], 45_009);
    scene.advance(1);
    assert_eq!(scene.write(&url, &wecom("晚")).await["errcode"], 0);
    assert_eq!(scene.in_group("ops").len(), 21);
    assert_eq!(scene.write(&format!("{url}0"), &wecom("早")).await["errcode"], 93_000);
}

#[tokio::test]
async fn dingtalk_bot_wants_the_signature_of_its_query() {
    let scene = Scene::start().await;
    let secret = Some(SECRET.to_owned());
    let url = scene.sandbox.inbox().add_bot("ops", BotSpec::Dingtalk { secret });
    // Made by Python's hmac, as the vendor's document has it.
    let known = sign(SECRET, &format!("1795780800000\n{SECRET}"));
    assert_eq!(known, "IVFCNsP/UXMqzp14Um1jKseVV+/gA5TiRWYk0ASGaEk=");
    let now = scene.sandbox.clock().now().as_millisecond();
    let signed = |time: i64, secret: &str| {
        let sign = sign(secret, &format!("{time}\n{secret}"));
        let sign = url::form_urlencoded::byte_serialize(sign.as_bytes()).collect::<String>();
        format!("{url}&timestamp={time}&sign={sign}")
    };
    // A little less, because the clock also shows parts of a millisecond.
    let hour = 3_599_999;
    for (url, code) in [
        (signed(now, SECRET), 0),
        (signed(now - hour, SECRET), 0),
        (signed(now - hour - 2, SECRET), 310_000),
        (signed(now + hour + 2, SECRET), 310_000),
        (signed(now, "another"), 310_000),
        (url.clone(), 310_000),
        (signed(now, SECRET).replace("access_token=", "access_token=0"), 300_005),
    ] {
        assert_eq!(scene.write(&url, &wecom("早上好")).await["errcode"], code, "{url}");
    }
    let problems: Vec<Option<Problem>> =
        scene.sandbox.inbox().arrivals("ops").iter().skip(2).map(|arrival| arrival.problem).collect();
    let expected = [Problem::TooOld, Problem::TooNew, Problem::WrongSignature, Problem::MissingSignature];
    assert_eq!(problems, expected.map(Some));
    assert_eq!(scene.in_group("ops"), ["早上好"; 2]);
}

#[tokio::test]
async fn dingtalk_bot_that_was_written_to_too_often_takes_nothing_for_ten_minutes() {
    let scene = Scene::start().await;
    let url = scene.sandbox.inbox().add_bot("ops", BotSpec::Dingtalk { secret: None });
    let mut codes = Vec::new();
    for _ in 0..21 {
        codes.push(scene.write(&url, &wecom("早")).await["errcode"].as_i64().unwrap());
    }
    assert_eq!(codes, [&[0; 20][..], &[130_101]].concat());
    scene.advance(599);
    assert_eq!(scene.write(&url, &wecom("早")).await["errcode"], 130_101);
    scene.advance(1);
    assert_eq!(scene.write(&url, &wecom("早")).await["errcode"], 0);
}

#[tokio::test]
async fn feishu_bot_wants_the_signature_of_its_body() {
    let scene = Scene::start().await;
    let secret = Some(SECRET.to_owned());
    let url = scene.sandbox.inbox().add_bot("ops", BotSpec::Feishu { secret });
    // Made by Python's hmac, as the vendor's document has it.
    assert_eq!(sign(&format!("1795780800\n{SECRET}"), ""), "6/WlcqpGuJn+bfyWYHveKuCVX3FVFOlTsvIYDuY4s00=");
    let now = scene.sandbox.clock().now().as_second();
    let signed = |time: i64, secret: &str| {
        let mut body = feishu("早上好");
        body["timestamp"] = time.to_string().into();
        body["sign"] = sign(&format!("{time}\n{secret}"), "").into();
        body
    };
    let mut untyped = signed(now, SECRET);
    untyped.as_object_mut().unwrap().remove("msg_type");
    for (body, code) in [
        (signed(now, SECRET), 0),
        (signed(now - 3601, SECRET), 19_021),
        (signed(now, "another"), 19_021),
        (feishu("早上好"), 19_021),
        (untyped, 19_002),
        (json!("x"), 9_499),
    ] {
        assert_eq!(scene.write(&url, &body).await["code"], code, "{body}");
    }
    assert_eq!(scene.in_group("ops"), ["早上好"]);
    assert_eq!(scene.write(&format!("{url}0"), &feishu("早")).await["code"], 19_001);
}

#[tokio::test]
async fn feishu_bot_takes_five_messages_a_second() {
    let scene = Scene::start().await;
    let url = scene.sandbox.inbox().add_bot("ops", BotSpec::Feishu { secret: None });
    for n in 1..=5 {
        assert_eq!(scene.write(&url, &feishu("早")).await["msg"], "success", "message {n}");
    }
    let refused = scene.write(&url, &feishu("早")).await;
    assert_eq!((&refused["code"], &refused["msg"]), (&json!(9_499), &json!("too many request")));
    scene.advance(1);
    assert_eq!(scene.write(&url, &feishu("早")).await["code"], 0);
}

#[tokio::test]
async fn bot_fails_as_it_is_told_to_and_its_address_is_a_secret() {
    let scene = Scene::start().await;
    let (_, added) = scene.steer("PUT", "/a/bot", &json!({"kind": "feishu", "secret": SECRET})).await;
    assert_eq!(added["bot"], "feishu");
    let (_, added) = scene.steer("PUT", "/a/bot", &json!({"kind": "wecom"})).await;
    let url = added["url"].as_str().unwrap();
    assert_eq!(scene.steer("PUT", "/a/bot", &json!({"kind": "wecom", "token": "x"})).await.0, 400);
    scene.behave(Conduct::Status { status: 502, times: Some(1) });
    let failed = scene.http.post(url).json(&wecom("早")).send().await.unwrap();
    assert_eq!(failed.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(scene.write(url, &wecom("<@all> 早")).await["errcode"], 0);
    assert_eq!(scene.in_group("a"), ["<@all> 早"]);

    let entries = scene.sandbox.journal().of_account("bot/wecom", "a");
    let codes: Vec<Option<i64>> = entries.iter().map(|entry| entry.code).collect();
    assert_eq!(codes, [Some(502), Some(0)]);
    assert_eq!(entries[1].violations, ["somebody is mentioned"]);
    let secrets = scene.sandbox.secrets();
    assert_eq!(secrets.found_in(url).len(), 1);
    assert_eq!(secrets.found_in(SECRET).len(), 1);
    let told = format!("{:?} {:?}", scene.sandbox.journal().entries(), scene.sandbox.inbox().arrivals("a"));
    assert_eq!(secrets.found_in(&told), []);
}
