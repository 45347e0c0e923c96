use axum::http::{StatusCode, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use sandbox::{Sandbox, SandboxConfig};
use serde_json::{Value, json};

use super::{Page, Reference, Sources, allow};
use crate::stack::Parameters;

const SECRET: &str = "a secret of thirty-two characters";

struct Rig {
    page: Page,
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Rig {
    async fn new(reference: Reference) -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let sources =
            Sources { api_url: "http://127.0.0.1:9", sandbox_url: sandbox.url(), jwt_secret: SECRET, reference };
        let page = Page::start(0, &sources).await.unwrap();
        Self { page, sandbox, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.page.url())
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }
}

#[tokio::test]
async fn page_token_is_signed_for_whom_it_was_asked_and_no_answer_has_the_secret() {
    let rig = Rig::new(Reference::NoNpm).await;
    let holder = json!({ "userId": 1001, "name": "张三", "permissions": ["lead:douyin:*"] });
    let issued = rig.http.post(rig.url("/token")).json(&holder).send().await.unwrap().text().await.unwrap();
    let issued_json: Value = serde_json::from_str(&issued).unwrap();
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let token = issued_json["token"].as_str().unwrap();
    let claims = decode::<Value>(token, &key, &Validation::new(Algorithm::HS256)).unwrap().claims;
    assert_eq!(
        [&claims["userId"], &claims["name"], &claims["permissions"]],
        [&holder["userId"], &holder["name"], &holder["permissions"]]
    );
    for path in ["/", "/settings.json", "/openapi.json"] {
        assert!(!rig.get(path).await.text().await.unwrap().contains(SECRET), "{path}");
    }
    assert!(!issued.contains(SECRET));
}

#[tokio::test]
async fn page_steers_the_sandbox_and_nothing_beside_its_control_api() {
    let rig = Rig::new(Reference::NoNpm).await;
    let accounts = rig.json("/sandbox/douyin/accounts").await;
    let name = accounts[0]["name"].as_str().unwrap();
    let order = rig.http.post(rig.url(&format!("/sandbox/douyin/accounts/{name}/fans"))).json(&json!({ "add": 2 }));
    let changed: Value = order.send().await.unwrap().json().await.unwrap();
    assert_eq!(changed["added"].as_array().unwrap().len(), 2);
    assert_eq!(rig.sandbox.douyin().fans(name).unwrap().len() as u64, accounts[0]["fans"].as_u64().unwrap() + 2);
    assert_eq!(
        rig.json("/sandbox/journal?since=0").await.as_array().unwrap().len(),
        rig.sandbox.journal().entries().len()
    );
    let refused = rig.http.post(rig.url("/sandbox/douyin/faults")).json(&json!({})).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let beside = rig.get("/sandbox/%2e%2e/media/1.jpg").await;
    assert_eq!(beside.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn page_asked_under_another_name_or_by_another_site_is_refused() {
    let rig = Rig::new(Reference::NoNpm).await;
    let port = rig.page.url().rsplit(':').next().unwrap();
    let ours = format!("http://localhost:{port}");
    let cases = [
        (format!("localhost:{port}"), None, StatusCode::OK),
        (format!("localhost:{port}"), Some(ours.as_str()), StatusCode::OK),
        (format!("127.0.0.1:{port}"), Some("http://evil.example"), StatusCode::FORBIDDEN),
        (format!("evil.example:{port}"), None, StatusCode::FORBIDDEN),
    ];
    for (host, origin, expected) in cases {
        let mut request = rig.http.get(rig.url("/settings.json")).header(header::HOST, &host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        assert_eq!(request.send().await.unwrap().status(), expected, "{host} {origin:?}");
    }
}

#[tokio::test]
async fn page_serves_its_own_files_only_and_lets_a_browser_load_nothing_else() {
    let rig = Rig::new(Reference::NoNpm).await;
    let index = rig.get("/").await;
    let policy = index.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("connect-src 'self' http://127.0.0.1:9;"),
        "{policy}"
    );
    assert!(index.text().await.unwrap().contains("<html lang=\"zh-CN\""));
    for path in ["/..%2f..%2f..%2fCargo.toml", "/package.json", "/nothing.js"] {
        assert_eq!(rig.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn page_without_npm_says_what_is_missing() {
    let rig = Rig::new(Reference::NoNpm).await;
    assert!(rig.json("/settings.json").await["referenceProblem"].as_str().unwrap().contains("Node 20"));
    let installed = Rig::new(Reference::Installed).await;
    assert_eq!(installed.json("/settings.json").await["referenceProblem"], Value::Null);
}

#[test]
fn page_is_a_frontend_beside_those_that_are_set_unless_none_is_wanted() {
    let with = |set: &str| {
        let mut parameters = Parameters::from([("FrontendOrigins".to_owned(), set.to_owned())]);
        allow(&mut parameters, 9200);
        parameters["FrontendOrigins"].clone()
    };
    assert_eq!(with("http://a.example"), "http://a.example,http://127.0.0.1:9200,http://localhost:9200");
    assert_eq!(with(""), "");
}
