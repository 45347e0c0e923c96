//! The order in which a call is checked: whatever is wrong later on does not show while something earlier is.

use super::*;
use crate::wecom::{AppSpec, WecomEndpoint as E, WecomLimits};

#[tokio::test]
async fn wecom_unknown_path_is_an_empty_404() {
    let scene = Scenario::start().await;
    for path in ["/cgi-bin/media/nonsense", "/cgi-bin", "/"] {
        let answer = scene.http.get(format!("{}{path}", scene.wecom().base_url())).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (404, ""), "{path}");
    }
    assert!(scene.sandbox.journal().of("unknown").iter().all(|entry| !entry.violations.is_empty()));
}

#[tokio::test]
async fn wecom_checks_answer_with_the_first_that_fails() {
    let scene = Scenario::start().await;
    // Everything is wrong at once; one thing after the other is put right.
    scene.wecom().configure(|settings| {
        settings.untrusted_ip = true;
        settings.limits = WecomLimits { moment_tasks_per_minute: Some(0), ..WecomLimits::NONE };
    });
    scene.wecom().change_app(CORP, |app| (app.enabled, app.contacts_permitted) = (false, false));
    let base = format!("{}/cgi-bin/externalcontact/add_moment_task", scene.wecom().base_url());
    let (token, http) = (scene.token.clone(), scene.http.clone());
    let call = async |method: &str, query: &str, body: &'static str| -> (i64, Value) {
        let request = http.request(method.parse().unwrap(), format!("{base}{query}"));
        let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["jobid"], "", "the empty field is there in every failure");
        (code(&answer), answer)
    };
    let good = format!("?access_token={token}");

    assert_eq!(call("GET", "", "{").await.0, 41_001);
    let (invalid, answer) = call("GET", "?access_token=abc", "{").await;
    assert_eq!((invalid, text(&answer, "/errmsg")), (40_014, "invalid access_token"));
    let (untrusted, answer) = call("GET", &good, "{").await;
    assert!(untrusted == 60_020 && text(&answer, "/errmsg").contains("from ip: 127.0.0.1"), "{answer}");

    scene.wecom().configure(|settings| settings.untrusted_ip = false);
    assert_eq!(call("GET", &good, "{").await.0, 45_009);
    scene.wecom().configure(|settings| settings.limits = WecomLimits::NONE);
    assert_eq!(call("GET", &good, "{").await.0, 40_058, "the method");
    assert_eq!(call("POST", &good, "{").await.0, 50_003);
    scene.wecom().change_app(CORP, |app| app.enabled = true);
    assert_eq!(call("POST", &good, "{").await.0, 48_002);
    scene.wecom().change_app(CORP, |app| app.contacts_permitted = true);
    assert_eq!(call("POST", &good, "{").await.0, 40_058, "the body");
    assert_eq!(call("POST", &good, "{}").await.0, 41_089);
}

#[tokio::test]
async fn wecom_body_that_is_not_json_is_refused() {
    let scene = Scenario::start().await;
    let form = scene.http.post(scene.url(E::CancelMomentTask)).form(&[("moment_id", "mom1")]);
    let answer: Value = form.send().await.unwrap().json().await.unwrap();
    assert_eq!(code(&answer), 40_063);
    scene.wecom().configure(|settings| settings.lenient_json = true);
    let broken = scene.http.post(scene.url(E::CancelMomentTask)).header("content-type", "application/json").body("{");
    let answer: Value = broken.send().await.unwrap().json().await.unwrap();
    assert_eq!(code(&answer), 41_059, "read as an empty one");
    assert!(text(&answer, "/errmsg").contains("Warning: wrong json format."));
}

#[tokio::test]
async fn wecom_call_that_is_improper_is_recorded() {
    let scene = Scenario::start().await;
    let url = format!("{}/cgi-bin/externalcontact/get_follow_user_list", scene.wecom().base_url());
    let answer: Value = scene.http.get(url).bearer_auth(&scene.token).send().await.unwrap().json().await.unwrap();
    assert_eq!((code(&answer), &answer["follow_user"]), (41_001, &json!([])));
    let body = r#"{"moment_id":"mom1","access_token":"x","text":"\u8336"}"#;
    let request = scene.http.post(format!("{}&debug=1&agent=1", scene.url(E::CancelMomentTask)));
    request.header("content-type", "application/json").body(body).send().await.unwrap();
    scene.create("proper").await;
    let noted: Vec<Vec<String>> =
        scene.sandbox.journal().violations().into_iter().map(|entry| entry.violations).collect();
    assert_eq!(
        noted,
        [
            vec!["token in the authorization header, which is not read"],
            vec![
                "debug in the query, which is no place for it in production",
                "undocumented parameter agent",
                "characters escaped as \\u where UTF-8 is due",
                "token in the body, which is not read",
                "undocumented field text",
            ],
        ]
    );
}

#[tokio::test]
async fn wecom_calls_beyond_rate_or_concurrency_are_refused() {
    let scene = Scenario::start().await;
    for number in 0..10 {
        assert_eq!(code(&scene.create(&number.to_string()).await), 0);
    }
    assert_eq!(code(&scene.create("eleventh").await), 45_009);
    assert_eq!(code(&scene.get(E::GetFollowUserList, &[]).await), 0, "only creating is blocked");
    scene.advance(59);
    assert_eq!(code(&scene.create("still blocked").await), 45_009);
    scene.advance(1);
    assert_eq!(code(&scene.create("free").await), 0);

    scene.wecom().configure(|settings| {
        settings.limits.concurrent = Some(1);
        settings.latency_milliseconds = 300;
    });
    let (one, other) =
        tokio::join!(scene.get(E::UserGet, &[("userid", "lisi")]), scene.get(E::UserGet, &[("userid", "lisi")]));
    let mut codes = [code(&one), code(&other)];
    codes.sort_unstable();
    assert_eq!(codes, [0, 45_033]);
}

#[tokio::test]
async fn wecom_second_app_has_its_own_token_and_jobs() {
    let scene = Scenario::start().await;
    let mut corp = crate::wecom::CorpSpec::new("two-apps");
    corp.apps.push(AppSpec::new(1_000_003));
    let corp = scene.wecom().add_corp(corp);
    let mut tokens = Vec::new();
    for app in &corp.apps {
        let query = [("corpid", corp.corp_id.as_str()), ("corpsecret", app.secret.as_deref().unwrap())];
        tokens.push(text(&scene.get_token(&query).await, "/access_token").to_owned());
    }
    assert_ne!(tokens[0], tokens[1]);
    let first = Scenario { token: tokens.swap_remove(0), ..scene };
    let jobid = text(&first.create("mine").await, "/jobid").to_owned();
    assert_eq!(code(&first.result(&jobid).await), 0);
    let second = Scenario { token: tokens.swap_remove(0), ..first };
    assert_eq!(code(&second.result(&jobid).await), 40_088);
}
