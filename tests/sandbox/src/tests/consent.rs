//! The consent page, for browsers and for scripts.

use super::*;
use crate::douyin::{ConsentError, Decision};

const REDIRECT: &str = "https://app.example/cb";
const ASKED: [(&str, &str); 4] =
    [("response_type", "code"), ("scope", "user_info,fans.list"), ("redirect_uri", REDIRECT), ("state", "a b&c=1/+")];

async fn scene() -> Scenario {
    let scene = Scenario::start().await;
    scene.douyin().register_redirect_uri(REDIRECT);
    scene
}

/// The consent address with some parameters replaced (or removed, when empty) and others added.
fn auth_url(scene: &Scenario, changes: &[(&str, &str)]) -> String {
    let key = [("client_key", scene.douyin().client_key())];
    let mut url = url::Url::parse(&scene.url("/platform/oauth/connect/")).unwrap();
    let kept = key.iter().chain(&ASKED).filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    url.query_pairs_mut().extend_pairs(kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())));
    url.to_string()
}

async fn visit(scene: &Scenario, changes: &[(&str, &str)]) -> reqwest::Response {
    scene.http.get(auth_url(scene, changes)).send().await.unwrap()
}

fn location(response: &reqwest::Response) -> url::Url {
    assert_eq!(response.status(), 302);
    url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap()
}

