//! The receivers as those meet them who send webhooks.

mod bots;

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::verify::key;
use super::{Conduct, NotASecret, Problem};
use crate::{Sandbox, SandboxConfig};

const OLD: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "whsec_ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA=";
const BODY: &str = r#"{"type":"webhook.test","data":{"名":"客户"}}"#;
/// Far above what an answer on loopback takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Receivers, and somebody who sends them webhooks.
struct Scene {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Scene {
    /// With a receiver `a` that knows a secret.
    async fn start() -> Self {
        let config = SandboxConfig::default();
        config.clock.freeze();
        let sandbox = Sandbox::start(config).await.unwrap();
        sandbox.inbox().know("a", &[OLD]).unwrap();
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(redirect).timeout(PATIENCE).build().unwrap();
        Self { sandbox, http }
    }

    fn behave(&self, conduct: Conduct) {
        self.sandbox.inbox().behave("a", conduct);
    }

    async fn send(&self, id: &str, secrets: &[&str]) -> reqwest::Result<Response> {
        let sent = self.sandbox.clock().now().as_second().to_string();
        let signed = format!("{id}.{sent}.{BODY}");
        let sign =
            |secret: &&str| format!("v1,{}", STANDARD.encode(hmac::sign(&key(secret).unwrap(), signed.as_bytes())));
        let signatures = secrets.iter().map(sign).collect::<Vec<_>>().join(" ");
        self.http
            .post(self.sandbox.inbox().url("a"))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", &sent)
            .header("webhook-signature", signatures)
            .body(BODY)
            .send()
            .await
    }

    async fn status(&self, id: &str, secrets: &[&str]) -> u16 {
        self.send(id, secrets).await.unwrap().status().as_u16()
    }

    fn answered(&self) -> Vec<Option<u16>> {
        self.sandbox.inbox().arrivals("a").iter().map(|arrival| arrival.answered).collect()
    }

    fn kept(&self) -> Vec<String> {
        self.sandbox.inbox().distinct("a").iter().map(|arrival| arrival.id().to_owned()).collect()
    }

