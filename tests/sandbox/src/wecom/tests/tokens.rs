//! The life of an access token.

use super::*;
use crate::wecom::{TokenIssue, WecomEndpoint as E};

#[tokio::test]
async fn wecom_gettoken_checks_in_the_documented_order() {
    let scene = Scenario::start().await;
    let corp = scene.wecom().corp(CORP).unwrap();
    let (id, secret) = (corp.corp_id.as_str(), corp.secret());
    let table: [(&[(&str, &str)], i64); 6] = [
        (&[], 41_004),
        (&[("corpid", id)], 41_004),
        (&[("corpsecret", secret)], 41_002),
        (&[("corpid", "wwnobody"), ("corpsecret", secret)], 40_013),
        (&[("corpid", id), ("corpsecret", "wrong")], 40_001),
        (&[("corpid", id), ("corpsecret", secret)], 0),
    ];
    for (query, expected) in table {
        assert_eq!(code(&scene.get_token(query).await), expected, "{query:?}");
    }
    scene.wecom().change_app(CORP, |app| app.enabled = false);
    assert_eq!(code(&scene.log_in().await), 50_003);
    scene.wecom().configure(|settings| settings.untrusted_ip = true);
    scene.wecom().change_app(CORP, |app| app.enabled = true);
    assert_eq!(code(&scene.log_in().await), 0, "the address is looked at later");
}

#[tokio::test]
async fn wecom_token_is_the_same_until_it_expires() {
    let scene = Scenario::start().await;
    let first = scene.log_in().await;
    assert_eq!((text(&first, "/access_token"), &first["expires_in"]), (scene.token.as_str(), &json!(7200)));
    scene.advance(7000);
    let second = scene.log_in().await;
    assert_eq!((text(&second, "/access_token"), &second["expires_in"]), (scene.token.as_str(), &json!(200)));
    assert_eq!(scene.last(E::GetToken).note.as_deref(), Some("same token"));
    scene.advance(199);
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 0);
    scene.advance(1);
    let expired = scene.get(E::GetFollowUserList, &[]).await;
    assert_eq!((code(&expired), &expired["follow_user"]), (42_001, &json!([])));
    let third = scene.log_in().await;
    assert_ne!(text(&third, "/access_token"), scene.token);
    assert_eq!(scene.last(E::GetToken).note.as_deref(), Some("new token"));
}

#[tokio::test]
async fn wecom_token_that_expired_is_sometimes_called_invalid() {
    let scene = Scenario::start().await;
    scene.wecom().configure(|settings| settings.expired_as_invalid_per_mille = 1000);
    scene.wecom().expire_tokens(CORP);
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 40_014);
}

#[tokio::test]
async fn wecom_token_can_be_withdrawn_early() {
    let scene = Scenario::start().await;
    scene.wecom().void_tokens(CORP);
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 40_014);
    let token = text(&scene.log_in().await, "/access_token").to_owned();
    let scene = Scenario { token, ..scene };
    scene.wecom().arm(WecomFault::new(E::GetFollowUserList, crate::fault::Effect::LoseSession).after(1));
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 0);
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 40_014, "just before this call");
}

#[tokio::test]
async fn wecom_token_rotation_may_keep_or_void_the_old_one() {
    let scene = Scenario::start().await;
    for (issue, old) in [(TokenIssue::Rotate, 0), (TokenIssue::RotateAndVoid, 40_014)] {
        scene.wecom().configure(|settings| settings.token = issue);
        let (first, second) = (scene.log_in().await, scene.log_in().await);
        assert_ne!(text(&first, "/access_token"), text(&second, "/access_token"));
        let url = format!(
            "{}/cgi-bin/user/get?userid=lisi&access_token={}",
            scene.wecom().base_url(),
            text(&first, "/access_token")
        );
        let answer: Value = scene.http.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(code(&answer), old);
    }
}

#[tokio::test]
async fn wecom_wrong_secret_blocks_its_sender_for_an_hour() {
    let scene = Scenario::start().await;
    scene.wecom().configure(|settings| settings.limits.bad_secrets_per_hour = Some(2));
    let id = scene.wecom().corp(CORP).unwrap().corp_id;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(code(&scene.get_token(&[("corpid", &id), ("corpsecret", "wrong")]).await));
    }
    assert_eq!(codes, [40_001, 40_001, 40_001, 45_009]);
    assert_eq!(code(&scene.log_in().await), 45_009, "the right one too");
    scene.advance(3600);
    assert_eq!(code(&scene.log_in().await), 0);
}
