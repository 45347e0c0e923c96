//! `fans/list` and `fans/check` over the wire.

use std::collections::BTreeSet;

use super::*;
use crate::douyin::{FanChange, FansEnvelope, RateLimit};

#[tokio::test]
async fn fans_api_pass_has_everyone_up_to_the_cap() {
    let scene = Scenario::start().await;
    scene.douyin().configure(|settings| {
        settings.disorder = Disorder::default();
        settings.numbers = Numbers::Mixed;
    });
    for (account, retrievable) in
        [("fans-0", 0), ("fans-1", 1), ("fans-37", 37), ("fans-5000", 5000), ("fans-12000", 5000)]
    {
        let tokens = scene.authorize(account);
        let pages = scene.pass(&tokens, 50).await;
        let seen: BTreeSet<String> = pages.iter().flat_map(listed).collect();
        let truth = scene.douyin().fans(account).unwrap();
        let expected: BTreeSet<String> =
            truth.iter().filter(|fan| fan.retrievable).map(|fan| fan.open_id.clone()).collect();
        assert_eq!(seen.len(), retrievable);
        assert_eq!(seen, expected);
        let last = pages.last().unwrap();
        assert_eq!(number(last, "/data/total"), i64::try_from(truth.len()).unwrap());
        assert_eq!(number(last, "/data/cursor"), 0);
    }
}

#[tokio::test]
async fn fans_api_entry_has_the_fields_of_the_fan() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    let page = scene.page(&tokens, 0, 50).await;
    let truth = scene.douyin().fans("fans-37").unwrap();
    for shown in page.pointer("/data/list").and_then(Value::as_array).unwrap() {
        let fan = truth.iter().find(|fan| fan.open_id == text(shown, "/open_id")).unwrap();
        let field = |name: &str| shown.get(name).and_then(Value::as_str).map(str::to_owned);
        assert_eq!((field("nickname"), field("avatar")), (fan.nickname.clone(), fan.avatar.clone()));
        assert_eq!(field("union_id"), fan.union_id);
    }
    let nicknames = scene.sandbox.secrets().nicknames;
    assert!(truth.iter().filter_map(|fan| fan.nickname.as_ref()).all(|nickname| nicknames.contains(nickname)));
}

#[tokio::test]
async fn fans_api_cursor_repeats_its_page_and_a_new_pass_has_the_same_fans() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-5000");
    let first = scene.page(&tokens, 0, 20).await;
    let cursor = number(&first, "/data/cursor");
    let second = scene.page(&tokens, cursor, 20).await;
    let restarted = scene.page(&tokens, 0, 20).await;
    assert_ne!(listed(&first), listed(&restarted), "every pass has its own order");
    assert_eq!(listed(&second), listed(&scene.page(&tokens, cursor, 20).await));
    let pages = scene.sandbox.journal().of("fans/list");
    assert_eq!(pages.iter().map(|entry| entry.page).collect::<Vec<_>>(), [1, 2, 1, 2].map(Some));
    assert!(pages.iter().all(|entry| entry.account.as_deref() == Some("fans-5000")));
}

#[tokio::test]
async fn fans_api_changes_are_in_the_next_pass() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    let before = scene.pass(&tokens, 20).await;
    let changed =
        scene.douyin().change_fans("fans-37", FanChange { add: 2, unfollow: 3, ..FanChange::default() }).unwrap();
    let after: BTreeSet<String> = scene.pass(&tokens, 20).await.iter().flat_map(listed).collect();
    let mut expected: BTreeSet<String> = before.iter().flat_map(listed).collect();
    expected.retain(|fan| !changed.unfollowed.contains(fan));
    expected.extend(changed.added);
    assert_eq!(after, expected);
}

#[tokio::test]
async fn fans_api_request_that_is_invalid_is_refused() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    let foreign = number(&scene.page(&scene.authorize("fans-5000"), 0, 20).await, "/data/cursor").to_string();
    let refusals: [(&[(&str, &str)], i64); 10] = [
        (&[], 2_100_005),
        (&[("count", "")], 2_100_005),
        (&[("count", "0")], 2_100_005),
        (&[("count", "-1")], 2_100_005),
        (&[("count", "51")], 2_100_005),
        (&[("count", "ten")], 2_100_004),
        (&[("count", "99999999999")], 2_100_004),
        (&[("count", "20"), ("cursor", "1.5e3")], 2_100_004),
        (&[("count", "20"), ("cursor", "20")], 2_100_005),
        (&[("count", "20"), ("cursor", &foreign)], 2_100_005),
    ];
    for (query, expected) in refusals {
        let response = scene.page_request(&tokens, query).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(code(&answer), expected, "{query:?}");
        assert_eq!(number(&answer, "/extra/error_code"), expected);
        assert!(text(&answer, "/extra/log_id").len() > 14);
    }
    assert_eq!(listed(&scene.page(&tokens, 0, 50).await).len(), 37, "fifty is allowed");
}

