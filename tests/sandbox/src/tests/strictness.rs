//! What is let through but noted, and what is not let through.

use super::*;

fn violations(scene: &Scenario, endpoint: &str) -> Vec<String> {
    scene.sandbox.journal().of(endpoint).pop().unwrap().violations
}

#[tokio::test]
async fn strict_check_of_a_proper_client_records_no_violation() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("awkward");
    assert_eq!(code(&scene.userinfo(&tokens).await), 0);
    assert_eq!(code(&scene.page(&tokens, 0, 20).await), 0);
    assert_eq!(code(&scene.refresh(&tokens.refresh_token).await), 0);
    assert_eq!(code(&scene.renew(&tokens.refresh_token).await), 0);
    scene.exchange("unknown").await;
    assert_eq!(scene.sandbox.journal().violations(), []);
    assert_eq!(scene.sandbox.journal().entries().len(), 5);
}

#[tokio::test]
async fn strict_check_of_an_unencoded_id_answers_an_invalid_token() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("awkward");
    let url = format!("{}?open_id={}&count=20", scene.url("/fans/list/"), tokens.open_id);
    let request = scene.http.get(url).header("access-token", &tokens.access_token);
    let answer: Value = request.header("content-type", "application/json").send().await.unwrap().json().await.unwrap();
    assert_eq!(code(&answer), 2_190_008);
    assert_eq!(violations(&scene, "fans/list"), ["open_id not percent-encoded"]);
}

#[tokio::test]
async fn strict_check_reads_the_token_where_documented() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-37");
    let get =
        || scene.http.get(scene.url("/fans/list/")).query(&[("open_id", &tokens.open_id)]).query(&[("count", "9")]);
    let read = async |request: reqwest::RequestBuilder| -> i64 {
        let request = request.header("content-type", "application/json");
        code(&request.send().await.unwrap().json().await.unwrap())
    };
    assert_eq!(read(get().query(&[("access_token", &tokens.access_token)])).await, 0);
    assert_eq!(violations(&scene, "fans/list"), ["access_token in the query, where logs keep it"]);
    assert_eq!(read(get().header("access_token", &tokens.access_token)).await, 2_190_002);
    assert_eq!(violations(&scene, "fans/list"), ["header access_token, which is not read here"]);
    assert_eq!(read(get().bearer_auth(&tokens.access_token)).await, 2_190_002);
    let body = serde_json::json!({"access_token": tokens.access_token}).to_string();
    assert_eq!(read(get().body(body)).await, 2_190_002);
    assert_eq!(violations(&scene, "fans/list"), ["access_token in the body, where it is ignored"]);
}

#[tokio::test]
async fn strict_check_takes_credentials_in_any_form_and_records_it() {
    let scene = Scenario::start().await;
    let fields = |token: &str| {
        [("client_key", scene.douyin().client_key().to_owned()), ("grant_type", "refresh_token".to_owned())]
            .into_iter()
            .chain([("refresh_token", token.to_owned()), ("client_secret", scene.douyin().client_secret())])
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let tokens = scene.authorize("fans-1");
    let fields = fields(&tokens.refresh_token);
    let url = scene.url("/oauth/refresh_token");
    for request in [
        scene.http.post(&url).form(&fields),
        scene.http.post(&url).json(&fields),
        scene.http.post(&url).query(&fields),
        scene.http.get(&url).query(&fields),
    ] {
        assert_eq!(code(&request.send().await.unwrap().json().await.unwrap()), 0);
        let violations = violations(&scene, "oauth/refresh_token");
        assert!(violations.contains(&"undocumented parameter client_secret".to_owned()), "{violations:?}");
        assert!(violations.contains(&"path without its final slash".to_owned()));
    }
    let printed = format!("{:?}", scene.sandbox.journal().entries());
    assert_eq!(scene.sandbox.secrets().found_in(&printed), [], "the journal tells no secrets");
}

#[tokio::test]
async fn strict_check_refuses_wrong_grant_types_methods_and_paths() {
    let scene = Scenario::start().await;
    let tokens = scene.authorize("fans-1");
    let refused = [("grant_type", "authorization_code"), ("refresh_token", tokens.refresh_token.as_str())];
    assert_eq!(code(&scene.post("/oauth/refresh_token/", &refused).await), 10_002);
    assert_eq!(code(&scene.post("/oauth/refresh_token/", &refused[1..]).await), 10_005);
    let posted = scene.http.post(scene.url("/fans/list/")).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    let doubled = scene.post("/oauth/oauth/refresh_token/", &refused).await;
    for place in ["/err_no", "/data/error_code", "/extra/error_code"] {
        assert_eq!(number(&doubled, place), 28_001_017, "a client of another shape reads {place} in {doubled}");
    }
    assert_eq!(violations(&scene, "unknown"), ["no such path: /oauth/oauth/refresh_token/"]);
}
