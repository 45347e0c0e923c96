//! Accepted, created, published: three milestones of which only the last is a post.

use super::*;
use crate::PublicationKind;
use crate::wecom::{ByHand, ConfirmError, TimeForm, Validation, WecomEndpoint as E};

#[tokio::test]
async fn wecom_job_becomes_a_moment_and_a_post() {
    let scene = Scenario::start().await;
    let image = scene.image().await;
    let body = json!({
        "text": {"content": "新茶上市🍵"},
        "attachments": [{"msgtype": "image", "image": {"media_id": image}}],
        "visible_range": {"sender_list": {"user_list": ["zhangsan", "lisi", "nobody"]}},
    });
    let created = scene.post(E::AddMomentTask, &body).await;
    assert_eq!(code(&created), 0);
    let jobid = text(&created, "/jobid").to_owned();
    assert!(!jobid.is_empty() && jobid.len() <= 64);

    let mut statuses = Vec::new();
    for _ in 0..3 {
        let result = scene.result(&jobid).await;
        statuses.push((result["status"].clone(), text(&result, "/result/moment_id").is_empty()));
        scene.advance(if statuses.len() == 1 { 1 } else { 2 });
    }
    assert_eq!(statuses, [(json!(1), true), (json!(2), true), (json!(3), false)]);

    let jobid2 = text(&scene.create("second").await, "/jobid").to_owned();
    scene.advance(3);
    let moment_id = text(&scene.result(&jobid2).await, "/result/moment_id").to_owned();
    assert!(moment_id.starts_with("mom"));
    assert_eq!(code(&scene.members(&moment_id).await), 41_079, "still on its way to the members");
    assert_eq!(scene.wecom().confirm(&moment_id, "lisi"), Err(ConfirmError::NotDispatched));
    scene.advance(2);
    let members = scene.members(&moment_id).await;
    let waiting = json!([{"userid": "lisi", "publish_status": 0}, {"userid": "zhangsan", "publish_status": 0}]);
    assert_eq!((code(&members), &members["task_list"]), (0, &waiting));
    assert!(scene.wecom().published_posts().is_empty(), "nobody has tapped");

    scene.wecom().confirm(&moment_id, "LiSi").unwrap();
    assert_eq!(scene.members(&moment_id).await["task_list"][0], json!({"userid": "lisi", "publish_status": 1}));
    assert_eq!(scene.wecom().confirm(&moment_id, "lisi"), Err(ConfirmError::AlreadyPublished));
    assert_eq!(scene.wecom().confirm(&moment_id, "wangwu"), Err(ConfirmError::NotAsked));
    assert_eq!(scene.wecom().confirm("mom0", "lisi"), Err(ConfirmError::UnknownMoment));

    let first = scene.result(&jobid).await;
    assert_eq!(first["result"]["invalid_sender_list"]["user_list"], json!(["nobody"]));
    let posts = scene.wecom().published_posts();
    assert_eq!(posts.len(), 1);
    assert_eq!((posts[0].account.as_str(), &posts[0].id), ("corp-1/lisi", &moment_id));
    let kinds: Vec<PublicationKind> = scene.sandbox.journal().publications().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [PublicationKind::MomentTask, PublicationKind::MomentTask, PublicationKind::MemberPost]);
}

#[tokio::test]
async fn wecom_job_is_forgotten_after_a_day() {
    let scene = Scenario::start().await;
    let jobid = text(&scene.create("a").await, "/jobid").to_owned();
    scene.advance(86_399);
    let scene = Scenario { token: scene.wecom().issue_token(CORP).unwrap(), ..scene };
    assert_eq!(code(&scene.result(&jobid).await), 0);
    scene.advance(1);
    assert_eq!(code(&scene.result(&jobid).await), 40_088);
    assert_eq!(code(&scene.result("mjob0").await), 40_088);
    assert_eq!(code(&scene.get(E::GetMomentTaskResult, &[]).await), 40_088);
}

