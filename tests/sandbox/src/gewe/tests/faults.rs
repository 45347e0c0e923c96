//! Every fault that can be ordered, as the caller meets it, and what it leaves behind; and the control API.

use super::*;
use crate::fault::Effect;
use crate::gewe::GeweEndpoint as E;

impl Scenario {
    async fn try_to_post(&self, patience: Duration) -> Result<String, reqwest::Error> {
        let body = json!({"appId": self.gewe().device(PHONE).unwrap().app_id, "content": "a"});
        self.request(E::SendText).json(&body).timeout(patience).send().await?.text().await
    }
}

#[tokio::test]
async fn gewe_answer_that_is_spoiled_hides_the_outcome() {
    let effects = [
        Effect::Code { code: 500, message: Some("操作频繁".to_owned()) },
        Effect::Http { status: 503 },
        Effect::NotJson,
        Effect::EmptyBody,
        Effect::Drop,
        Effect::Hang { milliseconds: None },
    ];
    for effect in effects {
        for processed in [false, true] {
            let scene = Scenario::start().await;
            let fault = GeweFault::new(E::SendText, effect.clone()).for_account(PHONE);
            scene.gewe().arm(GeweFault { processed, ..fault });
            let patience = if matches!(effect, Effect::Hang { .. }) { 150 } else { 20_000 };
            let answer = scene.try_to_post(Duration::from_millis(patience)).await;
            match effect {
                Effect::Drop => assert!(answer.is_err_and(|error| !error.is_timeout())),
                Effect::Hang { .. } => assert!(answer.is_err_and(|error| error.is_timeout())),
                Effect::Code { .. } => assert!(answer.unwrap().contains("操作频繁")),
                _ => assert!(serde_json::from_str::<Value>(&answer.unwrap()).is_err()),
            }
            assert_eq!(scene.gewe().published_posts().len(), usize::from(processed), "{effect:?}");
            assert_eq!(scene.sandbox.journal().publications().len(), usize::from(processed));
            assert_eq!(scene.list(PHONE).await.len(), usize::from(processed), "reading back tells the truth");
        }
    }
}

#[tokio::test]
async fn gewe_faults_of_late_posts_lost_sessions_and_repetitions_work() {
    let scene = Scenario::start().await;
    scene.gewe().arm(GeweFault::new(E::SendText, Effect::Late { milliseconds: 1000 }));
    assert!(scene.try_to_post(Duration::from_millis(100)).await.unwrap_err().is_timeout());
    assert!(scene.list(PHONE).await.is_empty(), "the caller looks, and finds nothing");
    while scene.gewe().published_posts().is_empty() {
        tokio::task::yield_now().await;
    }
    scene.post_text("a").await;
    assert_eq!(scene.sandbox.journal().published_twice().len(), 1, "the referee sees it");
    scene.gewe().arm(GeweFault::new(E::SendText, Effect::LoseSession).after(1).times(1));
    assert_eq!(scene.post_text("b").await["ret"], 200);
    assert_eq!(failure(&scene.post_text("c").await).1, Some("微信已离线"));
    assert_eq!(scene.call(E::CheckOnline, PHONE, json!({})).await["data"], false);
}

#[tokio::test]
async fn gewe_fault_of_an_upload_applies_before_or_after_its_downloads() {
    let scene = Scenario::start().await;
    let url = scene.sandbox.media().url("a.png?width=20&height=10");
    for (processed, hits) in [(false, 0), (true, 1)] {
        let fault = GeweFault::new(E::UploadImage, Effect::NotJson);
        scene.gewe().arm(GeweFault { processed, ..fault });
        let body = json!({"appId": scene.gewe().device(PHONE).unwrap().app_id, "imgUrls": [url]});
        let text = scene.request(E::UploadImage).json(&body).send().await.unwrap().text().await.unwrap();
        assert!(text.contains("<html>"));
        assert_eq!(scene.sandbox.media().hits("a.png"), hits);
    }
    let uploaded = scene.call(E::UploadImage, PHONE, json!({"imgUrls": [url]})).await;
    assert_eq!((&uploaded["data"][0]["width"], &uploaded["data"][0]["height"]), (&json!(20), &json!(10)));
}

#[tokio::test]
async fn gewe_gateway_is_usable_with_curl() {
    let scene = Scenario::start().await;
    let none = json!(null);
    let steer = async |method: &str, path: &str, body: &Value| -> (u16, Value) {
        let url = format!("{}/_sandbox/gewe{path}", scene.sandbox.url());
        let response = scene.http.request(method.parse().unwrap(), url).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    };
    let (_, account) = steer("GET", "/account", &none).await;
    assert_eq!((&account["token"], account["devices"].as_array().unwrap().len()), (&json!(scene.gewe().token()), 3));
    let (_, added) = steer("POST", "/devices", &json!({"name": "mine", "cooldownSeconds": 60})).await;
    assert!(added["appId"].as_str().unwrap().starts_with("wx_") && added["cooldownUntil"].is_string());
    let (_, changed) = steer("POST", "/devices/mine", &json!({"state": "zombie", "shadowed": true})).await;
    assert_eq!((&changed["state"], &changed["shadowed"]), (&json!("zombie"), &json!(true)));
    assert_eq!(steer("POST", "/devices/nobody", &json!({"state": "zombie"})).await.0, 404);
    assert_eq!(steer("POST", "/devices/mine/offline", &json!({})).await.1["device"]["state"], "offline");
    assert_eq!(
        steer("POST", "/callback", &json!({"url": "http://127.0.0.1:1/x"})).await.1["callback"],
        "http://127.0.0.1:1/x"
    );
    let delivery = steer("POST", "/devices/mine/offline", &json!({"copies": 1})).await.1["delivery"].clone();
    assert_eq!((&delivery["delivered"], &delivery["answers"]), (&json!(false), &json!([null, null])));
    scene.post_text("a").await;
    steer("POST", "/devices/phone-1/posts", &json!({"text": "by hand"})).await;
    assert!(steer("POST", "/friends/anna/posts", &json!({"text": "a"})).await.1["id"].is_string());
    assert_eq!(steer("POST", "/friends/phone-1/posts", &json!({"text": "a"})).await.0, 404);
    let (_, posts) = steer("GET", "/posts", &none).await;
    assert_eq!(posts.as_array().unwrap().len(), 2, "what friends post is not ours");
    assert!(posts[0]["id"].is_string() && posts[1]["byHand"] == true, "{posts}");
    let (_, armed) =
        steer("POST", "/faults", &json!({"endpoint": "sns/sendTextSns", "effect": {"kind": "emptyBody"}})).await;
    assert_eq!(scene.try_to_post(Duration::from_secs(20)).await.unwrap(), "");
    assert_eq!(steer("GET", "/faults", &none).await.1[0]["met"], 1);
    assert_eq!(steer("DELETE", &format!("/faults/{}", armed["id"]), &none).await.0, 200);
    let (_, mut settings) = steer("GET", "/settings", &none).await;
    settings["pageSize"] = json!(1);
    steer("PUT", "/settings", &settings).await;
    assert_eq!(scene.list(PHONE).await.len(), 1);
}
