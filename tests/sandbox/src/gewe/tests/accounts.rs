//! Who may call, in what order it is checked, and the states of a device.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use axum::routing::post;

use super::*;
use crate::gewe::{DeviceSpec, DeviceState, GeweEndpoint as E};

#[tokio::test]
async fn gewe_checks_answer_with_the_first_that_fails() {
    let scene = Scenario::start().await;
    scene.gewe().set_state(PHONE, DeviceState::Offline);
    let call = async |token: Option<&str>, body: Value| -> Value {
        let mut request = scene.http.post(scene.url(E::SendText)).json(&body);
        if let Some(token) = token {
            request = request.header("X-GEWE-TOKEN", token);
        }
        request.send().await.unwrap().json().await.unwrap()
    };
    let token = scene.gewe().token();
    let app_id = scene.gewe().device(PHONE).unwrap().app_id;
    let echoed = call(Some("a-token-of-mine"), json!({})).await;
    assert_eq!(failure(&echoed), ("HTTP HEADER: X-GEWE-TOKEN=a-token-of-mine 不可用或已过期", None));
    assert_eq!(call(None, json!({})).await["ret"], 500);
    assert_eq!(failure(&call(Some(&token), json!([])).await), ("请求参数格式错误", None));
    assert_eq!(failure(&call(Some(&token), json!({})).await), ("appId不可为空", None));
    assert_eq!(failure(&call(Some(&token), json!({"appId": "wx_x"})).await), ("content不可为空", None));
    let unknown = call(Some(&token), json!({"appId": "wx_x", "content": "a"})).await;
    assert_eq!(failure(&unknown), ("发送文字朋友圈失败", Some("[appId]设备不存在")));
    assert_eq!(unknown["data"]["code"], "-1");
    let offline = call(Some(&token), json!({"appId": app_id, "content": "a"})).await;
    assert_eq!(failure(&offline), ("发送文字朋友圈失败", Some("微信已离线")));
    assert!(scene.gewe().published_posts().is_empty());
}

#[tokio::test]
async fn gewe_device_belongs_to_the_token_it_was_bought_under() {
    let scene = Scenario::start().await;
    let spec = DeviceSpec { token: Some("another-token".to_owned()), ..DeviceSpec::new("foreign") };
    let app_id = scene.gewe().add_device(spec).app_id;
    let body = json!({"appId": app_id});
    let own: Value = scene.request(E::CheckOnline).json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(failure(&own).1, Some("[appId]设备不存在"));
    let request = scene.http.post(scene.url(E::CheckOnline)).header("X-GEWE-TOKEN", "another-token");
    let theirs: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(theirs, json!({"ret": 200, "msg": "操作成功", "data": true}));
}

#[tokio::test]
async fn gewe_online_check_of_a_zombie_device_answers_online() {
    let scene = Scenario::start().await;
    let table = [
        (DeviceState::Online, true, None),
        (DeviceState::Offline, false, Some(("发送文字朋友圈失败", Some("微信已离线")))),
        (DeviceState::Zombie, true, Some(("发送文字朋友圈失败", None))),
    ];
    for (state, online, expected) in table {
        scene.gewe().set_state(PHONE, state);
        assert_eq!(scene.call(E::CheckOnline, PHONE, json!({})).await["data"], online, "{state:?}");
        let sent = scene.post_text("a").await;
        assert_eq!((sent["ret"] == 500).then(|| failure(&sent)), expected, "{state:?}");
    }
    assert_eq!(scene.gewe().published_posts().len(), 1);
    let device = scene.gewe().device("phone-2").unwrap();
    let profile = scene.call(E::GetProfile, "phone-2", json!({})).await;
    assert_eq!(
        (&profile["data"]["wxid"], &profile["data"]["nickName"]),
        (&json!(device.wxid), &json!(device.nickname))
    );
}