#[tokio::test]
async fn wecom_cancel_stops_members_who_have_not_published() {
    let scene = Scenario::start().await;
    let moment_id = scene.dispatched("a").await;
    scene.wecom().confirm(&moment_id, "lisi").unwrap();
    assert_eq!(code(&scene.post(E::CancelMomentTask, &json!({"moment_id": moment_id})).await), 0);
    assert_eq!(scene.wecom().confirm(&moment_id, "zhangsan"), Err(ConfirmError::Cancelled));
    assert_eq!(scene.wecom().confirm(&moment_id, "lisi"), Err(ConfirmError::AlreadyPublished));
    let statuses: Vec<i64> = scene.members(&moment_id).await["task_list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["publish_status"].as_i64().unwrap())
        .collect();
    assert_eq!(statuses, [1, 0], "what is published stays");
    for (body, expected) in [(json!({}), 41_059), (json!({"moment_id": "mom0"}), 41_060)] {
        assert_eq!(code(&scene.post(E::CancelMomentTask, &body).await), expected);
    }
    let other = Scenario { token: scene.wecom().issue_token("corp-2").unwrap(), ..scene };
    assert_eq!(code(&other.members(&moment_id).await), 41_060, "another corp's");
}

#[tokio::test]
async fn wecom_refusal_is_answered_at_once_or_in_the_job() {
    let scene = Scenario::start().await;
    scene.wecom().configure(|settings| settings.blocked_words = vec!["违禁".to_owned()]);
    let bad_sender = json!({"text": {"content": "a"}, "visible_range": {"sender_list": {"user_list": ["nobody"]}}});
    assert_eq!(code(&scene.create("含违禁词").await), 40_201);
    assert_eq!(code(&scene.post(E::AddMomentTask, &bad_sender).await), 81_013);
    assert!(scene.wecom().moment_tasks().is_empty());

    scene.wecom().configure(|settings| settings.validation = Validation::InJob);
    let created = scene.create("含违禁词").await;
    assert_eq!(code(&created), 0);
    let jobid = text(&created, "/jobid").to_owned();
    assert_eq!(scene.result(&jobid).await["result"]["errcode"], 0, "looks like a success until the end");
    scene.advance(3);
    let result = scene.result(&jobid).await;
    assert_eq!((code(&result), &result["status"], &result["result"]["errcode"]), (0, &json!(3), &json!(40_201)));
    assert_eq!(text(&result, "/result/moment_id"), "");
    assert!(scene.list().await.is_empty() && scene.sandbox.journal().publications().is_empty());
    assert_eq!(scene.wecom().moment_tasks()[0].refused, Some(40_201));

    scene.wecom().configure(|settings| settings.running_jobs = Some(1));
    assert_eq!(code(&scene.create("b").await), 0);
    assert_eq!(code(&scene.create("c").await), 41_078);
}

#[tokio::test]
async fn wecom_list_has_finished_moments_and_those_people_made() {
    let scene = Scenario::start().await;
    scene.wecom().configure(|settings| settings.create_time = TimeForm::Number);
    let image = scene.image().await;
    let body = json!({"text": {"content": "同一句话"}, "attachments": vec![json!({"msgtype": "image", "image": {"media_id": image}}); 3]});
    assert_eq!(code(&scene.post(E::AddMomentTask, &body).await), 0);
    assert!(scene.list().await.is_empty(), "accepted, but there is no moment yet");
    scene.advance(3);
    let by_hand = |creator: &str, personal| ByHand {
        creator: creator.to_owned(),
        text: "同一句话".to_owned(),
        images: 3,
        personal,
        asked: None,
    };
    let personal = scene.wecom().post_by_hand(CORP, by_hand("lisi", true)).unwrap();
    scene.wecom().post_by_hand(CORP, by_hand("boss", false)).unwrap();
    scene.wecom().post_by_hand("corp-2", by_hand("stranger", false)).unwrap();
    let moments = scene.list().await;
    assert_eq!(moments.len(), 3);
    let ours: Vec<&Value> = moments.iter().filter(|moment| moment.get("creator").is_none()).collect();
    assert_eq!(ours.len(), 1, "only moments of the API have no creator");
    assert_eq!((text(ours[0], "/text/content"), ours[0]["image"].as_array().unwrap().len()), ("同一句话", 3));
    assert_ne!(text(ours[0], "/image/0/media_id"), image);
    assert_eq!((&ours[0]["create_type"], &ours[0]["visible_type"]), (&json!(0), &json!(1)));
    assert_eq!(code(&scene.members(&personal).await), 41_067);

    let now = scene.sandbox.clock().now().as_second();
    let count = async |extra: Value| {
        let mut body = json!({"start_time": now - 100, "end_time": now + 1});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = scene.post(E::GetMomentList, &body).await;
        (code(&answer), answer["moment_list"].as_array().unwrap().len())
    };
    assert_eq!(count(json!({"filter_type": 0})).await, (0, 2));
    assert_eq!(count(json!({"filter_type": 1})).await, (0, 1));
    assert_eq!(count(json!({"creator": "boss"})).await, (0, 1));
    assert_eq!(count(json!({"end_time": now})).await, (0, 0), "the end is not part of it");
    assert_eq!(count(json!({"start_time": now})).await, (0, 0), "nor is the beginning");
    assert_eq!(count(json!({"start_time": now - 31 * 86_400})).await, (40_058, 0));
    assert!(scene.sandbox.journal().published_twice().is_empty(), "by hand is nobody's publication");
}

#[tokio::test]
async fn wecom_list_is_paged() {
    let scene = Scenario::start().await;
    let by_hand = |number: usize| ByHand {
        creator: "boss".to_owned(),
        text: number.to_string(),
        images: 0,
        personal: false,
        asked: None,
    };
    for number in 0..45 {
        scene.wecom().post_by_hand(CORP, by_hand(number)).unwrap();
        scene.advance(1);
    }
    let now = scene.sandbox.clock().now().as_second();
    let (mut cursor, mut texts, mut sizes) = (String::new(), Vec::new(), Vec::new());
    loop {
        let body = json!({"start_time": now - 100, "end_time": now + 1, "cursor": cursor, "limit": 100});
        let answer = scene.post(E::GetMomentList, &body).await;
        let page = answer["moment_list"].as_array().unwrap().clone();
        sizes.push(page.len());
        texts.extend(page.iter().map(|moment| text(moment, "/text/content").to_owned()));
        cursor = text(&answer, "/next_cursor").to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [20, 20, 5], "100 silently becomes 20");
    assert_eq!(texts, (0..45).rev().map(|number| number.to_string()).collect::<Vec<_>>());
    let moment_id = scene.dispatched("a").await;
    let page = scene.post(E::GetMomentTask, &json!({"moment_id": moment_id, "limit": 1})).await;
    assert_eq!(page["task_list"].as_array().unwrap().len(), 1);
    let body = json!({"moment_id": moment_id, "limit": 1, "cursor": page["next_cursor"]});
    let rest = scene.post(E::GetMomentTask, &body).await;
    assert_eq!((&rest["task_list"][0]["userid"], text(&rest, "/next_cursor")), (&json!("zhangsan"), ""));
}

#[tokio::test]
async fn wecom_member_can_publish_automatically() {
    let scene = Scenario::start().await;
    scene.wecom().configure(|settings| settings.auto_confirm_seconds = Some(60));
    let moment_id = scene.dispatched("a").await;
    scene.advance(59);
    assert!(scene.wecom().published_posts().is_empty());
    scene.wecom().confirm(&moment_id, "lisi").unwrap();
    scene.advance(1000);
    let members = scene.members(&moment_id).await;
    assert!(members["task_list"].as_array().unwrap().iter().all(|task| task["publish_status"] == 1), "{members}");
    let posts = scene.wecom().published_posts();
    assert_eq!(posts.len(), 2, "nobody twice");
    assert_eq!(posts[1].at.duration_since(posts[0].at).as_secs(), 1, "at their time, not when it was noticed");
}

#[tokio::test]
async fn wecom_member_is_visible_as_the_app_may_see() {
    let scene = Scenario::start().await;
    let members = scene.get(E::GetFollowUserList, &[]).await;
    assert_eq!(members["follow_user"], json!(["lisi", "wangwu", "zhangsan"]));
    let table = [("ZHANGSAN", 0), ("zhaoliu", 0), ("sunqi", 60_011), ("nobody", 60_111)];
    for (userid, expected) in table {
        let answer = scene.get(E::UserGet, &[("userid", userid)]).await;
        assert_eq!(code(&answer), expected, "{userid}");
        assert!(answer["department"].is_array());
    }
    assert_eq!(text(&scene.get(E::UserGet, &[("userid", "zhangsan")]).await, "/name"), "张三（华东）");
}
