//! Every fault that can be ordered, as the caller meets it.

use std::time::Instant;

use super::*;
use crate::douyin::{Effect, Endpoint, Fault};

#[tokio::test]
async fn douyin_fault_code_has_the_envelope_of_its_endpoint() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    let codes = [
        2_100_004, 2_190_001, 28_003_017, 28_003_018, 2_190_002, 2_190_008, 28_001_008, 28_001_003, 2_190_003,
        2_190_004, 28_001_018, 2_190_015, 2_190_016, 28_001_056, 28_001_052, 2_100_009, 28_001_045,
    ];
    for expected in codes {
        scene.douyin().arm(Fault::code(Endpoint::FansList, expected));
        let answer = scene.page(&tokens, 0, 20).await;
        assert_eq!((number(&answer, "/data/error_code"), number(&answer, "/extra/error_code")), (expected, expected));
        assert_ne!(text(&answer, "/data/description"), "未知错误码", "{expected}");
        assert_eq!(code(&scene.page(&tokens, 0, 20).await), 0, "met once");
    }
    for expected in [10_008, 10_010, 10_020, 10_012] {
        scene.douyin().arm(Fault::code(Endpoint::RefreshToken, expected));
        let answer = scene.refresh(&tokens.refresh_token).await;
        assert_eq!((code(&answer), text(&answer, "/message")), (expected, "error"));
    }
    assert!(scene.douyin().faults().iter().all(|fault| fault.met == 1));
}

#[tokio::test]
async fn douyin_fault_applies_at_a_page_of_one_accounts_pass() {
    let scene = Scenario::start().await;
    let (tokens, other) = (scene.authorize("fans-5000"), scene.authorize("fans-12000"));
    scene.douyin().arm(Fault::code(Endpoint::FansList, 2_100_004).for_account("fans-5000").on_page(3).times(2));
    assert_eq!(scene.pass(&other, 50).await.len(), 100);
    let second = number(&scene.page(&tokens, 0, 50).await, "/data/cursor");
    let third = number(&scene.page(&tokens, second, 50).await, "/data/cursor");
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(code(&scene.page(&tokens, third, 50).await));
    }
    assert_eq!(codes, [2_100_004, 2_100_004, 0]);
    let entries = scene.sandbox.journal().of_account("fans/list", "fans-5000");
    assert_eq!(entries.iter().filter(|entry| entry.fault.as_deref() == Some("code 2100004")).count(), 2);
    assert!(entries.iter().skip(2).all(|entry| entry.page == Some(3)));
}

#[tokio::test]
async fn douyin_fault_of_unreadable_answers_works() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    let query = [("count", "20")];
    for (effect, status, contains) in [
        (Effect::Http { status: 502 }, 502, "Tengine"),
        (Effect::Http { status: 503 }, 503, "Tengine"),
        (Effect::NotJson, 200, "<html>"),
        (Effect::EmptyBody, 200, ""),
    ] {
        scene.douyin().arm(Fault::new(Endpoint::FansList, effect));
        let response = scene.page_request(&tokens, &query).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        let body = response.text().await.unwrap();
        assert!(body.contains(contains) && serde_json::from_str::<Value>(&body).is_err(), "{effect:?}: {body}");
    }
    let entries = scene.sandbox.journal().of("fans/list");
    assert!(entries.iter().all(|entry| entry.code.is_none()), "nothing was decided");
}

#[tokio::test]
async fn douyin_fault_drops_the_connection_before_or_after_processing() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-1");
    let form = [("client_key", scene.douyin().client_key()), ("refresh_token", &tokens.refresh_token)];
    let renew = || scene.http.post(scene.url("/oauth/renew_refresh_token/")).form(&form).send();

    scene.douyin().arm(Fault::new(Endpoint::RenewRefreshToken, Effect::Drop));
    let error = renew().await.unwrap_err();
    assert!(!error.is_timeout() && error.status().is_none(), "{error}");
    assert_eq!(scene.douyin().grants("fans-1")[0].renewals, 0);

    scene.douyin().arm(Fault::lost_answer(Endpoint::RenewRefreshToken));
    assert!(renew().await.is_err());
    assert_eq!(scene.douyin().grants("fans-1")[0].renewals, 1, "done, but nobody was told");
    assert_eq!(code(&scene.renew(&tokens.refresh_token).await), 10_010);

    let entries = scene.sandbox.journal().of("oauth/renew_refresh_token");
    let seen: Vec<_> = entries.iter().map(|entry| (entry.code, entry.fault.as_deref())).collect();
    assert_eq!(seen, [(None, Some("drop")), (Some(0), Some("drop, processed")), (Some(10_010), None)]);
}

