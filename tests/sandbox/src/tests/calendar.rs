//! Lifetimes and rotations of codes and tokens, told as the days pass.

use super::*;

/// Consents over the consent page and returns the code.
fn consent(scene: &Scenario, account: &str) -> String {
    scene.douyin().register_redirect_uri("https://app.example/cb");
    let auth_url = format!(
        "{}/platform/oauth/connect/?client_key={}&response_type=code&scope=user_info,fans.list\
         &redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=s",
        scene.douyin().base_url(),
        scene.douyin().client_key()
    );
    let target = scene.douyin().consent(&auth_url, account, &crate::douyin::Decision::APPROVE).unwrap();
    target.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

#[tokio::test]
async fn oauth_code_is_valid_once_for_ten_minutes_and_only_the_newest() {
    let scene = Scenario::start().await;
    let first = consent(&scene, "fans-1");
    scene.advance(599);
    let answer = scene.exchange(&first).await;
    assert_eq!(text(&answer, "/message"), "success");
    assert_eq!(text(&answer, "/data/scope"), "user_info,fans.list");
    assert_eq!(number(&answer, "/data/expires_in"), 1_296_000);
    assert_eq!(number(&answer, "/data/refresh_expires_in"), 2_592_000);
    assert_eq!(Some(text(&answer, "/data/open_id").to_owned()), scene.douyin().open_id("fans-1"));
    assert!(text(&answer, "/data/access_token").starts_with("act."));
    assert!(text(&answer, "/data/refresh_token").starts_with("rft."));
    assert_eq!(code(&scene.exchange(&first).await), 10_007, "used");

    let late = consent(&scene, "fans-1");
    scene.advance(600);
    assert_eq!(code(&scene.exchange(&late).await), 10_007, "expired");

    let (older, of_another) = (consent(&scene, "fans-1"), consent(&scene, "fans-37"));
    let newer = consent(&scene, "fans-1");
    assert_eq!(code(&scene.exchange(&older).await), 10_007, "voided by the newer one");
    assert_eq!(code(&scene.exchange(&newer).await), 0);
    assert_eq!(code(&scene.exchange(&of_another).await), 0, "another user's code is not touched");
    assert_eq!(code(&scene.exchange("never-issued").await), 10_007);
}

#[tokio::test]
async fn oauth_code_belongs_to_its_app() {
    let scene = Scenario::start().await;
    let issued = consent(&scene, "fans-1");
    let other = crate::douyin::AppSpec::fake();
    scene.douyin().add_app(other.clone());
    let exchange = |key: String, secret: String| {
        let form = [("client_key", key), ("client_secret", secret), ("code", issued.clone())];
        let request = scene.http.post(scene.url("/oauth/access_token/"));
        let form: Vec<_> = form.into_iter().chain([("grant_type", "authorization_code".to_owned())]).collect();
        async move { code(&request.form(&form).send().await.unwrap().json().await.unwrap()) }
    };
    let (key, secret) = (scene.douyin().client_key().to_owned(), scene.douyin().client_secret());
    assert_eq!(exchange(other.client_key.clone(), other.client_secret.clone()).await, 10_014);
    assert_eq!(exchange(key.clone(), other.client_secret).await, 10_013);
    assert_eq!(exchange("nobody".to_owned(), secret.clone()).await, 10_003);
    assert_eq!(exchange(key.clone(), String::new()).await, 10_005);
    assert_eq!(exchange(key, secret).await, 0, "none of the attempts used it up");
}

#[tokio::test]
async fn access_token_is_valid_for_fifteen_days() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-1");
    scene.advance(14 * DAY);
    assert_eq!(code(&scene.userinfo(&tokens).await), 0);

    let prolonged = scene.refresh(&tokens.refresh_token).await;
    assert_eq!(text(&prolonged, "/data/access_token"), tokens.access_token, "alive, so it stays");
    assert_eq!(number(&prolonged, "/data/expires_in"), 1_296_000);
    assert_eq!(text(&prolonged, "/data/refresh_token"), tokens.refresh_token);
    let remaining = i64::try_from(16 * DAY).unwrap();
    assert_eq!(number(&prolonged, "/data/refresh_expires_in"), remaining, "refreshing does not prolong it");

    scene.advance(15 * DAY);
    assert_eq!(code(&scene.userinfo(&tokens).await), 28_001_008, "expired on day 29");
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 2_190_008);
    let replaced = scene.refresh(&tokens.refresh_token).await;
    assert_ne!(text(&replaced, "/data/access_token"), tokens.access_token, "dead, so a new one");
    let newer = TokenSet { access_token: text(&replaced, "/data/access_token").to_owned(), ..tokens.clone() };
    assert_eq!(code(&scene.userinfo(&newer).await), 0);
    assert_eq!(code(&scene.userinfo(&tokens).await), 28_001_008, "the old one stays expired");

    scene.advance(DAY);
    assert_eq!(code(&scene.refresh(&tokens.refresh_token).await), 10_010, "the refresh token ends on day 30");
    assert_eq!(code(&scene.renew(&tokens.refresh_token).await), 10_010);
    assert_eq!(code(&scene.userinfo(&newer).await), 0, "the access token does not depend on it");
}