fn parameter(url: &url::Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn consent_by_a_script_is_approved() {
    let scene = scene().await;
    let target = location(&visit(&scene, &[("account", "fans-37"), ("decision", "approve")]).await);
    assert!(target.as_str().starts_with("https://app.example/cb?"));
    assert_eq!(parameter(&target, "state").as_deref(), Some("a b&c=1/+"), "the state returns unchanged");
    assert_eq!(parameter(&target, "scopes").as_deref(), Some("user_info,fans.list"));
    let answer = scene.exchange(&parameter(&target, "code").unwrap()).await;
    assert_eq!(Some(text(&answer, "/data/open_id").to_owned()), scene.douyin().open_id("fans-37"));
    assert!(scene.sandbox.secrets().codes.contains(&parameter(&target, "code").unwrap()));
}

#[tokio::test]
async fn consent_denied_by_a_script_returns_only_the_state() {
    let scene = scene().await;
    let target = location(&visit(&scene, &[("decision", "deny")]).await);
    assert_eq!(target.query_pairs().count(), 1);
    assert_eq!(parameter(&target, "state").as_deref(), Some("a b&c=1/+"));
    let bare = location(&visit(&scene, &[("decision", "deny"), ("state", "")]).await);
    assert_eq!(bare.as_str(), REDIRECT);
}

#[tokio::test]
async fn consent_in_process_is_approved_and_denied() {
    let scene = scene().await;
    let url = auth_url(&scene, &[]);
    let decide = |url: &str, account: &str, decision: &Decision| scene.douyin().consent(url, account, decision);
    let target = decide(&url, "fans-1", &Decision::APPROVE).unwrap();
    assert_eq!(code(&scene.exchange(&parameter(&target, "code").unwrap()).await), 0);
    assert_eq!(parameter(&decide(&url, "fans-1", &Decision::DENY).unwrap(), "code"), None);
    let partly = Decision { approve: true, untick: vec!["fans.list".to_owned()] };
    let answer = scene.exchange(&parameter(&decide(&url, "fans-1", &partly).unwrap(), "code").unwrap()).await;
    assert_eq!(text(&answer, "/data/scope"), "user_info");
    assert_eq!(decide(&url, "nobody", &Decision::APPROVE), Err(ConsentError::UnknownAccount));
    assert_eq!(
        decide("https://elsewhere.example/", "fans-1", &Decision::APPROVE),
        Err(ConsentError::NotTheConsentPage)
    );
    let unregistered = auth_url(&scene, &[("redirect_uri", "https://evil.example/cb")]);
    assert_eq!(decide(&unregistered, "fans-1", &Decision::APPROVE), Err(ConsentError::Refused(10_006)));
}

#[tokio::test]
async fn consent_request_that_is_invalid_is_refused() {
    let scene = scene().await;
    for (changes, expected) in [
        ([("client_key", "")], 10_005),
        ([("client_key", "nobody")], 10_003),
        ([("response_type", "token")], 10_002),
        ([("scope", "")], 10_005),
        ([("scope", "user_info,video.list")], 10_004),
        ([("scope", "user_info fans.list")], 10_004),
        ([("scope", "user_info，fans.list")], 10_004),
        ([("scope", "user_info,renew_refresh_token")], 28_004_020),
        ([("optionalScope", "fans.check")], 10_002),
        ([("optionalScope", "video.list,1")], 10_004),
        ([("redirect_uri", "")], 10_005),
        ([("redirect_uri", "https://app.example/cb?x=1")], 10_006),
        ([("redirect_uri", "http://app.example/cb")], 10_006),
    ] {
        let decided: Vec<(&str, &str)> =
            [("account", "fans-1"), ("decision", "approve")].into_iter().chain(changes).collect();
        let response = visit(&scene, &decided).await;
        assert_eq!(response.status(), 200, "a page, never a redirect: {changes:?}");
        assert_eq!(response.headers()["x-sandbox-error"], expected.to_string(), "{changes:?}");
        assert!(response.text().await.unwrap().contains(&format!("错误码 {expected}")));
    }
    assert!(scene.sandbox.secrets().codes.is_empty());
    assert_eq!(visit(&scene, &[("account", "nobody"), ("decision", "approve")]).await.status(), 400);
    assert_eq!(visit(&scene, &[("account", "fans-1"), ("decision", "maybe")]).await.status(), 400);
}

#[tokio::test]
async fn consent_without_optional_scopes_is_granted() {
    let scene = scene().await;
    let asked = [("scope", "user_info"), ("optionalScope", "fans.list,1,fans.check,0"), ("account", "fans-1")];
    for (answer, granted) in [
        (vec![("decision", "approve")], "user_info,fans.list"),
        (vec![("decision", "approve"), ("untick", "fans.list")], "user_info"),
        (vec![("decision", "approve"), ("form", "1")], "user_info"),
        (
            vec![("decision", "approve"), ("form", "1"), ("tick", "fans.list"), ("tick", "fans.check")],
            "user_info,fans.list,fans.check",
        ),
    ] {
        let changes: Vec<_> = asked.into_iter().chain(answer).collect();
        let target = location(&visit(&scene, &changes).await);
        assert_eq!(parameter(&target, "scopes").as_deref(), Some(granted));
    }
    assert_eq!(scene.sandbox.journal().violations(), []);
}

#[tokio::test]
async fn consent_redirect_fragment_is_kept_and_not_compared() {
    let scene = scene().await;
    let changes = [("redirect_uri", "https://app.example/cb#/done"), ("account", "fans-1"), ("decision", "approve")];
    let target = location(&visit(&scene, &changes).await);
    assert_eq!(target.fragment(), Some("/done"));
    assert!(parameter(&target, "code").is_some());
}

#[tokio::test]
async fn consent_page_has_accounts_scopes_and_two_buttons() {
    let scene = scene().await;
    let markup = "<script>alert(1)</script>";
    let spec = AccountSpec { nickname: Some(markup.to_owned()), ..AccountSpec::new("markup", 2) };
    scene.douyin().add_account(spec);
    let page = visit(&scene, &[("optionalScope", "fans.check,1")]).await.text().await.unwrap();
    for expected in
        ["同意", "拒绝", "fans-12000", "value=\"markup\"", "name=\"tick\" value=\"fans.check\" checked", "（可选）"]
    {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    assert!(!page.contains(markup) && page.contains("&lt;script&gt;"), "nicknames are text");
    assert!(page.contains("value=\"a b&amp;c=1/+\""), "the state travels through the form");
}