#[tokio::test]
async fn douyin_fault_delays_or_withholds_answers() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    scene.douyin().arm(Fault::new(Endpoint::FansList, Effect::Hang { milliseconds: Some(120) }));
    let begun = Instant::now();
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 0);
    assert!(begun.elapsed() >= Duration::from_millis(120));

    scene.douyin().configure(|settings| settings.latency_milliseconds = 60);
    let begun = Instant::now();
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 0);
    assert!(begun.elapsed() >= Duration::from_millis(60));

    scene.douyin().arm(Fault::new(Endpoint::FansList, Effect::Hang { milliseconds: None }));
    let request = scene.page_request(&tokens, &[("count", "20")]).timeout(Duration::from_millis(150));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(scene.sandbox.journal().of("fans/list").last().unwrap().code, None);
}

#[tokio::test]
async fn sandbox_shutdown_ends_hanging_answers() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    scene.douyin().arm(Fault::new(Endpoint::FansList, Effect::Hang { milliseconds: None }).processed());
    let hanging = tokio::spawn(scene.page_request(&tokens, &[("count", "20")]).send());
    while scene.sandbox.journal().of("fans/list").is_empty() {
        tokio::task::yield_now().await;
    }
    let url = scene.sandbox.url().to_owned();
    let begun = Instant::now();
    scene.sandbox.shutdown().await;
    assert!(hanging.await.unwrap().is_err());
    assert!(begun.elapsed() < Duration::from_secs(2), "nobody had to be abandoned");
    assert!(scene.http.get(url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn douyin_fault_of_empty_tokens_in_a_success_works() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-1");
    scene.advance(16 * DAY);
    for endpoint in [Endpoint::RefreshToken, Endpoint::RenewRefreshToken] {
        scene.douyin().arm(Fault::new(endpoint, Effect::EmptyTokens));
    }
    let refreshed = scene.refresh(&tokens.refresh_token).await;
    assert_eq!((code(&refreshed), text(&refreshed, "/data/access_token")), (0, ""));
    assert_eq!(text(&refreshed, "/data/refresh_token"), "");
    let renewed = scene.renew(&tokens.refresh_token).await;
    assert_eq!((code(&renewed), text(&renewed, "/data/refresh_token")), (0, ""));
    assert_eq!(scene.douyin().grants("fans-1")[0].renewals, 0, "nothing was carried out");
    assert_eq!(code(&scene.refresh(&tokens.refresh_token).await), 0, "the old one still works");

    scene.douyin().arm(Fault::new(Endpoint::RenewRefreshToken, Effect::EmptyTokens).processed());
    assert_eq!(text(&scene.renew(&tokens.refresh_token).await, "/data/refresh_token"), "");
    assert_eq!(code(&scene.refresh(&tokens.refresh_token).await), 10_010, "carried out: the token is lost");
}

#[tokio::test]
async fn douyin_fault_expires_a_token_during_a_pass() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    scene.douyin().arm(Fault::new(Endpoint::FansList, Effect::ExpireToken).on_page(2));
    let second = number(&scene.page(&tokens, 0, 20).await, "/data/cursor");
    assert_eq!(code(&scene.page(&tokens, second, 20).await), 2_190_008);
    let access_token = text(&scene.refresh(&tokens.refresh_token).await, "/data/access_token").to_owned();
    let refreshed = TokenSet { access_token, ..tokens };
    assert_eq!(listed(&scene.page(&refreshed, second, 20).await).len(), 17, "the pass goes on");

    scene.douyin().arm(Fault::new(Endpoint::FansList, Effect::Revoke).after(1));
    assert_eq!(code(&scene.page(&refreshed, second, 20).await), 0);
    assert_eq!(code(&scene.page(&refreshed, second, 20).await), 2_190_002);
    assert_eq!(code(&scene.refresh(&refreshed.refresh_token).await), 10_010);
}
