//! The four ways in which `oauth/userinfo` has been described, and its two envelopes.

use super::*;
use crate::douyin::UserInfoEnvelope;

#[tokio::test]
async fn userinfo_takes_the_token_in_every_described_place() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("awkward");
    let url = scene.url("/oauth/userinfo/");
    let pair = [("access_token", &tokens.access_token), ("open_id", &tokens.open_id)];
    let only_id = [("open_id", &tokens.open_id)];
    let json = serde_json::json!({"access_token": tokens.access_token, "open_id": tokens.open_id});
    let requests = [
        scene.http.post(&url).form(&pair),
        scene.http.post(&url).json(&json),
        scene.http.post(&url).header("access_token", &tokens.access_token).form(&only_id),
        scene.http.post(&url).header("access-token", &tokens.access_token).json(&json),
        scene.http.get(&url).query(&pair),
    ];
    for request in requests {
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(code(&answer), 0, "{answer}");
        assert_eq!(text(&answer, "/data/open_id"), tokens.open_id);
        assert!(!text(&answer, "/data/nickname").is_empty());
        assert!(text(&answer, "/data/avatar").starts_with("https://"));
    }
    let clean: Vec<bool> =
        scene.sandbox.journal().of("oauth/userinfo").iter().map(|entry| entry.violations.is_empty()).collect();
    assert_eq!(clean, [true, false, true, false, false], "only a form POST is quite right");
}

#[tokio::test]
async fn userinfo_errors_are_the_same_in_old_and_new_envelope() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-1");
    let mismatched = TokenSet { open_id: scene.douyin().open_id("fans-37").unwrap(), ..tokens.clone() };
    let forged = TokenSet { access_token: "act.forged".to_owned(), ..tokens.clone() };
    let ungranted = scene.douyin().authorize("fans-1", &["fans.list"]).unwrap();
    for (envelope, expected) in [
        (UserInfoEnvelope::V1, [28_001_015, 28_001_003, 28_001_012]),
        (UserInfoEnvelope::OAuth, [2_190_015, 10_008, 2_190_003]),
    ] {
        scene.douyin().configure(|settings| settings.userinfo_envelope = envelope);
        for (tokens, expected) in [&mismatched, &forged, &ungranted].into_iter().zip(expected) {
            assert_eq!(code(&scene.userinfo(tokens).await), expected, "{envelope:?}");
        }
        let good = scene.userinfo(&tokens).await;
        assert_eq!(good.get("message").is_some(), envelope == UserInfoEnvelope::OAuth);
        assert_eq!(good.get("err_no").is_some(), envelope == UserInfoEnvelope::V1);
    }
    let secrets = scene.sandbox.secrets();
    assert_eq!(secrets.nicknames.len(), 1);
}
