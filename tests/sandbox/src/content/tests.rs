//! The library as its callers meet it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ContentEndpoint, ContentFault, Draft};
use crate::fault::Effect;
use crate::{Sandbox, SandboxConfig};

/// Claims without anybody's signature.
fn token(claims: &Value) -> String {
    use base64::Engine;
    format!("e30.{}.x", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims.to_string()))
}

struct Scenario {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Scenario {
    async fn start() -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        sandbox.content().put(Draft {
            content_id: "c-1".to_owned(),
            owner_user_id: 1001,
            text: "草稿".to_owned(),
            media_urls: vec![sandbox.media().url("a.jpg")],
            title: None,
        });
        Self { sandbox, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn ask(&self, id: &str, token: Option<&str>) -> (u16, Value) {
        let mut request = self.http.get(format!("{}/contents/{id}", self.sandbox.content().base_url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.timeout(Duration::from_secs(20)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }
}

#[tokio::test]
async fn content_draft_is_read_by_its_owner_only() {
    let scene = Scenario::start().await;
    let (owner, stranger) = (token(&json!({"userId": 1001})), token(&json!({"userId": 1002})));
    let draft = json!({"contentId": "c-1", "ownerUserId": 1001, "text": "草稿", "mediaUrls": [scene.sandbox.media().url("a.jpg")]});
    assert_eq!(scene.ask("c-1", Some(&owner)).await, (200, draft));
    assert_eq!(scene.ask("c-2", Some(&owner)).await.0, 404);
    assert_eq!(
        scene.ask("c-1", Some(&stranger)).await,
        scene.ask("c-2", Some(&stranger)).await,
        "as if it were missing"
    );
    assert_eq!(scene.ask("c-1", None).await.0, 401);
    assert_eq!(scene.ask("c-1", Some("garbage")).await.0, 401);
    scene.sandbox.content().configure(|settings| settings.foreign_is_forbidden = true);
    assert_eq!(scene.ask("c-1", Some(&stranger)).await.0, 403);
    scene.sandbox.content().configure(|settings| settings.jwt_secret = Some("s3cret".to_owned()));
    assert_eq!(scene.ask("c-1", Some(&owner)).await.0, 401, "signed by nobody");
    assert!(scene.sandbox.secrets().found_in(&format!("Bearer {owner}")).contains(&("token", owner.as_str())));
}

#[tokio::test]
async fn content_service_can_be_down_slow_or_answer_nonsense() {
    let scene = Scenario::start().await;
    let owner = token(&json!({"userId": 1001}));
    let content = scene.sandbox.content();
    for status in [500, 503, 403, 404] {
        content.arm(ContentFault::new(ContentEndpoint::Contents, Effect::Http { status }));
        assert_eq!(scene.ask("c-1", Some(&owner)).await.0, status);
    }
    content.arm(ContentFault::new(ContentEndpoint::Contents, Effect::NotJson).for_account("c-1"));
    assert_eq!(scene.ask("c-1", Some(&owner)).await, (200, Value::Null));
    content.arm(ContentFault::new(ContentEndpoint::Contents, Effect::Hang { milliseconds: Some(80) }));
    let begun = std::time::Instant::now();
    assert_eq!(scene.ask("c-1", Some(&owner)).await.0, 200);
    assert!(begun.elapsed() >= Duration::from_millis(80));
    assert!(content.faults().iter().all(|fault| fault.met == 1));
}

#[tokio::test]
async fn content_service_is_usable_with_curl() {
    let scene = Scenario::start().await;
    let url = format!("{}/_sandbox/content/drafts", scene.sandbox.url());
    let draft = json!({"contentId": "c-9", "ownerUserId": 7, "text": "t"});
    assert_eq!(scene.http.post(&url).json(&draft).send().await.unwrap().status(), 200);
    assert_eq!(scene.ask("c-9", Some(&token(&json!({"sub": "7"})))).await.0, 200);
    assert_eq!(scene.http.delete(format!("{url}/c-9")).send().await.unwrap().status(), 200);
    assert_eq!(scene.http.delete(format!("{url}/c-9")).send().await.unwrap().status(), 404);
    assert_eq!(scene.http.post(&url).json(&json!({"contentId": 9})).send().await.unwrap().status(), 400);
}
