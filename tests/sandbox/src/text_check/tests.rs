//! The service as its callers meet it.

use serde_json::{Value, json};

use super::{TOKEN, TextCheckEndpoint, TextCheckFault};
use crate::fault::Effect;
use crate::{Sandbox, SandboxConfig};

async fn ask(sandbox: &Sandbox, token: &str, body: &Value) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = http.post(sandbox.text_check().url()).bearer_auth(token).json(body);
    let response = asked.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn text_check_judges_by_its_words() {
    let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
    for (text, suggestion) in [("早上好", "pass"), ("违禁品", "block"), ("疑似广告", "review")] {
        let told = ask(&sandbox, TOKEN, &json!({"text": text})).await;
        assert_eq!(told, (200, json!({"suggestion": suggestion})), "{text}");
    }
    assert_eq!(ask(&sandbox, "another", &json!({"text": "早"})).await.0, 401);
    assert_eq!(ask(&sandbox, TOKEN, &json!({"words": "早"})).await.0, 400);
    assert_eq!(sandbox.text_check().checked(), 3);
}

#[tokio::test]
async fn text_check_fails_as_it_is_told() {
    let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
    sandbox.text_check().arm(TextCheckFault::new(TextCheckEndpoint::Check, Effect::Http { status: 502 }));
    assert_eq!(ask(&sandbox, TOKEN, &json!({"text": "早"})).await.0, 502);
    assert_eq!(ask(&sandbox, TOKEN, &json!({"text": "早"})).await.0, 200);
    assert_eq!(sandbox.text_check().checked(), 1);
}