#[tokio::test]
async fn fans_api_token_must_be_of_the_user_and_have_the_scope() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    let with = |access_token: &str, open_id: &str| TokenSet {
        access_token: access_token.to_owned(),
        open_id: open_id.to_owned(),
        ..tokens.clone()
    };
    let other = scene.douyin().open_id("fans-1").unwrap();
    let cases = [
        (with("act.forged", &tokens.open_id), 2_190_002),
        (with(&tokens.refresh_token, &tokens.open_id), 2_190_002),
        (with(&tokens.access_token, &other), 2_190_015),
        (with(&tokens.access_token, "nobody"), 2_190_015),
        (with(&tokens.access_token, ""), 2_100_005),
        (scene.douyin().authorize("fans-37", &["user_info"]).unwrap(), 2_190_003),
    ];
    for (tokens, expected) in cases {
        assert_eq!(code(&scene.page(&tokens, 0, 20).await), expected);
    }
    scene.douyin().change_app(|app| {
        app.scopes.remove("fans.list");
    });
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 2_190_004);
    scene.douyin().configure(|settings| settings.new_codes = true);
    let answer = scene.page(&tokens, 0, 20).await;
    assert_eq!((code(&answer), number(&answer, "/extra/error_code")), (28_001_018, 28_001_018));
}

#[tokio::test]
async fn fans_api_answers_in_three_envelopes_with_numbers_in_both_forms() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    for (envelope, error, expected) in [
        (FansEnvelope::Legacy, "/extra/error_code", 2_100_005),
        (FansEnvelope::OAuth, "/data/error_code", 10_002),
        (FansEnvelope::V1, "/err_no", 28_001_007),
    ] {
        scene.douyin().configure(|settings| settings.fans_envelope = envelope);
        let page = scene.page(&tokens, 0, 20).await;
        assert_eq!((listed(&page).len(), number(&page, error)), (20, 0), "{envelope:?}");
        assert_eq!(number(&scene.page(&tokens, 0, 51).await, error), expected, "{envelope:?}");
    }
    scene.douyin().configure(|settings| {
        settings.fans_envelope = FansEnvelope::Legacy;
        settings.numbers = Numbers::Lenient;
    });
    let page = scene.page(&tokens, 0, 20).await;
    for place in ["/data/total", "/data/cursor", "/data/error_code", "/extra/error_code", "/extra/now"] {
        assert!(page.pointer(place).is_some_and(Value::is_string), "{place} in {page}");
    }
}

#[tokio::test]
async fn fans_api_quota_and_rate_are_counted_per_scope() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    scene.douyin().configure(|settings| settings.quota_per_day = Some(2));
    let answers =
        [scene.page(&tokens, 0, 20).await, scene.page(&tokens, 0, 20).await, scene.page(&tokens, 0, 20).await];
    assert_eq!(answers.iter().map(code).collect::<Vec<_>>(), [0, 0, 2_190_001]);
    assert_eq!(code(&scene.userinfo(&tokens).await), 0, "another scope has its own quota");
    scene.advance(DAY);
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 0);

    scene.douyin().configure(|settings| {
        settings.quota_per_day = None;
        settings.rate_limit = Some(RateLimit { calls: 1, window_milliseconds: 1000 });
    });
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 0);
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 28_003_018);
    scene.advance(1);
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 0);
}

#[tokio::test]
async fn fans_api_checks_a_single_follower() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    let follower = scene.douyin().fans("fans-37").unwrap().pop().unwrap().open_id;
    let check = async |follower: &str| -> Value {
        let request = scene.http.get(scene.url("/fans/check/")).header("access-token", &tokens.access_token);
        let query = [("open_id", tokens.open_id.as_str()), ("follower_open_id", follower)];
        request.query(&query).send().await.unwrap().json().await.unwrap()
    };
    let known = check(&follower).await;
    assert_eq!(known.pointer("/data/is_follower"), Some(&true.into()));
    assert!(number(&known, "/data/follow_time") > 0);
    let unknown = check("stranger").await;
    assert_eq!(unknown.pointer("/data/is_follower"), Some(&false.into()));
    assert!(unknown.pointer("/data/follow_time").is_none());
    assert_eq!(code(&check("").await), 2_100_005);
}