    async fn steer(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/_sandbox/inbox/receivers{path}", self.sandbox.url());
        let response = self.http.request(method.parse().unwrap(), url).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

#[tokio::test]
async fn receiver_takes_what_a_secret_that_it_knows_has_signed() {
    let scene = Scene::start().await;
    assert_eq!(scene.status("evt_1", &[OLD]).await, 204);
    assert_eq!(scene.status("evt_1", &[OLD, NEW]).await, 204);
    assert_eq!(scene.status("evt_2", &[NEW]).await, 401);
    scene.sandbox.inbox().know("a", &[NEW, OLD]).unwrap();
    assert_eq!(scene.status("evt_2", &[OLD, NEW]).await, 204);
    assert_eq!(scene.sandbox.inbox().know("a", &["hunter2"]), Err(NotASecret));
    assert_eq!(scene.status("evt_3", &[OLD]).await, 204);

    let arrivals = scene.sandbox.inbox().arrivals("a");
    let signers: Vec<&[usize]> = arrivals.iter().map(|arrival| arrival.signers.as_slice()).collect();
    assert_eq!(signers, [&[0][..], &[0], &[], &[0, 1], &[1]]);
    assert_eq!(arrivals[2].problem, Some(Problem::WrongSignature));
    assert_eq!(arrivals[0].json(), serde_json::from_str::<Value>(BODY).unwrap());
    assert_eq!(scene.kept(), ["evt_1", "evt_2", "evt_3"]);
    assert_eq!(arrivals.iter().filter(|arrival| arrival.id() == "evt_1").count(), 2, "copies are kept too");

    let secrets = scene.sandbox.secrets();
    assert_eq!(secrets.found_in(&format!("{OLD} {NEW}")).len(), 2);
    let told = format!("{:?} {:?}", scene.sandbox.journal().entries(), arrivals);
    assert_eq!(secrets.found_in(&told), []);
}

#[tokio::test]
async fn receiver_refuses_what_is_old_by_the_clock_of_the_sandbox() {
    let scene = Scene::start().await;
    assert_eq!(scene.status("evt_1", &[OLD]).await, 204);
    let headers = scene.sandbox.inbox().arrivals("a").remove(0).headers;
    scene.sandbox.clock().advance(Duration::from_secs(301));
    let mut again = scene.http.post(scene.sandbox.inbox().url("a")).body(BODY);
    for (name, value) in headers.iter().filter(|(name, _)| name.starts_with("webhook-")) {
        again = again.header(name, value);
    }
    assert_eq!(again.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(scene.sandbox.inbox().arrivals("a")[1].problem, Some(Problem::TooOld));
}

#[tokio::test]
async fn receiver_that_fails_at_times_keeps_what_it_has_answered_well() {
    let scene = Scene::start().await;
    scene.behave(Conduct::Status { status: 503, times: Some(2) });
    for expected in [503, 503, 204] {
        assert_eq!(scene.status("evt_1", &[OLD]).await, expected);
    }
    scene.behave(Conduct::EverySecond { status: 500 });
    for (id, expected) in [("evt_2", 204), ("evt_3", 500), ("evt_4", 204), ("evt_5", 500)] {
        assert_eq!(scene.status(id, &[OLD]).await, expected);
    }
    scene.behave(Conduct::Status { status: 410, times: None });
    assert_eq!(scene.status("evt_6", &[OLD]).await, 410);
    assert_eq!(scene.kept(), ["evt_1", "evt_2", "evt_4"]);
    let faults: Vec<Option<String>> =
        scene.sandbox.journal().of_account("webhook", "a").into_iter().map(|entry| entry.fault).collect();
    assert_eq!(faults[..3], [Some("http 503".to_owned()), Some("http 503".to_owned()), None]);
}

#[tokio::test]
async fn receiver_that_hangs_answers_when_it_is_told_another_conduct() {
    let scene = Scene::start().await;
    scene.behave(Conduct::Hang);
    let mut sent = Box::pin(scene.send("evt_1", &[OLD]));
    // The request is under way until it has arrived; then it waits.
    while scene.answered().is_empty() {
        assert!((&mut sent).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!((scene.answered(), scene.kept()), (vec![None], vec![]));
    scene.behave(Conduct::Well);
    assert_eq!(sent.await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!((scene.answered(), scene.kept()), (vec![Some(204)], vec!["evt_1".to_owned()]));
}

#[tokio::test]
async fn receiver_answers_as_badly_as_it_is_told_to() {
    let scene = Scene::start().await;
    scene.behave(Conduct::Close);
    assert!(scene.send("evt_1", &[OLD]).await.is_err());
    scene.behave(Conduct::CutShort);
    let begun = scene.send("evt_2", &[OLD]).await.unwrap();
    assert_eq!(begun.status(), StatusCode::OK);
    assert!(begun.bytes().await.is_err());
    scene.behave(Conduct::Verbose { bytes: 3_000_000 });
    let long = scene.send("evt_3", &[OLD]).await.unwrap();
    assert_eq!((long.status(), long.bytes().await.unwrap().len()), (StatusCode::OK, 3_000_000));
    assert_eq!(scene.status("evt_4", &[NEW]).await, 401);
    scene.behave(Conduct::Redirect { location: "http://169.254.169.254/latest/meta-data/".to_owned() });
    let elsewhere = scene.send("evt_5", &[OLD]).await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(elsewhere.headers()["location"], "http://169.254.169.254/latest/meta-data/");
    scene.behave(Conduct::Late { milliseconds: 1 });
    assert_eq!(scene.status("evt_6", &[OLD]).await, 204);
    assert_eq!(scene.answered(), [None, Some(200), Some(200), Some(401), Some(307), Some(204)]);
}

#[tokio::test]
async fn receiver_notes_what_a_sender_should_not_do_and_hides_credentials() {
    let scene = Scene::start().await;
    let sent = scene.http.post(scene.sandbox.inbox().url("b")).bearer_auth("theirToken").body("{}").send().await;
    assert_eq!(sent.unwrap().status(), StatusCode::UNAUTHORIZED);
    let arrival = scene.sandbox.inbox().arrivals("b").remove(0);
    assert_eq!((arrival.problem, arrival.headers["authorization"].as_str()), (Some(Problem::MissingHeader), "…"));
    let violations = scene.sandbox.journal().violations().remove(0).violations;
    assert_eq!(violations, ["header authorization sent along", "content-type is not application/json"]);
}

#[tokio::test]
async fn receivers_are_steered_by_other_processes() {
    let scene = Scene::start().await;
    let (status, told) = scene.steer("PUT", "/a/secrets", &json!({"secrets": [OLD, NEW]})).await;
    assert_eq!((status, &told["secrets"]), (200, &json!(2)));
    assert_eq!(scene.steer("PUT", "/a/secrets", &json!({"secrets": ["hunter2"]})).await.0, 400);
    assert_eq!(scene.steer("PUT", "/a/conduct", &json!({"kind": "sleep"})).await.0, 400);
    let failing = json!({"kind": "status", "status": 503, "times": 1});
    assert_eq!(scene.steer("PUT", "/a/conduct", &failing).await.1["conduct"], failing);
    for expected in [503, 204, 204] {
        assert_eq!(scene.status("evt_1", &[OLD]).await, expected);
    }
    let (_, receivers) = scene.steer("GET", "", &json!(null)).await;
    assert_eq!((&receivers[0]["arrived"], &receivers[0]["taken"]), (&json!(3), &json!(1)));
    let (_, all) = scene.steer("GET", "/a/arrivals", &json!(null)).await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    let (_, later) = scene.steer("GET", &format!("/a/arrivals?since={}", all[1]["seq"]), &json!(null)).await;
    assert_eq!(later, json!([all[2]]));
    let (_, distinct) = scene.steer("GET", "/a/arrivals?distinct=true", &json!(null)).await;
    assert_eq!(distinct, json!([all[1]]));
    assert_eq!(scene.steer("DELETE", "/a/arrivals", &json!(null)).await.1["arrived"], json!(0));
    assert_eq!(scene.steer("DELETE", "/nobody/arrivals", &json!(null)).await.0, 404);
}