#[tokio::test]
async fn refresh_token_with_five_renewals_is_valid_for_180_days() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-1");
    let mut refresh_token = tokens.refresh_token.clone();
    for renewal in 1..=5 {
        scene.advance(30 * DAY - 1);
        let renewed = scene.renew(&refresh_token).await;
        assert_eq!(code(&renewed), 0, "renewal {renewal}");
        assert_eq!(number(&renewed, "/data/expires_in"), 2_592_000);
        assert!(renewed.pointer("/data/access_token").is_none(), "renewing brings no access token");
        assert_eq!(code(&scene.renew(&refresh_token).await), 10_010, "the old one is dead at once");
        assert_eq!(code(&scene.refresh(&refresh_token).await), 10_010);
        refresh_token = text(&renewed, "/data/refresh_token").to_owned();
    }
    assert_eq!(code(&scene.renew(&refresh_token).await), 10_020);
    assert_eq!(code(&scene.refresh(&refresh_token).await), 0, "it still refreshes");
    scene.advance(30 * DAY);
    assert_eq!(code(&scene.refresh(&refresh_token).await), 10_010);
    assert_eq!(scene.douyin().grants("fans-1")[0].renewals, 5);

    let again = scene.authorize("fans-1");
    assert_eq!(code(&scene.renew(&again.refresh_token).await), 0, "a new authorization counts anew");
    scene.douyin().change_app(|app| {
        app.scopes.remove(crate::douyin::RENEW_REFRESH_TOKEN);
    });
    assert_eq!(code(&scene.renew("whatever").await), 10_004);
}

#[tokio::test]
async fn revoked_consent_invalidates_its_tokens_at_once() {
    let scene = Scenario::start().await;
    let (tokens, other) = (scene.authorize("fans-1"), scene.authorize("fans-37"));
    let pending = consent(&scene, "fans-1");
    assert!(scene.douyin().revoke("fans-1").await.unwrap().delivery.is_none(), "no address is configured");
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 2_190_002);
    assert_eq!(code(&scene.userinfo(&tokens).await), 28_001_003);
    assert_eq!(code(&scene.refresh(&tokens.refresh_token).await), 10_010);
    assert_eq!(code(&scene.exchange(&pending).await), 10_007);
    assert_eq!(code(&scene.userinfo(&other).await), 0);
    scene.douyin().configure(|settings| settings.revoked_code = Some(10_008));
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 10_008);
    assert!(scene.douyin().revoke("nobody").await.is_none());
}

#[tokio::test]
async fn undocumented_behaviour_can_be_chosen() {
    let scene = Scenario::start().await;
    scene.douyin().configure(|settings| {
        settings.reauthorization_voids_tokens = true;
        settings.refresh_reports_full_lifetime = true;
    });
    let first = scene.exchange(&consent(&scene, "fans-1")).await;
    let second = scene.exchange(&consent(&scene, "fans-1")).await;
    assert_eq!(code(&scene.refresh(text(&first, "/data/refresh_token")).await), 10_010);
    scene.advance(DAY);
    let refreshed = scene.refresh(text(&second, "/data/refresh_token")).await;
    assert_eq!(number(&refreshed, "/data/refresh_expires_in"), 2_592_000);
}

#[tokio::test]
async fn client_token_is_accepted_only_by_app_endpoints() {
    let scene = Scenario::start().await;
    let body = serde_json::json!({
        "client_key": scene.douyin().client_key(),
        "client_secret": scene.douyin().client_secret(),
        "grant_type": "client_credential",
    });
    let mut tokens = Vec::new();
    for path in ["client_token", "client_token", "stable_client_token", "stable_client_token"] {
        let url = scene.url(&format!("/oauth/{path}/"));
        let answer: Value = scene.http.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(number(&answer, "/data/expires_in"), 7200);
        tokens.push(text(&answer, "/data/access_token").to_owned());
    }
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(tokens[2], tokens[3]);
    let user = scene.authorize("fans-1");
    let mistaken = TokenSet { access_token: tokens[3].clone(), ..user };
    assert_eq!(code(&scene.page(&mistaken, 0, 20).await), 2_190_002);
    let entries = scene.sandbox.journal().of("fans/list");
    assert_eq!(entries[0].violations, ["client token where a user token belongs"]);
}