#[tokio::test]
async fn gewe_device_that_is_new_or_posts_too_often_is_refused() {
    let scene = Scenario::start().await;
    scene.gewe().cool_down(PHONE, Duration::from_secs(86_400));
    assert_eq!(failure(&scene.post_text("a").await).1, Some("新设备登录后1-3天内无法发布朋友圈"));
    assert_eq!(scene.call(E::List, PHONE, json!({})).await["ret"], 200, "reading is fine");
    scene.advance(86_400);
    assert_eq!(scene.post_text("a").await["ret"], 200);
    scene.gewe().configure(|settings| settings.post_interval_seconds = Some(3600));
    scene.advance(3599);
    assert_eq!(failure(&scene.post_text("b").await).1, Some("操作过于频繁，请稍后再试"));
    scene.advance(1);
    assert_eq!(scene.post_text("b").await["ret"], 200);
}

/// A callback address that counts what it receives, and refuses nothing but the path `/no`.
async fn listener() -> (String, Arc<AtomicUsize>) {
    let received = Arc::new(AtomicUsize::new(0));
    let counter = received.clone();
    let take = move || async move {
        counter.fetch_add(1, Ordering::Relaxed);
        StatusCode::OK
    };
    let app = axum::Router::new()
        .route("/hook/a-long-enough-secret", post(take))
        .route("/no", post(|| async { StatusCode::FORBIDDEN }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    (url, received)
}

#[tokio::test]
async fn gewe_callback_is_checked_and_receives_offline_notices() {
    let scene = Scenario::start().await;
    assert_eq!(scene.gewe().go_offline(PHONE, 0).await, None, "nobody to tell");
    scene.gewe().set_state(PHONE, DeviceState::Online);
    let (url, received) = listener().await;
    let set = async |path: &str| -> Value {
        let body = json!({"token": scene.gewe().token(), "callbackUrl": format!("{url}{path}")});
        scene.request(E::SetCallback).json(&body).send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(failure(&set("/no").await), ("设置回调地址失败", Some("回调地址不可用")));
    assert_eq!(set("/hook/a-long-enough-secret").await, json!({"ret": 200, "msg": "操作成功"}));
    assert_eq!(received.load(Ordering::Relaxed), 1, "the probe");
    let delivery = scene.gewe().go_offline(PHONE, 2).await.unwrap();
    let device = scene.gewe().device(PHONE).unwrap();
    assert_eq!(delivery.body, json!({"TypeName": "Offline", "Appid": device.app_id, "Wxid": device.wxid}));
    assert_eq!((delivery.answers, received.load(Ordering::Relaxed)), (vec![Some(200); 3], 4));
    assert_eq!(device.state, DeviceState::Offline);
    assert_eq!(scene.sandbox.journal().of_account("webhook/Offline", PHONE).len(), 1);
    let found = scene.sandbox.secrets().found_in(&format!("POST {url}/hook/a-long-enough-secret")).len();
    assert_eq!(found, 1, "the address is the secret");
}

#[tokio::test]
async fn gewe_call_that_is_improper_is_recorded() {
    let scene = Scenario::start().await;
    let app_id = scene.gewe().device(PHONE).unwrap().app_id;
    let body = json!({"appId": app_id, "content": "a", "contents": "b"});
    scene.request(E::SendText).query(&[("appId", "x")]).bearer_auth("x").json(&body).send().await.unwrap();
    scene.request(E::SendText).form(&[("appId", &app_id)]).send().await.unwrap();
    scene.http.get(scene.url(E::SendText)).header("X-GEWE-TOKEN", scene.gewe().token()).send().await.unwrap();
    scene.call(E::List, PHONE, json!({"maxId": "14287779828924756671", "firstPageMd5": "a"})).await;
    scene.post_text("proper").await;
    let noted: Vec<Vec<String>> =
        scene.sandbox.journal().violations().into_iter().map(|entry| entry.violations).collect();
    let expected: [&[&str]; 4] = [
        &[
            "header authorization, which is not read",
            "query parameter appId, which is not read",
            "undocumented field contents",
        ],
        &["content-type applicationx-www-form-urlencoded where JSON is due"],
        &["sent as GET", "no content-type"],
        &["maxId is a string where a number is due"],
    ];
    assert_eq!(noted, expected);
    scene.gewe().configure(|settings| settings.latency_milliseconds = 300);
    tokio::join!(scene.post_text("one"), scene.post_text("other"));
    let last = scene.sandbox.journal().violations().pop().unwrap();
    assert_eq!(last.violations, ["sent while another call for this device was under way"]);
}
