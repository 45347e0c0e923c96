//! The control API, as a script with curl uses it.

use serde_json::json;

use super::*;

async fn get(scene: &Scenario, path: &str) -> Value {
    scene.http.get(format!("{}/_sandbox{path}", scene.sandbox.url())).send().await.unwrap().json().await.unwrap()
}

async fn send(scene: &Scenario, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/_sandbox{path}", scene.sandbox.url());
    let response = scene.http.request(method.parse().unwrap(), url).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn control_api_serves_clock_journal_and_secrets() {
    let scene = Scenario::start().await;
    assert_eq!(text(&get(&scene, "/health").await, "/status"), "ok");
    let tokens = scene.authorize("fans-1");
    scene.page(&tokens, 0, 20).await;
    assert_eq!(send(&scene, "POST", "/clock", &json!({"advanceSeconds": 15 * DAY})).await.0, 200);
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 2_190_008);
    let journal = get(&scene, "/journal?since=1").await;
    assert_eq!(number(&journal, "/0/seq"), 2);
    assert_eq!(number(&journal, "/0/code"), 2_190_008);
    assert_eq!(text(&journal, "/0/platform"), "douyin");
    let secrets = get(&scene, "/secrets").await;
    let kinds = ["keys", "tokens", "nicknames"].map(|kind| secrets[kind].as_array().unwrap().len());
    // Beside Douyin's: the secrets of two WeCom corps, the text check's token and the gateway's.
    assert_eq!(kinds, [1 + 2 + 1, 2 + 1, 1]);
    send(&scene, "POST", "/clock", &json!({"frozen": false})).await;
    assert!(!scene.sandbox.clock().is_frozen());
}

#[tokio::test]
async fn control_api_changes_accounts_and_fans_and_revokes() {
    let scene = Scenario::start().await;
    let (status, added) = send(&scene, "POST", "/douyin/accounts", &json!({"name": "mine", "fans": 5})).await;
    assert_eq!((status, text(&added, "/openId").to_owned()), (200, scene.douyin().open_id("mine").unwrap()));
    let accounts = get(&scene, "/douyin/accounts").await;
    assert_eq!(accounts.as_array().unwrap().len(), 7);
    let (_, changed) = send(&scene, "POST", "/douyin/accounts/mine/fans", &json!({"add": 2, "rename": 1})).await;
    assert_eq!(changed["added"].as_array().unwrap().len(), 2);
    assert_eq!(get(&scene, "/douyin/accounts/mine/fans").await.as_array().unwrap().len(), 7);
    let tokens = scene.authorize("mine");
    send(&scene, "POST", "/douyin/accounts/mine/expire", &json!(null)).await;
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 2_190_008);
    assert_eq!(send(&scene, "POST", "/douyin/accounts/mine/revoke", &json!(null)).await.0, 200);
    assert_eq!(get(&scene, "/douyin/accounts/mine/grants").await[0]["revoked"], true);
    assert_eq!(send(&scene, "POST", "/douyin/accounts/nobody/revoke", &json!(null)).await.0, 404);
    assert_eq!(send(&scene, "POST", "/douyin/accounts/mine/fans", &json!({"ad": 2})).await.0, 400);
}

#[tokio::test]
async fn control_api_arms_faults_and_changes_settings_and_webhooks() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-1");
    let fault = json!({"endpoint": "fans/list", "effect": {"kind": "code", "code": 28_003_018}, "times": null});
    let (_, armed) = send(&scene, "POST", "/douyin/faults", &fault).await;
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 28_003_018);
    assert_eq!(number(&get(&scene, "/douyin/faults").await, "/0/met"), 1);
    assert_eq!(send(&scene, "DELETE", &format!("/douyin/faults/{}", armed["id"]), &json!(null)).await.0, 200);
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 0);
    let unknown = json!({"endpoint": "fans/lost", "effect": {"kind": "drop"}});
    assert_eq!(send(&scene, "POST", "/douyin/faults", &unknown).await.0, 400);

    let mut settings = get(&scene, "/douyin/settings").await;
    settings["quotaPerDay"] = json!(0);
    assert_eq!(send(&scene, "PUT", "/douyin/settings", &settings).await.0, 200);
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 2_190_001);
    send(&scene, "POST", "/douyin/latency", &json!({"milliseconds": 7})).await;
    assert_eq!(scene.douyin().settings().latency_milliseconds, 7);

    let (_, app) = send(&scene, "POST", "/douyin/redirects", &json!({"uri": "https://a.example/cb"})).await;
    assert_eq!(app["redirectUris"], json!(["https://a.example/cb"]));
    let nobody = json!({"url": "http://127.0.0.1:1/hook", "verify": true});
    let (_, answer) = send(&scene, "POST", "/douyin/webhook", &nobody).await;
    assert_eq!((&answer["verified"], &answer["webhook"]), (&json!(false), &json!(null)));
    assert_eq!(send(&scene, "POST", "/douyin/webhook/send", &json!({"event": "authorize"})).await.0, 404);
}
